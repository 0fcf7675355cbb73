import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteStore } from '../../src/queue/sqlite-store.ts';
import type { StoredMessage, StoreUnderTest } from './suite/store-scene.ts';

/** A new file in a folder of its own. */
export function makeStoreFile(): string {
  return path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'sqlite-store-')), 'bridge.db');
}

export function removeStoreFile(file: string): void {
  fs.rmSync(path.dirname(file), { recursive: true });
}

/** Opens the file as a stranger would, for one statement. */
export function query(
  file: string,
  sql: string,
  ...parameters: number[]
): Record<string, unknown> | undefined {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    return db.prepare(sql).get(...parameters);
  } finally {
    db.close();
  }
}

/** Does `work` while nobody else can write to the file. */
export async function whileLocked<Result>(file: string, work: () => Result): Promise<Awaited<Result>> {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    db.exec('BEGIN IMMEDIATE');
    return await work();
  } finally {
    db.close();
  }
}

/** Without a thread of its own, which takes its time to start, unless a test is about that. */
export async function openSqliteStore(
  file = makeStoreFile(),
  { isThreaded = false } = {},
): Promise<StoreUnderTest> {
  const open = (): Promise<SqliteStore> => SqliteStore.open(file, 'service', { isThreaded });
  let store = await open();
  return {
    get store() {
      return store;
    },
    reopen: async () => {
      await store.close();
      store = await open();
    },
    inspect: async (messageId) =>
      query(
        file,
        `SELECT state, attempts, reason, last_error AS lastError, message, raw, new_chat_created AS newChatCreated
         FROM messages WHERE id = ?`,
        messageId,
      ) as StoredMessage | undefined,
    holds: async (text) =>
      [file, `${file}-wal`].some((name) => fs.existsSync(name) && fs.readFileSync(name).includes(text)),
    dispose: async () => {
      await store.close();
      removeStoreFile(file);
    },
  };
}
