import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { HOUR_MS } from '../../src/clock.ts';
import type { Claim } from '../../src/queue/message-store.ts';
import { PostgresStore } from '../../src/queue/postgres-store.ts';
import type { PostgresOptions } from '../../src/queue/postgres-store.ts';
import { createSchema, startPostgres } from '../support/postgres.ts';
import type { PostgresSchema, PostgresServer } from '../support/postgres.ts';
import { INVENTED_TIME, openPostgresStore } from './postgres-schema.ts';
import { DELIVERED, LEASE_MS, PACE_KEY, StoreScene, textOf } from './suite/store-scene.ts';

const FIRST_MIGRATION = path.join(
  import.meta.dirname,
  '../../src/queue/migrations/postgres/0001-initial.sql',
);
const REPLICAS = 3;
const UNPACED = { rate: 10_000, burst: 10_000 };
/** Long enough for a test to make the circle, short enough to wait for. */
const DEADLOCK_TIMEOUT = '400ms';

let server: PostgresServer;
let schema: PostgresSchema;
let stores: PostgresStore[];

beforeAll(async () => {
  server = await startPostgres({ deadlock_timeout: DEADLOCK_TIMEOUT });
}, 60_000);

afterAll(() => server.close());

beforeEach(async () => {
  schema = await createSchema(server);
  stores = [];
});

afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await schema.drop();
});

async function openReplica(options: PostgresOptions = INVENTED_TIME): Promise<PostgresStore> {
  const store = await PostgresStore.open(schema.url, 'service', options);
  stores.push(store);
  return store;
}

/** A scene of its own for each replica, all at the same instant. */
async function openScenes(): Promise<StoreScene[]> {
  const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => openReplica()));
  return replicas.map(
    (store) =>
      new StoreScene({
        store,
        reopen: async () => {},
        inspect: async () => undefined,
        holds: async () => false,
        dispose: async () => {},
      }),
  );
}

function first<One>(list: readonly One[]): One {
  const [one] = list;
  if (one === undefined) throw new Error('There is none.');
  return one;
}

describe('replicas that start', () => {
  it('at once, ten of them, migrate once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => openReplica()));
    await Promise.all(stores.map((store) => store.ping()));
    expect(await schema.query('SELECT version, name FROM schema_migrations')).toEqual([
      { version: 1, name: '0001-initial.sql' },
      { version: 2, name: '0002-parts.sql' },
      { version: 3, name: '0003-chats.sql' },
    ]);
  });

  it('bring an older version’s schema up to date, with what waits in it', async () => {
    await schema.query(fs.readFileSync(FIRST_MIGRATION, 'utf8'));
    await schema.query(`
      CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL);
      INSERT INTO schema_migrations VALUES (1, '0001-initial.sql');
      INSERT INTO lanes (direction, channel, customer_address, business_address, destination, pace_key, due_at, last_accepted_at)
        VALUES ('inbound', 'sms', '+14255550182', '+12065550100', 'destination-1', 'pace-1', 0, 0);
      INSERT INTO messages (lane_id, sns_message_id, item_index, direction, channel, sent_at, sns_at, accepted_at, state, due_at, message)
        VALUES (1, 'sns-1', 0, 'inbound', 'sms', 0, 0, 0, 'pending', 0, '{"content":{"kind":"text","text":"waits"}}');
    `);
    const scene = new StoreScene(await openPostgresStore(server, schema));
    const claim = await scene.claimOne();
    expect([textOf(claim), claim.parts, claim.partsDelivered]).toEqual(['waits', undefined, 0]);
    await scene.store.close();
  });

  it('beside a newer version work on its schema', async () => {
    const scene = new StoreScene(await openPostgresStore(server, schema));
    await schema.query(
      "INSERT INTO schema_migrations (version, name) VALUES (99, '0099-from-the-future.sql')",
    );
    await schema.query('ALTER TABLE messages ADD COLUMN from_the_future TEXT');
    const older = await openReplica();
    await scene.accept({ text: 'one' });
    expect((await older.status()).books.pending).toBe(1);
    const command = await PostgresStore.open(schema.url, 'command', INVENTED_TIME);
    expect((await command.status()).books.pending).toBe(1);
    await command.close();
    await scene.end();
  });

  it('void no lease, because whoever has it lives', async () => {
    const scene = first(await openScenes());
    await scene.accept();
    const claim = await scene.claimOne();
    const next = await openReplica();
    expect((await next.status()).messages).toMatchObject([{ state: 'sending', count: 1 }]);
    expect((await scene.claim()).claims).toEqual([]);
    expect(await scene.record(claim)).toBe('recorded');
  });
});

describe('a command', () => {
  it('creates nothing', async () => {
    await expect(PostgresStore.open(schema.url, 'command')).rejects.toMatchObject({ code: 'STORE_MISSING' });
    expect(
      await schema.query('SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema()'),
    ).toEqual([]);
  });

  it('needs the database', async () => {
    const url = new URL(schema.url);
    url.pathname = '/no_such_database';
    await expect(PostgresStore.open(url.href, 'command')).rejects.toMatchObject({ code: 'STORE_MISSING' });
  });

  it('updates no schema', async () => {
    await schema.query('CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)');
    await expect(PostgresStore.open(schema.url, 'command')).rejects.toMatchObject({ code: 'STORE_TOO_OLD' });
  });
});

describe('replicas that claim at once', () => {
  it('never work in one lane together', async () => {
    const scenes = await openScenes();
    for (let customer = 10; customer < 70; customer += 1) {
      await first(scenes).accept({ from: `+142555501${customer}` });
    }
    const lanes: number[] = [];
    while (lanes.length < 60) {
      const claimed = await Promise.all(
        scenes.flatMap((scene) => [scene.claim({ limit: 4 }), scene.claim({ limit: 4 })]),
      );
      lanes.push(...claimed.flatMap(({ claims }) => claims.map(({ laneId }) => laneId)));
    }
    expect(new Set(lanes).size).toBe(60);
    expect(lanes).toHaveLength(60);
  });

  it('deliver everything once and in order while more arrives', async () => {
    const scenes = await openScenes();
    const customers = Array.from({ length: 12 }, (_, index) => `+142555501${index + 10}`);
    const rounds = ['1', '2', '3', '4', '5'];
    const sent = new Map<string, string[]>();
    const deliver = async (scene: StoreScene): Promise<void> => {
      const { claims } = await scene.claim({ limit: 5, paceLimits: UNPACED });
      for (const claim of claims) {
        const { customerAddress } = claim.message;
        sent.set(customerAddress, [...(sent.get(customerAddress) ?? []), textOf(claim)]);
        await scene.record(claim);
      }
    };
    for (const [index, text] of rounds.entries()) {
      const sentAt = first(scenes).now + index;
      await Promise.all([
        ...customers.map((from, customer) => {
          const scene = scenes[customer % REPLICAS] ?? first(scenes);
          const externalId = `${from}-${text}`;
          return scene.accept({ from, text, sentAt, externalId, snsMessageId: externalId });
        }),
        ...scenes.map(deliver),
      ]);
    }
    const store = first(stores);
    while ((await store.status()).books.pending > 0) await Promise.all(scenes.map(deliver));
    for (const customer of customers) expect(sent.get(customer), customer).toEqual(rounds);
    expect((await store.status()).books).toMatchObject({
      isBalanced: true,
      delivered: 60,
      possibleDuplicate: 0,
      duplicate: 0,
    });
  });

  it('keep to one pace together', async () => {
    const scenes = await openScenes();
    for (let customer = 10; customer < 90; customer += 1) {
      await first(scenes).accept({ from: `+142555501${customer}` });
    }
    const paceLimits = { rate: 10, burst: 20 };
    const claimAll = async (): Promise<number> => {
      const claimed = await Promise.all(scenes.map((scene) => scene.claim({ paceLimits })));
      return claimed.reduce((sum, { claims }) => sum + claims.length, 0);
    };
    expect(await claimAll()).toBe(20);
    expect(await claimAll()).toBe(0);
    for (const scene of scenes) scene.now += 1_000;
    expect(await claimAll()).toBe(10);
  });

  it('give the pace nothing for clocks that differ a little', async () => {
    const scenes = await openScenes();
    for (let customer = 10; customer < 90; customer += 1) {
      await first(scenes).accept({ from: `+142555501${customer}` });
    }
    const paceLimits = { rate: 10, burst: 20 };
    let taken = 0;
    for (let round = 0; round < 20; round += 1) {
      for (const [index, scene] of scenes.entries()) {
        const { claims } = await scene.claim({ paceLimits, limit: 1, now: scene.now + index * 40 });
        taken += claims.length;
      }
    }
    // 80 ms of difference are worth less than one token at 10 a second.
    expect(taken).toBe(20);
  });

  it('probe a paused destination once', async () => {
    const scenes = await openScenes();
    const scene = first(scenes);
    for (let customer = 10; customer < 20; customer += 1) {
      await scene.accept({ from: `+142555501${customer}` });
    }
    const claim = await scene.claimOne({ limit: 1 });
    const { destination } = claim;
    const pause = { destination, code: 'AccessDenied', reason: 'Allow it.', nextProbeAt: scene.now + 1_000 };
    await scene.record(claim, { verdict: 'returned', dueAt: scene.now }, { pause });
    for (const one of scenes) one.now += 1_000;
    const claimed = await Promise.all(scenes.flatMap((one) => [one.claim(), one.claim()]));
    expect(claimed.flatMap(({ claims }) => claims)).toMatchObject([{ isProbe: true }]);
  });

  it('know one notification that several of them get at once', async () => {
    const scenes = await openScenes();
    const given = { externalId: 'external-1', snsMessageId: 'sns-1' };
    const answers = await Promise.all(scenes.flatMap((scene) => [scene.accept(given), scene.accept(given)]));
    expect(answers.map(({ outcome }) => outcome).sort()).toEqual([
      'accepted',
      ...Array.from({ length: 5 }, () => 'duplicate'),
    ]);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
  });
});

/** Scenes number what they make up alike. */
const OTHERS_IDS = { externalId: 'of-the-other', snsMessageId: 'of-the-other' };

/** What counts waits until `work` is done, with all its other locks in its hands. */
async function whileBooksAreLocked(work: () => Promise<void>): Promise<void> {
  const rival = new Client({ connectionString: schema.url });
  await rival.connect();
  await rival.query('BEGIN; LOCK TABLE books IN EXCLUSIVE MODE');
  try {
    await work();
  } finally {
    await rival.query('COMMIT');
    await rival.end();
  }
}

describe('no wake-up and no order is lost', () => {
  it('when an outcome meets an acceptance that is not committed yet', async () => {
    const [here, there] = await openScenes();
    if (!here || !there) throw new Error('There are three.');
    await here.accept({ text: 'one' });
    const claim = await here.claimOne();
    let calls: Promise<unknown>[] = [];
    await whileBooksAreLocked(async () => {
      calls = [there.accept({ ...OTHERS_IDS, text: 'two' })];
      await untilBlocked(1);
      calls.push(here.record(claim));
      await untilBlocked(2);
    });
    await Promise.all(calls);
    expect(textOf(await here.claimOne())).toBe('two');
  });

  it('when an acceptance meets an outcome that is not committed yet', async () => {
    const [here, there] = await openScenes();
    if (!here || !there) throw new Error('There are three.');
    await here.accept({ text: 'one' });
    const claim = await here.claimOne();
    let calls: Promise<unknown>[] = [];
    await whileBooksAreLocked(async () => {
      calls = [here.record(claim)];
      await untilBlocked(1);
      calls.push(there.accept({ ...OTHERS_IDS, text: 'two' }));
      await untilBlocked(2);
    });
    await Promise.all(calls);
    expect(textOf(await here.claimOne())).toBe('two');
  });

  it('when a claim meets an acceptance that is not committed yet: it passes the lane over', async () => {
    const [here, there] = await openScenes();
    if (!here || !there) throw new Error('There are three.');
    await here.accept({ text: 'sent later', sentAt: here.now });
    let accepting: Promise<unknown> | undefined;
    await whileBooksAreLocked(async () => {
      accepting = there.accept({ ...OTHERS_IDS, text: 'sent earlier', sentAt: here.now - 5 });
      await untilBlocked(1);
      expect((await here.claim()).claims).toEqual([]);
    });
    await accepting;
    expect(await here.deliverAll()).toEqual(['sent earlier', 'sent later']);
  });
});

describe('a killed replica', () => {
  it('leaves its lane to another when the lease ends, and nothing it says later counts', async () => {
    const [killed, other] = await openScenes();
    if (!killed || !other) throw new Error('There are three.');
    await killed.accept();
    const claim = await killed.claimOne();
    other.now += LEASE_MS - 1;
    expect((await other.claim()).claims).toEqual([]);
    other.now += 1;
    const next: Claim = await other.claimOne();
    expect(next).toMatchObject({ messageId: claim.messageId, attempts: 1, followsLostAttempt: true });
    expect(await killed.record(claim, DELIVERED)).toBe('superseded');
    expect(await other.record(next)).toBe('recorded');
  });
});

describe('a deadlock', () => {
  it('is not the caller’s business: what it ended is done again', async () => {
    const scene = first(await openScenes());
    const [one, two] = ['+14255550111', '+14255550122'];
    await scene.accept({ from: one });
    await scene.accept({ from: two });
    const rival = new Client({ connectionString: schema.url });
    await rival.connect();
    const lock = (customer: string): Promise<unknown> =>
      rival.query('SELECT 1 FROM lanes WHERE customer_address = $1 FOR UPDATE', [customer]);
    // It would find the circle first, if it looked.
    await rival.query(`BEGIN; SET LOCAL deadlock_timeout = '1min'`);
    await lock(two);
    const items = [scene.messageItem({ from: one }, 0), scene.messageItem({ from: two }, 1)];
    const accepting = scene.store.accept(scene.request(items));
    await untilBlocked(1);
    // The first lane is the acceptance's, which waits for the second: it closes the circle.
    await lock(one);
    await rival.query('COMMIT');
    await rival.end();
    expect((await accepting).map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted']);
    expect((await scene.status()).books).toMatchObject({ received: 4, pending: 4, isBalanced: true });
  });

  it('is impossible between acceptances: they lock lanes in one order', async () => {
    const [here, there] = await openScenes();
    if (!here || !there) throw new Error('There are three.');
    const customers = Array.from({ length: 20 }, (_, index) => `+142555501${index + 10}`);
    const items = customers.map((from, index) => here.messageItem({ from }, index));
    await here.store.accept(here.request(items));
    const deadlocksBefore = await countDeadlocks();
    await Promise.all(
      Array.from({ length: 20 }, (_, turn) => {
        const scene = turn % 2 === 0 ? here : there;
        const order = turn % 2 === 0 ? customers : customers.toReversed();
        const again = order.map((from, index) =>
          scene.messageItem({ from, externalId: `${turn}-${index}` }, index),
        );
        return scene.store.accept({ ...scene.request(again), snsMessageId: `notification-${turn}` });
      }),
    );
    expect(await countDeadlocks()).toBe(deadlocksBefore);
    expect((await here.status()).books).toMatchObject({ received: 420, pending: 420 });
  });
});

async function countDeadlocks(): Promise<number> {
  await schema.query('SELECT pg_stat_force_next_flush()');
  const [row] = await schema.query(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  );
  return Number(row?.['deadlocks']);
}

/** Until so many connections wait for a lock. */
async function untilBlocked(count: number): Promise<void> {
  for (;;) {
    const rows = await schema.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`);
    if (rows.length >= count) return;
    await sleep(5);
  }
}

/** A machine’s clock that is wrong by so much. */
const wrongBy = (offsetMs: number): Clock => ({
  now: () => Date.now() + offsetMs,
  monotonicMs: () => performance.now(),
});

describe('the clock', () => {
  const CLOSE_MS = 5_000;

  it('is the database’s, whatever the replicas’ own say', async () => {
    const [ahead, behind] = [wrongBy(HOUR_MS), wrongBy(-HOUR_MS)];
    const [fast, slow] = [await openReplica({ clock: ahead }), await openReplica({ clock: behind })];
    const scene = first(await openScenes());
    const request = { ...scene.request([scene.messageItem()]), acceptedAt: ahead.now() };
    await fast.accept(request);
    const [row] = await schema.query('SELECT accepted_at::float8 AS at FROM messages');
    expect(Math.abs(Number(row?.['at']) - Date.now())).toBeLessThan(CLOSE_MS);

    const claimRequest = {
      leaseMs: LEASE_MS,
      limit: 5,
      limitPerDestination: 5,
      inFlight: {},
      paces: { default: UNPACED, byName: {} },
    };
    // The hold of 0 ms has ended on the database's clock, within what the measurement may be off.
    let claimed = await slow.claimHeads({ ...claimRequest, now: behind.now() });
    while (claimed.claims.length === 0) {
      claimed = await slow.claimHeads({ ...claimRequest, now: behind.now() });
    }
    const claim = first(claimed.claims);
    expect(Math.abs(claim.acceptedAt - behind.now())).toBeLessThan(CLOSE_MS);
    const { claims, nextDueAt } = await fast.claimHeads({ ...claimRequest, now: ahead.now() });
    expect(claims).toEqual([]);
    expect(Math.abs(Number(nextDueAt) - ahead.now() - LEASE_MS)).toBeLessThan(CLOSE_MS);

    const retryAt = behind.now() + 60_000;
    await slow.recordOutcome({
      claim,
      now: behind.now(),
      outcome: { verdict: 'retry', retryAt, error: 'no', isAmbiguous: false },
      attempt: { verdict: 'retry', startedAt: behind.now(), durationMs: 1 },
    });
    const detail = await fast.readMessage(claim.messageId);
    expect(Math.abs(Number(detail?.dueAt) - ahead.now() - 60_000)).toBeLessThan(CLOSE_MS);
    expect(Math.abs(Number(detail?.recordedAttempts[0]?.startedAt) - ahead.now())).toBeLessThan(CLOSE_MS);
    const { oldestPendingAt } = await fast.status();
    expect(Math.abs(Number(oldestPendingAt) - ahead.now())).toBeLessThan(CLOSE_MS);
    expect(claim.paceKey).toBe(PACE_KEY);
  });

  it('of a replica may be set while it runs', async () => {
    let offsetMs = 0;
    const clock: Clock = { now: () => Date.now() + offsetMs, monotonicMs: () => performance.now() };
    const store = await openReplica({ clock });
    const scene = first(await openScenes());
    offsetMs = 24 * HOUR_MS;
    await store.accept({ ...scene.request([scene.messageItem()]), acceptedAt: clock.now() });
    const [row] = await schema.query('SELECT accepted_at::float8 AS at FROM messages');
    expect(Math.abs(Number(row?.['at']) - Date.now())).toBeLessThan(CLOSE_MS);
  });
});
