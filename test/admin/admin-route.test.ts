import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAdminListener } from '../../src/admin/admin-route.ts';
import type { AdminListenerOptions } from '../../src/admin/admin-route.ts';
import { BridgeError, ERRORS } from '../../src/errors.ts';
import { createMetrics } from '../../src/metrics.ts';
import { openSqliteStore } from '../queue/sqlite-file.ts';
import { pauseUntil, StoreScene } from '../queue/suite/store-scene.ts';

let scene: StoreScene;
let server: FastifyInstance | undefined;

beforeEach(async () => {
  scene = new StoreScene(await openSqliteStore());
});

afterEach(async () => {
  await server?.close();
  await scene.end();
});

function listen(over: Partial<AdminListenerOptions> = {}): FastifyInstance {
  server = createAdminListener({
    store: scene.store,
    isDraining: () => false,
    isOverloaded: () => false,
    clock: { now: () => scene.now, monotonicMs: () => scene.now },
    metrics: createMetrics(() => scene.status()),
    ...over,
  });
  return server;
}

function failOnFullDisk(): Promise<never> {
  return Promise.reject(new BridgeError('STORE_UNAVAILABLE', { detail: 'disk full' }));
}

describe('GET /readyz', () => {
  it('is 200 while the store can take more', async () => {
    const answer = await listen().inject('/readyz');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ ready: true, reasons: [], degraded: [] });
  });

  it('lists paused destinations with what to do, and stays 200', async () => {
    await scene.accept();
    const pause = pauseUntil(scene.now + 1_000);
    await scene.record(await scene.claimOne(), { verdict: 'returned', dueAt: scene.now }, { pause });
    const answer = await listen().inject('/readyz');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      ready: true,
      reasons: [],
      degraded: [{ ...pause, pausedAt: scene.now }],
    });
  });

  it('is 503 while the service shuts down', async () => {
    const answer = await listen({ isDraining: () => true }).inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ ready: false, reasons: ['The service is shutting down.'] });
  });

  it('is 503 while nothing more can be taken, and still lists what is degraded', async () => {
    const answer = await listen({ isOverloaded: () => true }).inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({ ready: false, reasons: [ERRORS.OVERLOADED.sentence], degraded: [] });
  });

  it.each(['ping', 'status'] as const)('is 503 while the store fails: %s', async (method) => {
    const store = { ping: () => scene.store.ping(), status: () => scene.status(), [method]: failOnFullDisk };
    const answer = await listen({ store }).inject('/readyz');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({
      ready: false,
      reasons: ['The store can’t be reached, read or written. disk full'],
    });
  });

  it('is 503 after two seconds without an answer from the store', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
      const ping = (): Promise<void> => {
        onAsked();
        return new Promise(() => {});
      };
      const answering = listen({ store: { ping, status: () => scene.status() } }).inject('/readyz');
      const answer = Promise.resolve(answering);
      await asked;
      await vi.advanceTimersByTimeAsync(2_000);
      expect((await answer).json()).toMatchObject({ ready: false, reasons: ['The store does not answer.'] });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('GET /metrics', () => {
  it('is Prometheus’s text', async () => {
    await scene.accept();
    const answer = await listen().inject('/metrics');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.body).toContain('bridge_messages{state="pending",channel="sms"} 1');
  });

  it('stays readable while the store fails', async () => {
    const metrics = createMetrics(() => Promise.reject(new Error('away')));
    const answer = await listen({ metrics }).inject('/metrics');
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('bridge_store_errors_total 1');
  });
});

describe('anything else', () => {
  it.each([
    { method: 'GET', url: '/' },
    { method: 'POST', url: '/readyz' },
    { method: 'POST', url: '/sns' },
  ] as const)('is 404: $method $url', async ({ method, url }) => {
    expect((await listen().inject({ method, url })).statusCode).toBe(404);
  });
});
