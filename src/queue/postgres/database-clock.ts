import { MINUTE_MS } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import type { Transaction } from './transaction.ts';

/** An answer that took longer says little about the time at which the database gave it, … */
const PRECISE_ROUND_TRIP_MS = 50;
/** … but is better than one from so long ago. */
const STALE_AFTER_MS = MINUTE_MS;
/** Differences below this are the measurement's own: instants that follow each other must not change places. */
const TOLERANCE_MS = 50;

/** `database`: instants are moved between the callers' clock and the database's. `caller`: a test invents the time. */
export type ClockSource = 'database' | 'caller';

/**
 * What the database's clock says, by this process's monotonic one since the last answer from there. Replicas' own clocks
 * differ; all instants that the store keeps and compares are the database's. Callers never see them: what goes in is
 * moved there by the present difference, what comes out is moved back.
 */
export class DatabaseClock {
  readonly #clock: Clock;
  readonly #source: ClockSource;
  #databaseAt = 0;
  #observedAtMs: number | undefined;
  #offsetMs = 0;

  constructor(clock: Clock, source: ClockSource) {
    this.#clock = clock;
    this.#source = source;
  }

  /** Asks the database; resolves to its time then, or, where the caller's holds, to `callersNow`. */
  async read(db: Transaction, callersNow: number): Promise<number> {
    if (this.#source === 'caller') return callersNow;
    const askedAtMs = this.#clock.monotonicMs();
    const { now } = await db.one<{ now: number }>(
      'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
    );
    this.#observe(now, askedAtMs, this.#clock.monotonicMs());
    return now;
  }

  toDatabase(instant: number): number {
    return instant + this.#offset();
  }

  toCaller(instant: number): number {
    return instant - this.#offset();
  }

  #observe(databaseAt: number, askedAtMs: number, answeredAtMs: number): void {
    const isPrecise = answeredAtMs - askedAtMs <= PRECISE_ROUND_TRIP_MS;
    const isStale = this.#observedAtMs === undefined || answeredAtMs - this.#observedAtMs > STALE_AFTER_MS;
    if (!isPrecise && !isStale) return;
    this.#databaseAt = databaseAt;
    this.#observedAtMs = (askedAtMs + answeredAtMs) / 2;
  }

  /** Follows the caller's clock at once when that is set, since the monotonic one is not. */
  #offset(): number {
    if (this.#source === 'caller' || this.#observedAtMs === undefined) return 0;
    const databaseNow = this.#databaseAt + (this.#clock.monotonicMs() - this.#observedAtMs);
    const offsetMs = Math.round(databaseNow - this.#clock.now());
    if (Math.abs(offsetMs - this.#offsetMs) > TOLERANCE_MS) this.#offsetMs = offsetMs;
    return this.#offsetMs;
  }
}
