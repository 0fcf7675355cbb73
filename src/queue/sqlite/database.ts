import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { BridgeError } from '../../errors.ts';
import type { StoreRole } from '../message-store.ts';

const MIGRATIONS_DIRECTORY = path.join(import.meta.dirname, '..', 'migrations', 'sqlite');

function listMigrations(): string[] {
  return fs
    .readdirSync(MIGRATIONS_DIRECTORY)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

/** How long it waits for others before it gives up, milliseconds. */
export interface StoreWaits {
  /** For another process's transaction: longer than any of ours. */
  readonly busyTimeoutMs: number;
  /** For another service to let go of the file: a restart overlaps with the old process. */
  readonly lockTimeoutMs: number;
}

export const STORE_WAITS = {
  /** One that ends must not hang in it; SNS waits for what is refused, too. */
  service: { busyTimeoutMs: 1_500, lockTimeoutMs: 5_000 },
  /** A busy service hardly ever leaves the file alone, and a person can wait. It takes no lock of its own. */
  command: { busyTimeoutMs: 10_000, lockTimeoutMs: 0 },
} as const satisfies Record<StoreRole, StoreWaits>;

export type Row = Record<string, SQLInputValue>;

/** A statement's parameters are bound by their places: finding each by its name takes as long as many a statement. */
interface Prepared {
  readonly statement: StatementSync;
  /** In the order of their places. */
  readonly names: readonly string[];
}

/** No statement of ours holds a colon otherwise. */
const PARAMETER_PATTERN = /:[a-z]\w*/gi;

function valuesOf(names: readonly string[], parameters: Row): SQLInputValue[] {
  return names.map((name) => {
    const value = parameters[name];
    if (value === undefined) throw new Error(`The statement's parameter ${name} is missing.`);
    return value;
  });
}

/** A connection with its prepared statements, each prepared once, on first use. */
export class Database {
  readonly role: StoreRole;
  readonly #db: DatabaseSync;
  readonly #lock: DatabaseSync | undefined;
  readonly #busyTimeoutMs: number;
  readonly #file: string;
  readonly #identity: string | undefined;
  readonly #statements = new Map<string, Prepared>();
  /** What was last found damaged, and in which version of the file. */
  #damage: { readonly error: unknown; readonly fileVersion: number | undefined } | undefined;

  /** Throws STORE_MISSING, STORE_IN_USE, STORE_TOO_NEW, STORE_TOO_OLD, or whatever SQLite says. */
  constructor(file: string, role: StoreRole, waits: StoreWaits = STORE_WAITS[role]) {
    if (role === 'service') createPrivately(file);
    else if (!fs.existsSync(file)) throw new BridgeError('STORE_MISSING', { detail: file });
    this.#lock = role === 'service' ? acquireLock(`${file}.lock`, waits.lockTimeoutMs) : undefined;
    this.role = role;
    this.#busyTimeoutMs = waits.busyTimeoutMs;
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(file, { timeout: waits.busyTimeoutMs });
      this.#db = db;
      this.#file = file;
      this.#identity = identify(file);
      this.#configure(role);
      if (role === 'service') this.#migrate();
      else this.#checkSchema();
    } catch (error) {
      const isFull = isDiskFull(file); // before closing gives some of it back
      db?.close();
      this.#lock?.close();
      throw isFull ? new Error(`the disk of ${file} is full`, { cause: error }) : error;
    }
  }

  /** Durable at each commit (FULL syncs the WAL), erased content overwritten, freed pages given back by `shrink`. */
  #configure(role: StoreRole): void {
    // Both are the file's, so a command finds them set, and can look even where nothing can be written.
    if (role === 'service') {
      // It writes even if it changes nothing, which a full disk does not let it.
      if (this.#pragma('auto_vacuum') !== AUTO_VACUUM_INCREMENTAL) {
        this.#db.exec('PRAGMA auto_vacuum = INCREMENTAL');
      }
      this.#db.exec('PRAGMA journal_mode = WAL');
    }
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
    return this.#pragma('user_version');
  }

  #pragma(name: string): number {
    return Number(this.#db.prepare(`PRAGMA ${name}`).get()?.[name]);
  }

  noteDamage(error: unknown): void {
    const { errcode } = error as { errcode?: number };
    if (errcode === undefined || errcode % EXTENDED_CODES !== SQLITE_CORRUPT) return;
    this.#damage = { error, fileVersion: this.#fileVersion };
  }

  /**
   * Throws once something was found damaged: accepting may find all that it reads in the cache, and go on taking what could
   * never be sent. Whoever mends the file under the service commits to it, which also makes the cache be read anew.
   */
  checkSound(): void {
    if (this.#damage && this.#damage.fileVersion !== this.#fileVersion) this.#damage = undefined;
    if (this.#damage) throw this.#damage.error;
  }

  /** Another number whenever somebody else has committed to the file; undefined where not even that can be read. */
  get #fileVersion(): number | undefined {
    try {
      return this.#pragma('data_version');
    } catch {
      return undefined;
    }
  }

  /** The first row; `Result` is the shape that the statement's column names promise. */
  get<Result = Row>(sql: string, parameters: Row = {}): Result | undefined {
    const { statement, names } = this.#prepare(sql);
    return statement.get(...valuesOf(names, parameters)) as Result | undefined;
  }

  /** The row of a statement that always has one, such as an UPDATE … RETURNING by a key that was just read. */
  one<Result = Row>(sql: string, parameters: Row = {}): Result {
    const row = this.get<Result>(sql, parameters);
    if (row === undefined) throw new Error('A row that must exist does not: the file may be damaged.');
    return row;
  }

  all<Result = Row>(sql: string, parameters: Row = {}): Result[] {
    const { statement, names } = this.#prepare(sql);
    return statement.all(...valuesOf(names, parameters)) as Result[];
  }

  /** Returns how many rows changed. */
  run(sql: string, parameters: Row = {}): number {
    const { statement, names } = this.#prepare(sql);
    return Number(statement.run(...valuesOf(names, parameters)).changes);
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#statements.get(sql);
    if (!prepared) {
      const names = [...new Set(sql.match(PARAMETER_PATTERN))].map((name) => name.slice(1));
      const numbered = sql.replaceAll(PARAMETER_PATTERN, (name) => `?${names.indexOf(name.slice(1)) + 1}`);
      prepared = { statement: this.#db.prepare(numbered), names };
      this.#statements.set(sql, prepared);
    }
    return prepared;
  }

  /**
   * Throws if the file that is open is no longer the one at its path (deleted, replaced, unmounted): what is written
   * there would be gone with the process.
   */
  checkPlace(): void {
    if (identify(this.#file) !== this.#identity)
      throw new Error(
        `${this.#file} has been deleted or replaced: see docs/operations.md before you restart`,
      );
  }

  /**
   * Throws where the disk has less left than delivering needs: claims and outcomes are written too, and what is accepted
   * into the last block could never be sent.
   */
  checkReserve(): void {
    const { bavail, blocks, bsize } = fs.statfsSync(path.dirname(this.#file));
    const reserve = Math.min(RESERVE_BYTES, (blocks * bsize) / RESERVE_PART);
    if (bavail === 0) throw new Error(`the disk of ${this.#file} is full`);
    if (bavail * bsize < reserve) throw new Error(`the disk of ${this.#file} is full but for a reserve`);
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

  /**
   * Gives freed pages back to the file system and empties the WAL, which still holds what has been erased. False: a
   * reader keeps the WAL; then it is not waited for, because acceptances wait behind this.
   */
  shrink(): boolean {
    this.#db.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
    this.#db.exec('PRAGMA busy_timeout = 0');
    try {
      const checkpoint = this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
      return checkpoint?.['busy'] === 0;
    } finally {
      this.#db.exec(`PRAGMA busy_timeout = ${this.#busyTimeoutMs}`);
    }
  }

  close(): void {
    this.#db.close();
    this.#lock?.close();
  }
}

/** The WAL grows to about 4 MiB before SQLite writes it back, and the file may have to grow by as much. */
const RESERVE_BYTES = 16 * 1024 * 1024;
/** On a very small file system, this part of it. */
const RESERVE_PART = 4;

/** Pages a maintenance may move at most, so that it never holds up an acceptance for long. */
const VACUUM_PAGES = 2_000;

/** A volume that is mounted instead of another may well have its file under the same inode: the device counts, too. */
function identify(file: string): string | undefined {
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}

/** SQLite calls it an I/O error where it can't make its shared memory. */
function isDiskFull(file: string): boolean {
  const folder = path.dirname(file);
  return fs.existsSync(folder) && fs.statfsSync(folder).bavail === 0;
}

/** What customers wrote is nobody else's on the machine. SQLite gives the WAL the file's own permissions. */
function createPrivately(file: string): void {
  makeFolder(path.dirname(file));
  fs.closeSync(fs.openSync(file, 'a', 0o600));
}

/** By hand, since Node's recursive mkdir goes round for ever where a file system knows no such name (/proc). */
function makeFolder(folder: string): void {
  if (fs.existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  fs.mkdirSync(folder, { mode: 0o700 });
}

/**
 * One service a file. Node has no flock; an exclusive transaction on a database beside the file is held by the
 * operating system's file locks, so it ends with the process, `kill -9` included.
 */
function acquireLock(file: string, timeout: number): DatabaseSync {
  createPrivately(file); // whoever may read it could hold it
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
const SQLITE_CORRUPT = 11;
/** SQLite puts what more it knows above the lowest byte. */
const EXTENDED_CODES = 256;
const AUTO_VACUUM_INCREMENTAL = 2;
