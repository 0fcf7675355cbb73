import type { Clock } from '../../src/clock.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { Metrics } from '../../src/metrics.ts';
import type { Claim, ClaimedHeads, MessageStore, OutcomeReport } from '../../src/queue/message-store.ts';
import type { PaceLimits } from '../../src/queue/pace.ts';
import { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import { createConnectSender } from '../../src/send/connect-client.ts';
import type { ConnectSender } from '../../src/send/connect-client.ts';
import { createDeliveryMethods } from '../../src/send/delivery-methods.ts';
import { Dispatcher } from '../../src/send/dispatcher.ts';
import { createReplySender } from '../../src/send/eum-client.ts';
import { createParticipantSender } from '../../src/send/participant/participant-client.ts';
import type { Route } from '../../src/send/route.ts';
import type { TextLimits } from '../../src/send/text-parts.ts';
import { openSqliteStore } from '../queue/sqlite-file.ts';
import { DESTINATION, NOON, OTHER_DESTINATION, PACE_LIMITS, StoreScene } from '../queue/suite/store-scene.ts';
import type { Given } from '../queue/suite/store-scene.ts';
import { LogCheck } from '../support/log-check.ts';
import { LogMemory } from '../support/log-memory.ts';
import { AWS_TEST_ENVIRONMENT } from './aws-stand-in.ts';

export const NUMBER = '+12065550100';
export const OTHER_NUMBER = '+12065550199';
export const ROUTES: readonly Route[] = [
  { channel: 'sms', number: NUMBER, destinationId: DESTINATION },
  { channel: 'sms', number: OTHER_NUMBER, destinationId: OTHER_DESTINATION },
];

/** Stands still until a test moves it. */
export class ManualClock implements Clock {
  #skippedMs = 0;
  #monotonicSkippedMs = 0;

  now(): number {
    return NOON + this.#skippedMs;
  }

  monotonicMs(): number {
    return this.#skippedMs + this.#monotonicSkippedMs;
  }

  skip(ms: number): void {
    this.#skippedMs += ms;
  }

  /** As if the wall clock had been set back meanwhile: only what is measured has taken time. */
  skipMonotonic(ms: number): void {
    this.#monotonicSkippedMs += ms;
  }
}

const TEXT_LIMITS: TextLimits = { sms: 1_024, whatsapp: 4_096 };

export interface SceneOptions {
  readonly routes?: readonly Route[];
  readonly textLimits?: TextLimits;
  readonly paceLimits?: PaceLimits;
}

/** What a test puts between the dispatcher and its store or sender. */
export interface Between {
  readonly store?: (store: MessageStore) => Partial<MessageStore>;
  readonly sender?: (sender: ConnectSender) => ConnectSender;
}

/** A dispatcher with a real store and the real SDK client, in front of a stand-in Connect. */
export class DispatcherScene {
  readonly clock = new ManualClock();
  readonly log = new LogMemory();
  /** What the dispatcher recorded, in its order. */
  readonly reports: OutcomeReport[] = [];
  readonly claims: Claim[] = [];
  /** What each look for due heads brought. */
  readonly looks: ClaimedHeads[] = [];
  readonly connect: ConnectStandIn;
  readonly queue: StoreScene;
  readonly metrics: Metrics;
  readonly #logCheck = new LogCheck();
  #sender: ReturnType<typeof createConnectSender> | undefined;
  #dispatcher: Dispatcher | undefined;

  private constructor(connect: ConnectStandIn, queue: StoreScene) {
    this.connect = connect;
    this.queue = queue;
    this.metrics = createMetrics(() => queue.status());
  }

  static async open(): Promise<DispatcherScene> {
    const connect = await ConnectStandIn.start();
    Object.assign(process.env, AWS_TEST_ENVIRONMENT, { AWS_ENDPOINT_URL_CONNECT: connect.url });
    return new DispatcherScene(connect, new StoreScene(await openSqliteStore()));
  }

  get dispatcher(): Dispatcher {
    if (!this.#dispatcher) throw new Error('The dispatcher has not been started');
    return this.#dispatcher;
  }

  start(over: SceneOptions = {}, between: Between = {}): void {
    const sender = createConnectSender();
    this.#sender = sender;
    const { routes = ROUTES, textLimits = TEXT_LIMITS, paceLimits = PACE_LIMITS } = over;
    this.#dispatcher = new Dispatcher({
      store: this.#watch({ ...boundStore(this.queue.store), ...between.store?.(this.queue.store) }),
      methods: createDeliveryMethods({
        routing: { routes, fallbackRegion: undefined },
        textLimits,
        metaApiVersion: 'v24.0',
        connect: between.sender?.(sender) ?? sender,
        participant: createParticipantSender(),
        replies: createReplySender(),
        random: () => 0,
      }),
      destinations: routes.flatMap(({ destinationId }) => destinationId ?? []),
      paces: { default: paceLimits, byName: {} },
      retryMaxAgeMs: 86_400_000,
      clock: this.clock,
      random: () => 0,
      logger: createLogger('trace', this.log),
      metrics: this.metrics,
    });
    this.#dispatcher.start();
  }

  #watch(store: MessageStore): MessageStore {
    return {
      ...store,
      claimHeads: async (request) => {
        const claimed = await store.claimHeads(request);
        this.looks.push(claimed);
        this.claims.push(...claimed.claims);
        return claimed;
      },
      recordOutcome: (report) => {
        this.reports.push(report);
        return store.recordOutcome(report);
      },
    };
  }

  /** Accepts at the clock's time, and wakes the dispatcher as the route does. */
  async accept(given: Given = {}): Promise<void> {
    this.queue.now = this.clock.now();
    const text = given.text ?? 'hello, this is what a customer wrote';
    const externalId = given.externalId ?? `external-id-${crypto.randomUUID()}`;
    const from = given.from ?? '+14255550182';
    this.#logCheck.addText(text);
    this.#logCheck.addExternalId(externalId);
    this.#logCheck.addNumber(from);
    const destination = given.number === OTHER_NUMBER ? OTHER_DESTINATION : DESTINATION;
    await this.queue.accept({ destination, ...given, text, externalId, from });
    this.#dispatcher?.wake();
  }

  /** Time passes, and the dispatcher looks. */
  skip(ms: number): void {
    this.clock.skip(ms);
    this.dispatcher.wake();
  }

  verdicts(): string[] {
    return this.reports.map(({ outcome }) => outcome.verdict);
  }

  /** Breaks off what still hangs. What every test owes: nothing personal in the log, books that balance. */
  async end(): Promise<string[]> {
    const drained = this.#dispatcher?.drain();
    this.#sender?.close();
    await drained;
    const metrics = await this.metrics.render(this.clock.now());
    await this.connect.close();
    await this.queue.end();
    return [
      ...this.#logCheck.problemsIn('the log', this.log.lines),
      ...this.#logCheck.problemsIn('the metrics', metrics.split('\n')),
      ...this.connect.ruleProblems,
    ];
  }
}

/** A store's methods as a plain object, so that one of them can be put aside. */
function boundStore(store: MessageStore): MessageStore {
  return {
    lost: store.lost,
    accept: (request) => store.accept(request),
    claimHeads: (request) => store.claimHeads(request),
    recordOutcome: (report) => store.recordOutcome(report),
    maintain: (now, retentionMs) => store.maintain(now, retentionMs),
    status: () => store.status(),
    listMessages: (filter, page) => store.listMessages(filter, page),
    countMessages: (filter) => store.countMessages(filter),
    readMessage: (id) => store.readMessage(id),
    findChat: (contactId) => store.findChat(contactId),
    redrive: (request) => store.redrive(request),
    discard: (ids, now) => store.discard(ids, now),
    eraseCustomer: (customerAddress, now) => store.eraseCustomer(customerAddress, now),
    ping: () => store.ping(),
    close: () => store.close(),
  };
}
