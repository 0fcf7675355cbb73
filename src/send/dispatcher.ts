/**
 * The dispatcher: claims due heads and carries each to its outcome. It conducts; the rules are its neighbours' (the
 * methods of delivery, send-outcome, retry-policy) and the store's.
 *
 * What it promises:
 * - A request leaves only for a committed claim, with a pace token of its own, and only while the lease outlives the
 *   send's time-out by this process's own monotonic clock. So two senders never work in one lane, even when this
 *   process was frozen between the claim and the send: it then gives the lane back.
 * - Lanes don't wait for each other. At most MAX_IN_FLIGHT attempts run at once; where there is more than one
 *   destination, at most half of those go to one of them, so that one that hangs never holds up the others.
 * - Destination, quota and route are resolved at each attempt. Where they are no longer those that the lane was claimed
 *   under, the lane goes back with the new ones and is claimed under them: no send passes by a pause or a quota.
 * - A claim makes one request: a part of a message, or a step of a method that has several. Each has a token of its own
 *   operation and a fresh lease, and the store knows where a crash or a failure met it.
 * - An outcome is recorded before the slot is free, however long the store is away, and nothing is claimed meanwhile:
 *   what was delivered is not sent again because its lease has lapsed. Only the end of the service cuts that short.
 * - Draining stops claiming and waits for what runs. What is cut off is found by the next start as a lost attempt.
 *
 * On a crash: before the claim's commit nothing happened; between claim and record the message is `sending`, and the
 * claim after the lease counts a possible duplicate; after the record it is done.
 *
 * It sleeps until the next lane is due or a pace has a token, is woken by acceptances and outcomes, and looks at
 * least every POLL_MS, because commands write to the same store from other processes.
 */
import type { Clock } from '../clock.ts';
import { SECOND_MS } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Claim, ClaimedHeads, MessageStore, OutcomeReport, Placement } from '../queue/message-store.ts';
import { limitsOf } from '../queue/pace.ts';
import type { PaceTable } from '../queue/pace.ts';
import { SEND_TIMEOUT_MS } from './aws-clients.ts';
import type { Answer, NextRequest, NextStep } from './delivery-method.ts';
import type { DeliveryMethods } from './delivery-methods.ts';
import { DestinationHealth } from './destination-health.ts';
import { OutcomeRecorder, STORE_RETRY_MS, describeClaim } from './outcome-recorder.ts';
import {
  UNCLEAR_REPLIES_MAX,
  reportAnswer,
  reportFailure,
  reportLost,
  reportNowhere,
  reportUnclear,
  reportUnsent,
  reportUseless,
} from './outcome-report.ts';
import type { AttemptFacts, ReportFacts, Timing } from './outcome-report.ts';
import { isParticipantStep } from './participant/participant-errors.ts';
import { isTooOld } from './retry-policy.ts';
import { classifySendError } from './send-outcome.ts';
import type { SendFailure } from './send-outcome.ts';

/** Twice what keeps the AWS clients busy: others are on their way to the store meanwhile. */
export const MAX_IN_FLIGHT = 128;
const LEASE_MS = 12 * SECOND_MS;
const POLL_MS = SECOND_MS;

export interface DispatcherOptions {
  readonly store: MessageStore;
  readonly methods: DeliveryMethods;
  /** Destinations that are known from the start. */
  readonly destinations: readonly string[];
  readonly paces: PaceTable;
  readonly retryMaxAgeMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #health = new DestinationHealth();
  readonly #recorder: OutcomeRecorder;
  readonly #inFlight = new Map<Claim, Promise<void>>();
  readonly #destinations: Set<string>;
  readonly #draining = new AbortController();
  #wake: () => void = () => {};
  #isWoken = false;
  #loop: Promise<void> | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#recorder = new OutcomeRecorder(options);
    this.#destinations = new Set(options.destinations);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Something has become due, or a slot free. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Stops claiming and waits for the attempts that run. */
  async drain(): Promise<void> {
    this.#draining.abort();
    this.#recorder.drain();
    this.wake();
    await this.#loop;
    await Promise.all(this.#inFlight.values());
  }

  async #run(): Promise<void> {
    while (!this.#draining.signal.aborted) {
      this.#isWoken = false;
      await this.#rest(await this.#claim());
    }
  }

  /** Starts an attempt for each head that may go; returns for how long there is nothing more to do, milliseconds. */
  async #claim(): Promise<number> {
    const { store, clock, logger, metrics } = this.#options;
    const limit = MAX_IN_FLIGHT - this.#inFlight.size;
    if (limit <= 0) return POLL_MS;
    // Their leases may have lapsed while the store was away: recorded first, they are not sent again.
    if (this.#recorder.hasBacklog) return STORE_RETRY_MS;
    const claimedAtMs = clock.monotonicMs();
    const now = clock.now();
    let claimed: ClaimedHeads;
    try {
      claimed = await store.claimHeads({
        now,
        leaseMs: LEASE_MS,
        limit,
        limitPerDestination: this.#destinations.size > 1 ? MAX_IN_FLIGHT / 2 : MAX_IN_FLIGHT,
        inFlight: this.#countInFlight(),
        paces: this.#options.paces,
      });
    } catch (error) {
      metrics.storeErrors.inc();
      logger.error({ err: error }, 'store.failed');
      return STORE_RETRY_MS;
    }
    for (const claim of claimed.claims) this.#begin(claim, claimedAtMs);
    return this.#restMs(claimed, now);
  }

  #begin(claim: Claim, claimedAtMs: number): void {
    this.#destinations.add(claim.destination);
    if (claim.followsLostAttempt) {
      if (!claim.isIdempotent) this.#options.metrics.possibleDuplicates.inc();
      this.#options.logger.warn(describeClaim(claim), 'attempt.lost');
    }
    const attempt = this.#attempt(claim, claimedAtMs)
      .catch((error: unknown) =>
        this.#options.logger.error({ err: error, messageId: claim.messageId }, 'attempt.failed'),
      )
      .finally(() => {
        this.#inFlight.delete(claim);
        this.wake();
      });
    this.#inFlight.set(claim, attempt);
  }

  /**
   * Until the next lane may go. One that could go at the claim but was not claimed lacks a slot, which wakes by itself;
   * one that has come due since is claimed at once.
   */
  #restMs({ claims, nextDueAt }: ClaimedHeads, claimedAt: number): number {
    if (claims.length > 0) return 0;
    if (nextDueAt === undefined || nextDueAt <= claimedAt) return POLL_MS;
    return Math.min(nextDueAt - this.#options.clock.now(), POLL_MS);
  }

  async #rest(ms: number): Promise<void> {
    if (ms <= 0 || this.#isWoken || this.#draining.signal.aborted) return;
    const { promise: woken, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, Math.ceil(ms));
    await woken;
    clearTimeout(timer);
  }

  async #attempt(claim: Claim, claimedAtMs: number): Promise<void> {
    const { methods, clock } = this.#options;
    const startedAt = clock.now();
    let step: NextStep;
    try {
      step = methods.next(claim, startedAt);
    } catch (error) {
      const facts = { ...this.#facts(claim), parts: claim.parts ?? [] };
      const timing = { startedAt, durationMs: 0 };
      await this.#record(claim, this.#judge(facts, classifySendError(error), timing, claim.paceKey));
      return;
    }
    const unsent = this.#reportUnsent(claim, step, claimedAtMs);
    if (unsent) await this.#record(claim, unsent);
    else if (step.kind === 'request') await this.#send(claim, step, startedAt);
  }

  /** Undefined: its request may go. */
  #reportUnsent(claim: Claim, step: NextStep, claimedAtMs: number): OutcomeReport | undefined {
    const { clock, retryMaxAgeMs } = this.#options;
    const facts = this.#facts(claim);
    switch (step.kind) {
      case 'nowhere':
        return reportNowhere(facts);
      case 'useless':
        return reportUseless(facts, step.reason);
      case 'begin':
        return reportUnsent(facts, step.placement, step.session);
      case 'request': {
        if (!this.#maySend(claim, claimedAtMs, step.placement)) return reportUnsent(facts, step.placement);
        const isUnclear = claim.direction === 'outbound' && claim.unclearAttempts > UNCLEAR_REPLIES_MAX;
        if (isUnclear) return reportUnclear(facts);
        const isLost = claim.followsLostAttempt && isTooOld({ ...claim, now: clock.now(), retryMaxAgeMs });
        return isLost ? reportLost(facts) : undefined;
      }
    }
  }

  async #send(claim: Claim, request: NextRequest, startedAt: number): Promise<void> {
    const { clock } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const timing = (): Timing => ({ startedAt, durationMs: Math.round(clock.monotonicMs() - startedAtMs) });
    const facts = (): AttemptFacts => ({ ...this.#facts(claim), parts: request.parts });
    const { countedAs } = request;
    let answer: Answer;
    try {
      answer = await request.send();
    } catch (error) {
      const failure = request.classify(error);
      const report = this.#judge(facts(), failure, timing(), countedAs ?? claim.paceKey);
      await this.#record(claim, report, failure.why);
      return;
    }
    if (answer.kind === 'delivered')
      this.#health.delivered(claim.destination, clock.now(), countedAs ?? claim.paceKey);
    else if (answer.kind === 'step' && isParticipantStep(answer.code) && countedAs === undefined)
      this.#health.succeeded(claim.destination, clock.now(), claim.paceKey);
    await this.#record(claim, reportAnswer(facts(), answer, timing()));
    if (answer.kind !== 'wait') this.#countDropped(claim, answer.droppedAttributes);
  }

  /** A reply that is given up is told of where it was written. */
  async #record(claim: Claim, report: OutcomeReport, why?: string): Promise<void> {
    const { methods, clock } = this.#options;
    const notice = methods.noticeOf(claim, report.outcome, why, clock.now());
    await this.#recorder.record(claim, notice ? { ...report, notice } : report);
  }

  /** The place it was claimed for, a lease that outlives the send, and nobody told it to end. */
  #maySend(claim: Claim, claimedAtMs: number, { destination, paceKey }: Placement): boolean {
    const isSamePlace = destination === claim.destination && paceKey === claim.paceKey;
    const isLeaseFresh = this.#options.clock.monotonicMs() - claimedAtMs + SEND_TIMEOUT_MS < LEASE_MS;
    return isSamePlace && isLeaseFresh && !this.#draining.signal.aborted;
  }

  /** `operation`: what the failure is counted with. */
  #judge(facts: AttemptFacts, raised: SendFailure, timing: Timing, operation: string): OutcomeReport {
    const { retryMaxAgeMs, random, clock } = this.#options;
    const { destination, laneId } = facts.claim;
    const isTheChats = raised.isPerhapsTheChats && this.#health.isDelivering(destination, clock.now());
    const failure: SendFailure = isTheChats ? { ...raised, verdict: 'retry' } : raised;
    const isTheMessages = failure.verdict === 'retry' || failure.verdict === 'dead';
    const isDestinationFailing = isTheMessages && this.#health.failed(destination, laneId, operation);
    const report = reportFailure(facts, failure, timing, {
      retryMaxAgeMs,
      delivering: this.#health.delivering(destination, operation),
      isDestinationFailing,
      isDestinationPaused: this.#health.wasPausedSince(destination, timing.startedAt),
      random,
    });
    if (report.pause) this.#health.paused(destination, clock.now());
    return report;
  }

  #facts(claim: Claim): ReportFacts {
    const { clock, paces } = this.#options;
    return { claim, now: clock.now(), paceLimits: limitsOf(paces, claim.paceKey) };
  }

  /** Keys are the routes' and ours: nothing of a customer's. */
  #countDropped(claim: Claim, keys: readonly string[] = []): void {
    if (keys.length === 0) return;
    const { metrics, logger } = this.#options;
    metrics.droppedAttributes.inc(keys.length);
    logger.warn({ ...describeClaim(claim), keys }, 'attributes.dropped');
  }

  #countInFlight(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { destination } of this.#inFlight.keys()) counts[destination] = (counts[destination] ?? 0) + 1;
    return counts;
  }
}
