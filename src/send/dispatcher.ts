/**
 * The dispatcher: claims due heads and carries each to its outcome. It conducts; the rules are its neighbours' (route,
 * chat-event, send-outcome, retry-policy, pace) and the store's.
 *
 * What it promises:
 * - A request leaves only for a committed claim, with a pace token of its own, and only while the lease outlives the
 *   send's time-out by this process's own monotonic clock. So two senders never work in one lane, even when this
 *   process was frozen between the claim and the send: it then gives the lane back.
 * - Lanes don't wait for each other. At most MAX_IN_FLIGHT attempts run at once; where there is more than one
 *   destination, at most half of those go to one of them, so that one that hangs never holds up the others.
 * - Destination, quota and route are resolved at each attempt. Where they are no longer those that the lane was claimed
 *   under, the lane goes back with the new ones and is claimed under them: no send passes by a pause or a quota.
 * - An outcome is recorded before the slot is free. While the store can't record it, it is tried again until the store
 *   says that somebody else has the lane.
 * - Draining stops claiming and waits for what runs. What is cut off is found by the next start as a lost attempt.
 *
 * On a crash: before the claim's commit nothing happened; between claim and record the message is `sending`, and the
 * claim after the lease counts a possible duplicate; after the record it is done.
 *
 * It sleeps until the next lane is due or a pace has a token, is woken by acceptances and outcomes, and looks at
 * least every POLL_MS, because commands write to the same store from other processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { SECOND_MS } from '../clock.ts';
import { maskAddress } from '../log.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Claim, ClaimedHeads, MessageStore, OutcomeReport } from '../queue/message-store.ts';
import { buildChatEvent } from './chat-event.ts';
import { SEND_TIMEOUT_MS } from './connect-client.ts';
import type { ConnectSender, SentEvent } from './connect-client.ts';
import { DestinationHealth } from './destination-health.ts';
import { reportFailure } from './outcome-report.ts';
import { Pace } from './pace.ts';
import { resolveDestination } from './route.ts';
import type { Destination, Route } from './route.ts';
import { classifySendError } from './send-outcome.ts';
import type { SendFailure } from './send-outcome.ts';

const MAX_IN_FLIGHT = 64;
const LEASE_MS = 12 * SECOND_MS;
const POLL_MS = SECOND_MS;
/** Between tries to reach a store that fails. */
const STORE_RETRY_MS = SECOND_MS / 2;

export interface DispatcherOptions {
  readonly store: MessageStore;
  readonly sender: ConnectSender;
  readonly routes: readonly Route[];
  readonly fallbackRegion: string | undefined;
  /** Calls per second, and at once, per account and Region. */
  readonly rate: number;
  readonly burst: number;
  readonly retryMaxAgeMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #health = new DestinationHealth();
  readonly #paces = new Map<string, Pace>();
  readonly #inFlight = new Map<Claim, Promise<void>>();
  readonly #destinations: Set<string>;
  readonly #draining = new AbortController();
  #wake: () => void = () => {};
  #isWoken = false;
  #loop: Promise<void> | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
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
    const claimedAtMs = clock.monotonicMs();
    let claimed: ClaimedHeads;
    try {
      claimed = await store.claimHeads({
        now: clock.now(),
        leaseMs: LEASE_MS,
        limit,
        limitPerDestination: this.#destinations.size > 1 ? MAX_IN_FLIGHT / 2 : MAX_IN_FLIGHT,
        inFlight: this.#countInFlight(),
        tokens: Object.fromEntries([...this.#paces].map(([key, pace]) => [key, pace.tokens()])),
        tokensOfNewPace: this.#options.burst,
      });
    } catch (error) {
      metrics.storeErrors.inc();
      logger.error({ err: error }, 'store.failed');
      return STORE_RETRY_MS;
    }
    for (const claim of claimed.claims) this.#begin(claim, claimedAtMs);
    return this.#restMs(claimed);
  }

  #begin(claim: Claim, claimedAtMs: number): void {
    this.#destinations.add(claim.destination);
    this.#paceOf(claim.paceKey).take(1);
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

  /** Until the next lane is due; if one is due already, only a token can be missing, or a slot, which wakes by itself. */
  #restMs({ claims, nextDueAt }: ClaimedHeads): number {
    if (claims.length > 0) return 0;
    if (nextDueAt === undefined) return POLL_MS;
    const untilDueMs = nextDueAt - this.#options.clock.now();
    if (untilDueMs > 0) return Math.min(untilDueMs, POLL_MS);
    const untilTokenMs = [...this.#paces.values()].map((pace) => pace.msUntilToken()).filter((ms) => ms > 0);
    return Math.min(POLL_MS, ...untilTokenMs);
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
    const { routes, fallbackRegion, clock, sender } = this.#options;
    const destination = resolveDestination(routes, claim.message, fallbackRegion);
    const isLeaseFresh = clock.monotonicMs() - claimedAtMs + SEND_TIMEOUT_MS < LEASE_MS;
    if (!destination || !isSamePlace(destination, claim) || !isLeaseFresh) {
      this.#paceOf(claim.paceKey).giveBack(1);
      await this.#record(claim, reportUnsent(claim, destination, clock.now()));
      return;
    }
    const startedAtMs = clock.monotonicMs();
    try {
      const sent = await sender.send(buildChatEvent(claim.message, destination), destination);
      await this.#recordDelivery(claim, sent, clock.monotonicMs() - startedAtMs);
    } catch (error) {
      await this.#recordFailure(claim, classifySendError(error), clock.monotonicMs() - startedAtMs);
    }
  }

  async #recordDelivery(claim: Claim, sent: SentEvent, durationMs: number): Promise<void> {
    const { clock, metrics } = this.#options;
    const now = clock.now();
    const { contactId, newChatCreated } = sent;
    this.#health.delivered(claim.destination, now);
    metrics.attempts.inc({ verdict: 'delivered', code: 'none' });
    const recorded = await this.#record(
      claim,
      {
        claim,
        now,
        outcome: {
          verdict: 'delivered',
          ...(contactId === undefined ? {} : { contactId }),
          ...(newChatCreated === undefined ? {} : { newChatCreated }),
        },
        ...(claim.isProbe ? { resume: claim.destination } : {}),
      },
      { durationMs: Math.round(durationMs), ...sent },
    );
    if (recorded === 'superseded') return;
    metrics.countEnded(claim.message.channel, 'delivered');
    metrics.deliverySeconds.observe({ channel: claim.message.channel }, (now - claim.acceptedAt) / SECOND_MS);
  }

  async #recordFailure(claim: Claim, failure: SendFailure, durationMs: number): Promise<void> {
    const { clock, metrics, retryMaxAgeMs, random } = this.#options;
    const { verdict, code, isAmbiguous } = failure;
    if (verdict === 'throttled') this.#paceOf(claim.paceKey).slowDown();
    metrics.attempts.inc({ verdict, code });
    if (isAmbiguous) metrics.possibleDuplicates.inc();
    const report = reportFailure({
      claim,
      failure,
      now: clock.now(),
      retryMaxAgeMs,
      destinationDeliveredAt: this.#health.deliveredAt(claim.destination),
      isDestinationFailing:
        (verdict === 'retry' || verdict === 'dead') && this.#health.failed(claim.destination, claim.laneId),
      random,
    });
    await this.#record(claim, report, { durationMs: Math.round(durationMs), verdict, code, isAmbiguous });
  }

  /** Records, as long as it takes: until then the lane can't go on, and giving up would send the message again. */
  async #record(
    claim: Claim,
    report: OutcomeReport,
    facts: Record<string, unknown> = {},
  ): Promise<'recorded' | 'superseded'> {
    const { messageId, laneId, leaseToken, isProbe } = claim;
    const { store, logger, metrics } = this.#options;
    for (;;) {
      try {
        const recorded = await store.recordOutcome({
          ...report,
          claim: { messageId, laneId, leaseToken, isProbe },
        });
        this.#logOutcome(claim, report, {
          ...facts,
          ...(recorded === 'superseded' ? { isSuperseded: true } : {}),
        });
        if (report.outcome.verdict === 'dead' && recorded === 'recorded') {
          metrics.countEnded(claim.message.channel, 'dead');
        }
        return recorded;
      } catch (error) {
        metrics.storeErrors.inc();
        logger.error({ err: error, messageId }, 'store.failed');
        if (this.#draining.signal.aborted) throw error;
        await sleep(STORE_RETRY_MS);
      }
    }
  }

  #logOutcome(claim: Claim, { outcome, pause, resume }: OutcomeReport, facts: Record<string, unknown>): void {
    const { logger } = this.#options;
    const line = {
      ...describeClaim(claim),
      ...(outcome.verdict === 'dead' ? { reason: outcome.reason } : {}),
      ...facts,
    };
    if (outcome.verdict === 'dead') logger.warn(line, 'message.dead');
    else logger.info(line, `message.${outcome.verdict}`);
    const { destination } = claim;
    if (pause) logger.error({ destination, code: pause.code, reason: pause.reason }, 'destination.paused');
    if (resume) logger.info({ destination }, 'destination.resumed');
  }

  #paceOf(paceKey: string): Pace {
    let pace = this.#paces.get(paceKey);
    if (!pace) {
      const { rate, burst, clock } = this.#options;
      pace = new Pace({ rate, burst, clock });
      this.#paces.set(paceKey, pace);
    }
    return pace;
  }

  #countInFlight(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { destination } of this.#inFlight.keys()) counts[destination] = (counts[destination] ?? 0) + 1;
    return counts;
  }
}

function isSamePlace(destination: Destination, claim: Claim): boolean {
  return destination.destination === claim.destination && destination.paceKey === claim.paceKey;
}

/** Nothing was sent: the message has no destination any more, or another one, or the lease has grown too old. */
function reportUnsent(claim: Claim, destination: Destination | undefined, now: number): OutcomeReport {
  // A paused destination that was not asked may be probed with the next in line at once.
  const nextProbe = claim.isProbe ? { nextProbe: { destination: claim.destination, nextProbeAt: now } } : {};
  if (!destination) {
    const error = 'No route takes it any more.';
    return { claim, now, outcome: { verdict: 'dead', reason: 'no_route', error }, ...nextProbe };
  }
  const { destination: id, paceKey } = destination;
  return {
    claim,
    now,
    outcome: { verdict: 'returned', dueAt: now },
    placement: { destination: id, paceKey },
    ...nextProbe,
  };
}

function describeClaim(claim: Claim): Record<string, unknown> {
  return {
    messageId: claim.messageId,
    snsMessageId: claim.snsMessageId,
    channel: claim.message.channel,
    customer: maskAddress(claim.message.customerAddress),
    destination: claim.destination,
    attempt: claim.attempts + 1,
    ...(claim.isProbe ? { isProbe: true } : {}),
  };
}
