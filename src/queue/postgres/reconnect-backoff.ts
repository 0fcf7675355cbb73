import type { Clock } from '../../clock.ts';

/**
 * How soon a connection is tried again after one failed: the first wait doubles with each failure, so that a database
 * that comes back is not met by every request at once. Until then calls fail without trying.
 */
export class ReconnectBackoff {
  readonly #clock: Clock;
  readonly #firstMs: number;
  readonly #mostMs: number;
  #delayMs = 0;
  #untilMs = 0;
  #lastError: unknown;

  constructor(clock: Clock, firstMs: number, mostMs: number) {
    this.#clock = clock;
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
  }

  /** Throws what the last try failed with, while it is too soon for another. */
  check(): void {
    if (this.#clock.monotonicMs() < this.#untilMs) throw this.#lastError;
  }

  /** Until the next try, milliseconds; 0: it may be now. */
  waitMs(): number {
    return Math.max(0, this.#untilMs - this.#clock.monotonicMs());
  }

  /** Of those that were tried at the same time, only the first lengthens the wait. */
  failed(error: unknown): void {
    const now = this.#clock.monotonicMs();
    if (now < this.#untilMs) return;
    this.#delayMs = Math.min(this.#mostMs, Math.max(this.#firstMs, this.#delayMs * 2));
    this.#untilMs = now + this.#delayMs;
    this.#lastError = error;
  }

  succeeded(): void {
    this.#delayMs = 0;
    this.#untilMs = 0;
  }
}
