import { MAX_PROBE_WAIT_MS, MAX_WAIT_MS } from '../due.ts';
import type { Placement } from '../message-store.ts';
import type { Database } from './database.ts';

export interface Head {
  readonly id: number;
  readonly state: 'pending' | 'sending';
  readonly dueAt: number;
}

/**
 * The expression of the index messages_in_lane, word for word: SQLite takes the index no further than the lane for a
 * query that says the same in other words.
 */
export const IS_UNFINISHED = `(state IN ('pending', 'sending')) = 1`;

/** The begun message if there is one, else the earliest by sent time, SNS Timestamp and acceptance. */
const HEAD_FIRST = 'ORDER BY begun DESC, sent_at, sns_at, id LIMIT 1';

export function readHead(db: Database, laneId: number): Head | undefined {
  return db.get<Head>(
    `SELECT id, state, due_at AS dueAt FROM messages WHERE lane_id = :laneId AND ${IS_UNFINISHED} ${HEAD_FIRST}`,
    { laneId },
  );
}

/** When the head of the lane that is updated may go; null if it has none. */
const HEAD_DUE_AT = `(SELECT due_at FROM messages WHERE lane_id = lanes.id AND ${IS_UNFINISHED} ${HEAD_FIRST})`;

/**
 * Sets when a lane is due from the head it has now, but no earlier than it was last tried: then it queues behind those
 * that wait, whatever is accepted meanwhile, so that lanes take turns. A leased lane stays as it is until its lease ends.
 */
export function setLaneDue(db: Database, laneId: number): void {
  db.run(
    `UPDATE lanes SET due_at = max(${HEAD_DUE_AT}, tried_at) WHERE id = :laneId AND lease_token IS NULL`,
    { laneId },
  );
}

/** `setLaneDue` of a lane that a message has entered. */
export function noteEntry(db: Database, laneId: number, acceptedAt: number): void {
  db.run(
    `UPDATE lanes SET last_accepted_at = :acceptedAt,
       due_at = CASE WHEN lease_token IS NULL THEN max(${HEAD_DUE_AT}, tried_at) ELSE due_at END
     WHERE id = :laneId`,
    { laneId, acceptedAt },
  );
}

/** `setLaneDue` of a lane whose attempt has ended. */
export function releaseLane(db: Database, laneId: number, now: number): void {
  db.run(
    `UPDATE lanes SET lease_token = NULL, tried_at = :now, due_at = max(${HEAD_DUE_AT}, :now) WHERE id = :laneId`,
    { laneId, now },
  );
}

/** A lane and where it goes. */
export interface PlacedLane extends Pick<Placement, 'destination' | 'paceKey'> {
  readonly id: number;
}

/**
 * The lane goes to another destination, if it is another. What its messages waited behind the old one's pauses keeps being
 * time paused: it does not make them old.
 */
export function moveLane(db: Database, now: number, lane: PlacedLane, placement: Placement): void {
  const { destination, paceKey } = placement;
  if (lane.destination === destination && lane.paceKey === paceKey) return;
  db.run(
    `UPDATE messages SET paused_ms = paused_ms +
       (SELECT coalesce(sum(coalesce(resumed_at, :now) - max(paused_at, accepted_at)), 0) FROM pauses
        WHERE pauses.destination = :from AND coalesce(resumed_at, :now) > accepted_at)
     WHERE lane_id = :laneId AND ${IS_UNFINISHED} AND :from <> :to`,
    { now, laneId: lane.id, from: lane.destination, to: destination },
  );
  db.run(
    `UPDATE lanes SET destination = :destination, pace_key = :paceKey, is_idempotent = :isIdempotent
     WHERE id = :laneId`,
    { laneId: lane.id, ...placementRow(placement) },
  );
}

export function placementRow({ destination, paceKey, isIdempotent = false }: Placement) {
  return { destination, paceKey, isIdempotent: Number(isIdempotent) };
}

/** A machine whose clock was ahead, and is right now, must not wait until it is that late. */
export function mendClock(db: Database, now: number): void {
  db.run(
    `UPDATE messages SET due_at = :now WHERE ${IS_UNFINISHED} AND due_at > :now + :maxWaitMs
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
