export interface ThrottleOptions {
  /** Requests per second, and at once after a quiet time. */
  readonly rate: number;
  readonly burst: number;
}

/** Connect's quotas are token buckets: `rate` tokens a second, at most `burst` of them saved. */
export class TokenBucket {
  readonly #options: ThrottleOptions;
  #tokens: number;
  #filledAtMs = performance.now();

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#tokens = options.burst;
  }

  take(): boolean {
    const now = performance.now();
    const grown = this.#tokens + ((now - this.#filledAtMs) / 1_000) * this.#options.rate;
    this.#tokens = Math.min(this.#options.burst, grown);
    this.#filledAtMs = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
