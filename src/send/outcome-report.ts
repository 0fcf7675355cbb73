/**
 * What an attempt means for its message, its destination and its pace: the table of verdicts (send-outcome.ts) applied
 * to one claim. Pure: the dispatcher gathers the facts, the store records the report.
 */
import type { Direction } from '../normalize/channel.ts';
import type {
  Attempt,
  ChatSession,
  Claim,
  Outcome,
  OutcomeReport,
  Pause,
  Placement,
} from '../queue/message-store.ts';
import type { PaceLimits } from '../queue/pace.ts';
import type { Answer, Delivered } from './delivery-method.ts';
import type { Delivering } from './destination-health.ts';
import { isPastPause } from './participant/participant-errors.ts';
import { hasGivenUp, isTooOld, probeDelayMs, retryDelayMs, throttledDelayMs } from './retry-policy.ts';
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

/** Attempts of a reply that may each have reached the customer: one, and one more. */
export const UNCLEAR_REPLIES_MAX = 1;

export type Timing = Pick<Attempt, 'startedAt' | 'durationMs'>;

export interface FailureCircumstances {
  readonly retryMaxAgeMs: number;
  /** Whether, and since when, the destination takes messages. */
  readonly delivering: Delivering | undefined;
  /** The destination has failed so often in a row that it is to be paused. */
  readonly isDestinationFailing: boolean;
  /** It has been paused since the attempt began. */
  readonly isDestinationPaused: boolean;
  readonly random: () => number;
}

/** What a request that was not refused means; `Answer` says what it brought about. */
export function reportAnswer(facts: AttemptFacts, answer: Answer, timing: Timing): OutcomeReport {
  const { claim, now } = facts;
  const { requestId } = answer;
  const report = { claim, now, ...fixedParts(facts) };
  const attempt = { ...timing, ...(requestId === undefined ? {} : { requestId }) };
  switch (answer.kind) {
    case 'delivered':
      return reportDelivery(facts, answer, { ...attempt, verdict: 'delivered' });
    case 'step': {
      const { code, session, placement, isAmbiguous } = answer;
      return {
        ...report,
        outcome: { verdict: 'returned', dueAt: now, ...(isAmbiguous ? { isAmbiguous } : {}) },
        attempt: { ...attempt, verdict: 'step', code },
        session,
        placement,
        ...(claim.isProbe ? probeAfterStep(claim, code, now) : {}),
      };
    }
    case 'wait': {
      const { code, sentence, waitMs, session } = answer;
      const dueAt = now + waitMs;
      return {
        ...report,
        outcome: { verdict: 'returned', dueAt, error: sentence },
        attempt: { ...attempt, verdict: 'throttled', code },
        session,
        ...(claim.isProbe ? { nextProbe: { destination: claim.destination, nextProbeAt: dueAt } } : {}),
      };
    }
  }
}

function reportDelivery(
  facts: AttemptFacts,
  { contactId, newChatCreated, session, offers, isChoiceMade }: Delivered,
  attempt: Attempt,
): OutcomeReport {
  const { claim, now, parts } = facts;
  const isLast = claim.partsDelivered + 1 >= parts.length;
  return {
    claim,
    now,
    ...fixedParts(facts),
    outcome: {
      verdict: isLast ? 'delivered' : 'part_delivered',
      ...(contactId === undefined ? {} : { contactId }),
      ...(newChatCreated === undefined ? {} : { newChatCreated }),
    },
    attempt,
    ...(session ? { session } : {}),
    ...(offers && isLast ? { offers } : {}),
    ...(isChoiceMade ? { isChoiceMade } : {}),
    ...(claim.isProbe ? { resume: claim.destination } : {}),
  };
}

function probeAfterStep(
  claim: Claim,
  code: string,
  now: number,
): Pick<OutcomeReport, 'resume' | 'nextProbe'> {
  const { destination, pauseCode } = claim;
  return isPastPause(code, pauseCode) ? { resume: destination } : probeOn(claim, now, true);
}

/** It has another place now, or the lease has grown too old, or the service ends, or its session has to be stored first. */
export function reportUnsent(facts: ReportFacts, placement: Placement, session?: ChatSession): OutcomeReport {
  return {
    ...withoutRequest(facts, session !== undefined),
    outcome: { verdict: 'returned', dueAt: facts.now },
    placement,
    ...(session ? { session } : {}),
  };
}

export function reportNowhere(facts: ReportFacts): OutcomeReport {
  const error = 'No route takes it any more.';
  return { ...withoutRequest(facts), outcome: { verdict: 'dead', reason: 'no_route', error } };
}

export function reportUseless(facts: ReportFacts, reason: string): OutcomeReport {
  return { ...withoutRequest(facts), outcome: { verdict: 'discarded', reason } };
}

function withoutRequest({ claim, now, paceLimits }: ReportFacts, isSameLane = false) {
  return {
    claim,
    now,
    pace: { key: claim.paceKey, limits: paceLimits, effect: 'unused' as const },
    ...(claim.isProbe ? probeOn(claim, now, isSameLane) : {}),
  };
}

/**
 * A probe that has not brought a message yet: the next one goes at once. `isSameLane`: with the same message, which is on its
 * way; another would only open another chat.
 */
function probeOn({ destination }: Claim, now: number, isSameLane: boolean): Pick<OutcomeReport, 'nextProbe'> {
  return { nextProbe: { destination, nextProbeAt: now, ...(isSameLane ? { isSameLane } : {}) } };
}

/** A message whose senders were lost again and again (does it crash them?) ends like one that fails for as long. */
export function reportLost(facts: ReportFacts): OutcomeReport {
  const error = 'The last attempts were lost with their sender.';
  return { ...withoutRequest(facts), outcome: { verdict: 'dead', reason: 'too_old', error } };
}

/** Replies have no token: what may have reached the customer twice by now goes no third time. */
export function reportUnclear(facts: ReportFacts): OutcomeReport {
  const error = 'Two attempts ended without a word whether it was sent.';
  return { ...withoutRequest(facts), outcome: { verdict: 'dead', reason: 'gave_up', error } };
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
      // It went out before the pause, whose reason is most likely this refusal's, too.
      if (!claim.isProbe && circumstances.isDestinationPaused)
        return { verdict: 'returned', dueAt: now, error };
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
  if (isAmbiguous && claim.direction === 'outbound' && claim.unclearAttempts + 1 > UNCLEAR_REPLIES_MAX) {
    return { verdict: 'dead', reason: 'gave_up', error, isAmbiguous };
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
  return { destination, ...describePause(failure, claim), nextProbeAt };
}

/** The error's name, and what to do, in words. */
function describePause(
  { verdict, code, remedy }: SendFailure,
  { direction }: Claim,
): Pick<Pause, 'code' | 'reason'> {
  switch (verdict) {
    case 'pause':
      return { code, reason: remedy };
    case 'dead':
      return {
        code,
        reason: `${REFUSES_ALL[direction]} (${code}).${direction === 'outbound' ? ` ${remedy}` : ''}`,
      };
    case 'retry':
    case 'throttled':
      return { code, reason: `Every attempt for this destination fails (${code}). ${remedy}` };
  }
}

/** One after the other, so it is no longer about a message. */
const REFUSES_ALL = {
  inbound:
    'Connect refuses everything for this destination: check the route’s destinationId and subtype, or its instanceId and contactFlowId',
  outbound:
    'End User Messaging refuses every reply from this number: look there whether it may send, and to these customers',
} as const satisfies Record<Direction, string>;
