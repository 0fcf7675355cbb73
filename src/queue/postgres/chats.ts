import type { ChatParties } from '../../normalize/agent-reply.ts';
import { UNCLEAR_IN_LANE, chatRow, judgeSession, nextGeneration, parseSession } from '../chats.ts';
import type { ChatRow } from '../chats.ts';
import type { ChatSession, OutcomeReport } from '../message-store.ts';
import type { Transaction } from './transaction.ts';

const COLUMNS = 'lane_id AS "laneId", generation, contact_id AS "contactId", session';

/** Joined to lanes: the chat of its conversation, as `chat`. */
export const CHAT_OF_LANE = `
  LEFT JOIN LATERAL (SELECT session, choices FROM chats WHERE chats.lane_id = lanes.id
    ORDER BY generation DESC LIMIT 1) AS chat ON true`;

export async function findChat(db: Transaction, contactId: string): Promise<ChatParties | undefined> {
  const chat = await readChatOf(db, contactId);
  return chat && parseSession(chat).parties;
}

export async function countWaitingChats(db: Transaction): Promise<Record<string, number>> {
  const rows = await db.all<{ waitsFor: string; count: number }>(
    'SELECT waits_for AS "waitsFor", count(*) AS count FROM chats WHERE waits_for IS NOT NULL GROUP BY waits_for',
  );
  return Object.fromEntries(rows.map(({ waitsFor, count }) => [waitsFor, count]));
}

/** What an outcome says of its conversation's chat. Its lane is locked. */
export async function keepChat(
  db: Transaction,
  { claim, now, session, offers, isChoiceMade }: OutcomeReport,
): Promise<void> {
  if (session) await keepSession(db, now, claim.laneId, session);
  if (isChoiceMade) {
    await db.run('UPDATE chats SET choices = NULL WHERE lane_id = :laneId', { laneId: claim.laneId });
  }
  if (offers) {
    const { contactId, choices } = offers;
    await db.run('UPDATE chats SET choices = :choices WHERE contact_id = :contactId', {
      contactId,
      choices: choices.length > 0 ? JSON.stringify(choices) : null,
    });
  }
}

async function keepSession(
  db: Transaction,
  now: number,
  laneId: number,
  session: ChatSession,
): Promise<void> {
  switch (judgeSession(await readLastChat(db, laneId), session)) {
    case 'begins':
      return insertSession(db, now, laneId, session);
    case 'goesOn':
      await db.run(
        `UPDATE chats SET contact_id = :contactId, waits_for = :waitsFor, session = :session, changed_at = :now
         WHERE lane_id = :laneId AND generation = :generation`,
        { ...chatRow(session), laneId, now },
      );
      return;
    case 'late':
    // The conversation has another chat by now.
  }
}

/**
 * Only the last one of its conversation can: of an earlier one that is known already. And only one that took a message
 * (`ChatSession.hasDelivered`), which is known once the lane is locked: its sender may just record something of the chat.
 */
export async function endChat(db: Transaction, now: number, contactId: string): Promise<void> {
  const chat = await readChatOf(db, contactId);
  if (!chat) return;
  await db.run('SELECT 1 FROM lanes WHERE id = :laneId FOR UPDATE', { laneId: chat.laneId });
  const last = await readLastChat(db, chat.laneId);
  if (last?.contactId !== contactId) return;
  const session = parseSession(last);
  if (!session.hasDelivered) return;
  await insertSession(db, now, chat.laneId, nextGeneration(session));
  const { isUnclear } = await db.one<{ isUnclear: boolean }>(
    `SELECT EXISTS (${UNCLEAR_IN_LANE}) AS "isUnclear"`,
    { laneId: chat.laneId },
  );
  if (isUnclear) db.book(now, 'possible_duplicate', 'ambiguous_failure');
}

async function insertSession(
  db: Transaction,
  now: number,
  laneId: number,
  session: ChatSession,
): Promise<void> {
  await db.run(
    `INSERT INTO chats (lane_id, generation, contact_id, waits_for, session, changed_at)
     VALUES (:laneId, :generation, :contactId, :waitsFor, :session, :now)`,
    { ...chatRow(session), laneId, now },
  );
}

function readLastChat(db: Transaction, laneId: number): Promise<ChatRow | undefined> {
  return db.get<ChatRow>(
    `SELECT ${COLUMNS} FROM chats WHERE lane_id = :laneId ORDER BY generation DESC LIMIT 1`,
    { laneId },
  );
}

function readChatOf(db: Transaction, contactId: string): Promise<ChatRow | undefined> {
  return db.get<ChatRow>(`SELECT ${COLUMNS} FROM chats WHERE contact_id = :contactId`, { contactId });
}

export async function eraseChats(db: Transaction, laneIds: readonly number[]): Promise<void> {
  await db.run('DELETE FROM chats WHERE lane_id = ANY (:laneIds::bigint[])', { laneIds });
}

/** Those of conversations that are gone, and earlier generations. Returns how many it were, `limit` at most. */
export function endChatsBefore(db: Transaction, cutoff: number, limit: number): Promise<number> {
  return db.run(
    `DELETE FROM chats WHERE id IN
       (SELECT id FROM chats WHERE changed_at < :cutoff
          AND (NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.id = chats.lane_id)
            OR EXISTS (SELECT 1 FROM chats AS later WHERE later.lane_id = chats.lane_id
                 AND later.generation > chats.generation))
        LIMIT :limit FOR UPDATE SKIP LOCKED)`,
    { cutoff, limit },
  );
}
