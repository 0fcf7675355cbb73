import { SECOND_MS } from '../clock.ts';
import type { Clock } from '../clock.ts';

/** Throttling never slows the pace below this part of the configured rate, … */
const SLOWEST_PART = 1 / 10;
/** … and each second without throttling gives this part of it back. */
const RISE_PART = 1 / 20;
const HALVING_EVERY_MS = SECOND_MS;
const RISE_EVERY_MS = SECOND_MS;
/** Sums of fractions fall short of a whole token by rounding alone. */
const ROUNDING = 1e-9;

interface PaceOptions {
  /** Tokens per second. */
  readonly rate: number;
  /** Tokens at most, after a quiet time; 1 or more. */
  readonly burst: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/**
 * A token bucket for one quota: a request takes a token, so that the bridge stays within the quota instead of running
 * into it. The quota is the account's and Region's, shared with every other caller there, so throttling is still
 * possible: then the rate halves, and rises again step by step.
 */
export class Pace {
  readonly #rateConfigured: number;
  readonly #burst: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #rate: number;
  #tokens: number;
  #filledAt: number;
  /** When the rate last rose, or was last kept from rising. */
  #steppedAt: number;
  #halvedAt = -Infinity;

  constructor({ rate, burst, clock }: PaceOptions) {
    this.#rateConfigured = rate;
    this.#burst = burst;
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = burst;
    this.#filledAt = clock.monotonicMs();
    this.#steppedAt = this.#filledAt;
  }

  /** Whole tokens in hand. */
  tokens(): number {
    this.#fill();
    return Math.max(0, Math.floor(this.#tokens + ROUNDING));
  }

  /**
   * May leave less than nothing: between `tokens()` and this call a throttling answer may have emptied the bucket, and
   * what has been claimed goes out all the same. The debt delays what comes next.
   */
  take(count: number): void {
    this.#fill();
    this.#tokens -= count;
  }

  /** Puts back what no request used. */
  giveBack(count: number): void {
    this.#fill();
    this.#tokens = Math.min(this.#burst, this.#tokens + count);
  }

  /**
   * Connect throttled a request. The bucket is emptied too: Connect's own is empty, and whatever ours still held would
   * only be throttled as well. Requests of one burst are all throttled at once, hence one halving a second.
   */
  slowDown(): void {
    this.#fill();
    const now = this.#filledAt;
    this.#tokens = Math.min(0, this.#tokens);
    this.#steppedAt = now;
    if (now - this.#halvedAt < HALVING_EVERY_MS) return;
    this.#halvedAt = now;
    this.#rate = Math.max(this.#rateConfigured * SLOWEST_PART, this.#rate / 2);
  }

  /** Until `tokens()` is at least 1, at the present rate; 0 if it is. Whole milliseconds. */
  msUntilToken(): number {
    this.#fill();
    const missing = 1 - this.#tokens - ROUNDING;
    return missing <= 0 ? 0 : Math.ceil((missing / this.#rate) * SECOND_MS);
  }

  /** Tokens per second at present. */
  rate(): number {
    this.#fill();
    return this.#rate;
  }

  /** Up to 18 steps lead from the slowest rate to the configured one; after that time passes in one step. */
  #fill(): void {
    const now = this.#clock.monotonicMs();
    while (this.#rate < this.#rateConfigured && now - this.#steppedAt >= RISE_EVERY_MS) {
      this.#steppedAt += RISE_EVERY_MS;
      this.#fillUntil(this.#steppedAt);
      this.#rate = Math.min(this.#rateConfigured, this.#rate + this.#rateConfigured * RISE_PART);
    }
    this.#fillUntil(now);
  }

  #fillUntil(instant: number): void {
    const elapsedMs = Math.max(0, instant - this.#filledAt);
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs / SECOND_MS) * this.#rate);
    this.#filledAt += elapsedMs;
  }
}
