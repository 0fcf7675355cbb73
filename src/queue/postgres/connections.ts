import { setTimeout as sleep } from 'node:timers/promises';
import { Pool, types } from 'pg';
import type { PoolClient } from 'pg';
import { SECOND_MS } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { parseConnectionUrl } from './connection-url.ts';
import { ReconnectBackoff } from './reconnect-backoff.ts';
import { asStoreFault, endsConnection, isRetryable } from './store-fault.ts';
import { Transaction } from './transaction.ts';

/** How long it waits before it gives up, milliseconds. */
export interface PostgresWaits {
  /** For a connection: a new one, or one of the pool's that is in use. */
  readonly connectMs: number;
  /** For another transaction's lock: none holds one for longer than `idleMs`. */
  readonly lockMs: number;
  /** For the next statement of a transaction, before the server ends it: its replica is frozen, or gone without a word. */
  readonly idleMs: number;
  /** For one statement; the connection is given up a second later if the server is not heard at all. */
  readonly statementMs: number;
  /** The same of what operators ask for, and of migrations. */
  readonly longStatementMs: number;
  /** Between tries to reconnect: the first wait, and the longest. */
  readonly reconnectFirstMs: number;
  readonly reconnectMostMs: number;
  /** At the service's start, for a database that is not up yet. */
  readonly openMs: number;
}

/** An acceptance has to be answered within SNS's patience, 15 s. */
export const POSTGRES_WAITS: PostgresWaits = {
  connectMs: 5 * SECOND_MS,
  lockMs: 5 * SECOND_MS,
  idleMs: 4 * SECOND_MS,
  statementMs: 6 * SECOND_MS,
  longStatementMs: 60 * SECOND_MS,
  reconnectFirstMs: 100,
  reconnectMostMs: 2 * SECOND_MS,
  openMs: 15 * SECOND_MS,
};

/** Tries of one transaction that others are in the way of. */
const MAX_TRIES = 6;
const RETRY_JITTER_MS = 20;
const UNHEARD_MS = SECOND_MS;
const KEEP_ALIVE_AFTER_MS = 10 * SECOND_MS;

/**
 * `write` is what is hot; `operate` may take longer; `read` sees one state of the database throughout.
 */
export type TransactionKind = 'write' | 'operate' | 'read';

export interface ConnectionsOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly waits: PostgresWaits;
}

/** The pool, and the transactions that run on it. All that fails is STORE_UNAVAILABLE; the next call tries anew. */
export class Connections {
  readonly #pool: Pool;
  readonly #waits: PostgresWaits;
  readonly #clock: Clock;
  readonly #backoff: ReconnectBackoff;
  readonly #running = new Set<Promise<unknown>>();
  #isClosed = false;

  /** Throws a sentence if the URL is none. Connects with the first transaction. */
  constructor({ url, clock, waits }: ConnectionsOptions) {
    this.#waits = waits;
    this.#clock = clock;
    this.#backoff = new ReconnectBackoff(clock, waits.reconnectFirstMs, waits.reconnectMostMs);
    this.#pool = new Pool({
      fallback_application_name: 'sms-connect-bridge',
      connectionTimeoutMillis: waits.connectMs,
      keepAlive: true,
      // A server that is silent never closes them, and they must not keep a process alive that is done.
      allowExitOnIdle: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      types: { getTypeParser },
      ...parseConnectionUrl(url),
    });
    // A connection that breaks while nobody uses it is replaced when it is needed; one in use fails its query.
    this.#pool.on('error', () => {});
    this.#pool.setMaxListeners(0); // one for each caller that waits for a release, and those are bounded
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Runs `work` in a transaction that is committed when this resolves, again if others were in its way. */
  async transaction<Result>(
    kind: TransactionKind,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#track(this.#run(kind, work));
      } catch (error) {
        if (tries >= MAX_TRIES || !isRetryable(error)) throw asStoreFault(error);
        await sleep(Math.random() * RETRY_JITTER_MS * tries);
      }
    }
  }

  /** What no transaction can hold. */
  async outside(sql: string): Promise<void> {
    try {
      await this.#track(
        this.#lend(async (client) => {
          const config = { text: sql, query_timeout: this.#waits.longStatementMs };
          await client.query(config);
        }),
      );
    } catch (error) {
      throw asStoreFault(error);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
    await this.#pool.end();
  }

  async #run<Result>(
    kind: TransactionKind,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result> {
    const statementMs = kind === 'operate' ? this.#waits.longStatementMs : this.#waits.statementMs;
    return this.#lend(async (client) => {
      const transaction = new Transaction(client, statementMs + UNHEARD_MS);
      await transaction.script(this.#begin(kind, statementMs));
      try {
        const result = await work(transaction);
        await transaction.commit();
        return result;
      } catch (error) {
        // If it fails, the connection is thrown away, which has the same effect.
        if (!transaction.isBroken) await transaction.script('ROLLBACK').catch(() => {});
        throw error;
      }
    });
  }

  /**
   * Settings are the transaction's and not the session's: so they hold behind a pooler, too, and whatever role or
   * database say otherwise. What is acknowledged is synced; `remote_apply` promises more than `on` and is left alone.
   */
  #begin(kind: TransactionKind, statementMs: number): string {
    const { lockMs, idleMs } = this.#waits;
    const isolation = kind === 'read' ? 'REPEATABLE READ, READ ONLY' : 'READ COMMITTED';
    return `BEGIN ISOLATION LEVEL ${isolation};
      SET LOCAL statement_timeout = ${statementMs};
      SET LOCAL lock_timeout = ${kind === 'operate' ? statementMs : lockMs};
      SET LOCAL idle_in_transaction_session_timeout = ${idleMs};
      SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') <> 'remote_apply'`;
  }

  async #lend<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#connect();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(endsConnection(error) || client.getTransactionStatus() !== 'I');
      throw error;
    }
  }

  /**
   * Where no new connection is to be had (the server's limit), those that there are do the work, one after the other: only
   * where there is none does a failure count for the caller.
   */
  async #connect(): Promise<PoolClient> {
    const endsAtMs = this.#clock.monotonicMs() + this.#waits.connectMs;
    for (;;) {
      if (this.#isClosed) throw new Error('The store is closed.');
      const { idleCount, totalCount } = this.#pool;
      if (idleCount === 0 && totalCount === 0) this.#backoff.check();
      const isTooSoon = idleCount === 0 && totalCount < this.#pool.options.max && this.#backoff.waitMs() > 0;
      if (isTooSoon) await this.#untilReleased(this.#backoff.waitMs());
      else {
        try {
          const client = await this.#pool.connect();
          this.#backoff.succeeded();
          return client;
        } catch (error) {
          // Where all are in use, none was tried.
          if (this.#pool.totalCount < this.#pool.options.max) this.#backoff.failed(error);
          if (this.#pool.totalCount === 0 || this.#clock.monotonicMs() >= endsAtMs) throw error;
        }
      }
      if (this.#clock.monotonicMs() >= endsAtMs) this.#backoff.check();
    }
  }

  async #untilReleased(mostMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.ceil(mostMs));
    this.#pool.once('release', resolve);
    await promise;
    clearTimeout(timer);
    this.#pool.off('release', resolve);
  }

  async #track<Result>(work: Promise<Result>): Promise<Result> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }
}

const INT8_OID: number = types.builtins.INT8;

/** Instants, ids and counts are whole numbers that JavaScript holds exactly. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === INT8_OID ? Number : types.getTypeParser(oid, format);
