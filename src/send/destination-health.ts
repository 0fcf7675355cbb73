import { MINUTE_MS } from '../clock.ts';

/**
 * What this process has seen of each destination lately. It decides when failures stop looking like those of single
 * messages: ten in a row, from three conversations or more, with no success between (design: a wrong subtype or route
 * makes Connect refuse everything, and must not turn a day's messages into dead letters). Kept in memory: a restart or
 * another replica finds out again within ten attempts, and the pause itself is a row that all share.
 */
export class DestinationHealth {
  readonly #records = new Map<string, HealthRecord>();

  delivered(destination: string, now: number): void {
    const { delivering } = this.#record(destination);
    const isGoingOn = delivering !== undefined && now - delivering.lastAt <= DELIVERING_GAP_MS;
    const sinceAt = isGoingOn ? delivering.sinceAt : now;
    this.#records.set(destination, { failures: 0, laneIds: new Set(), delivering: { sinceAt, lastAt: now } });
  }

  /** Counts a failure that may be the destination's (throttling is none); true: the destination is to be paused. */
  failed(destination: string, laneId: number): boolean {
    const record = this.#record(destination);
    record.failures += 1;
    if (record.laneIds.size < MIN_CONVERSATIONS) record.laneIds.add(laneId);
    this.#records.set(destination, record);
    return record.failures >= MIN_FAILURES && record.laneIds.size >= MIN_CONVERSATIONS;
  }

  /** Whatever it took before, from now on it takes nothing. */
  paused(destination: string): void {
    this.#records.set(destination, { failures: 0, laneIds: new Set(), delivering: undefined });
  }

  /** Undefined: it has taken nothing since it was last paused, or since this process began. */
  delivering(destination: string): Delivering | undefined {
    return this.#records.get(destination)?.delivering;
  }

  #record(destination: string): HealthRecord {
    return this.#records.get(destination) ?? { failures: 0, laneIds: new Set(), delivering: undefined };
  }
}

/** The time over which a destination has taken messages, without a pause or a long gap. Epoch milliseconds. */
export interface Delivering {
  readonly sinceAt: number;
  readonly lastAt: number;
}

const MIN_FAILURES = 10;
const MIN_CONVERSATIONS = 3;
/** A longer time without a delivery may have been an outage that nobody noticed. */
const DELIVERING_GAP_MS = 10 * MINUTE_MS;

interface HealthRecord {
  failures: number;
  readonly laneIds: Set<number>;
  readonly delivering: Delivering | undefined;
}
