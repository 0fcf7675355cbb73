/** The whole service with its messages in PostgreSQL: the same promises, a database that goes away, replicas. */
import crypto from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { killBridge, startBridgeProcess, terminateBridge, whileFrozen } from '../support/bridge-process.ts';
import { withFlow } from '../support/flow-harness.ts';
import type { Flow, FlowOptions } from '../support/flow-harness.ts';
import { createSchema, startPostgres } from '../support/postgres.ts';
import type { PostgresSchema, PostgresServer } from '../support/postgres.ts';

const CUSTOMER = '+14255550182';
const OTHER = '+14255550143';
const TEXTS = ['the first message', 'the second message', 'the third message'] as const;

/** How long the service may take to notice that the database is back. */
const BACK = { timeout: 15_000, interval: 20 };
/** A killed replica's lease (12 s), and the next one's look at what is due. */
const TAKEN_OVER_WITHIN_MS = 15_000;

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 60_000);

afterAll(() => server.close());

async function withPostgres(
  options: FlowOptions,
  body: (flow: Flow, schema: PostgresSchema) => Promise<void>,
): Promise<void> {
  const schema = await createSchema(server);
  try {
    await withFlow({ ...options, schema }, (flow) => body(flow, schema));
  } finally {
    await schema.drop();
  }
}

describe('one service', () => {
  it('delivers a conversation in order, whatever order it arrives in', async () => {
    await withPostgres({ env: { ORDER_HOLD_MS: '1000' } }, async (flow) => {
      const now = Date.now();
      for (const age of [1, 3, 2]) {
        const timestamp = new Date(now - age * 1_000).toISOString();
        const sent = await flow.sms({ from: CUSTOMER, text: `sent ${age} seconds ago` }, { timestamp });
        expect(sent.status).toBe(200);
      }
      await flow.connect.until(3);
      expect(flow.connect.transcript(CUSTOMER)).toEqual([3, 2, 1].map((age) => `sent ${age} seconds ago`));
      await flow.log.until('message.delivered', 3);
      expect(await flow.books()).toMatchObject({ delivered: 3, pending: 0, arrivedLate: 0 });
    });
  });

  it('delivers once what comes many times', async () => {
    await withPostgres({}, async (flow) => {
      const sample = { from: CUSTOMER, text: TEXTS[0], inboundMessageId: crypto.randomUUID() };
      const deliveries = await Promise.all(Array.from({ length: 10 }, () => flow.sms(sample)));
      expect(new Set(deliveries.map(({ status }) => status))).toEqual(new Set([200]));
      // One lane is in order: what came before the last message has ended when that arrives.
      await flow.sms({ from: CUSTOMER, text: TEXTS[1] });
      await flow.log.until('message.delivered', 2);
      expect(flow.connect.transcript(CUSTOMER)).toEqual([TEXTS[0], TEXTS[1]]);
      expect(await flow.books()).toMatchObject({ received: 11, delivered: 2, duplicate: 9 });
    });
  });
});

describe('the database crashes', () => {
  it('503 and /readyz red; goes on by itself once it is back, and sends nothing twice', async () => {
    await withPostgres({}, async (flow) => {
      // Connect takes it while the database is away.
      flow.connect.queueFault({ kind: 'delay', ms: 1_000 });
      for (const text of [TEXTS[0], TEXTS[1]]) await flow.sms({ from: CUSTOMER, text });
      await flow.connect.untilReceived(1);
      await server.stop('crash');
      const sample = { from: CUSTOMER, text: TEXTS[2], inboundMessageId: crypto.randomUUID() };
      await expectDeferred(flow, sample);
      expect(await flow.readiness()).toMatchObject({ status: 503, body: { ready: false } });
      await flow.connect.until(1);
      await flow.log.until('store.failed');
      await server.start();
      await vi.waitFor(async () => expect((await flow.readiness()).status).toBe(200), BACK);
      expect((await flow.sms(sample)).status).toBe(200);
      await flow.log.until('message.delivered', TEXTS.length);
      expect(flow.connect.transcript(CUSTOMER)).toEqual(TEXTS);
      expect(await flow.books()).toMatchObject({
        delivered: 3,
        pending: 0,
        duplicate: 0,
        possibleDuplicate: 0,
      });
    });
  });
});

async function expectDeferred(flow: Flow, sample: Parameters<Flow['sms']>[0]): Promise<void> {
  const { attempts } = await flow.sms(sample);
  expect(attempts).toMatchObject([
    { status: 503, headers: { 'retry-after': expect.stringMatching(/^[1-9]\d*$/) as string } },
  ]);
}

describe('the database falls silent', () => {
  it('SIGTERM ends the service all the same', async () => {
    await withPostgres({ startBridge: startBridgeProcess }, async (flow, schema) => {
      await flow.sms({ from: CUSTOMER, text: TEXTS[0] });
      await flow.connect.until(1);
      const recorded = 'bridge_messages_total{channel="sms",outcome="delivered"} 1';
      await vi.waitFor(async () => expect(await flow.metrics()).toContain(recorded), BACK);
      const backends = await schema.query(
        `SELECT pid FROM pg_stat_activity WHERE application_name = 'sms-connect-bridge'`,
      );
      for (const { pid } of backends) process.kill(Number(pid), 'SIGSTOP');
      const exit = await terminateBridge(flow);
      for (const { pid } of backends) process.kill(Number(pid), 'SIGCONT');
      expect(exit).toEqual({ code: 0, signal: null });
    });
  }, 30_000);
});

describe('two replicas', () => {
  it('kill -9 of one while Connect hangs: the other goes on with its conversation, in order', async () => {
    await withPostgres({ startBridge: startBridgeProcess }, async (flow) => {
      const survivor = await flow.startReplica();
      flow.connect.queueFault(FAULTS.hang, 1, { sourceId: CUSTOMER });
      await whileFrozen(survivor, async () => {
        for (const text of TEXTS) expect((await flow.sms({ from: CUSTOMER, text })).status).toBe(200);
        await flow.connect.untilReceived(1);
      });
      await killBridge(flow);
      const killedAtMs = performance.now();
      expect(flow.bridge).toBe(survivor);
      expect((await flow.sms({ from: OTHER, text: 'somebody else’s message' })).status).toBe(200);
      await flow.connect.until(TEXTS.length + 1);
      expect(performance.now() - killedAtMs).toBeLessThan(TAKEN_OVER_WITHIN_MS);
      expect(flow.connect.lines.map(({ content }) => content)).toEqual(['somebody else’s message', ...TEXTS]);
      expect(await flow.metrics()).toContain('\nbridge_possible_duplicates_total 1\n');
      await terminateBridge(flow);
      expect(await flow.books()).toMatchObject({
        delivered: TEXTS.length + 1,
        pending: 0,
        possibleDuplicate: 1,
      });
    });
  });
});
