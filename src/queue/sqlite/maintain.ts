import { DAY_MS } from '../../clock.ts';
import type { Channel, Direction } from '../../normalize/channel.ts';
import { chatCutoff } from '../chats.ts';
import type { Maintenance } from '../message-store.ts';
import { book, IS_KEPT } from './books.ts';
import { endChatsBefore } from './chats.ts';
import type { Database } from './database.ts';
import { mendClock, setLaneDue } from './lane.ts';

/** Rows that one transaction ends at most, so that acceptances are never held up for long. */
const BATCH_ROWS = 200;

export interface Aged extends Pick<Maintenance, 'tooOld' | 'expired'> {
  readonly hasMore: boolean;
}

/** Ends a batch of what is older than `retentionMs`. */
export function endAged(db: Database, now: number, retentionMs: number): Aged {
  const cutoff = now - retentionMs;
  const chatsCutoff = chatCutoff(now, retentionMs);
  const tooOld = endPending(db, now, cutoff);
  const expired = expireDeadLetters(db, now, cutoff);
  const ended = db.run(
    `DELETE FROM messages WHERE id IN
       (SELECT id FROM messages WHERE ended_at < :cutoff AND state IN ('delivered', 'discarded') LIMIT ${BATCH_ROWS})`,
    { cutoff },
  );
  const lanes = db.run(
    `DELETE FROM lanes WHERE id IN
       (SELECT id FROM lanes WHERE due_at IS NULL AND last_accepted_at < :cutoff
          AND NOT EXISTS (SELECT 1 FROM chats WHERE lane_id = lanes.id AND changed_at >= :chatsCutoff)
        LIMIT ${BATCH_ROWS})`,
    { cutoff, chatsCutoff },
  );
  const chats = endChatsBefore(db, chatsCutoff, BATCH_ROWS);
  db.run('DELETE FROM pauses WHERE resumed_at < :cutoff', { cutoff });
  endIdlePauses(db, now);
  mendClock(db, now);
  const hasMore = [tooOld.length, expired, ended, lanes, chats].some((rows) => rows === BATCH_ROWS);
  return { tooOld, expired, hasMore };
}

/** A message waits behind a pause for at most the retention: then it is a dead letter like any other that is too old. */
function endPending(db: Database, now: number, cutoff: number): Maintenance['tooOld'] {
  const rows = db.all<{ id: number; direction: Direction; channel: Channel; laneId: number }>(
    `UPDATE messages SET state = 'dead', reason = 'too_old', ended_at = :now WHERE id IN
       (SELECT id FROM messages WHERE ${IS_KEPT} AND state = 'pending' AND accepted_at < :cutoff LIMIT ${BATCH_ROWS})
     RETURNING id, direction, channel, lane_id AS laneId`,
    { now, cutoff },
  );
  for (const laneId of new Set(rows.map((row) => row.laneId))) setLaneDue(db, laneId);
  return rows.map(({ id, direction, channel }) => ({ id, direction, channel }));
}

function expireDeadLetters(db: Database, now: number, cutoff: number): number {
  const rows = db.run(
    `DELETE FROM messages WHERE id IN
       (SELECT id FROM messages WHERE ended_at < :cutoff AND state = 'dead' LIMIT ${BATCH_ROWS})`,
    { cutoff },
  );
  if (rows > 0) book(db, now, 'discarded', 'expired', rows);
  return rows;
}

/**
 * A pause that no message has waited behind for a day is over: its route was probably changed. Not sooner, because the
 * pause is what makes the next message to a destination that refuses everything a probe and not a dead letter.
 */
const IDLE_PAUSE_MS = DAY_MS;

function endIdlePauses(db: Database, now: number): void {
  db.run(
    `UPDATE pauses SET resumed_at = :now WHERE resumed_at IS NULL AND next_probe_at < :cutoff AND NOT EXISTS
       (SELECT 1 FROM lanes WHERE lanes.destination = pauses.destination AND lanes.due_at IS NOT NULL)`,
    { now, cutoff: now - IDLE_PAUSE_MS },
  );
}
