/** A SQLite store whose disk fills up, whose file somebody else locks, and whose folder goes away: each comes back. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteStore } from '../../src/queue/sqlite-store.ts';
import type { StoreFaultKind } from './script.ts';
import type { StoreUnderFault } from './store-under-fault.ts';

/** Room for the whole backlog; the bridge keeps 16 MiB of it free. */
const DISK_SIZE = '96m';
const BLOCK_BYTES = 1024 * 1024;
const LOCK_TRIES = 2_000;
const LOCK_RETRY_MS = 5;

/** With `canFillDisk`, `directory` becomes a file system of its own: that takes a mount namespace where this process may mount. */
export function prepareSqlite(directory: string, canFillDisk: boolean): StoreUnderFault {
  fs.mkdirSync(directory);
  if (canFillDisk) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_SIZE}`, 'tmpfs', directory]);
  const folder = path.join(directory, 'data');
  const file = path.join(folder, 'bridge.db');
  return {
    url: `sqlite:${file}`,
    fail: async (kind, forMs) => {
      const undo = await (FAILURES[kind] ?? refuseFault)({ directory, folder, file });
      await sleep(forMs);
      undo();
    },
    open: () => SqliteStore.open(file, 'command'),
    countLeasedLanes: () => Promise.resolve(countLeased(file)),
    [Symbol.asyncDispose]: () => {
      if (canFillDisk) execFileSync('umount', [directory]);
      return Promise.resolve();
    },
  };
}

interface Places {
  readonly directory: string;
  readonly folder: string;
  readonly file: string;
}

type Failure = (places: Places) => Promise<() => void> | (() => void);

const FAILURES: Partial<Record<StoreFaultKind, Failure>> = {
  full: fillDisk,
  locked: lockFile,
  away: moveAway,
};

function refuseFault(): never {
  throw new Error('SQLite knows no such fault.');
}

/** To the last byte: whole blocks first, then ever smaller ones. */
function fillDisk({ directory }: Places): () => void {
  const filler = path.join(directory, 'filler');
  const handle = fs.openSync(filler, 'w');
  for (let bytes = BLOCK_BYTES; bytes >= 1; bytes = Math.floor(bytes / 16)) writeUntilFull(handle, bytes);
  fs.closeSync(handle);
  return () => fs.rmSync(filler);
}

function writeUntilFull(handle: number, bytes: number): void {
  const block = Buffer.alloc(bytes, 1);
  try {
    for (;;) fs.writeSync(handle, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

async function lockFile({ file }: Places): Promise<() => void> {
  const intruder = new DatabaseSync(file, { timeout: 0 });
  for (let tries = 1; ; tries += 1) {
    try {
      intruder.exec('BEGIN IMMEDIATE');
      break;
    } catch (error) {
      if (tries >= LOCK_TRIES) throw error;
      await sleep(LOCK_RETRY_MS);
    }
  }
  return () => {
    intruder.exec('COMMIT');
    intruder.close();
  };
}

/** A file stands in its place, so that a bridge that starts meanwhile can't begin a new store there. */
function moveAway({ folder }: Places): () => void {
  fs.renameSync(folder, `${folder}.away`);
  fs.writeFileSync(folder, '');
  return () => {
    fs.rmSync(folder);
    fs.renameSync(`${folder}.away`, folder);
  };
}

function countLeased(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const row = database.prepare('SELECT count(*) AS leased FROM lanes WHERE lease_token IS NOT NULL').get();
  database.close();
  return Number(row?.['leased']);
}
