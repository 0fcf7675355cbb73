/**
 * Which dead letters a command is about: ids, or all, or those since an instant or with a reason.
 */
import { BridgeError } from '../errors.ts';
import type { DeadReason, MessageFilter, MessageStore } from '../queue/message-store.ts';
import { parseSince } from './instants.ts';

export interface DeadLetterOptions {
  readonly all?: boolean;
  readonly since?: string;
  readonly reason?: DeadReason;
}

const PAGE_ROWS = 500;
/** Ids are all that is kept of them: 8 bytes each. The rest waits for the next run. */
const LETTERS_MAX = 1_000_000;

/** Throws USAGE where nothing says which, or two things do. */
export function selectDeadLetters(
  ids: readonly string[],
  { all, since, reason }: DeadLetterOptions,
  now: number,
): MessageFilter {
  const ways = [ids.length > 0, all === true, since !== undefined || reason !== undefined];
  if (ways.filter(Boolean).length !== 1) {
    throw new BridgeError('USAGE', {
      detail: 'Say which dead letters: ids, or --all, or --since and --reason.',
    });
  }
  return {
    state: 'dead',
    ...(ids.length > 0 ? { ids: ids.map(parseMessageId) } : {}),
    ...(since === undefined ? {} : { since: parseSince(since, now) }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Throws USAGE. */
export function parseMessageId(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new BridgeError('USAGE', { detail: `This is no message’s id: ${text}` });
  return Number(text);
}

/** Their ids, oldest first: so a redrive keeps the order of a conversation. */
export async function listLetterIds(
  store: Pick<MessageStore, 'listMessages'>,
  filter: MessageFilter,
): Promise<number[]> {
  const ids: number[] = [];
  while (ids.length < LETTERS_MAX) {
    const beforeId = ids.at(-1);
    const page = await store.listMessages(filter, {
      limit: PAGE_ROWS,
      ...(beforeId === undefined ? {} : { beforeId }),
    });
    for (const { id } of page) ids.push(id);
    if (page.length < PAGE_ROWS) break;
  }
  return ids.toReversed();
}
