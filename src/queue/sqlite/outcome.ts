import type { Delivery, Outcome, OutcomeReport, Pause } from '../message-store.ts';
import { isPossibleDuplicate } from '../possible-duplicate.ts';
import { acceptItem } from './accept.ts';
import { eraseAttemptErrors, recordAttempt } from './attempts.ts';
import { book } from './books.ts';
import { keepChat } from './chats.ts';
import type { Database, Row } from './database.ts';
import { moveLane, releaseLane } from './lane.ts';
import type { PlacedLane } from './lane.ts';
import { settlePace } from './paces.ts';

export function recordOutcome(db: Database, report: OutcomeReport): 'recorded' | 'superseded' {
  const { claim, now, placement, pace } = report;
  // The token is gone or back, whoever has the lane.
  if (pace) settlePace(db, now, pace);
  const lane = db.get<ClaimedLane>(
    `SELECT id, destination, pace_key AS paceKey, lease_token AS leaseToken, is_idempotent AS isIdempotent
     FROM lanes WHERE id = :id`,
    { id: claim.laneId },
  );
  if (lane?.leaseToken !== claim.leaseToken) return 'superseded';
  endAttempt(db, report, lane.isIdempotent === 1);
  if (placement) moveLane(db, now, lane, placement);
  releaseLane(db, claim.laneId, now);
  keepChat(db, report);
  if (report.notice) acceptNotice(db, now, report.notice);
  if (report.pause) pauseDestination(db, now, report.pause, claim.isProbe);
  if (report.nextProbe) {
    db.run(
      `UPDATE pauses SET next_probe_at = :nextProbeAt WHERE destination = :destination AND resumed_at IS NULL`,
      { nextProbeAt: report.nextProbe.nextProbeAt, destination: report.nextProbe.destination },
    );
    // Before those that were never probed.
    if (report.nextProbe.isSameLane)
      db.run('UPDATE lanes SET probed_at = -1 WHERE id = :id', { id: claim.laneId });
  }
  if (report.resume) resumeDestination(db, now, report.resume);
  return 'recorded';
}

interface ClaimedLane extends PlacedLane {
  readonly leaseToken: string | null;
  readonly isIdempotent: number;
}

function endAttempt(
  db: Database,
  { claim, now, outcome, attempt, parts }: OutcomeReport,
  isIdempotent: boolean,
): void {
  const { messageId } = claim;
  if (parts) fixParts(db, messageId, parts);
  const { channel, sentAt, snsAt } = updateMessage(db, messageId, now, outcome);
  if (outcome.verdict === 'delivered' || outcome.verdict === 'dead') {
    db.run(
      `UPDATE lanes SET gone_sent_at = :sentAt, gone_sns_at = :snsAt
       WHERE id = :laneId AND (gone_sent_at, gone_sns_at) < (:sentAt, :snsAt)`,
      { laneId: claim.laneId, sentAt, snsAt },
    );
  }
  if (attempt) recordAttempt(db, messageId, attempt, 'error' in outcome ? outcome.error : undefined);
  if (outcome.verdict === 'delivered' || outcome.verdict === 'discarded') eraseAttemptErrors(db, messageId);
  if (outcome.verdict === 'delivered') book(db, now, 'delivered', channel);
  if (outcome.verdict === 'discarded') book(db, now, 'discarded', outcome.reason);
  if (isPossibleDuplicate(outcome, isIdempotent)) {
    book(db, now, 'possible_duplicate', 'ambiguous_failure');
  }
}

/** With the outcome that it tells of: it is told if that is recorded, and once. */
function acceptNotice(
  db: Database,
  now: number,
  { item, snsMessageId }: NonNullable<OutcomeReport['notice']>,
): void {
  acceptItem(db, { snsMessageId, snsTimestamp: now, acceptedAt: now, holdMs: 0 }, item);
}

/** The first attempt's stay: what Connect has of them must not be cut anew. */
function fixParts(db: Database, id: number, parts: readonly string[]): void {
  db.run('UPDATE messages SET parts = :parts WHERE id = :id AND parts IS NULL', {
    id,
    parts: JSON.stringify(parts),
  });
}

/** Moves the message to its next state. */
function updateMessage(db: Database, id: number, now: number, outcome: Outcome): UpdatedMessage {
  const { set, values } = assignments(now, outcome);
  return db.one<UpdatedMessage>(
    `UPDATE messages SET ${set} WHERE id = :id RETURNING channel, sent_at AS sentAt, sns_at AS snsAt`,
    { id, ...values },
  );
}

interface UpdatedMessage {
  readonly channel: string;
  readonly sentAt: number;
  readonly snsAt: number;
}

/** Of a message in parts, that any of them began the chat is kept. */
const WITH_CHAT = `contact_id = coalesce(:contactId, contact_id),
  new_chat_created = CASE WHEN new_chat_created THEN new_chat_created ELSE :newChatCreated END`;
const WITH_PART = 'parts_delivered = CASE WHEN parts IS NULL THEN 0 ELSE parts_delivered + 1 END';

function chatOf({ contactId, newChatCreated }: Delivery): Row {
  return {
    contactId: contactId ?? null,
    newChatCreated: newChatCreated === undefined ? null : Number(newChatCreated),
  };
}

/** One constant statement for each verdict: `set` never holds a value. */
function assignments(now: number, outcome: Outcome): { set: string; values: Row } {
  switch (outcome.verdict) {
    case 'delivered':
      return {
        set: `state = 'delivered', message = NULL, raw = NULL, last_error = NULL, ended_at = :now,
          ${WITH_CHAT}, ${WITH_PART}, parts = NULL`,
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
        set: `state = 'discarded', message = NULL, raw = NULL, parts = NULL, last_error = NULL, ended_at = :now`,
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
function pauseDestination(db: Database, now: number, pause: Pause, isProbe: boolean): void {
  db.run(
    `INSERT INTO pauses (destination, code, reason, paused_at, next_probe_at)
     VALUES (:destination, :code, :reason, :now, :nextProbeAt)
     ON CONFLICT (destination) WHERE resumed_at IS NULL DO UPDATE SET
       code = excluded.code, reason = excluded.reason, next_probe_at = excluded.next_probe_at, probes = probes + 1
       WHERE :isProbe`,
    { ...pause, now, isProbe: Number(isProbe) },
  );
}

export function resumeDestination(db: Database, now: number, destination: string): void {
  db.run('UPDATE pauses SET resumed_at = :now WHERE destination = :destination AND resumed_at IS NULL', {
    now,
    destination,
  });
}
