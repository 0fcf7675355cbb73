/** What can go wrong with the file, its folder, the machine's clock and the store's thread. */
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../src/clock.ts';
import { Database } from '../../src/queue/sqlite/database.ts';
import { SqliteStore } from '../../src/queue/sqlite-store.ts';
import { makeStoreFile, openSqliteStore, query, removeStoreFile, whileLocked } from './sqlite-file.ts';
import { DESTINATION, pauseUntil, retryAt, RETENTION_MS, StoreScene, textOf } from './suite/store-scene.ts';

/** Longer than any test may take: whoever waits for a lock fails. */
const PATIENT = { busyTimeoutMs: 60_000, lockTimeoutMs: 60_000 };
const IMPATIENT = { busyTimeoutMs: 20, lockTimeoutMs: 20 };
const UNAVAILABLE = { code: 'STORE_UNAVAILABLE' };
/** Somebody who may not write what root has made. */
const NOBODY = 65_534;

let file: string;

beforeEach(() => {
  file = makeStoreFile();
});

afterEach(() => removeStoreFile(file));

async function withScene(waits: typeof IMPATIENT, body: (scene: StoreScene) => Promise<void>): Promise<void> {
  const store = await SqliteStore.open(file, 'service', { waits });
  const scene = new StoreScene({
    store,
    reopen: () => Promise.reject(new Error('not in this test')),
    inspect: () => Promise.resolve(undefined),
    holds: () => Promise.resolve(false),
    dispose: () => store.close(),
  });
  try {
    await body(scene);
  } finally {
    await store.close().catch(() => undefined);
  }
}

const away = (): string => `${file}.away`;

describe('the file, lost under the service', () => {
  it.each([
    { name: 'moved away', lose: () => fs.renameSync(file, away()) },
    {
      name: 'replaced by another',
      lose: () => {
        fs.renameSync(file, away());
        fs.copyFileSync(away(), file);
      },
    },
    {
      name: 'behind a folder that is gone',
      lose: () => {
        const folder = path.dirname(file);
        fs.renameSync(folder, `${folder}-away`);
      },
      find: () => {
        const folder = path.dirname(file);
        fs.renameSync(`${folder}-away`, folder);
      },
    },
  ])('$name: takes nothing, says why, and goes on once it is back', async ({ lose, find }) => {
    await withScene(IMPATIENT, async (scene) => {
      await scene.accept({ text: 'before' });
      lose();
      const reason = { ...UNAVAILABLE, message: /bridge\.db has been deleted or replaced/ };
      await expect(scene.accept({ text: 'meanwhile' })).rejects.toMatchObject(reason);
      await expect(scene.store.ping()).rejects.toMatchObject(reason);
      await expect(scene.claim()).rejects.toMatchObject(reason);
      if (find) find();
      else fs.renameSync(away(), file);
      await scene.store.ping();
      await scene.accept({ text: 'after' });
      expect(await scene.deliverAll()).toEqual(['before', 'after']);
    });
  });
});

/** Overwrites all but the first page, which nobody holds in a cache any more. */
function damage(): void {
  commitAsStranger();
  damageUnseen();
}

function commitAsStranger(): void {
  const stranger = new DatabaseSync(file);
  stranger.exec('INSERT OR REPLACE INTO pings (id, at) VALUES (2, 0); PRAGMA wal_checkpoint(TRUNCATE)');
  stranger.close();
}

/** The service goes on with the pages that it has in its cache. */
function damageUnseen(): void {
  const bytes = fs.readFileSync(file);
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, Buffer.alloc(bytes.length - 4_096, 0x5a), 0, undefined, 4_096);
  fs.closeSync(fd);
}

describe('a damaged file', () => {
  it('takes nothing, and says so', async () => {
    await withScene(IMPATIENT, async (scene) => {
      await scene.accept();
      damage();
      const reason = { ...UNAVAILABLE, message: /malformed/ };
      await expect(scene.accept()).rejects.toMatchObject(reason);
      await expect(scene.store.ping()).rejects.toMatchObject(reason);
      await expect(scene.store.status()).rejects.toMatchObject(reason);
      await expect(scene.claim()).rejects.toMatchObject(reason);
    });
  });

  it('takes nothing more once the damage was seen, although accepting finds all its pages in the cache', async () => {
    await withScene(IMPATIENT, async (scene) => void (await scene.accept({ text: 'long before' })));
    // A service that has just started has read little: what claims alone read is not in its cache.
    await withScene(IMPATIENT, async (scene) => {
      await scene.accept({ text: 'before', snsMessageId: 'another', externalId: 'another' });
      const good = fs.readFileSync(file);
      damageUnseen();
      const reason = { ...UNAVAILABLE, message: /malformed/ };
      await expect(scene.claim()).rejects.toMatchObject(reason);
      const meanwhile = scene.accept({ snsMessageId: 'a third', externalId: 'a third' });
      await expect(meanwhile).rejects.toMatchObject(reason);
      await expect(scene.store.ping()).rejects.toMatchObject(reason);
      fs.writeFileSync(file, good);
      commitAsStranger();
      await scene.store.ping();
      await scene.accept({ text: 'after', snsMessageId: 'a fourth', externalId: 'a fourth' });
      expect(await scene.deliverAll()).toEqual(['long before', 'before', 'after']);
    });
  });

  it.each(['service', 'command'] as const)('is not opened by a %s, and is left as it is', async (role) => {
    await withScene(IMPATIENT, async (scene) => {
      await scene.accept();
    });
    damage();
    const damaged = fs.readFileSync(file);
    await expect(
      SqliteStore.open(file, role, { waits: IMPATIENT }).then((store) => store.status()),
    ).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: /malformed/,
    });
    expect(fs.readFileSync(file).equals(damaged)).toBe(true);
  });
});

describe.runIf(process.getuid?.() === 0)('a folder of somebody else’s', () => {
  afterEach(() => process.seteuid?.(0));

  it('where nothing can be made: a service says so', async () => {
    const folder = path.dirname(file);
    fs.chmodSync(folder, 0o755);
    process.seteuid?.(NOBODY);
    await expect(SqliteStore.open(file, 'service')).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: /EACCES: permission denied, open '.*bridge\.db/,
    });
  });

  it('where the file can’t be written: a service says so', async () => {
    await (await SqliteStore.open(file, 'service')).close();
    fs.chmodSync(path.dirname(file), 0o755);
    fs.chmodSync(file, 0o644);
    process.seteuid?.(NOBODY);
    await expect(SqliteStore.open(file, 'service')).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: /EACCES: permission denied, open '.*bridge\.db/,
    });
  });

  it('where a command may not even look: it says so', async () => {
    await (await SqliteStore.open(file, 'service')).close();
    fs.chmodSync(path.dirname(file), 0o755);
    process.seteuid?.(NOBODY);
    await expect(SqliteStore.open(file, 'command')).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: /unable to open database file/,
    });
  });
});

describe('what customers wrote is the service’s alone', () => {
  it('in files of mode 0600, in a folder of mode 0700', async () => {
    const nested = path.join(path.dirname(file), 'data', 'bridge.db');
    const store = await SqliteStore.open(nested, 'service');
    await store.ping();
    const modes = [path.dirname(nested), nested, `${nested}-wal`, `${nested}-shm`, `${nested}.lock`].map(
      (name) => (fs.statSync(name).mode & 0o777).toString(8),
    );
    await store.close();
    expect(modes).toEqual(['700', '600', '600', '600', '600']);
  });
});

describe('maintenance, while somebody reads', () => {
  it('waits for nobody, and says that the erasure is not done; the next one does it', async () => {
    await withScene(PATIENT, async (scene) => {
      await scene.acceptTexts(['a text to be erased']);
      const reader = new DatabaseSync(file);
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM messages').get();
      await scene.deliverAll();
      expect(await scene.store.maintain(scene.now, RETENTION_MS)).toMatchObject({ isErasureDone: false });
      await scene.accept({ text: 'taken meanwhile' });
      expect(fs.readFileSync(`${file}-wal`).includes('a text to be erased')).toBe(true);
      reader.exec('COMMIT');
      reader.close();
      expect(await scene.store.maintain(scene.now, RETENTION_MS)).toMatchObject({ isErasureDone: true });
      const kept = [file, `${file}-wal`].map((name) => fs.readFileSync(name).includes('a text to be erased'));
      expect(kept).toEqual([false, false]);
    });
  });

  it('goes back to waiting for others’ transactions afterwards', () => {
    const db = new Database(file, 'service', { busyTimeoutMs: 1_234, lockTimeoutMs: 20 });
    const reader = new DatabaseSync(file);
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM messages').get();
    expect(db.shrink()).toBe(false);
    expect(db.get('PRAGMA busy_timeout')).toEqual({ timeout: 1_234 });
    reader.close();
    expect(db.shrink()).toBe(true);
    expect(db.get('PRAGMA busy_timeout')).toEqual({ timeout: 1_234 });
    db.close();
  });
});

describe('a clock that was ahead, and is set back', () => {
  const AHEAD_MS = 3 * DAY_MS;

  /** Each mends it: what a running service does every minute, and what a start does. */
  const MENDINGS = {
    maintenance: async (scene: StoreScene) => void (await scene.store.maintain(scene.now, RETENTION_MS)),
    'a start': async (scene: StoreScene) => {
      await scene.reopen();
      scene.now = Date.now(); // a start goes by the machine's clock
    },
  };

  describe.each(Object.entries(MENDINGS))('is mended by %s', (_name, mend) => {
    let scene: StoreScene;

    beforeEach(async () => {
      scene = new StoreScene(await openSqliteStore(makeStoreFile()));
      scene.now = Date.now() + AHEAD_MS;
    });

    afterEach(() => scene.end());

    const setBack = (): void => void (scene.now -= AHEAD_MS);

    it('messages of one lane, all of them', async () => {
      await scene.acceptTexts(['one', 'two', 'three'], { holdMs: 250 });
      setBack();
      expect((await scene.claim()).claims).toEqual([]);
      await mend(scene);
      expect(await scene.deliverAll()).toEqual(['one', 'two', 'three']);
    });

    it('a lane that was tried', async () => {
      await scene.acceptTexts(['one', 'two']);
      await scene.record(await scene.claimOne(), retryAt(scene.now + 5 * SECOND_MS));
      setBack();
      await mend(scene);
      expect(await scene.deliverAll()).toEqual(['one', 'two']);
    });

    it('a lane that a crash left leased', async () => {
      await scene.acceptTexts(['one']);
      await scene.claimOne();
      setBack();
      await mend(scene);
      expect(textOf(await scene.claimOne())).toBe('one');
    });

    it('a pause’s next probe', async () => {
      await scene.acceptTexts(['one', 'two']);
      const pause = pauseUntil(scene.now + 5 * MINUTE_MS);
      await scene.record(await scene.claimOne(), { verdict: 'returned', dueAt: scene.now }, { pause });
      setBack();
      await mend(scene);
      expect(await scene.claimOne()).toMatchObject({ isProbe: true, destination: DESTINATION });
    });

    it('and nothing is hurried that only waits its turn', async () => {
      setBack();
      await scene.acceptTexts(['one']);
      await scene.record(await scene.claimOne(), retryAt(scene.now + 60 * SECOND_MS));
      await mend(scene);
      expect((await scene.claim()).claims).toEqual([]);
    });
  });
});

describe('more than waits for the disk', () => {
  it('is OVERLOADED, and taken again once there is room', async () => {
    const raw = 'x'.repeat(17 * 1024 * 1024);
    await withScene(PATIENT, async (scene) => {
      const accepting = await whileLocked(file, async () => {
        const taken = [1, 2, 3].map(() => scene.accept({ raw }));
        await expect(scene.accept({ raw })).rejects.toMatchObject({ code: 'OVERLOADED' });
        return taken;
      });
      expect((await Promise.all(accepting)).map(({ outcome }) => outcome)).toEqual(Array(3).fill('accepted'));
      expect((await scene.accept({ raw })).outcome).toBe('accepted');
    });
  });
});

it('is opened under `node --watch`, where Node has each thread tell its parent what it imports', async () => {
  vi.stubEnv('WATCH_REPORT_DEPENDENCIES', '1');
  try {
    const store = await SqliteStore.open(file, 'service');
    await store.ping();
    await expect(SqliteStore.open(file, 'service', { waits: IMPATIENT })).rejects.toMatchObject({
      code: 'STORE_IN_USE',
    });
    await store.close();
  } finally {
    vi.unstubAllEnvs();
  }
});

describe('the store’s thread, dead', () => {
  it('fails whoever waits and whoever asks, and tells why the service has to end', async () => {
    const started = Promise.withResolvers<Worker>();
    process.once('worker', started.resolve);
    const store = await SqliteStore.open(file, 'service');
    const worker = await started.promise;
    const waiting = await whileLocked(file, async () => {
      const pings = [store.ping().catch((error: unknown) => error)];
      await worker.terminate();
      return pings;
    });
    expect(await waiting[0]).toMatchObject(UNAVAILABLE);
    expect(await store.lost).toMatchObject({ message: 'The store’s thread has ended.' });
    await expect(store.ping()).rejects.toMatchObject(UNAVAILABLE);
    await store.close();
  });

  it('that was closed is not lost', async () => {
    const store = await SqliteStore.open(file, 'service');
    await store.close();
    expect(await Promise.race([store.lost, Promise.resolve('closed')])).toBe('closed');
  });
});

describe('a file of its own size', () => {
  it('shrinks by maintenance, step by step, whatever it had grown to', async () => {
    await withScene(PATIENT, async (scene) => {
      for (let count = 0; count < 30; count += 1) await scene.acceptTexts(['x'.repeat(1_000_000)]);
      await scene.store.maintain(scene.now, RETENTION_MS);
      const fullBytes = fs.statSync(file).size;
      expect(fullBytes).toBeGreaterThan(30_000_000);
      await scene.deliverAll();
      const sizes = [fullBytes];
      while (sizes.length < 10 && (sizes.at(-1) ?? 0) > fullBytes / 20) {
        await scene.store.maintain(scene.now, RETENTION_MS);
        sizes.push(fs.statSync(file).size);
      }
      expect(sizes.length).toBeGreaterThan(2);
      expect(sizes.at(-1)).toBeLessThan(fullBytes / 20);
      expect(query(file, 'PRAGMA freelist_count')).toEqual({ freelist_count: 0 });
    });
  });
});
