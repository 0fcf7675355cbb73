import { DAY_MS } from '../../clock.ts';
import type { Channel, Direction } from '../../normalize/channel.ts';
import { chatCutoff } from '../chats.ts';
import type { Maintenance } from '../message-store.ts';
import { endChatsBefore } from './chats.ts';
import { mendClock, setLanesDue } from './lane.ts';
import { LOCK_CLASSES } from './migrate.ts';
import type { Transaction } from './transaction.ts';

/** Rows that one transaction ends at most, so that acceptances are never held up for long. */
const BATCH_ROWS = 500;

export interface Aged extends Pick<Maintenance, 'tooOld' | 'expired'> {
  readonly hasMore: boolean;
}

/**
 * Ends a batch of what is older than `retentionMs`, unless another replica is at it. Differs because others work on the
 * same rows at the same time: what they have locked is passed over, and waits for the next batch.
 */
export async function endAged(db: Transaction, now: number, retentionMs: number): Promise<Aged> {
  const { isMine } = await db.one<{ isMine: boolean }>(
    'SELECT pg_try_advisory_xact_lock(:class::int, hashtext(current_schema())) AS "isMine"',
    { class: LOCK_CLASSES.maintain },
  );
  if (!isMine) return { tooOld: [], expired: 0, hasMore: false };
  const cutoff = now - retentionMs;
  const chatsCutoff = chatCutoff(now, retentionMs);
  const tooOld = await endPending(db, now, cutoff);
  const expired = await expireDeadLetters(db, now, cutoff);
  const ended = await db.run(
    `DELETE FROM messages WHERE id IN
       (SELECT id FROM messages WHERE ended_at < :cutoff AND state IN ('delivered', 'discarded')
        LIMIT ${BATCH_ROWS} FOR UPDATE SKIP LOCKED)`,
    { cutoff },
  );
  const lanes = await db.run(
    `DELETE FROM lanes WHERE id IN
       (SELECT id FROM lanes WHERE due_at IS NULL AND last_accepted_at < :cutoff
          AND NOT EXISTS (SELECT 1 FROM chats WHERE lane_id = lanes.id AND changed_at >= :chatsCutoff)
        LIMIT ${BATCH_ROWS} FOR UPDATE SKIP LOCKED)`,
    { cutoff, chatsCutoff },
  );
  const chats = await endChatsBefore(db, chatsCutoff, BATCH_ROWS);
  await db.run(
    'DELETE FROM pauses WHERE id IN (SELECT id FROM pauses WHERE resumed_at < :cutoff FOR UPDATE SKIP LOCKED)',
    { cutoff },
  );
  await endIdlePauses(db, now);
  await mendClock(db, now);
  const hasMore = [tooOld.length, expired, ended, lanes, chats].some((rows) => rows === BATCH_ROWS);
  return { tooOld, expired, hasMore };
}

/** A message waits behind a pause for at most the retention: then it is a dead letter like any other that is too old. */
async function endPending(db: Transaction, now: number, cutoff: number): Promise<Maintenance['tooOld']> {
  const laneIds = await lockAgedLanes(db, cutoff);
  if (laneIds.length === 0) return [];
  const rows = await db.all<{ id: number; direction: Direction; channel: Channel; laneId: number }>(
    `UPDATE messages SET state = 'dead', reason = 'too_old', ended_at = :now WHERE id IN
       (SELECT id FROM messages WHERE state = 'pending' AND accepted_at < :cutoff AND lane_id = ANY (:laneIds::bigint[])
        LIMIT ${BATCH_ROWS})
     RETURNING id, direction, channel, lane_id AS "laneId"`,
    { now, cutoff, laneIds },
  );
  await setLanesDue(db, [...new Set(rows.map(({ laneId }) => laneId))]);
  return rows.map(({ id, direction, channel }) => ({ id, direction, channel }));
}

/** Whoever moves a lane's messages holds the lane. */
async function lockAgedLanes(db: Transaction, cutoff: number): Promise<number[]> {
  const lanes = await db.all<{ id: number }>(
    `SELECT id FROM lanes WHERE id IN
       (SELECT lane_id FROM messages WHERE state = 'pending' AND accepted_at < :cutoff LIMIT ${BATCH_ROWS})
     FOR UPDATE SKIP LOCKED`,
    { cutoff },
  );
  return lanes.map(({ id }) => id);
}

async function expireDeadLetters(db: Transaction, now: number, cutoff: number): Promise<number> {
  const rows = await db.run(
    `DELETE FROM messages WHERE id IN
       (SELECT id FROM messages WHERE ended_at < :cutoff AND state = 'dead' LIMIT ${BATCH_ROWS} FOR UPDATE SKIP LOCKED)`,
    { cutoff },
  );
  if (rows > 0) db.book(now, 'discarded', 'expired', rows);
  return rows;
}

/**
 * A pause that no message has waited behind for a day is over: its route was probably changed. Not sooner, because the
 * pause is what makes the next message to a destination that refuses everything a probe and not a dead letter.
 */
const IDLE_PAUSE_MS = DAY_MS;

async function endIdlePauses(db: Transaction, now: number): Promise<void> {
  await db.run(
    `UPDATE pauses SET resumed_at = :now WHERE id IN
       (SELECT id FROM pauses WHERE resumed_at IS NULL AND next_probe_at < :cutoff AND NOT EXISTS
          (SELECT 1 FROM lanes WHERE lanes.destination = pauses.destination AND lanes.due_at IS NOT NULL)
        FOR UPDATE SKIP LOCKED)`,
    { now, cutoff: now - IDLE_PAUSE_MS },
  );
}
