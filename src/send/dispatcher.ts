/**
 * The dispatcher: claims due heads and carries each to its outcome. It conducts; the rules are its neighbours' (route,
 * chat-event, send-outcome, retry-policy) and the store's.
 *
 * What it promises:
 * - A request leaves only for a committed claim, with a pace token of its own, and only while the lease outlives the
 *   send's time-out by this process's own monotonic clock. So two senders never work in one lane, even when this
 *   process was frozen between the claim and the send: it then gives the lane back.
 * - Lanes don't wait for each other. At most MAX_IN_FLIGHT attempts run at once; where there is more than one
 *   destination, at most half of those go to one of them, so that one that hangs never holds up the others.
 * - Destination, quota and route are resolved at each attempt. Where they are no longer those that the lane was claimed
 *   under, the lane goes back with the new ones and is claimed under them: no send passes by a pause or a quota.
 * - A message in parts goes one part a claim: each has a token and a fresh lease of its own, and the store knows where
 *   a crash or a failure met it.
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
import type { Claim, ClaimedHeads, MessageStore, OutcomeReport } from '../queue/message-store.ts';
import type { PaceLimits } from '../queue/pace.ts';
import { buildChatEvent, renderParts } from './chat-event.ts';
import type { ChatEvent } from './chat-event.ts';
import { SEND_TIMEOUT_MS } from './connect-client.ts';
import type { ConnectSender, SentEvent } from './connect-client.ts';
import { DestinationHealth } from './destination-health.ts';
import { OutcomeRecorder, STORE_RETRY_MS, describeClaim } from './outcome-recorder.ts';
import { reportDelivery, reportFailure, reportLost, reportUnsent } from './outcome-report.ts';
import type { AttemptFacts, ReportFacts, Timing } from './outcome-report.ts';
import { isTooOld } from './retry-policy.ts';
import { resolveDestination } from './route.ts';
import type { Destination, Route } from './route.ts';
import { classifySendError } from './send-outcome.ts';
import type { SendFailure } from './send-outcome.ts';
import type { TextLimits } from './text-parts.ts';

const MAX_IN_FLIGHT = 64;
const LEASE_MS = 12 * SECOND_MS;
const POLL_MS = SECOND_MS;

export interface DispatcherOptions {
  readonly store: MessageStore;
  readonly sender: ConnectSender;
  readonly routes: readonly Route[];
  readonly fallbackRegion: string | undefined;
  readonly textLimits: TextLimits;
  /** Of each account and Region. */
  readonly paceLimits: PaceLimits;
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
    this.#destinations = new Set(options.routes.flatMap(({ destinationId }) => destinationId ?? []));
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
        paceLimits: this.#options.paceLimits,
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
      this.#options.metrics.possibleDuplicates.inc();
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
    const { routes, fallbackRegion, textLimits, clock, sender, retryMaxAgeMs } = this.#options;
    const destination = resolveDestination(routes, claim.message, fallbackRegion);
    if (!destination || !this.#maySend(claim, claimedAtMs, destination)) {
      await this.#recorder.record(claim, reportUnsent(this.#facts(claim), destination));
      return;
    }
    const startedAt = clock.now();
    if (claim.followsLostAttempt && isTooOld({ ...claim, now: startedAt, retryMaxAgeMs })) {
      await this.#recorder.record(claim, reportLost(this.#facts(claim)));
      return;
    }
    const startedAtMs = clock.monotonicMs();
    const timing = (): Timing => ({ startedAt, durationMs: Math.round(clock.monotonicMs() - startedAtMs) });
    let parts = claim.parts ?? [];
    const facts = (): AttemptFacts => ({ ...this.#facts(claim), parts });
    let event: ChatEvent;
    let sent: SentEvent;
    try {
      parts = claim.parts ?? renderParts(claim.message, textLimits, startedAt);
      event = buildChatEvent(claim.message, destination, partAt(parts, claim.partsDelivered));
      sent = await sender.send(event.request, destination);
    } catch (error) {
      await this.#recorder.record(claim, this.#judge(facts(), classifySendError(error), timing()));
      return;
    }
    this.#health.delivered(claim.destination, clock.now());
    await this.#recorder.record(claim, reportDelivery(facts(), sent, timing()));
    // An open chat ignores them all.
    if (sent.newChatCreated !== false) this.#countDropped(claim, event.droppedAttributes);
  }

  /** The place it was claimed for, a lease that outlives the send, and nobody told it to end. */
  #maySend(claim: Claim, claimedAtMs: number, destination: Destination): boolean {
    const isSamePlace =
      destination.destination === claim.destination && destination.paceKey === claim.paceKey;
    const isLeaseFresh = this.#options.clock.monotonicMs() - claimedAtMs + SEND_TIMEOUT_MS < LEASE_MS;
    return isSamePlace && isLeaseFresh && !this.#draining.signal.aborted;
  }

  #judge(facts: AttemptFacts, failure: SendFailure, timing: Timing): OutcomeReport {
    const { retryMaxAgeMs, random } = this.#options;
    const { destination, laneId } = facts.claim;
    const isTheMessages = failure.verdict === 'retry' || failure.verdict === 'dead';
    const isDestinationFailing = isTheMessages && this.#health.failed(destination, laneId);
    const report = reportFailure(facts, failure, timing, {
      retryMaxAgeMs,
      delivering: this.#health.delivering(destination),
      isDestinationFailing,
      random,
    });
    if (report.pause) this.#health.paused(destination);
    return report;
  }

  #facts(claim: Claim): ReportFacts {
    const { clock, paceLimits } = this.#options;
    return { claim, now: clock.now(), paceLimits };
  }

  /** Keys are the routes' and ours: nothing of a customer's. */
  #countDropped(claim: Claim, keys: readonly string[]): void {
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

function partAt(parts: readonly string[], index: number): string {
  const part = parts[index];
  if (part === undefined) throw new Error('A message has fewer parts than were delivered of it.');
  return part;
}
