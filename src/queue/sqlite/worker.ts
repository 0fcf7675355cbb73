/**
 * The store's thread: all of SQLite happens here, so that no disk ever blocks the event loop.
 *
 * Group commit: whatever has been posted while the last batch was synced goes into the next transaction together, so
 * one sync serves all who wait, and nobody waits for company. If an operation fails, all of its batch is undone and done
 * again, each operation in a savepoint of its own: a bad row fails only its own caller. Not from the start, since a
 * savepoint copies every page that is changed after it. Replies leave after the commit; if that fails, every caller
 * of the batch hears so.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { BridgeError } from '../../errors.ts';
import { accept } from './accept.ts';
import { readStatus } from './books.ts';
import { claimHeads } from './claim.ts';
import { Database } from './database.ts';
import { endAged } from './maintain.ts';
import { findChat } from './chats.ts';
import { countMessages, discard, eraseCustomer, listMessages, readMessage, redrive } from './operate.ts';
import { mendClock } from './lane.ts';
import { recordOutcome } from './outcome.ts';
import type {
  OperationName,
  Operations,
  StoreCall,
  StoreFault,
  StoreReply,
  WorkerOptions,
} from './protocol.ts';

/** Operations of one transaction at most: bounds both the longest wait for a commit and the WAL's growth. */
const MAX_BATCH = 256;

type Work = {
  [Name in OperationName]: (
    db: Database,
    argument: Operations[Name]['argument'],
  ) => Operations[Name]['result'];
};

type OutsideName =
  | 'status'
  | 'listMessages'
  | 'countMessages'
  | 'readMessage'
  | 'findChat'
  | 'shrink'
  | 'close';

const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
/** SQLite puts what more it knows above the lowest byte. */
const EXTENDED_CODES = 256;

/** What runs inside the batch's transaction. */
const TRANSACTIONS: Omit<Work, OutsideName> = {
  accept: (db, request) => {
    checkSound(db);
    db.checkReserve();
    return accept(db, request);
  },
  claimHeads,
  recordOutcome,
  endAged: (db, { now, retentionMs }) => endAged(db, now, retentionMs),
  redrive,
  discard: (db, { ids, now }) => discard(db, ids, now),
  eraseCustomer: (db, { customerAddress, now }) => eraseCustomer(db, customerAddress, now),
  ping: (db) => {
    checkSound(db);
    db.checkReserve();
    db.run('INSERT OR REPLACE INTO pings (id, at) VALUES (1, :at)', { at: Date.now() });
  },
};

/** What can't: a long read must not hold the write lock, and a checkpoint is no part of a transaction. */
const OUTSIDE: Pick<Work, OutsideName> = {
  status: (db) => db.snapshot(() => readStatus(db)),
  listMessages: (db, { filter, page }) => db.snapshot(() => listMessages(db, filter, page)),
  countMessages: (db, filter) => db.snapshot(() => countMessages(db, filter)),
  readMessage: (db, id) => db.snapshot(() => readMessage(db, id)),
  findChat: (db, contactId) => findChat(db, contactId),
  shrink: (db) => db.shrink(),
  close: (db) => {
    try {
      if (role === 'service') db.shrink();
    } catch {
      // The next service's maintenance gives the space back; but nobody else lets go of the file.
    }
    db.close();
  },
};

const WORK: Work = { ...TRANSACTIONS, ...OUTSIDE };

/** What was last found damaged, and in which version of the file. */
let damage: { readonly error: unknown; readonly fileVersion: number | undefined } | undefined;

if (!parentPort) throw new Error('The store’s thread is started by SqliteStore.');
const port = parentPort;
const { file, role, waits } = workerData as WorkerOptions;

try {
  const db = new Database(file, role, waits);
  if (role === 'service') voidLeases(db);
  port.on('message', (first: readonly StoreCall[]) => {
    const calls = takeWaiting(first);
    for (let from = 0; from < calls.length; from += MAX_BATCH) {
      serve(db, calls.slice(from, from + MAX_BATCH));
    }
  });
  port.postMessage({ opened: true });
} catch (error) {
  port.postMessage({ fault: describeFault(error) });
  port.close();
}

/**
 * The file is ours alone, so whoever held these leases is gone. The claim that follows counts their lost attempts. On a
 * full disk it has to do without: the leases run out by themselves.
 */
function voidLeases(db: Database): void {
  try {
    db.run('UPDATE lanes SET lease_token = NULL, due_at = 0, tried_at = 0 WHERE lease_token IS NOT NULL');
    mendClock(db, Date.now());
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== SQLITE_FULL) throw error;
  }
}

/** What has been posted, up to a full batch, and the rest of what came with its last. */
function takeWaiting(first: readonly StoreCall[]): readonly StoreCall[] {
  const calls = [...first];
  while (calls.length < MAX_BATCH) {
    const next = receiveMessageOnPort(port);
    if (!next) break;
    calls.push(...next.message);
  }
  return calls;
}

function serve(db: Database, batch: readonly StoreCall[]): void {
  const inTransaction = batch.filter(({ operation }) => operation in TRANSACTIONS);
  if (inTransaction.length > 0) port.postMessage(runTransaction(db, inTransaction));
  const outside = batch.filter(({ operation }) => operation in OUTSIDE);
  if (outside.length > 0) port.postMessage(outside.map((call) => reply(db, call, () => run(db, call))));
  if (outside.some(({ operation }) => operation === 'close')) port.close();
}

function runTransaction(db: Database, calls: readonly StoreCall[]): StoreReply[] {
  try {
    db.checkPlace();
    db.begin();
    const replies = runTogether(db, calls) ?? runApart(db, calls);
    if (!db.isInTransaction) throw new Error('SQLite ended the transaction');
    db.commit();
    return replies;
  } catch (error) {
    db.rollback();
    noteDamage(db, error);
    return calls.map(({ id }) => ({ id, fault: describeFault(error) }));
  }
}

/** Undefined: one has failed, and all are undone. */
function runTogether(db: Database, calls: readonly StoreCall[]): StoreReply[] | undefined {
  try {
    return calls.map((call) => ({ id: call.id, result: run(db, call) }));
  } catch {
    db.rollback();
    db.begin();
    return undefined;
  }
}

function runApart(db: Database, calls: readonly StoreCall[]): StoreReply[] {
  return calls.map((call) => reply(db, call, () => db.savepoint(() => run(db, call))));
}

function run(db: Database, { operation, argument }: StoreCall): unknown {
  const work = WORK[operation] as (db: Database, argument: unknown) => unknown;
  return work(db, argument);
}

function reply(db: Database, call: StoreCall, work: () => unknown): StoreReply {
  try {
    return { id: call.id, result: work() };
  } catch (error) {
    noteDamage(db, error);
    return { id: call.id, fault: describeFault(error) };
  }
}

function noteDamage(db: Database, error: unknown): void {
  const { errcode } = error as { errcode?: number };
  if (errcode === undefined || errcode % EXTENDED_CODES !== SQLITE_CORRUPT) return;
  damage = { error, fileVersion: db.fileVersion };
}

/**
 * Throws once something was found damaged: accepting may find all that it reads in the cache, and go on taking what could
 * never be sent. Whoever mends the file under the service commits to it, which also makes the cache be read anew.
 */
function checkSound(db: Database): void {
  if (damage && damage.fileVersion !== db.fileVersion) damage = undefined;
  if (damage) throw damage.error;
}

function describeFault(error: unknown): StoreFault {
  const sentence = error instanceof Error ? error.message : String(error);
  return error instanceof BridgeError
    ? { code: error.code, sentence: error.detail ?? '' }
    : { code: 'STORE_UNAVAILABLE', sentence };
}
