/** What every store makes of the chats that the bridge opened. */
import { DAY_MS } from '../clock.ts';
import type { Choice } from '../normalize/agent-reply.ts';
import type { ChatSession, Claim } from './message-store.ts';

/** A chat as it is stored, one row for each generation of a lane. */
export interface ChatRow {
  readonly laneId: number;
  readonly generation: number;
  readonly contactId: string | null;
  readonly session: string;
}

export function chatRow(
  session: ChatSession,
): Omit<ChatRow, 'laneId'> & { readonly waitsFor: string | null } {
  const { generation, contactId = null, waitsFor = null } = session;
  return { generation, contactId, waitsFor, session: JSON.stringify(session) };
}

export function parseSession({ session }: Pick<ChatRow, 'session'>): ChatSession {
  return JSON.parse(session) as ChatSession;
}

/** What a claim has of its lane's last chat; nulls, or none: nothing. */
export function parseChat(
  chat: { readonly session: string | null; readonly choices: string | null } | undefined,
): Pick<Claim, 'session' | 'choices'> {
  const { session = null, choices = null } = chat ?? {};
  return {
    session: session === null ? undefined : parseSession({ session }),
    choices: choices === null ? undefined : (JSON.parse(choices) as readonly Choice[]),
  };
}

/** Whether a session is the first of a generation, goes on with the last one, or is about an earlier one: then it is late. */
export function judgeSession(
  last: ChatRow | undefined,
  { generation }: ChatSession,
): 'begins' | 'goesOn' | 'late' {
  if (!last) return generation === 1 ? 'begins' : 'late';
  if (generation === last.generation) return 'goesOn';
  return last.contactId !== null && generation === last.generation + 1 ? 'begins' : 'late';
}

/** What comes after a chat that has ended: not opened yet. */
export function nextGeneration({
  seed,
  generation,
  parties,
  hasDelivered = false,
  unusedBefore = 0,
}: ChatSession): ChatSession {
  return {
    seed,
    generation: generation + 1,
    parties,
    ...(hasDelivered ? {} : { unusedBefore: unusedBefore + 1 }),
  };
}

/**
 * The message that a chat which just ended may have, though nobody knows: it goes into the next one, too. In SQL, of `:laneId`. One
 * that is under way counts as well: its sender may be lost.
 */
export const UNCLEAR_IN_LANE = `SELECT 1 FROM messages
  WHERE lane_id = :laneId AND state IN ('pending', 'sending') AND (state = 'sending' OR unclear_attempts > 0)`;

/** A chat lasts 7 days at most (StartChatContact), and its last items may come a little later. */
const CHAT_MAX_MS = 8 * DAY_MS;

/** Chats that have not changed since are over: neither a message nor a reply of them can come any more. */
export function chatCutoff(now: number, retentionMs: number): number {
  return now - Math.max(retentionMs, CHAT_MAX_MS);
}
