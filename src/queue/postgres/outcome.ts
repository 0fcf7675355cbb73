import type { Delivery, Outcome, OutcomeReport, Pause } from '../message-store.ts';
import { isPossibleDuplicate } from '../possible-duplicate.ts';
import { acceptItems } from './accept.ts';
import { eraseAttemptErrors, recordAttempt } from './attempts.ts';
import { keepChat } from './chats.ts';
import { HEAD_OF_LANE, keepPausedTime } from './lane.ts';
import { settlePace } from './paces.ts';
import type { Row } from './statement.ts';
import type { Transaction } from './transaction.ts';

export async function recordOutcome(
  db: Transaction,
  report: OutcomeReport,
): Promise<'recorded' | 'superseded'> {
  const { claim, now, placement, pace } = report;
  await lockPauses(db, report);
  // The token is gone or back, whoever has the lane.
  if (pace) await settlePace(db, now, pace);
  const lane = await db.get<LockedLane>(
    `SELECT lease_token AS "leaseToken", is_idempotent AS "isIdempotent", gone_sent_at AS "goneSentAt",
       gone_sns_at AS "goneSnsAt"
     FROM lanes WHERE id = :id FOR UPDATE`,
    { id: claim.laneId },
  );
  if (lane?.leaseToken !== claim.leaseToken) return 'superseded';
  const message = await endAttempt(db, report, lane.isIdempotent);
  if (placement) await keepPausedTime(db, now, new Map([[claim.laneId, placement]]));
  await freeLane(db, report, laterOf(lane, message));
  await keepChat(db, report);
  if (report.notice) await acceptNotice(db, now, report.notice);
  if (report.pause) await pauseDestination(db, now, report.pause, claim.isProbe);
  if (report.nextProbe) {
    await db.run(
      `UPDATE pauses SET next_probe_at = :nextProbeAt WHERE destination = :destination AND resumed_at IS NULL`,
      { nextProbeAt: report.nextProbe.nextProbeAt, destination: report.nextProbe.destination },
    );
    // Before those that were never probed.
    if (report.nextProbe.isSameLane)
      await db.run('UPDATE lanes SET probed_at = -1 WHERE id = :id', { id: claim.laneId });
  }
  if (report.resume) await resumeDestination(db, now, report.resume);
  return 'recorded';
}

/** Before paces and lanes, as a claim does. */
async function lockPauses(db: Transaction, { pause, nextProbe, resume }: OutcomeReport): Promise<void> {
  const destinations = [pause?.destination, nextProbe?.destination, resume].filter(
    (destination) => destination !== undefined,
  );
  if (destinations.length === 0) return;
  await db.run(
    `SELECT 1 FROM pauses WHERE destination = ANY (:destinations::text[]) AND resumed_at IS NULL
     ORDER BY destination FOR UPDATE`,
    { destinations },
  );
}

interface GoneUpTo {
  readonly goneSentAt: number;
  readonly goneSnsAt: number;
}

interface LockedLane extends GoneUpTo {
  readonly leaseToken: string | null;
  readonly isIdempotent: boolean;
}

/** The latest-sent message that has ended. */
function laterOf(lane: GoneUpTo, ended: GoneUpTo | undefined): GoneUpTo {
  if (!ended) return lane;
  const isLater =
    ended.goneSentAt > lane.goneSentAt ||
    (ended.goneSentAt === lane.goneSentAt && ended.goneSnsAt > lane.goneSnsAt);
  return isLater ? ended : lane;
}

/** The lease ends, and the lane is due from the head that it has now, but no earlier than this attempt ended. */
async function freeLane(db: Transaction, report: OutcomeReport, gone: GoneUpTo): Promise<void> {
  const { claim, now, placement } = report;
  await db.run(
    `UPDATE lanes SET lease_token = NULL, tried_at = :now::bigint, gone_sent_at = :goneSentAt, gone_sns_at = :goneSnsAt,
       destination = coalesce(:destination, destination), pace_key = coalesce(:paceKey, pace_key),
       is_idempotent = coalesce(:isIdempotent, is_idempotent),
       due_at = (SELECT greatest(messages.due_at, :now::bigint) FROM messages ${HEAD_OF_LANE})
     WHERE id = :laneId`,
    {
      laneId: claim.laneId,
      now,
      goneSentAt: gone.goneSentAt,
      goneSnsAt: gone.goneSnsAt,
      destination: placement?.destination ?? null,
      paceKey: placement?.paceKey ?? null,
      isIdempotent: placement ? (placement.isIdempotent ?? false) : null,
    },
  );
}

/** Returns when the message was sent, if it has ended. */
async function endAttempt(
  db: Transaction,
  { claim, now, outcome, attempt, parts }: OutcomeReport,
  isIdempotent: boolean,
): Promise<GoneUpTo | undefined> {
  const { messageId } = claim;
  if (parts) await fixParts(db, messageId, parts);
  const { set, values } = assignments(now, outcome);
  const { channel, ...gone } = await db.one<GoneUpTo & { channel: string }>(
    `UPDATE messages SET ${set} WHERE id = :messageId
     RETURNING channel, sent_at AS "goneSentAt", sns_at AS "goneSnsAt"`,
    { messageId, ...values },
  );
  if (attempt) await recordAttempt(db, messageId, attempt, 'error' in outcome ? outcome.error : undefined);
  if (outcome.verdict === 'delivered' || outcome.verdict === 'discarded')
    await eraseAttemptErrors(db, [messageId]);
  if (outcome.verdict === 'delivered') db.book(now, 'delivered', channel);
  if (outcome.verdict === 'discarded') db.book(now, 'discarded', outcome.reason);
  if (isPossibleDuplicate(outcome, isIdempotent)) {
    db.book(now, 'possible_duplicate', 'ambiguous_failure');
  }
  return outcome.verdict === 'delivered' || outcome.verdict === 'dead' ? gone : undefined;
}

/** With the outcome that it tells of: it is told if that is recorded, and once. */
async function acceptNotice(
  db: Transaction,
  now: number,
  { item, snsMessageId }: NonNullable<OutcomeReport['notice']>,
): Promise<void> {
  await acceptItems(db, { snsMessageId, snsTimestamp: now, acceptedAt: now, holdMs: 0 }, [item]);
}

/** The first attempt's stay: what Connect has of them must not be cut anew. */
async function fixParts(db: Transaction, id: number, parts: readonly string[]): Promise<void> {
  await db.run('UPDATE messages SET parts = :parts WHERE id = :id AND parts IS NULL', {
    id,
    parts: JSON.stringify(parts),
  });
}

/** Of a message in parts, that any of them began the chat is kept. */
const WITH_CHAT = `contact_id = coalesce(:contactId, contact_id),
  new_chat_created = CASE WHEN new_chat_created THEN new_chat_created ELSE :newChatCreated END`;
const WITH_PART = 'parts_delivered = CASE WHEN parts IS NULL THEN 0 ELSE parts_delivered + 1 END';

function chatOf({ contactId, newChatCreated }: Delivery): Row {
  return { contactId: contactId ?? null, newChatCreated: newChatCreated ?? null };
}

/** One constant statement for each verdict: `set` never holds a value. */
function assignments(now: number, outcome: Outcome): { set: string; values: Row } {
  switch (outcome.verdict) {
    case 'delivered':
      return {
        set: `state = 'delivered', message = NULL, raw = NULL, last_error = NULL, ended_at = :now,
          customer_address = NULL, business_address = NULL, ${WITH_CHAT}, ${WITH_PART}, parts = NULL`,
        values: { now, ...chatOf(outcome) },
      };
    case 'part_delivered':
      return {
        set: `state = 'pending', due_at = :now, attempts = 0, unclear_attempts = 0, first_failed_at = NULL,
          probe_refusals = 0, last_error = NULL, ${WITH_CHAT}, ${WITH_PART}`,
        values: { now, ...chatOf(outcome) },
      };
    case 'retry':
      return {
        set: `state = 'pending', attempts = attempts + 1, unclear_attempts = unclear_attempts + :unclear,
          due_at = :retryAt, last_error = :error, first_failed_at = coalesce(first_failed_at, :now)`,
        values: { now, retryAt: outcome.retryAt, error: outcome.error, unclear: Number(outcome.isAmbiguous) },
      };
    case 'returned':
      return {
        set: `state = 'pending', begun = attempts > 0 OR parts_delivered > 0, due_at = :dueAt,
          last_error = coalesce(:error, last_error), probe_refusals = probe_refusals + :refused`,
        values: {
          dueAt: outcome.dueAt,
          error: outcome.error ?? null,
          refused: Number(outcome.isProbeRefusal ?? false),
        },
      };
    case 'discarded':
      return {
        set: `state = 'discarded', message = NULL, raw = NULL, parts = NULL, last_error = NULL, ended_at = :now,
          customer_address = NULL, business_address = NULL`,
        values: { now },
      };
    case 'dead':
      return {
        set: `state = 'dead', reason = :reason, last_error = :error, ended_at = :now`,
        values: { now, reason: outcome.reason, error: outcome.error },
      };
  }
}

/** Once it is paused, only a probe says more: others were sent before, and may fail at any time after. */
async function pauseDestination(
  db: Transaction,
  now: number,
  { destination, code, reason, nextProbeAt }: Pause,
  isProbe: boolean,
): Promise<void> {
  await db.run(
    `INSERT INTO pauses (destination, code, reason, paused_at, next_probe_at)
     VALUES (:destination, :code, :reason, :now, :nextProbeAt)
     ON CONFLICT (destination) WHERE resumed_at IS NULL DO UPDATE SET
       code = excluded.code, reason = excluded.reason, next_probe_at = excluded.next_probe_at, probes = pauses.probes + 1
       WHERE :isProbe::boolean`,
    { destination, code, reason, nextProbeAt, now, isProbe },
  );
}

async function resumeDestination(db: Transaction, now: number, destination: string): Promise<void> {
  await db.run(
    'UPDATE pauses SET resumed_at = :now WHERE destination = :destination AND resumed_at IS NULL',
    { now, destination },
  );
}
