import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { SECOND_MS } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { ERRORS } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { MessageStore, PausedDestination } from '../queue/message-store.ts';

/** Shorter than a probe's usual patience, so that the answer says why. */
const READINESS_TIMEOUT_MS = 2 * SECOND_MS;

export interface AdminListenerOptions {
  readonly store: Pick<MessageStore, 'ping' | 'status'>;
  readonly isDraining: () => boolean;
  readonly isOverloaded: () => boolean;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

interface Readiness {
  readonly ready: boolean;
  /** Why it can't accept. */
  readonly reasons: readonly string[];
  /** What does not work, but does not keep it from accepting. */
  readonly degraded: readonly PausedDestination[];
}

/** `GET /readyz` (can it accept?) and `GET /metrics`, for operators. */
export function createAdminListener(options: AdminListenerOptions): FastifyInstance {
  const { metrics, clock } = options;
  const server = fastify({ logger: false, forceCloseConnections: true });
  server.get('/readyz', async (_request, reply) => {
    const readiness = await readReadiness(options);
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
  server.get('/metrics', async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.render(clock.now()));
  });
  return server;
}

async function readReadiness(options: AdminListenerOptions): Promise<Readiness> {
  const { store, isDraining, isOverloaded } = options;
  if (isDraining()) return { ready: false, reasons: [ERRORS.SHUTTING_DOWN.sentence], degraded: [] };
  try {
    const [, { paused }] = await inTime(Promise.all([store.ping(), store.status()]));
    const reasons = isOverloaded() ? [ERRORS.OVERLOADED.sentence] : [];
    return { ready: reasons.length === 0, reasons, degraded: paused };
  } catch (error) {
    return { ready: false, reasons: [error instanceof Error ? error.message : String(error)], degraded: [] };
  }
}

async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('The store does not answer.')), READINESS_TIMEOUT_MS);
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
