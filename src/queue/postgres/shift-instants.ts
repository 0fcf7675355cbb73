import type {
  Claim,
  ClaimedHeads,
  MessageDetail,
  MessageSummary,
  Outcome,
  OutcomeReport,
  StoreStatus,
} from '../message-store.ts';

/** Moves an instant from one clock to the other: see DatabaseClock. Sent times and SNS's Timestamps are neither's. */
type Shift = (instant: number) => number;

const shiftIfAny = (instant: number | undefined, shift: Shift): number | undefined =>
  instant === undefined ? undefined : shift(instant);

export function shiftReport(report: OutcomeReport, shift: Shift): OutcomeReport {
  const { now, outcome, attempt, pause, nextProbe } = report;
  return {
    ...report,
    now: shift(now),
    outcome: shiftOutcome(outcome, shift),
    ...(attempt && { attempt: { ...attempt, startedAt: shift(attempt.startedAt) } }),
    ...(pause && { pause: { ...pause, nextProbeAt: shift(pause.nextProbeAt) } }),
    ...(nextProbe && { nextProbe: { ...nextProbe, nextProbeAt: shift(nextProbe.nextProbeAt) } }),
  };
}

function shiftOutcome(outcome: Outcome, shift: Shift): Outcome {
  switch (outcome.verdict) {
    case 'retry':
      return { ...outcome, retryAt: shift(outcome.retryAt) };
    case 'returned':
      return { ...outcome, dueAt: shift(outcome.dueAt) };
    case 'delivered':
    case 'part_delivered':
    case 'dead':
    case 'discarded':
      return outcome;
  }
}

export function shiftClaimed({ claims, nextDueAt }: ClaimedHeads, shift: Shift): ClaimedHeads {
  return {
    claims: claims.map((claim): Claim => ({
      ...claim,
      acceptedAt: shift(claim.acceptedAt),
      firstFailedAt: shiftIfAny(claim.firstFailedAt, shift),
    })),
    nextDueAt: shiftIfAny(nextDueAt, shift),
  };
}

export function shiftStatus(status: StoreStatus, shift: Shift): StoreStatus {
  return {
    ...status,
    oldestPendingAt: shiftIfAny(status.oldestPendingAt, shift),
    paused: status.paused.map((pause) => ({
      ...pause,
      pausedAt: shift(pause.pausedAt),
      nextProbeAt: shift(pause.nextProbeAt),
    })),
  };
}

export function shiftSummary<Summary extends MessageSummary>(summary: Summary, shift: Shift): Summary {
  return {
    ...summary,
    acceptedAt: shift(summary.acceptedAt),
    endedAt: shiftIfAny(summary.endedAt, shift),
    dueAt: shiftIfAny(summary.dueAt, shift),
  };
}

export function shiftDetail(detail: MessageDetail, shift: Shift): MessageDetail {
  return {
    ...shiftSummary(detail, shift),
    recordedAttempts: detail.recordedAttempts.map((attempt) => ({
      ...attempt,
      startedAt: shift(attempt.startedAt),
    })),
  };
}
