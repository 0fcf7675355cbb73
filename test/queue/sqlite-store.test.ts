import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/queue/sqlite/database.ts';
import { SqliteStore } from '../../src/queue/sqlite-store.ts';
import { describeMessageStore } from './message-store-suite.ts';
import { describeAccepting } from './suite/accepting.ts';
import { describeOutcomes } from './suite/outcomes.ts';
import { describeRandomRuns } from './suite/random-runs.ts';
import { makeStoreFile, openSqliteStore, query, removeStoreFile, whileLocked } from './sqlite-file.ts';
import { DELIVERED, RETENTION_MS, StoreScene, textOf } from './suite/store-scene.ts';

const IMPATIENT = { busyTimeoutMs: 20, lockTimeoutMs: 20 };
const FIRST_MIGRATION = path.join(import.meta.dirname, '../../src/queue/migrations/sqlite/0001-initial.sql');
const KILL_SCRIPT = path.join(import.meta.dirname, 'accept-until-killed.ts');

describeMessageStore('SqliteStore keeps the contract', () => openSqliteStore());

describeMessageStore(
  'SqliteStore keeps it in a thread of its own, which all that goes to it and comes from it has to cross',
  () => openSqliteStore(makeStoreFile(), { isThreaded: true }),
  [describeAccepting, describeOutcomes, describeRandomRuns],
);

describe('SqliteStore, open', () => {
  let file: string;
  let scene: StoreScene;

  beforeEach(async () => {
    file = makeStoreFile();
    scene = new StoreScene(await openSqliteStore(file, { isThreaded: true }));
  });

  afterEach(() => scene.end());

  it('commits together whatever waits', async () => {
    const commitsBefore = countCommits(file);
    const accepting = await whileLocked(file, () => [
      Array.from({ length: 100 }, (_, customer) => scene.accept({ from: `+1425555${1_000 + customer}` })),
    ]);
    await Promise.all(accepting.flat());
    expect(countCommits(file) - commitsBefore).toBeLessThanOrEqual(3);
    expect((await scene.status()).books).toMatchObject({ received: 100, pending: 100 });
  });

  it('fails a bad row alone, of those that are committed together', async () => {
    const sentAt = 0.5; // no whole number of milliseconds: the column refuses it
    const [results] = await whileLocked(file, () => [
      Promise.allSettled([
        scene.accept({ text: 'one' }),
        scene.accept({ text: 'bad', sentAt }),
        scene.accept({ text: 'two' }),
        scene.claim(),
      ]),
    ]);
    const settled = await results;
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(settled[1]).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE' } });
    expect((await scene.status()).books).toMatchObject({ received: 2, pending: 2 });
  });

  it('says of itself what is promised', async () => {
    await scene.store.close();
    const database = new Database(file, 'service');
    const pragmas = ['journal_mode', 'synchronous', 'secure_delete', 'auto_vacuum'].map((name) =>
      Object.values(database.get(`PRAGMA ${name}`) ?? {}),
    );
    database.close();
    expect(pragmas).toEqual([['wal'], [2], [1], [2]]); // 2: FULL; 1: on; 2: incremental
    await scene.reopen();
  });

  it('gives space back to the file system', async () => {
    await scene.acceptTexts(Array.from({ length: 20 }, () => 'x'.repeat(100_000)));
    await scene.store.maintain(scene.now, RETENTION_MS);
    const fullBytes = fs.statSync(file).size;
    await scene.deliverAll();
    await scene.store.maintain(scene.now, RETENTION_MS);
    expect(fs.statSync(file).size).toBeLessThan(fullBytes / 4);
    expect(fs.statSync(`${file}-wal`).size).toBe(0);
  });

  it('voids at its opening the leases that a crash left: they are lost attempts', async () => {
    await scene.accept();
    await scene.claimOne();
    await scene.reopen();
    expect(await scene.claimOne()).toMatchObject({ attempts: 1, followsLostAttempt: true });
    expect((await scene.status()).books.possibleDuplicate).toBe(1);
  });

  it('has a command beside it, which sees what is committed and voids no lease', async () => {
    await scene.accept();
    const claim = await scene.claimOne();
    const command = await SqliteStore.open(file, 'command');
    expect(await command.status()).toEqual(await scene.status());
    await command.close();
    expect((await scene.claim()).claims).toEqual([]);
    expect(await scene.record(claim, DELIVERED)).toBe('recorded');
  });

  it('has its turns beside a command that writes on and on', async () => {
    const command = await SqliteStore.open(file, 'command');
    const end = new AbortController();
    const accepting = scene.accept().then(() => end.abort());
    let writes = 0;
    for (; !end.signal.aborted && writes < 1_000; writes += 1) await command.ping();
    await command.close();
    expect(writes).toBeLessThan(1_000);
    await accepting;
  });

  it('refuses a second service', async () => {
    await expect(SqliteStore.open(file, 'service', { waits: IMPATIENT })).rejects.toMatchObject({
      code: 'STORE_IN_USE',
    });
    await scene.accept();
    await scene.store.close();
    await scene.reopen();
  });

  it('reads after it has written what was asked for together', async () => {
    const [, { books }] = await Promise.all([scene.accept(), scene.status()]);
    expect(books.received).toBe(1);
  });

  it('empties the WAL when a service closes it, and leaves it alone when a command does', async () => {
    await scene.accept();
    await (await SqliteStore.open(file, 'command')).close();
    const walBytes = (): number => fs.statSync(`${file}-wal`).size;
    expect(walBytes()).toBeGreaterThan(0);
    using beside = openBeside(file); // the last one to close it removes the WAL
    expect(beside.count()).toBe(1);
    await scene.store.close();
    expect(walBytes()).toBe(0);
    await scene.reopen();
  });
});

describe.each([{ isThreaded: true }, { isThreaded: false }])('SqliteStore, threaded: $isThreaded', (how) => {
  let file: string;

  beforeEach(async () => {
    file = makeStoreFile();
    await (await SqliteStore.open(file, 'service')).close();
  });

  afterEach(() => removeStoreFile(file));

  it('answers nothing any more once it is closed', async () => {
    const store = await SqliteStore.open(file, 'service', how);
    await store.close();
    await expect(store.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await store.close();
  });

  it('says what it could not do', async () => {
    const store = await SqliteStore.open(file, 'command', { waits: IMPATIENT, ...how });
    const [refused] = await whileLocked(file, async () => Promise.allSettled([store.discard([1], 0)]));
    expect(refused).toMatchObject({
      reason: { code: 'STORE_UNAVAILABLE', detail: 'database is locked' },
    });
    await store.close();
  });

  it('lets go of a file that it could not open to the end', async () => {
    const opening = await whileLocked(file, async () =>
      Promise.allSettled([SqliteStore.open(file, 'service', { waits: IMPATIENT, ...how })]),
    );
    expect(opening).toMatchObject([{ reason: { code: 'STORE_UNAVAILABLE' } }]);
    await (await SqliteStore.open(file, 'service', { waits: IMPATIENT })).close();
  });
});

describe('SqliteStore, where it can’t work', () => {
  let file: string;

  beforeEach(() => {
    file = makeStoreFile();
  });

  afterEach(() => removeStoreFile(file));

  it('fails what it can’t commit, and goes on when it can', async () => {
    const store = await SqliteStore.open(file, 'service', { waits: IMPATIENT });
    const request = {
      snsMessageId: 'sns-1',
      snsTimestamp: 0,
      acceptedAt: 0,
      holdMs: 0,
      items: [],
      ignored: ['status'],
    } as const;
    const [refused] = await whileLocked(file, async () =>
      Promise.allSettled([store.accept(request), store.ping()]),
    );
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'STORE_UNAVAILABLE' } });
    await store.ping();
    expect((await store.status()).books.received).toBe(0);
    await store.accept(request);
    expect((await store.status()).books.received).toBe(1);
    await store.close();
  });

  it('lets go of the file even if it can’t give space back first', async () => {
    const store = await SqliteStore.open(file, 'service', { waits: IMPATIENT });
    const scene = new StoreScene({ ...(await openNothing()), store });
    await scene.acceptTexts(['x'.repeat(100_000)]);
    await scene.deliverAll();
    await whileLocked(file, () => store.close());
    const next = await SqliteStore.open(file, 'service', { waits: IMPATIENT });
    expect((await next.status()).books.delivered).toBe(1);
    await next.close();
  });

  it('as a command it creates nothing', async () => {
    await expect(SqliteStore.open(file, 'command')).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect(fs.readdirSync(path.dirname(file))).toEqual([]);
  });

  it.each(['service', 'command'] as const)('as a %s it leaves a newer version’s file alone', async (role) => {
    await (await SqliteStore.open(file, 'service')).close();
    const version = query(file, 'PRAGMA user_version')?.['user_version'];
    query(file, 'PRAGMA user_version = 99');
    await expect(SqliteStore.open(file, role)).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    expect(query(file, 'PRAGMA user_version')).toEqual({ user_version: 99 });
    query(file, `PRAGMA user_version = ${Number(version)}`);
    await (await SqliteStore.open(file, 'service', { waits: IMPATIENT })).close();
  });

  it('brings an older version’s file up to date, with what waits in it', async () => {
    const older = new DatabaseSync(file);
    older.exec(fs.readFileSync(FIRST_MIGRATION, 'utf8'));
    older.exec(`
      PRAGMA user_version = 1;
      INSERT INTO lanes (direction, channel, customer_address, business_address, destination, pace_key, due_at, last_accepted_at)
        VALUES ('inbound', 'sms', '+14255550182', '+12065550100', 'destination-1', 'pace-1', 0, 0);
      INSERT INTO messages (lane_id, sns_message_id, item_index, direction, channel, sent_at, sns_at, accepted_at, state, due_at, message)
        VALUES (1, 'sns-1', 0, 'inbound', 'sms', 0, 0, 0, 'pending', 0, '{"content":{"kind":"text","text":"waits"}}');
    `);
    older.close();
    const scene = new StoreScene({
      ...(await openNothing()),
      store: await SqliteStore.open(file, 'service'),
    });
    const claim = await scene.claimOne();
    expect([textOf(claim), claim.parts, claim.partsDelivered]).toEqual(['waits', undefined, 0]);
    await scene.store.close();
  });

  it('as a command it updates no schema', async () => {
    fs.writeFileSync(file, '');
    await expect(SqliteStore.open(file, 'command')).rejects.toMatchObject({ code: 'STORE_TOO_OLD' });
    expect(query(file, 'PRAGMA user_version')).toEqual({ user_version: 0 });
  });

  it('says so of a file that is no database', async () => {
    fs.writeFileSync(file, 'no database, but long enough to be looked at: '.repeat(100));
    const opening = SqliteStore.open(file, 'service');
    await expect(opening).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: /not a database/ });
  });

  it('says so of a folder that can’t be made', async () => {
    fs.writeFileSync(file, '');
    const opening = SqliteStore.open(path.join(file, 'bridge.db'), 'service');
    await expect(opening).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('makes the folders it needs', async () => {
    const nested = path.join(path.dirname(file), 'a', 'b', 'bridge.db');
    await (await SqliteStore.open(nested, 'service')).close();
    expect(fs.existsSync(nested)).toBe(true);
  });

  it('survives kill -9: what was accepted is there, and what was claimed goes again', async () => {
    const child = spawn(process.execPath, [KILL_SCRIPT, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const scene = new StoreScene(await openSqliteStore(file));
    const { claims } = await scene.claim({ limit: 2 });
    expect(claims.map((claim) => [textOf(claim), claim.followsLostAttempt])).toEqual([
      ['claimed', true],
      ['pending', false],
    ]);
    const { books } = await scene.status();
    expect(books).toMatchObject({ isBalanced: true, possibleDuplicate: 1 });
    await scene.store.close();
  });
});

/** What a scene needs besides its store, for a test that asks for nothing else. */
async function openNothing(): Promise<Omit<ConstructorParameters<typeof StoreScene>[0], 'store'>> {
  return {
    reopen: async () => {},
    inspect: async () => undefined,
    holds: async () => false,
    dispose: async () => {},
  };
}

function openBeside(file: string): Disposable & { count(): unknown } {
  const db = new DatabaseSync(file);
  return {
    count: () => db.prepare('SELECT count(*) AS count FROM messages').get()?.['count'],
    [Symbol.dispose]: () => db.close(),
  };
}

const WAL_HEADER_BYTES = 32;
const WAL_FRAME_HEADER_BYTES = 24;

/** Transactions in the WAL: a frame that ends one says how large the database is then. */
function countCommits(file: string): number {
  const wal = fs.readFileSync(`${file}-wal`);
  if (wal.length < WAL_HEADER_BYTES) return 0;
  const frameBytes = WAL_FRAME_HEADER_BYTES + wal.readUInt32BE(8);
  const salt = wal.subarray(16, 24);
  let commits = 0;
  for (let frame = WAL_HEADER_BYTES; frame + frameBytes <= wal.length; frame += frameBytes) {
    const isCurrent = wal.subarray(frame + 8, frame + 16).equals(salt);
    if (isCurrent && wal.readUInt32BE(frame + 4) > 0) commits += 1;
  }
  return commits;
}
