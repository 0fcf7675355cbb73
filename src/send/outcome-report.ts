/**
 * What a failed attempt means for its message and its destination: the table of verdicts (send-outcome.ts) applied to
 * one claim. Pure: the dispatcher gathers the facts, the store records the report.
 */
import type { Claim, OutcomeReport, Pause } from '../queue/message-store.ts';
import { hasGivenUp, isTooOld, probeDelayMs, retryDelayMs, throttledDelayMs } from './retry-policy.ts';
import type { SendFailure } from './send-outcome.ts';

export interface FailureFacts {
  readonly claim: Claim;
  readonly failure: SendFailure;
  readonly now: number;
  readonly retryMaxAgeMs: number;
  /** When the destination last took a message from this process. */
  readonly destinationDeliveredAt: number | undefined;
  /** The destination has failed so often in a row that it is to be paused. */
  readonly isDestinationFailing: boolean;
  readonly random: () => number;
}

export function reportFailure(facts: FailureFacts): OutcomeReport {
  const { claim, now } = facts;
  const outcome = outcomeOf(facts);
  const pause = pauseOf(facts);
  // Throttling says nothing about why it was paused.
  const isProbeThrottled = claim.isProbe && outcome.verdict === 'returned' && !pause;
  return {
    claim,
    now,
    outcome,
    ...(pause ? { pause } : {}),
    ...(isProbeThrottled
      ? { nextProbe: { destination: claim.destination, nextProbeAt: outcome.dueAt } }
      : {}),
  };
}

function outcomeOf(facts: FailureFacts): OutcomeReport['outcome'] {
  const { claim, failure, now, random } = facts;
  const error = failure.sentence;
  switch (failure.verdict) {
    case 'throttled':
      return { verdict: 'returned', dueAt: now + throttledDelayMs(random), error };
    case 'pause':
      return { verdict: 'returned', dueAt: now, error };
    case 'dead':
      // While a destination is paused, one refusal may still be the destination's fault; the same message's second is not.
      return claim.isProbe && claim.probeRefusals === 0
        ? { verdict: 'returned', dueAt: now, error, isProbeRefusal: true }
        : { verdict: 'dead', reason: 'refused', error };
    case 'retry':
      return retryOutcome(facts);
  }
}

function retryOutcome(facts: FailureFacts): OutcomeReport['outcome'] {
  const { claim, failure, now, random, retryMaxAgeMs, destinationDeliveredAt } = facts;
  const { sentence: error, isAmbiguous } = failure;
  const attempts = claim.attempts + 1;
  const firstFailedAt = claim.firstFailedAt ?? now;
  if (isTooOld({ acceptedAt: claim.acceptedAt, now, pausedMs: claim.pausedMs, attempts, retryMaxAgeMs })) {
    return { verdict: 'dead', reason: 'too_old', error, isAmbiguous };
  }
  if (hasGivenUp({ firstFailedAt, now, destinationDeliveredAt })) {
    return { verdict: 'dead', reason: 'gave_up', error, isAmbiguous };
  }
  // A probe's next turn is the pause's to say.
  return {
    verdict: 'retry',
    retryAt: claim.isProbe ? now : now + retryDelayMs(attempts, random),
    error,
    isAmbiguous,
  };
}

function pauseOf({ claim, failure, now, isDestinationFailing }: FailureFacts): Pause | undefined {
  const { destination, isProbe, probesBefore } = claim;
  if (failure.verdict === 'throttled') return undefined;
  if (failure.verdict !== 'pause' && !isProbe && !isDestinationFailing) return undefined;
  const nextProbeAt = now + probeDelayMs(isProbe ? probesBefore + 1 : 0);
  return { destination, ...describePause(failure), nextProbeAt };
}

/** The error's name, and what to do, in words. */
function describePause({ verdict, code, remedy }: SendFailure): Pick<Pause, 'code' | 'reason'> {
  switch (verdict) {
    case 'pause':
      return { code, reason: remedy };
    case 'dead':
      return {
        code,
        reason: `Connect refuses everything for this destination: check the route’s destinationId and subtype (${code}).`,
      };
    case 'retry':
    case 'throttled':
      return { code, reason: `Every attempt for this destination fails (${code}). ${remedy}` };
  }
}
