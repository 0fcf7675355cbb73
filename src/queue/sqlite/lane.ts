import { MAX_PROBE_WAIT_MS, MAX_WAIT_MS } from '../due.ts';
import type { Database } from './database.ts';

export interface Head {
  readonly id: number;
  readonly state: 'pending' | 'sending';
  readonly dueAt: number;
}

/** The begun message if there is one, else the earliest by sent time, SNS Timestamp and acceptance. */
export function readHead(db: Database, laneId: number): Head | undefined {
  return db.get<Head>(
    `SELECT id, state, due_at AS dueAt FROM messages WHERE lane_id = :laneId AND state IN ('pending', 'sending')
     ORDER BY begun DESC, sent_at, sns_at, id LIMIT 1`,
    { laneId },
  );
}

/**
 * Sets when a lane is due from the head it has now, but no earlier than it was last tried: then it queues behind those
 * that wait, whatever is accepted meanwhile, so that lanes take turns. A leased lane stays as it is until its lease ends.
 */
export function setLaneDue(db: Database, laneId: number): void {
  const head = readHead(db, laneId);
  db.run('UPDATE lanes SET due_at = max(:dueAt, tried_at) WHERE id = :laneId AND lease_token IS NULL', {
    laneId,
    dueAt: head?.dueAt ?? null,
  });
}

/** A machine whose clock was ahead, and is right now, must not wait until it is that late. */
export function mendClock(db: Database, now: number): void {
  db.run(
    `UPDATE messages SET due_at = :now WHERE state IN ('pending', 'sending') AND due_at > :now + :maxWaitMs
       AND lane_id IN (SELECT id FROM lanes WHERE due_at > :now + :maxWaitMs)`,
    { now, maxWaitMs: MAX_WAIT_MS },
  );
  db.run('UPDATE lanes SET due_at = :now, tried_at = min(tried_at, :now) WHERE due_at > :now + :maxWaitMs', {
    now,
    maxWaitMs: MAX_WAIT_MS,
  });
  db.run(
    'UPDATE pauses SET next_probe_at = :now WHERE resumed_at IS NULL AND next_probe_at > :now + :maxWaitMs',
    { now, maxWaitMs: MAX_PROBE_WAIT_MS },
  );
}
