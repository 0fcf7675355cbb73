import type { ClientBase } from 'pg';
import type { BookCounter } from '../books.ts';
import { BOOK_ENTRIES, toBookRow } from './books.ts';
import { bindStatement } from './statement.ts';
import type { Row } from './statement.ts';
import { endsConnection } from './store-fault.ts';

/** One transaction that is open, and what it will have written in the books. */
export class Transaction {
  readonly #client: ClientBase;
  readonly #queryTimeoutMs: number;
  readonly #entries = new Map<string, number>();
  #isBroken = false;

  constructor(client: ClientBase, queryTimeoutMs: number) {
    this.#client = client;
    this.#queryTimeoutMs = queryTimeoutMs;
  }

  /** The connection failed under it: there is nothing left to roll back. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** The first row; `Result` is the shape that the statement's column names promise. */
  async get<Result = Record<string, unknown>>(sql: string, row: Row = {}): Promise<Result | undefined> {
    const [first] = await this.all<Result>(sql, row);
    return first;
  }

  /** The row of a statement that always has one. */
  async one<Result = Record<string, unknown>>(sql: string, row: Row = {}): Promise<Result> {
    const first = await this.get<Result>(sql, row);
    if (first === undefined) throw new Error('A row that must exist does not.');
    return first;
  }

  async all<Result = Record<string, unknown>>(sql: string, row: Row = {}): Promise<Result[]> {
    const { rows } = await this.#query(bindStatement(sql, row));
    return rows as Result[];
  }

  /** Returns how many rows changed. */
  async run(sql: string, row: Row = {}): Promise<number> {
    const { rowCount } = await this.#query(bindStatement(sql, row));
    return rowCount ?? 0;
  }

  /** Statements without parameters, and without results. */
  async script(text: string): Promise<void> {
    await this.#query({ text });
  }

  /**
   * Adds to a day's counter. Differs because a counter's row is everybody's: it is written last, so that it is locked
   * for no longer than the commit takes.
   */
  book(now: number, counter: BookCounter, label: string, count = 1): void {
    const key = JSON.stringify([new Date(now).toISOString().slice(0, 10), counter, label]);
    this.#entries.set(key, (this.#entries.get(key) ?? 0) + count);
  }

  async commit(): Promise<void> {
    if (this.#entries.size > 0) await this.run(BOOK_ENTRIES, toBookRow(this.#entries));
    // What failed has thrown; a transaction that PostgreSQL gave up all the same is no commit.
    const { command } = await this.#query({ text: 'COMMIT' });
    if (command !== 'COMMIT') throw new Error(`COMMIT was answered with ${command}.`);
  }

  async #query(query: {
    text: string;
    name?: string;
    values?: unknown[];
  }): Promise<{ rows: unknown[]; rowCount: number | null; command: string }> {
    // pg knows the time-out of a single query, its types don't.
    const config = { ...query, query_timeout: this.#queryTimeoutMs };
    try {
      return await this.#client.query(config);
    } catch (error) {
      if (endsConnection(error)) this.#isBroken = true;
      throw error;
    }
  }
}
