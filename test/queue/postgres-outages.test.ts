import { inspect } from 'node:util';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Connections, POSTGRES_WAITS } from '../../src/queue/postgres/connections.ts';
import { PostgresStore } from '../../src/queue/postgres-store.ts';
import { createSchema, startPostgres } from '../support/postgres.ts';
import type { PostgresSchema, PostgresServer } from '../support/postgres.ts';
import { INVENTED_TIME, openPostgresStore } from './postgres-schema.ts';
import { StoreScene } from './suite/store-scene.ts';

/** How long a test waits for a database that is back, milliseconds. */
const BACK = { timeout: 15_000, interval: 20 };
const UNAVAILABLE = { name: 'BridgeError', code: 'STORE_UNAVAILABLE' };

let server: PostgresServer;
let schema: PostgresSchema;
let scene: StoreScene;

beforeAll(async () => {
  server = await startPostgres();
}, 60_000);

afterAll(() => server.close());

beforeEach(async () => {
  schema = await createSchema(server);
  scene = new StoreScene(await openPostgresStore(server, schema));
});

afterEach(() => scene.end());

async function connect(): Promise<Client> {
  const client = new Client({ connectionString: schema.url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** A connection that has locked all lanes until it ends. */
async function lockLanes(): Promise<Client> {
  const client = await connect();
  await client.query('BEGIN; LOCK TABLE lanes IN ACCESS EXCLUSIVE MODE');
  return client;
}

/** Ends the store's connections that wait for a lock. */
async function killWaiting(): Promise<void> {
  await vi.waitFor(async () => {
    const killed = await schema.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
    );
    expect(killed).toHaveLength(1);
  }, BACK);
}

describe('a server with no connection to spare', () => {
  it('fails nobody while the store has one: they take turns', async () => {
    const role = `few_${crypto.randomUUID().slice(0, 8)}`;
    await schema.query(`CREATE ROLE ${role} LOGIN CONNECTION LIMIT 2`);
    const [{ name } = { name: '' }] = await schema.query('SELECT current_schema() AS name');
    await schema.query(`GRANT ALL ON SCHEMA ${String(name)} TO ${role}`);
    await schema.query(`GRANT ALL ON ALL TABLES IN SCHEMA ${String(name)} TO ${role}`);
    const url = new URL(schema.url);
    url.searchParams.set('user', role);
    const store = await PostgresStore.open(url.href, 'command', INVENTED_TIME);
    const pings = await Promise.allSettled(Array.from({ length: 40 }, () => store.ping()));
    expect(pings.filter(({ status }) => status === 'rejected')).toEqual([]);
    await store.close();
  });
});

describe('a connection that is lost', () => {
  it('in the middle of an acceptance fails it, and leaves nothing of it', async () => {
    await scene.accept();
    const rival = await lockLanes();
    const given = { externalId: 'external-1', snsMessageId: 'sns-1' };
    const accepting = scene.accept(given);
    accepting.catch(() => {});
    await killWaiting();
    await expect(accepting).rejects.toMatchObject(UNAVAILABLE);
    await rival.end();
    expect((await scene.status()).books.received).toBe(1);
    expect((await scene.accept(given)).outcome).toBe('accepted');
  });

  it('in the middle of an outcome fails that; said again, it counts once', async () => {
    await scene.accept();
    const claim = await scene.claimOne();
    const rival = await lockLanes();
    const recording = scene.record(claim);
    recording.catch(() => {});
    await killWaiting();
    await expect(recording).rejects.toMatchObject(UNAVAILABLE);
    await rival.end();
    expect(await scene.record(claim)).toBe('recorded');
    expect((await scene.status()).books).toMatchObject({ delivered: 1, pending: 0 });
  });

  it('while it is idle is replaced', async () => {
    await scene.accept();
    await schema.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL',
    );
    await vi.waitFor(() => scene.store.ping(), BACK);
    expect((await scene.status()).books.received).toBe(1);
  });

  it('by a replica that froze in a transaction holds up nobody for long', async () => {
    await scene.accept();
    const waits = { ...POSTGRES_WAITS, idleMs: 100 };
    const frozen = new Connections({ url: schema.url, clock: systemClock, waits });
    const locked = Promise.withResolvers<void>();
    const thawed = Promise.withResolvers<void>();
    const freezing = frozen.transaction('write', async (db) => {
      await db.run('UPDATE lanes SET due_at = 0');
      locked.resolve();
      await thawed.promise;
    });
    freezing.catch(() => {});
    await locked.promise;
    await scene.accept({ text: 'another of that lane' });
    thawed.resolve();
    await expect(freezing).rejects.toMatchObject(UNAVAILABLE);
    await frozen.close();
  });
});

describe.runIf(!process.env['TEST_POSTGRES_URL'])('a server that is not heard any more', () => {
  it('fails the call in time, and its connection is used no more', async () => {
    const waits = { ...POSTGRES_WAITS, statementMs: 100 };
    const url = `${schema.url}&pool_max=1`;
    const store = await PostgresStore.open(url, 'service', { ...INVENTED_TIME, waits });
    const rival = await lockLanes();
    const accepting = store.accept(scene.request([scene.messageItem()]));
    accepting.catch(() => {});
    let frozen = 0;
    await vi.waitFor(async () => {
      const rows = await schema.query(
        `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO lanes%'`,
      );
      expect(rows).toHaveLength(1);
      frozen = Number(rows[0]?.['pid']);
    }, BACK);
    process.kill(frozen, 'SIGSTOP');
    try {
      await expect(accepting).rejects.toMatchObject(UNAVAILABLE);
      await rival.end();
      await store.ping();
    } finally {
      process.kill(frozen, 'SIGCONT');
    }
    await store.close();
  });
});

describe('a database that goes away', () => {
  it.runIf(!process.env['TEST_POSTGRES_URL'])('is there again without a restart of the service', async () => {
    await scene.accept({ text: 'before' });
    await server.stop('orderly');
    try {
      const calls = [scene.accept({ text: 'meanwhile' }), scene.claim(), scene.status(), scene.store.ping()];
      expect(await Promise.allSettled(calls)).toMatchObject(
        calls.map(() => ({ status: 'rejected', reason: UNAVAILABLE })),
      );
      await expect(PostgresStore.open(schema.url, 'command')).rejects.toMatchObject(UNAVAILABLE);
    } finally {
      await server.start();
    }
    await vi.waitFor(() => scene.store.ping(), BACK);
    await scene.accept({ text: 'after' });
    expect(await scene.deliverAll()).toEqual(['before', 'after']);
  });

  it.runIf(!process.env['TEST_POSTGRES_URL'])('may still be starting when the service does', async () => {
    await server.stop('orderly');
    const opening = PostgresStore.open(schema.url, 'service', INVENTED_TIME);
    await server.start();
    const late = await opening;
    await late.ping();
    await late.close();
    await vi.waitFor(() => scene.store.ping(), BACK);
  });

  it('is waited for only so long', async () => {
    const url = `postgres:///postgres?host=${encodeURIComponent('/nowhere/at/all')}`;
    const waits = { ...POSTGRES_WAITS, openMs: 50, reconnectFirstMs: 10 };
    await expect(PostgresStore.open(url, 'service', { waits })).rejects.toMatchObject(UNAVAILABLE);
  });
});

describe('what PostgreSQL can’t hold', () => {
  it('is kept as far as it goes; what has to come back as it was does', async () => {
    const raw = 'NUL \0 and half a pair \uD83D';
    const dead = { kind: 'dead', index: 0, reason: 'not_understood', detail: 'why \0', raw } as const;
    const [letter] = await scene.store.accept(scene.request([dead]));
    const detail = await scene.store.readMessage(letter?.id ?? 0);
    expect(detail).toMatchObject({ raw, lastError: 'why \uFFFD' });
    const { id } = await scene.accept({ from: 'a user id with \0 and \uD83D', text: 'hello' });
    expect(await scene.claimOne()).toMatchObject({
      messageId: id,
      message: { customerAddress: 'a user id with \0 and \uD83D' },
    });
  });
});

describe('what PostgreSQL refuses', () => {
  it('fails its own caller, whose error quotes no customer', async () => {
    const given = { text: 'sentinel-of-the-text', from: '+14255550143', sentAt: 0.5 };
    const [refused, accepted] = await Promise.allSettled([scene.accept(given), scene.accept()]);
    expect(accepted.status).toBe('fulfilled');
    expect(refused).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    const error = inspect(refused, { depth: 10, showHidden: true });
    for (const secret of [given.text, given.from, '0.5']) expect(error).not.toContain(secret);
  });

  it('says so of a wrong set-up at once, without the password', async () => {
    const url = new URL(schema.url);
    url.pathname = '/no_such_database';
    url.password = 'sentinel-of-the-password';
    const [opening] = await Promise.allSettled([PostgresStore.open(url.href, 'service')]);
    expect(opening).toMatchObject({
      status: 'rejected',
      reason: { ...UNAVAILABLE, message: /no_such_database.*3D000/ },
    });
    expect(inspect(opening, { depth: 10, showHidden: true })).not.toContain('sentinel-of-the-password');
  });
});

describe('closing', () => {
  it('waits for what is under way, and answers nothing any more', async () => {
    const store = await PostgresStore.open(schema.url, 'service', INVENTED_TIME);
    const accepting = store.accept(scene.request([scene.messageItem()]));
    await store.close();
    expect(await accepting).toMatchObject([{ outcome: 'accepted' }]);
    await expect(store.ping()).rejects.toMatchObject(UNAVAILABLE);
    await store.close();
  });
});

describe.runIf(!process.env['TEST_POSTGRES_URL'])('what is acknowledged', () => {
  it('survives a crash of the database, even where that is set to be careless', async () => {
    // Without the store's own setting, a commit would be on the disk 10 s later.
    const careless = await startPostgres({
      fsync: 'on',
      synchronous_commit: 'off',
      wal_writer_delay: '10s',
    });
    try {
      const own = await createSchema(careless);
      const crashing = new StoreScene(await openPostgresStore(careless, own));
      await crashing.accept({ text: 'acknowledged' });
      await careless.stop('crash');
      await careless.start();
      await vi.waitFor(() => crashing.store.ping(), BACK);
      expect(await crashing.deliverAll()).toEqual(['acknowledged']);
      await crashing.end();
    } finally {
      await careless.close();
    }
  });
});
