/**
 * Carries out what a store is asked for: all of SQLite happens here.
 *
 * Group commit: calls that come together go into one transaction, so one sync serves all who wait. If an operation fails,
 * all of its batch is undone and done again, each operation in a savepoint of its own: a bad row fails only its own
 * caller. Not from the start, since a savepoint copies every page that is changed after it. If the commit fails, every
 * caller of the batch hears so.
 */
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
  StoreOptions,
  StoreReply,
  StoreRequest,
} from './protocol.ts';
import { packFault } from './store-fault.ts';

/** Operations of one transaction at most: bounds both the longest wait for a commit and the WAL's growth. */
export const MAX_BATCH = 256;

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

const SQLITE_FULL = 13;

/** What runs inside the batch's transaction. */
const TRANSACTIONS: Omit<Work, OutsideName> = {
  accept: (db, request) => {
    db.checkSound();
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
    db.checkSound();
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
      if (db.role === 'service') db.shrink();
    } catch {
      // The next service's maintenance gives the space back; but nobody else lets go of the file.
    }
    db.close();
  },
};

const WORK: Work = { ...TRANSACTIONS, ...OUTSIDE };

/** Whether it takes the file's write lock. */
export function isWrite({ operation }: StoreRequest): boolean {
  return operation in TRANSACTIONS;
}

/** Throws as `Database` does. */
export function openDatabase({ file, role, waits }: StoreOptions): Database {
  const db = new Database(file, role, waits);
  try {
    if (role === 'service') voidLeases(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
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

/**
 * Carries out what came together, in whatever order; a transaction's replies come before anything outside one is begun.
 * No call may follow a `close`.
 */
export function* serve(db: Database, calls: readonly StoreCall[]): Generator<StoreReply[]> {
  for (let from = 0; from < calls.length; from += MAX_BATCH) {
    const batch = calls.slice(from, from + MAX_BATCH);
    const inTransaction = batch.filter(isWrite);
    if (inTransaction.length > 0) yield runTransaction(db, inTransaction);
    const outside = batch.filter((call) => !isWrite(call));
    if (outside.length > 0) yield outside.map((call) => reply(db, call, () => run(db, call)));
  }
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
    db.noteDamage(error);
    return calls.map(({ id }) => ({ id, fault: packFault(error) }));
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
    db.noteDamage(error);
    return { id: call.id, fault: packFault(error) };
  }
}
