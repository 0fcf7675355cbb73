/**
 * What an attempt means for its message, its destination and its pace: the table of verdicts (send-outcome.ts) applied
 * to one claim. Pure: the dispatcher gathers the facts, the store records the report.
 */
import type { Attempt, Claim, Outcome, OutcomeReport, Pause } from '../queue/message-store.ts';
import type { PaceLimits } from '../queue/pace.ts';
import type { SentEvent } from './connect-client.ts';
import type { Delivering } from './destination-health.ts';
import { hasGivenUp, isTooOld, probeDelayMs, retryDelayMs, throttledDelayMs } from './retry-policy.ts';
import type { Destination } from './route.ts';
import type { SendFailure } from './send-outcome.ts';

export interface ReportFacts {
  readonly claim: Claim;
  readonly now: number;
  readonly paceLimits: PaceLimits;
}

/** Of an attempt that was made. */
export interface AttemptFacts extends ReportFacts {
  /** The message's texts, this attempt's the one at `claim.partsDelivered`. None where it could not be rendered. */
  readonly parts: readonly string[];
}

export type Timing = Pick<Attempt, 'startedAt' | 'durationMs'>;

export interface FailureCircumstances {
  readonly retryMaxAgeMs: number;
  /** Whether, and since when, the destination takes messages. */
  readonly delivering: Delivering | undefined;
  /** The destination has failed so often in a row that it is to be paused. */
  readonly isDestinationFailing: boolean;
  readonly random: () => number;
}

export function reportDelivery(facts: AttemptFacts, sent: SentEvent, timing: Timing): OutcomeReport {
  const { claim, now, parts } = facts;
  const { contactId, newChatCreated, requestId } = sent;
  return {
    claim,
    now,
    ...fixedParts(facts),
    outcome: {
      verdict: claim.partsDelivered + 1 < parts.length ? 'part_delivered' : 'delivered',
      ...(contactId === undefined ? {} : { contactId }),
      ...(newChatCreated === undefined ? {} : { newChatCreated }),
    },
    attempt: { verdict: 'delivered', ...timing, ...(requestId === undefined ? {} : { requestId }) },
    ...(claim.isProbe ? { resume: claim.destination } : {}),
  };
}

/** The message has no destination any more, or another one, or the lease has grown too old, or the service ends. */
export function reportUnsent(
  { claim, now, paceLimits }: ReportFacts,
  destination: Destination | undefined,
): OutcomeReport {
  const report = {
    claim,
    now,
    pace: { key: claim.paceKey, limits: paceLimits, effect: 'unused' as const },
    // A paused destination that was not asked may be probed with the next in line at once.
    ...(claim.isProbe ? { nextProbe: { destination: claim.destination, nextProbeAt: now } } : {}),
  };
  if (!destination) {
    const error = 'No route takes it any more.';
    return { ...report, outcome: { verdict: 'dead', reason: 'no_route', error } };
  }
  const { destination: id, paceKey } = destination;
  return {
    ...report,
    outcome: { verdict: 'returned', dueAt: now },
    placement: { destination: id, paceKey },
  };
}

/** A message whose senders were lost again and again (does it crash them?) ends like one that fails for as long. */
export function reportLost({ claim, now, paceLimits }: ReportFacts): OutcomeReport {
  return {
    claim,
    now,
    pace: { key: claim.paceKey, limits: paceLimits, effect: 'unused' },
    outcome: { verdict: 'dead', reason: 'too_old', error: 'The last attempts were lost with their sender.' },
  };
}

export function reportFailure(
  facts: AttemptFacts,
  failure: SendFailure,
  timing: Timing,
  circumstances: FailureCircumstances,
): OutcomeReport {
  const { claim, now, paceLimits } = facts;
  const { verdict, code, requestId } = failure;
  const outcome = outcomeOf(facts, failure, circumstances);
  const pause = pauseOf(facts, failure, circumstances);
  // Throttling says nothing about why it was paused.
  const isProbeThrottled = claim.isProbe && outcome.verdict === 'returned' && !pause;
  return {
    claim,
    now,
    ...fixedParts(facts),
    outcome,
    attempt: { verdict, code, ...timing, ...(requestId === undefined ? {} : { requestId }) },
    ...(verdict === 'throttled'
      ? { pace: { key: claim.paceKey, limits: paceLimits, effect: 'throttled' } }
      : {}),
    ...(pause ? { pause } : {}),
    ...(isProbeThrottled
      ? { nextProbe: { destination: claim.destination, nextProbeAt: outcome.dueAt } }
      : {}),
  };
}

/** The first attempt fixes the parts; a text that goes at once has none. */
function fixedParts({ claim, parts }: AttemptFacts): Pick<OutcomeReport, 'parts'> {
  return parts.length > 1 && claim.parts === undefined ? { parts } : {};
}

function outcomeOf(
  { claim, now }: ReportFacts,
  failure: SendFailure,
  circumstances: FailureCircumstances,
): Outcome {
  const error = failure.sentence;
  switch (failure.verdict) {
    case 'throttled':
      return { verdict: 'returned', dueAt: now + throttledDelayMs(circumstances.random), error };
    case 'pause':
      return { verdict: 'returned', dueAt: now, error };
    case 'dead':
      // While a destination is paused, one refusal may still be the destination's fault; the same message's second is not.
      return claim.isProbe && claim.probeRefusals === 0
        ? { verdict: 'returned', dueAt: now, error, isProbeRefusal: true }
        : { verdict: 'dead', reason: 'refused', error };
    case 'retry':
      return retryOutcome(claim, now, failure, circumstances);
  }
}

function retryOutcome(
  claim: Claim,
  now: number,
  failure: SendFailure,
  { retryMaxAgeMs, delivering, random }: FailureCircumstances,
): Outcome {
  const { sentence: error, isAmbiguous } = failure;
  const { acceptedAt, pausedMs, firstFailedAt = now } = claim;
  const attempts = claim.attempts + 1;
  if (isTooOld({ acceptedAt, now, pausedMs, attempts, retryMaxAgeMs })) {
    return { verdict: 'dead', reason: 'too_old', error, isAmbiguous };
  }
  if (hasGivenUp({ firstFailedAt, now, attempts, delivering })) {
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

function pauseOf(
  { claim, now }: ReportFacts,
  failure: SendFailure,
  { isDestinationFailing }: FailureCircumstances,
): Pause | undefined {
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
