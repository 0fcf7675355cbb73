import { MAX_PROBE_WAIT_MS, MAX_WAIT_MS } from '../due.ts';
import type { Placement } from '../message-store.ts';
import type { Transaction } from './transaction.ts';

/** The begun message if there is one, else the earliest by sent time, SNS Timestamp and acceptance. */
export const HEAD_OF_LANE = `
  WHERE messages.lane_id = lanes.id AND messages.state IN ('pending', 'sending')
  ORDER BY messages.begun DESC, messages.sent_at, messages.sns_at, messages.id LIMIT 1`;

/**
 * Sets when lanes are due from the head they have now, but no earlier than they were last tried: then they queue behind
 * those that wait, whatever is accepted meanwhile, so that lanes take turns. A leased lane stays as it is until its lease
 * ends. The caller has locked them in a statement before this one: so this one sees every message they have.
 */
export async function setLanesDue(db: Transaction, laneIds: readonly number[]): Promise<void> {
  if (laneIds.length === 0) return;
  await db.run(
    `UPDATE lanes SET due_at = (SELECT greatest(messages.due_at, lanes.tried_at) FROM messages ${HEAD_OF_LANE})
     WHERE id = ANY (:laneIds::bigint[]) AND lease_token IS NULL`,
    { laneIds },
  );
}

/**
 * For lanes that go to another destination. What their messages waited behind the old one's pauses keeps being time paused:
 * it does not make them old.
 */
export async function keepPausedTime(
  db: Transaction,
  now: number,
  placements: ReadonlyMap<number, Placement>,
): Promise<void> {
  await db.run(
    `UPDATE messages SET paused_ms = paused_ms +
       (SELECT coalesce(sum(coalesce(resumed_at, :now::bigint) - greatest(paused_at, accepted_at)), 0)::bigint
        FROM pauses WHERE pauses.destination = lanes.destination AND coalesce(resumed_at, :now::bigint) > accepted_at)
     FROM lanes JOIN unnest(:laneIds::bigint[], :destinations::text[]) AS placed (id, destination)
       ON placed.id = lanes.id AND placed.destination <> lanes.destination
     WHERE lane_id = lanes.id AND state IN ('pending', 'sending')`,
    {
      now,
      laneIds: [...placements.keys()],
      destinations: [...placements.values()].map(({ destination }) => destination),
    },
  );
}

/** A database whose clock was ahead (a failover can do that) must not wait until it is that late. */
export async function mendClock(db: Transaction, now: number): Promise<void> {
  await db.run(
    `UPDATE pauses SET next_probe_at = :now WHERE id IN
       (SELECT id FROM pauses WHERE resumed_at IS NULL AND next_probe_at > :now::bigint + ${MAX_PROBE_WAIT_MS}
        FOR UPDATE SKIP LOCKED)`,
    { now },
  );
  await db.run(
    `UPDATE messages SET due_at = :now WHERE state IN ('pending', 'sending')
       AND due_at > :now::bigint + ${MAX_WAIT_MS}
       AND lane_id IN (SELECT id FROM lanes WHERE due_at > :now::bigint + ${MAX_WAIT_MS} FOR UPDATE SKIP LOCKED)`,
    { now },
  );
  await db.run(
    `UPDATE lanes SET due_at = :now, tried_at = least(tried_at, :now) WHERE id IN
       (SELECT id FROM lanes WHERE due_at > :now::bigint + ${MAX_WAIT_MS} FOR UPDATE SKIP LOCKED)`,
    { now },
  );
}
