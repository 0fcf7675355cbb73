import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND_MS } from '../clock.ts';
import { maskAddress } from '../log.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Claim, MessageStore, OutcomeReport } from '../queue/message-store.ts';
import { isPossibleDuplicate } from '../queue/possible-duplicate.ts';

/** Between tries to reach a store that fails. */
export const STORE_RETRY_MS = SECOND_MS / 2;
/** Refusals of one outcome by a store that works otherwise, after which it never will be recorded. */
const REFUSALS_MAX = 5;
/** How long a service that ends goes on trying. */
const DRAIN_RETRY_MS = 8 * SECOND_MS;

export interface OutcomeRecorderOptions {
  readonly store: Pick<MessageStore, 'recordOutcome' | 'ping' | 'lost'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Records outcomes, as long as it takes: until then the lane can't go on, and giving up would send the message again.
 * Each ends in one wide log event and its counts, which come after the record, so that they agree with the books.
 */
export class OutcomeRecorder {
  readonly #options: OutcomeRecorderOptions;
  #waiting = 0;
  #giveUpAtMs = Infinity;

  constructor(options: OutcomeRecorderOptions) {
    this.#options = options;
    void options.store.lost.then(() => (this.#giveUpAtMs = 0));
  }

  /** Some outcome could not be recorded yet. What is claimed now could be what it is about. */
  get hasBacklog(): boolean {
    return this.#waiting > 0;
  }

  /** The service ends: an outcome that can't be recorded soon is left to the next start, as a lost attempt. */
  drain(): void {
    this.#giveUpAtMs = performance.now() + DRAIN_RETRY_MS;
  }

  /** Rejects only if the store stays away while draining, is lost, or works but for this outcome. */
  async record(claim: Claim, report: OutcomeReport): Promise<void> {
    const { messageId, laneId, leaseToken, isProbe } = claim;
    const request = { ...report, claim: { messageId, laneId, leaseToken, isProbe } };
    const recorded = await this.#tryUntilRecorded(request);
    this.#log(claim, report, recorded === 'superseded');
    if (recorded === 'recorded') this.#count(claim, report);
  }

  async #tryUntilRecorded(request: OutcomeReport): Promise<'recorded' | 'superseded'> {
    const { store, logger, metrics } = this.#options;
    let isWaiting = false;
    let refusals = 0;
    try {
      for (;;) {
        try {
          return await store.recordOutcome(request);
        } catch (error) {
          metrics.storeErrors.inc();
          logger.error({ err: error, messageId: request.claim.messageId }, 'store.failed');
          if (performance.now() >= this.#giveUpAtMs) throw error;
          // Otherwise it would keep back everything else: its lease runs out, and the message is tried again.
          if (await this.#isStoreUp()) refusals += 1;
          if (refusals >= REFUSALS_MAX) throw error;
          if (!isWaiting) this.#waiting += 1;
          isWaiting = true;
          await sleep(STORE_RETRY_MS);
        }
      }
    } finally {
      if (isWaiting) this.#waiting -= 1;
    }
  }

  async #isStoreUp(): Promise<boolean> {
    try {
      await this.#options.store.ping();
      return true;
    } catch {
      return false;
    }
  }

  #log(
    claim: Claim,
    { outcome, attempt, parts, session, pause, resume }: OutcomeReport,
    isSuperseded: boolean,
  ): void {
    const { logger } = this.#options;
    const { destination } = claim;
    const line = {
      ...describeClaim(claim),
      ...describePart(claim, parts),
      ...('reason' in outcome ? { reason: outcome.reason } : {}),
      ...(outcome.verdict === 'delivered' || outcome.verdict === 'part_delivered'
        ? { contactId: outcome.contactId, newChatCreated: outcome.newChatCreated }
        : {}),
      ...('isAmbiguous' in outcome && outcome.isAmbiguous ? { isAmbiguous: true } : {}),
      ...describeAttempt(attempt),
      ...(isSuperseded ? { isSuperseded } : {}),
    };
    if (outcome.verdict === 'dead') logger.warn(line, 'message.dead');
    else if (session?.waitsFor !== undefined)
      logger.warn({ ...line, waitsFor: session.waitsFor }, 'chat.waits');
    else logger.info(line, `message.${outcome.verdict}`);
    // Superseded, neither has happened.
    if (isSuperseded) return;
    if (pause) logger.error({ destination, code: pause.code, reason: pause.reason }, 'destination.paused');
    if (resume) logger.info({ destination }, 'destination.resumed');
  }

  #count(claim: Claim, { outcome, attempt, now }: OutcomeReport): void {
    const { metrics } = this.#options;
    const { channel } = claim.message;
    if (attempt) metrics.attempts.inc({ verdict: attempt.verdict, code: attempt.code ?? 'none' });
    if (isPossibleDuplicate(outcome, claim.isIdempotent === true)) metrics.possibleDuplicates.inc();
    if (outcome.verdict === 'delivered' || outcome.verdict === 'dead') {
      metrics.countEnded(claim.direction, channel, outcome.verdict);
    }
    if (outcome.verdict === 'delivered' && claim.direction === 'inbound') {
      metrics.deliverySeconds.observe({ channel }, (now - claim.acceptedAt) / SECOND_MS);
    }
  }
}

/** What every log event about a claim says. */
export function describeClaim(claim: Claim): Record<string, unknown> {
  return {
    messageId: claim.messageId,
    snsMessageId: claim.snsMessageId,
    direction: claim.direction,
    channel: claim.message.channel,
    customer: maskAddress(claim.message.customerAddress),
    destination: claim.destination,
    attempt: claim.attempts + 1,
    ...(claim.isProbe ? { isProbe: true } : {}),
  };
}

/** Which part of how many, of a message in parts. */
function describePart({ parts, partsDelivered }: Claim, fixed: OutcomeReport['parts']): object {
  const all = parts ?? fixed;
  return all ? { part: partsDelivered + 1, parts: all.length } : {};
}

function describeAttempt(attempt: OutcomeReport['attempt']): Record<string, unknown> {
  if (!attempt) return {};
  const { verdict, code, requestId, durationMs } = attempt;
  return { verdict, code, requestId, durationMs };
}
