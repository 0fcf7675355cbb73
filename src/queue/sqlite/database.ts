import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { BridgeError } from '../../errors.ts';

const MIGRATIONS_DIRECTORY = path.join(import.meta.dirname, '..', 'migrations', 'sqlite');

function listMigrations(): string[] {
  return fs
    .readdirSync(MIGRATIONS_DIRECTORY)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

/** How long it waits for others before it gives up, milliseconds. */
export interface StoreWaits {
  /** For another process's transaction: longer than any, shorter than SNS's patience (15 s). */
  readonly busyTimeoutMs: number;
  /** For another service to let go of the file: a restart overlaps with the old process. */
  readonly lockTimeoutMs: number;
}

export const STORE_WAITS: StoreWaits = { busyTimeoutMs: 5_000, lockTimeoutMs: 5_000 };

export type Row = Record<string, SQLInputValue>;

/**
 * `service` holds the file for itself, creates and migrates it, and voids the leases that a crash left.
 * `command` works beside a running service and creates nothing.
 */
export type StoreRole = 'service' | 'command';

/** A connection with its prepared statements, each prepared once, on first use. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #lock: DatabaseSync | undefined;
  readonly #statements = new Map<string, StatementSync>();

  /** Throws STORE_MISSING, STORE_IN_USE, STORE_TOO_NEW, STORE_TOO_OLD, or whatever SQLite says. */
  constructor(file: string, role: StoreRole, waits = STORE_WAITS) {
    if (role === 'service') fs.mkdirSync(path.dirname(file), { recursive: true });
    else if (!fs.existsSync(file)) throw new BridgeError('STORE_MISSING', { detail: file });
    this.#lock = role === 'service' ? acquireLock(`${file}.lock`, waits.lockTimeoutMs) : undefined;
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(file, { timeout: waits.busyTimeoutMs });
      this.#db = db;
      this.#configure();
      if (role === 'service') this.#migrate();
      else this.#checkSchema();
    } catch (error) {
      db?.close();
      this.#lock?.close();
      throw error;
    }
  }

  /** Durable at each commit (FULL syncs the WAL), erased content overwritten, freed pages given back by `shrink`. */
  #configure(): void {
    this.#db.exec('PRAGMA auto_vacuum = INCREMENTAL');
    this.#db.exec('PRAGMA journal_mode = WAL');
    this.#db.exec('PRAGMA synchronous = FULL');
    this.#db.exec('PRAGMA secure_delete = ON');
  }

  #migrate(): void {
    const pending = listMigrations().slice(this.#schemaVersion());
    if (this.#schemaVersion() > listMigrations().length) throw new BridgeError('STORE_TOO_NEW');
    if (pending.length === 0) return;
    this.#db.exec('BEGIN EXCLUSIVE');
    try {
      for (const name of pending) {
        this.#db.exec(fs.readFileSync(path.join(MIGRATIONS_DIRECTORY, name), 'utf8'));
      }
      this.#db.exec(`PRAGMA user_version = ${listMigrations().length}`);
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** A command changes no schema: beside it may run a service of another version. */
  #checkSchema(): void {
    const version = this.#schemaVersion();
    if (version > listMigrations().length) throw new BridgeError('STORE_TOO_NEW');
    if (version < listMigrations().length) throw new BridgeError('STORE_TOO_OLD');
  }

  #schemaVersion(): number {
    return Number(this.#db.prepare('PRAGMA user_version').get()?.['user_version']);
  }

  /** The first row; `Result` is the shape that the statement's column names promise. */
  get<Result = Row>(sql: string, parameters: Row = {}): Result | undefined {
    return this.#prepare(sql).get(parameters) as Result | undefined;
  }

  /** The row of a statement that always has one, such as an UPDATE … RETURNING by a key that was just read. */
  one<Result = Row>(sql: string, parameters: Row = {}): Result {
    const row = this.get<Result>(sql, parameters);
    if (row === undefined) throw new Error('A row that must exist does not: the file may be damaged.');
    return row;
  }

  all<Result = Row>(sql: string, parameters: Row = {}): Result[] {
    return this.#prepare(sql).all(parameters) as Result[];
  }

  /** Returns how many rows changed. */
  run(sql: string, parameters: Row = {}): number {
    return Number(this.#prepare(sql).run(parameters).changes);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  begin(): void {
    this.#db.exec('BEGIN IMMEDIATE');
  }

  commit(): void {
    this.#db.exec('COMMIT');
  }

  /** SQLite ends a transaction by itself on some errors (a full disk): then there is nothing to roll back. */
  rollback(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
  }

  /** Reads all of `work` from one state of the file. */
  snapshot<Result>(work: () => Result): Result {
    this.#db.exec('BEGIN');
    try {
      return work();
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  get isInTransaction(): boolean {
    return this.#db.isTransaction;
  }

  /** Runs `work` so that its failure undoes only its own writes, inside the transaction that is open. */
  savepoint<Result>(work: () => Result): Result {
    // Without one, the savepoint would begin a transaction of its own, and commit it.
    if (!this.#db.isTransaction) throw new Error('SQLite ended the transaction');
    this.#db.exec('SAVEPOINT work');
    try {
      const result = work();
      this.#db.exec('RELEASE work');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK TO work; RELEASE work');
      throw error;
    }
  }

  /** Gives freed pages back to the file system and empties the WAL, which still holds what has been erased. */
  shrink(): void {
    this.#db.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  close(): void {
    this.#db.close();
    this.#lock?.close();
  }
}

/** Pages a maintenance may move at most, so that it never holds up an acceptance for long. */
const VACUUM_PAGES = 2_000;

/**
 * One service a file. Node has no flock; an exclusive transaction on a database beside the file is held by the
 * operating system's file locks, so it ends with the process, `kill -9` included.
 */
function acquireLock(file: string, timeout: number): DatabaseSync {
  const lock = new DatabaseSync(file, { timeout });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) {
      throw new BridgeError('STORE_IN_USE', { detail: `Lock: ${file}`, cause: error });
    }
    throw error;
  }
}

const SQLITE_BUSY = 5;
