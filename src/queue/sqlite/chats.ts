import type { ChatParties } from '../../normalize/agent-reply.ts';
import { UNCLEAR_IN_LANE, chatRow, judgeSession, nextGeneration, parseChat, parseSession } from '../chats.ts';
import type { ChatRow } from '../chats.ts';
import type { Claim, ChatSession, OutcomeReport } from '../message-store.ts';
import { book } from './books.ts';
import type { Database } from './database.ts';

const COLUMNS = 'lane_id AS laneId, generation, contact_id AS contactId, session, choices';

interface ReadChat extends ChatRow {
  readonly choices: string | null;
}

/** The chat of a lane's conversation, for a claim. */
export function readChat(db: Database, laneId: number): Pick<Claim, 'session' | 'choices'> {
  return parseChat(readLastChat(db, laneId));
}

export function findChat(db: Database, contactId: string): ChatParties | undefined {
  const chat = readChatOf(db, contactId);
  return chat && parseSession(chat).parties;
}

export function countWaitingChats(db: Database): Record<string, number> {
  const rows = db.all<{ waitsFor: string; count: number }>(
    'SELECT waits_for AS waitsFor, count(*) AS count FROM chats WHERE waits_for IS NOT NULL GROUP BY waits_for',
  );
  return Object.fromEntries(rows.map(({ waitsFor, count }) => [waitsFor, count]));
}

/** What an outcome says of its conversation's chat. */
export function keepChat(db: Database, { claim, now, session, offers, isChoiceMade }: OutcomeReport): void {
  if (session) keepSession(db, now, claim.laneId, session);
  if (isChoiceMade)
    db.run('UPDATE chats SET choices = NULL WHERE lane_id = :laneId', { laneId: claim.laneId });
  if (offers) {
    const { contactId, choices } = offers;
    db.run('UPDATE chats SET choices = :choices WHERE contact_id = :contactId', {
      contactId,
      choices: choices.length > 0 ? JSON.stringify(choices) : null,
    });
  }
}

function keepSession(db: Database, now: number, laneId: number, session: ChatSession): void {
  switch (judgeSession(readLastChat(db, laneId), session)) {
    case 'begins':
      return insertSession(db, now, laneId, session);
    case 'goesOn':
      db.run(
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
 * (`ChatSession.hasDelivered`).
 */
export function endChat(db: Database, now: number, contactId: string): void {
  const chat = readChatOf(db, contactId);
  if (!chat || chat.generation !== readLastChat(db, chat.laneId)?.generation) return;
  const session = parseSession(chat);
  if (!session.hasDelivered) return;
  insertSession(db, now, chat.laneId, nextGeneration(session));
  const { isUnclear } = db.one<{ isUnclear: number }>(`SELECT EXISTS (${UNCLEAR_IN_LANE}) AS isUnclear`, {
    laneId: chat.laneId,
  });
  if (isUnclear === 1) book(db, now, 'possible_duplicate', 'ambiguous_failure');
}

function insertSession(db: Database, now: number, laneId: number, session: ChatSession): void {
  db.run(
    `INSERT INTO chats (lane_id, generation, contact_id, waits_for, session, changed_at)
     VALUES (:laneId, :generation, :contactId, :waitsFor, :session, :now)`,
    { ...chatRow(session), laneId, now },
  );
}

function readLastChat(db: Database, laneId: number): ReadChat | undefined {
  return db.get<ReadChat>(
    `SELECT ${COLUMNS} FROM chats WHERE lane_id = :laneId ORDER BY generation DESC LIMIT 1`,
    { laneId },
  );
}

function readChatOf(db: Database, contactId: string): ReadChat | undefined {
  return db.get<ReadChat>(`SELECT ${COLUMNS} FROM chats WHERE contact_id = :contactId`, { contactId });
}

export function eraseChats(db: Database, laneIds: string): void {
  db.run('DELETE FROM chats WHERE lane_id IN (SELECT value FROM json_each(:laneIds))', { laneIds });
}

/** Those of conversations that are gone, and earlier generations. Returns how many it were, `limit` at most. */
export function endChatsBefore(db: Database, cutoff: number, limit: number): number {
  return db.run(
    `DELETE FROM chats WHERE id IN
       (SELECT id FROM chats WHERE changed_at < :cutoff
          AND (NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.id = chats.lane_id)
            OR EXISTS (SELECT 1 FROM chats AS later WHERE later.lane_id = chats.lane_id
                 AND later.generation > chats.generation))
        LIMIT :limit)`,
    { cutoff, limit },
  );
}
