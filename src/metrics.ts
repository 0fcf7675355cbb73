/**
 * Prometheus metrics. Labels come from closed lists (answers, codes, channels, verdicts), so that no customer and no
 * stranger can add a time series. There are two exceptions, which come from what AWS signed: destinations, and types of
 * messages that this version does not know, of which there are at most UNKNOWN_TYPES_MAX.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Direction } from './normalize/channel.ts';
import type { Ignored } from './normalize/inbound-message.ts';
import type { AcceptedItem, StoredMessage, StoreStatus } from './queue/message-store.ts';

/** Seconds. Accepting is a disk sync; delivering may wait for the quota, an outage, a pause. */
const ACCEPT_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const DELIVERY_BUCKETS_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400];

const UNKNOWN_TYPES_MAX = 50;
/** Digits alone could be somebody's number. */
const TYPE_PATTERN = /^(?=.*[a-z])[a-z0-9_/]{1,60}$/;
const OTHER_TYPE = 'other';
const NO_FIELD = 'none';

/**
 * The type of a message that the agent gets a placeholder for, as logs and metrics may have it; undefined for every
 * other content. What is not spelt as Meta spells its types is `other`.
 */
export function unknownTypeOf(content: StoredMessage['content']): string | undefined {
  if (content.kind === 'edit') return unknownTypeOf(content.content);
  if (content.kind !== 'unknown') return undefined;
  return TYPE_PATTERN.test(content.type) ? content.type : OTHER_TYPE;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** `readStatus` is asked at each scrape for what only the store knows; while it fails, its gauges are left out. */
export function createMetrics(readStatus: () => Promise<StoreStatus>) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const notifications = new Counter({
    name: 'bridge_notifications_total',
    help: 'SNS requests by HTTP answer and outcome (accepted, duplicate, dead, ignored, confirmed, … or an error code).',
    labelNames: ['answer', 'outcome'],
    registers,
  });
  const alerts = new Counter({
    name: 'bridge_alerts_total',
    help: 'Notifications that an operator should look into, by error code.',
    labelNames: ['code'],
    registers,
  });
  const messages = new Counter({
    name: 'bridge_messages_total',
    help: 'Messages by channel and what became of them: accepted, duplicate, arrived_late, delivered, dead.',
    labelNames: ['channel', 'outcome'],
    registers,
  });
  const replies = new Counter({
    name: 'bridge_replies_total',
    help: 'Agents’ replies by channel and what became of them: accepted, duplicate, dead, delivered.',
    labelNames: ['channel', 'outcome'],
    registers,
  });
  const ignored = new Counter({
    name: 'bridge_ignored_total',
    help: 'Parts of notifications that are acknowledged but not brought to an agent, by reason and webhook field.',
    labelNames: ['reason', 'field'],
    registers,
  });
  const contents = new Counter({
    name: 'bridge_contents_total',
    help: 'Messages accepted, by channel and kind of content (text, image, location, reaction, …).',
    labelNames: ['channel', 'kind'],
    registers,
  });
  const unknownTypes = new Counter({
    name: 'bridge_unknown_types_total',
    help: 'Messages that reach the agent as a placeholder, by type: one that this version does not know, or without its body.',
    labelNames: ['type'],
    registers,
  });
  const droppedAttributes = new Counter({
    name: 'bridge_dropped_attributes_total',
    help: 'Contact attributes that were left out because Connect takes 32,768 bytes of them.',
    registers,
  });
  const attempts = new Counter({
    name: 'bridge_attempts_total',
    help: 'Attempts to send by verdict (delivered, retry, throttled, pause, dead) and error code.',
    labelNames: ['verdict', 'code'],
    registers,
  });
  const possibleDuplicates = new Counter({
    name: 'bridge_possible_duplicates_total',
    help: 'Failed attempts after which Connect may have the message all the same.',
    registers,
  });
  const storeErrors = new Counter({
    name: 'bridge_store_errors_total',
    help: 'Operations that the store could not carry out.',
    registers,
  });
  const acceptSeconds = new Histogram({
    name: 'bridge_accept_seconds',
    help: 'From a request’s body to its answer, for notifications answered 200.',
    buckets: ACCEPT_BUCKETS_S,
    registers,
  });
  const deliverySeconds = new Histogram({
    name: 'bridge_delivery_seconds',
    help: 'From acceptance to Connect’s answer, for delivered messages.',
    labelNames: ['channel'],
    buckets: DELIVERY_BUCKETS_S,
    registers,
  });
  const stored = new Gauge({
    name: 'bridge_messages',
    help: 'Messages in the store by state (pending, sending, dead) and channel.',
    labelNames: ['state', 'channel'],
    registers,
  });
  const oldestPending = new Gauge({
    name: 'bridge_oldest_pending_seconds',
    help: 'Age of the unfinished message that was accepted first; 0 if there is none.',
    registers,
  });
  const paused = new Gauge({
    name: 'bridge_paused_destination',
    help: '1 for each destination that is paused, with the error that paused it.',
    labelNames: ['destination', 'code'],
    registers,
  });
  const waitingChats = new Gauge({
    name: 'bridge_waiting_chats',
    help: 'Conversations whose chat can’t be opened for now, by error (LimitExceededException: too many chats at once).',
    labelNames: ['code'],
    registers,
  });

  /** Those whose labels come and go with what is in the store. */
  const storeGauges = [stored, paused, waitingChats];

  const counterOf = (direction: Direction): typeof messages => (direction === 'inbound' ? messages : replies);

  const knownTypes = new Set<string>();

  function countContent({ channel, content }: StoredMessage): void {
    contents.inc({ channel, kind: content.kind });
    const type = unknownTypeOf(content);
    if (type === undefined) return;
    if (knownTypes.size < UNKNOWN_TYPES_MAX) knownTypes.add(type);
    unknownTypes.inc({ type: knownTypes.has(type) ? type : OTHER_TYPE });
  }

  function setStoreGauges(status: StoreStatus, now: number): void {
    for (const gauge of storeGauges) gauge.reset();
    for (const [code, count] of Object.entries(status.waitingChats)) waitingChats.set({ code }, count);
    for (const { state, channel, count } of status.messages) stored.set({ state, channel }, count);
    for (const { destination, code } of status.paused) paused.set({ destination, code }, 1);
    oldestPending.set(status.oldestPendingAt === undefined ? 0 : (now - status.oldestPendingAt) / 1_000);
  }

  return {
    contentType: registry.contentType,
    notifications,
    alerts,
    droppedAttributes,
    attempts,
    possibleDuplicates,
    storeErrors,
    acceptSeconds,
    deliverySeconds,

    /** `message` is undefined for what is not understood. */
    countAccepted(
      direction: Direction,
      { outcome, arrivedLate }: AcceptedItem,
      message: StoredMessage | undefined,
    ): void {
      const counter = counterOf(direction);
      const channel = message?.channel ?? 'unknown';
      counter.inc({ channel, outcome });
      if (arrivedLate) counter.inc({ channel, outcome: 'arrived_late' });
      if (message && outcome === 'accepted' && direction === 'inbound') countContent(message);
    },

    countIgnored({ reason, field = NO_FIELD }: Ignored): void {
      ignored.inc({ reason, field });
    },

    countEnded(direction: Direction, channel: string, outcome: 'delivered' | 'dead'): void {
      counterOf(direction).inc({ channel, outcome });
    },

    async render(now: number): Promise<string> {
      try {
        setStoreGauges(await readStatus(), now);
      } catch {
        storeErrors.inc();
        for (const gauge of storeGauges) gauge.reset();
        oldestPending.remove(); // a reset would leave 0, which says that nothing waits
      }
      return registry.metrics();
    },
  };
}
