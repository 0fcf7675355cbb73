/**
 * What this process has seen of each destination lately. It decides when failures stop looking like those of single
 * messages: ten in a row, from three conversations or more, with no success between (design: a wrong subtype or route
 * makes Connect refuse everything, and must not turn a day's messages into dead letters). Kept in memory: a restart or
 * another replica finds out again within ten attempts, and the pause itself is a row that all share.
 */
export class DestinationHealth {
  readonly #records = new Map<string, HealthRecord>();

  delivered(destination: string, now: number): void {
    this.#records.set(destination, { failures: 0, laneIds: new Set(), deliveredAt: now });
  }

  /** Counts a failure that may be the destination's (throttling is none); true: the destination is to be paused. */
  failed(destination: string, laneId: number): boolean {
    const record = this.#records.get(destination) ?? {
      failures: 0,
      laneIds: new Set(),
      deliveredAt: undefined,
    };
    record.failures += 1;
    if (record.laneIds.size < MIN_CONVERSATIONS) record.laneIds.add(laneId);
    this.#records.set(destination, record);
    return record.failures >= MIN_FAILURES && record.laneIds.size >= MIN_CONVERSATIONS;
  }

  /** When it last took a message, epoch milliseconds. */
  deliveredAt(destination: string): number | undefined {
    return this.#records.get(destination)?.deliveredAt;
  }
}

const MIN_FAILURES = 10;
const MIN_CONVERSATIONS = 3;

interface HealthRecord {
  failures: number;
  readonly laneIds: Set<number>;
  readonly deliveredAt: number | undefined;
}
