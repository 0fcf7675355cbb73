import { MINUTE_MS } from '../clock.ts';

/**
 * What this process has seen of each destination lately. It decides when failures stop looking like those of single
 * messages: ten in a row, from three conversations or more, with no success between (design: a wrong subtype or route
 * makes Connect refuse everything, and must not turn a day's messages into dead letters). Kept in memory: a restart or
 * another replica finds out again within ten attempts, and the pause itself is a row that all share.
 */
export class DestinationHealth {
  /** By destination and operation. */
  readonly #records = new Map<string, Map<string, HealthRecord>>();
  readonly #deliveredAt = new Map<string, number>();
  readonly #pausedAt = new Map<string, number>();

  delivered(destination: string, now: number, operation = ''): void {
    this.#deliveredAt.set(destination, now);
    this.#pausedAt.delete(destination);
    this.succeeded(destination, now, operation);
  }

  /**
   * With a message, or with a step on its way. `operation`: the key of its pace, or what it is counted as, where a destination
   * has several: open chats say nothing of opening others.
   */
  succeeded(destination: string, now: number, operation: string): void {
    const { delivering } = this.#record(destination, operation);
    const isGoingOn = delivering !== undefined && now - delivering.lastAt <= DELIVERING_GAP_MS;
    const sinceAt = isGoingOn ? delivering.sinceAt : now;
    this.#keep(destination, operation, { ...newRecord(), delivering: { sinceAt, lastAt: now } });
  }

  /** Counts a failure that may be the destination's (throttling is none); true: the destination is to be paused. */
  failed(destination: string, laneId: number, operation = ''): boolean {
    const record = this.#record(destination, operation);
    record.failures += 1;
    if (record.laneIds.size < MIN_CONVERSATIONS) record.laneIds.add(laneId);
    this.#keep(destination, operation, record);
    return record.failures >= MIN_FAILURES && record.laneIds.size >= MIN_CONVERSATIONS;
  }

  /** Whatever it took before, from now on it takes nothing. */
  paused(destination: string, now: number): void {
    this.#records.delete(destination);
    this.#deliveredAt.delete(destination);
    this.#pausedAt.set(destination, now);
  }

  /** It was paused while something that went out at `startedAt` was under way: then that is its fault, too. */
  wasPausedSince(destination: string, startedAt: number): boolean {
    return (this.#pausedAt.get(destination) ?? -Infinity) >= startedAt;
  }

  /** Whether it took a message lately, by whatever operation, and was not paused since. */
  isDelivering(destination: string, now: number): boolean {
    return now - (this.#deliveredAt.get(destination) ?? -Infinity) <= DELIVERING_GAP_MS;
  }

  /** Undefined: it has taken nothing since it was last paused, or since this process began. */
  delivering(destination: string, operation = ''): Delivering | undefined {
    return this.#record(destination, operation).delivering;
  }

  #record(destination: string, operation: string): HealthRecord {
    return this.#records.get(destination)?.get(operation) ?? newRecord();
  }

  #keep(destination: string, operation: string, record: HealthRecord): void {
    const operations = this.#records.get(destination) ?? new Map<string, HealthRecord>();
    this.#records.set(destination, operations.set(operation, record));
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
  readonly delivering?: Delivering;
}

function newRecord(): HealthRecord {
  return { failures: 0, laneIds: new Set() };
}
