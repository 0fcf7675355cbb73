import { Waiters } from '../../src/sandbox/waiters.ts';

const EVENT_TIMEOUT_MS = 30_000;

export interface LogEvent {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** A log's destination that a test can read and wait for. */
export class LogMemory {
  readonly lines: string[] = [];
  readonly #waiters = new Waiters();

  write(line: string): void {
    this.lines.push(line);
    this.#waiters.changed();
  }

  events(name: string): readonly LogEvent[] {
    return this.lines
      .filter((line) => line.includes(name))
      .map((line) => JSON.parse(line) as LogEvent)
      .filter(({ event }) => event === name);
  }

  /** Resolves to the first `count` events of that name, once there are so many. */
  async until(name: string, count = 1): Promise<readonly LogEvent[]> {
    const isDone = (): boolean => this.events(name).length >= count;
    await this.#waiters.until(
      isDone,
      EVENT_TIMEOUT_MS,
      () => `${this.events(name).length} of ${count} ${name} in the log`,
    );
    return this.events(name).slice(0, count);
  }
}
