/**
 * Puts the service together: every part gets what it depends on as an argument, from here. `start` runs it as a
 * process; tests run it in theirs.
 */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { createAdminListener } from './admin/admin-route.ts';
import { MINUTE_MS, SECOND_MS, systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { Config, Listener } from './config.ts';
import { BridgeError } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { RequestBudget, createPublicListener } from './ingest/public-listener.ts';
import { SigningCertificates } from './ingest/signing-certificate.ts';
import { SubscriptionConfirmer } from './ingest/sns-subscription.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { createMetrics } from './metrics.ts';
import type { MessageStore } from './queue/message-store.ts';
import { openStore } from './queue/open-store.ts';
import { checkPlace } from './queue/sqlite/place.ts';
import { AwsThread } from './send/aws-thread.ts';
import { createDeliveryMethods } from './send/delivery-methods.ts';
import { Dispatcher } from './send/dispatcher.ts';
import { destinationOfRoute } from './send/route.ts';

/** Erased text leaves the disk, and aged rows the store, within this time. */
const MAINTENANCE_EVERY_MS = MINUTE_MS;

/** For requests that are under way when the service stops; a half-sent one would hold it up for its whole time-out. */
const REQUEST_GRACE_MS = 4 * SECOND_MS;

export interface AppOptions {
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export interface App {
  readonly publicUrl: string;
  readonly adminUrl: string;
  /** Resolves, with the reason, if the service can't go on: it has to end, to be started anew. */
  readonly failed: Promise<{ readonly error: unknown; readonly code: ErrorCode }>;
  /** Stops taking and claiming, finishes what runs, closes. Takes as long as the longest send (8 s). */
  drain(): Promise<void>;
}

/** Resolves once both listeners listen. Throws a BridgeError (a STORE_… code, ADDRESS_IN_USE). */
export async function startApp(config: Config, options: AppOptions): Promise<App> {
  const { logger, clock = systemClock, random = Math.random } = options;
  if (config.store.kind === 'sqlite') {
    const warning = checkPlace(config.store.path);
    if (warning) logger.warn({ store: config.store.path, ...warning }, 'store.endangered');
  }
  const store = await openStore(config.store, 'service');
  const metrics = createMetrics(() => store.status());
  const aws = new AwsThread();
  const confirmer = new SubscriptionConfirmer();
  const { retentionMs } = config;
  const dispatcher = new Dispatcher({
    store,
    methods: createDeliveryMethods({
      routing: config,
      textLimits: config.textLimits,
      metaApiVersion: config.metaApiVersion,
      ...aws.senders,
      random,
    }),
    destinations: config.routes.flatMap((route) => destinationOfRoute(route, config)?.destination ?? []),
    paces: config.paces,
    retryMaxAgeMs: config.retryMaxAgeMs,
    clock,
    random,
    logger,
    metrics,
  });
  let isDraining = false;
  const budget = new RequestBudget();
  const publicListener = createPublicListener({
    topicArns: new Set([...config.topicArns, ...config.replyTopicArns]),
    replyTopicArns: new Set(config.replyTopicArns),
    retentionMs,
    orderHoldMs: config.orderHoldMs,
    defaultCountry: config.defaultCountry,
    routing: config,
    certificates: new SigningCertificates({ directory: config.certDir, clock, logger }),
    confirmer,
    store,
    onAccepted: () => dispatcher.wake(),
    budget,
    isDraining: () => isDraining,
    clock,
    logger,
    metrics,
  });
  const adminListener = createAdminListener({
    store,
    isDraining: () => isDraining,
    isOverloaded: () => budget.isSpent,
    clock,
    metrics,
  });

  const close = async (): Promise<void> => {
    isDraining = true;
    const cutOff = setTimeout(() => publicListener.server.closeAllConnections(), REQUEST_GRACE_MS);
    await Promise.all([publicListener.close(), dispatcher.drain()]);
    clearTimeout(cutOff);
    await aws.close();
    confirmer.close();
    await adminListener.close();
    await store.close();
  };
  try {
    const adminUrl = await listen(adminListener, config.adminListener);
    const publicUrl = await listen(publicListener, config.publicListener);
    // Last: a start that fails, or is called off, has sent nothing.
    dispatcher.start();
    const maintenance = setInterval(
      () => void maintain({ store, retentionMs, clock, logger, metrics }),
      MAINTENANCE_EVERY_MS,
    );
    return {
      publicUrl,
      adminUrl,
      failed: Promise.race([
        store.lost.then((error) => ({ error, code: 'STORE_UNAVAILABLE' as const })),
        aws.lost.then((error) => ({ error, code: 'INTERNAL' as const })),
      ]),
      drain: async () => {
        clearInterval(maintenance);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listen(server: FastifyInstance, { host, port }: Listener): Promise<string> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw new BridgeError('ADDRESS_IN_USE', {
      detail: `${host}:${port}: ${(error as NodeJS.ErrnoException).code}`,
      cause: error,
    });
  }
  const address = server.server.address() as AddressInfo;
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${shownHost}:${address.port}`;
}

interface MaintenanceOptions {
  readonly store: MessageStore;
  readonly retentionMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

async function maintain({ store, retentionMs, clock, logger, metrics }: MaintenanceOptions): Promise<void> {
  try {
    const { tooOld, expired, isErasureDone } = await store.maintain(clock.now(), retentionMs);
    for (const { id, direction, channel } of tooOld) {
      logger.warn({ messageId: id, direction, channel, reason: 'too_old' }, 'message.dead');
      metrics.countEnded(direction, channel, 'dead');
    }
    if (expired > 0) logger.warn({ count: expired }, 'dead_letters.expired');
    if (!isErasureDone) logger.warn('erasure.delayed');
  } catch (error) {
    metrics.storeErrors.inc();
    logger.error({ err: error }, 'store.failed');
  }
}
