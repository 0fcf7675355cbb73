/**
 * What a fault run does, worked out from its seed before it begins: which messages arrive when and how often, what
 * Connect does wrong meanwhile, when processes are killed or frozen and when the store goes away. Offsets are
 * milliseconds since the run's start. What the seed can't repeat is how the processes interleave.
 */
import {
  SMS_NUMBER_ARN,
  WHATSAPP_NUMBER_ARN,
  smsPayload,
  whatsAppPayload,
} from '../../src/sandbox/end-user-messaging.ts';
import { SECOND_MS } from '../../src/clock.ts';
import { SANDBOX_CONTACT_FLOW_ID, SANDBOX_INSTANCE_ID } from '../../src/sandbox/chat-streaming.ts';
import { placeOf as chatPlaceOf } from '../../src/sandbox/chats.ts';
import type { ConnectMethod } from '../../src/send/route.ts';
import type { ScriptedMessage, SentKey } from './history.ts';
import { seededRandom } from './seeded-random.ts';
import type { SeededRandom } from './seeded-random.ts';

export type StoreKind = 'sqlite' | 'postgres';

export interface RunOptions {
  readonly seed: number;
  readonly store: StoreKind;
  readonly method: ConnectMethod;
  readonly messages: number;
  readonly conversations: number;
  readonly kills: number;
  /** For how long messages arrive and faults happen. */
  readonly seconds: number;
  /** Requests that Connect never answers: each holds its lane for the 8 s of the send time-out. */
  readonly hangs: number;
  /** The store is on a small file system of its own, which is filled now and then. */
  readonly canFillDisk: boolean;
}

/** One notification, posted at `atMs`; redeliveries are others of the same message. */
export interface ScriptedPost {
  readonly atMs: number;
  readonly message: string;
  readonly snsMessageId: string;
  readonly timestamp: string;
  readonly body: string;
}

export type WeatherKind = 'calm' | 'throttling' | 'failing' | 'breaking' | 'denying';

/**
 * What Connect is like for so many requests, but no longer than `mostMs` after the first of them. It goes by requests,
 * since a bridge that is down or whose store is away would let bad weather pass by.
 */
export interface Weather {
  readonly kind: WeatherKind;
  readonly requests: number;
  readonly mostMs: number;
  /** Of a denying one. */
  readonly destinations: readonly string[];
}

export type StoreFaultKind = 'locked' | 'away' | 'full' | 'restarted' | 'crashed' | 'frozen';

export type ScriptedFault =
  | { readonly kind: 'kill'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'freeze'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: StoreFaultKind; readonly atMs: number; readonly forMs: number };

/**
 * `end`: one of the chats that messages have got into, as an agent ends it. `expire`: the connection tokens of all chats,
 * before their time. Of the method participant alone: who sends by the other one would not notice.
 */
export interface ChatFault {
  readonly kind: 'end' | 'expire';
  readonly atMs: number;
  /** Which one, of however many there are. */
  readonly pick: number;
}

export interface Script {
  readonly options: RunOptions;
  /** The run's start, as the messages' times have it. */
  readonly startsAt: number;
  readonly messages: readonly ScriptedMessage[];
  /** By `atMs`. */
  readonly posts: readonly ScriptedPost[];
  /** One after the other, then it is calm. */
  readonly weather: readonly Weather[];
  /** Of processes, by `atMs`; when one is due while the last is under way, it follows that. */
  readonly processFaults: readonly ScriptedFault[];
  /** Of the store, by `atMs`, one after the other. */
  readonly storeFaults: readonly ScriptedFault[];
  /** Of chats, by `atMs`. */
  readonly chatFaults: readonly ChatFault[];
  /** Messages whose first request is not answered. */
  readonly hangs: ReadonlySet<string>;
}

/** Messages wait this long for earlier-sent ones. */
export const ORDER_HOLD_MS = 60;

export function writeScript(options: RunOptions, startsAt: number): Script {
  const { seed, hangs } = options;
  const written = writeConversations(options, startsAt);
  const messages = written.map(({ message }) => message);
  const random = seededRandom(seed, 'hangs');
  const sound = messages.filter(({ isRefused }) => !isRefused);
  return {
    options,
    startsAt,
    messages,
    posts: written.flatMap(({ posts }) => posts).sort((a, b) => a.atMs - b.atMs),
    weather: writeWeather(options),
    processFaults: writeProcessFaults(options),
    storeFaults: writeStoreFaults(options),
    chatFaults: options.method === 'participant' ? writeChatFaults(options) : [],
    hangs: new Set(Array.from({ length: hangs }, () => random.pick(sound).key)),
  };
}

interface WrittenMessage {
  readonly message: ScriptedMessage;
  readonly posts: readonly ScriptedPost[];
}

/** Some customers write much and most write little. */
function writeConversations(options: RunOptions, startsAt: number): WrittenMessage[] {
  const random = seededRandom(options.seed, 'messages');
  const customers = Array.from({ length: options.conversations }, (_, index) => customerOf(index));
  const counts = customers.map(() => 1);
  for (let left = options.messages - customers.length; left > 0; left -= 1) {
    const index = Math.floor(random.fraction() ** 2 * customers.length);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return customers.flatMap((customer, index) =>
    writeTimes(options, random, counts[index] ?? 0).map((times, serial) =>
      writeMessage({ customer, times, serial, startsAt, method: options.method }, random),
    ),
  );
}

interface Customer {
  readonly channel: 'sms' | 'whatsapp';
  readonly address: string;
}

const AREA_CODES = ['425', '206', '360', '509', '253', '564', '971', '503', '541', '458'];
/** 555-0100 to 555-0199 are kept for fiction. */
const NUMBERS_PER_AREA = 98;

/** The same people write on both channels: those are two conversations. */
function customerOf(index: number): Customer {
  const person = Math.floor(index / 2);
  const area = AREA_CODES[Math.floor(person / NUMBERS_PER_AREA)];
  if (area === undefined) throw new Error(`There are no numbers for ${index} conversations.`);
  const line = String(101 + (person % NUMBERS_PER_AREA)).padStart(4, '0');
  return { channel: index % 2 === 0 ? 'sms' : 'whatsapp', address: `+1${area}555${line}` };
}

interface Times {
  readonly sentMs: number;
  readonly arrivesMs: number;
}

const BURST_MOST = 8;
const BURST_GAP_MOST_MS = 150;

/** People write several lines in a row; a line may overtake the one before it by less than the hold. */
function writeTimes(options: RunOptions, random: SeededRandom, count: number): Times[] {
  const times: Times[] = [];
  while (times.length < count) {
    let sentMs = random.integer(0, options.seconds * SECOND_MS);
    for (let left = Math.min(random.integer(1, BURST_MOST), count - times.length); left > 0; left -= 1) {
      times.push({ sentMs, arrivesMs: sentMs + random.integer(0, ORDER_HOLD_MS - 20) });
      sentMs += random.integer(1, BURST_GAP_MOST_MS);
    }
  }
  return times;
}

const REFUSED_PART = 0.01;
const REDELIVERED_PART = 0.1;
const REPUBLISHED_PART = 0.05;
const REDELIVERED_AFTER_MOST_MS = 5 * SECOND_MS;

function writeMessage(
  parts: {
    readonly customer: Customer;
    readonly times: Times;
    readonly serial: number;
    readonly startsAt: number;
    readonly method: ConnectMethod;
  },
  random: SeededRandom,
): WrittenMessage {
  const { customer, times, serial, startsAt, method } = parts;
  const isSms = customer.channel === 'sms';
  const digits = customer.address.slice(1);
  const key = isSms
    ? random.uuid()
    : `wamid.${Buffer.from(`${digits} ${random.hex(20)}`).toString('base64')}`;
  const text = writeText(customer, serial, random);
  const sentAt = new Date(startsAt + times.sentMs);
  const payload = isSms
    ? smsPayload({ from: customer.address, text, inboundMessageId: key })
    : whatsAppPayload([{ from: customer.address, text, id: key, sentAt }]);
  const first = {
    atMs: times.arrivesMs,
    message: key,
    snsMessageId: random.uuid(),
    timestamp: sentAt.toISOString(),
    body: JSON.stringify(payload),
  };
  const posts: ScriptedPost[] = [first];
  const later = (): number => times.arrivesMs + random.integer(0, REDELIVERED_AFTER_MOST_MS);
  if (random.isChance(REDELIVERED_PART)) posts.push({ ...first, atMs: later() });
  if (random.isChance(REPUBLISHED_PART)) {
    const atMs = later();
    const timestamp = new Date(startsAt + atMs).toISOString();
    posts.push({ ...first, atMs, timestamp, snsMessageId: random.uuid() });
  }
  const places = posts
    .map((post) => placeOf(customer, sentAt, post))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return {
    posts,
    message: {
      key,
      conversation: `${customer.channel} ${customer.address}`,
      sourceId: customer.address,
      ...CHATS_OF[method][customer.channel],
      text,
      isRefused: random.isChance(REFUSED_PART),
      earliest: places[0] ?? [0, 0],
      latest: places.at(-1) ?? [0, 0],
    },
  };
}

/** Where Connect keeps the chats. */
const PLACE = chatPlaceOf(SANDBOX_INSTANCE_ID, SANDBOX_CONTACT_FLOW_ID);
const CHATS_OF = {
  'integration-event': {
    sms: { destinationId: SMS_NUMBER_ARN, subtype: 'connect:SMS' },
    whatsapp: { destinationId: WHATSAPP_NUMBER_ARN, subtype: 'connect:WhatsApp' },
  },
  participant: {
    sms: { destinationId: PLACE, subtype: 'connect:Chat' },
    whatsapp: { destinationId: PLACE, subtype: 'connect:Chat' },
  },
} as const satisfies Record<ConnectMethod, unknown>;

/** An SMS has no time of its own; WhatsApp's is in whole seconds. */
function placeOf({ channel }: Customer, sentAt: Date, { timestamp }: ScriptedPost): SentKey {
  const snsAt = Date.parse(timestamp);
  return [channel === 'sms' ? snsAt : Math.floor(sentAt.getTime() / SECOND_MS) * SECOND_MS, snsAt];
}

const WORDS = [
  'parcel',
  'order',
  'please',
  'Größe',
  'mañana',
  '📦',
  'invoice',
  '你好',
  'thanks',
  '"quoted"',
  'a\nb',
];

function writeText({ channel, address }: Customer, serial: number, random: SeededRandom): string {
  const words = Array.from({ length: random.integer(1, 60) }, () => random.pick(WORDS));
  return `${channel} ${address} ${serial} ${words.join(' ')}`;
}

/** Each kind has its turn once for so many messages. */
const WEATHER_ROUND_MESSAGES = 1_000;
const WEATHER_MOST_MS = 8_000;
const DENYING_MOST_MS = 1_800;
const WEATHER_KINDS: readonly WeatherKind[] = [
  'calm',
  'calm',
  'throttling',
  'failing',
  'failing',
  'breaking',
  'breaking',
  'denying',
];

const DENIED_PLACES: Readonly<Record<ConnectMethod, readonly (readonly string[])[]>> = {
  'integration-event': [[SMS_NUMBER_ARN], [WHATSAPP_NUMBER_ARN], [SMS_NUMBER_ARN, WHATSAPP_NUMBER_ARN]],
  participant: [[PLACE]],
};

function writeWeather({ seed, messages, method }: RunOptions): Weather[] {
  const random = seededRandom(seed, 'weather');
  const rounds = Math.ceil(messages / WEATHER_ROUND_MESSAGES);
  const most = messages / rounds / WEATHER_KINDS.length;
  const phases = Array.from({ length: rounds }, () => random.shuffle(WEATHER_KINDS))
    .flat()
    .map((kind) => ({
      kind,
      requests: random.integer(Math.ceil(most / 2), Math.ceil(most)),
      mostMs: kind === 'denying' ? DENYING_MOST_MS : WEATHER_MOST_MS,
      destinations: random.pick(DENIED_PLACES[method]),
    }));
  return [BACKLOG_WEATHER, ...phases];
}

/**
 * At first nothing goes, so that conversations have a backlog, however slowly messages arrive on a busy machine: where
 * each goes before the next one comes, a run proves nothing of their order. The requests are the first ones and probes.
 */
const BACKLOG_WEATHER: Weather = {
  kind: 'denying',
  requests: 8,
  mostMs: 6_000,
  destinations: [SMS_NUMBER_ARN, WHATSAPP_NUMBER_ARN],
};

/** A supervisor takes a moment. */
const RESTART_MOST_MS = 400;
/** Past the lease of 12 s. */
const FREEZE_MS = 14_000;

function writeProcessFaults({ seed, seconds, kills, store }: RunOptions): ScriptedFault[] {
  const random = seededRandom(seed, 'processes');
  const faults: ScriptedFault[] = Array.from({ length: kills }, (_, index) => ({
    kind: 'kill',
    atMs: Math.floor(((index + random.fraction()) * seconds * SECOND_MS) / kills),
    forMs: random.integer(0, RESTART_MOST_MS),
  }));
  if (store === 'postgres')
    faults.push({ kind: 'freeze', atMs: random.integer(0, (seconds * SECOND_MS) / 2), forMs: FREEZE_MS });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

const STORE_FAULT_EVERY_MS = 12_000;
const STORE_FAULT_LEAST_MS = 1_000;
const STORE_FAULT_MOST_MS = 3_000;

function writeStoreFaults({ seed, seconds, store, canFillDisk }: RunOptions): ScriptedFault[] {
  const random = seededRandom(seed, 'store');
  const onSqlite: readonly StoreFaultKind[] = canFillDisk ? ['full', 'locked', 'away'] : ['locked', 'away'];
  const kinds: readonly StoreFaultKind[] = store === 'sqlite' ? onSqlite : ['restarted', 'frozen', 'crashed'];
  const count = Math.max(kinds.length, Math.floor((seconds * SECOND_MS) / STORE_FAULT_EVERY_MS));
  return Array.from({ length: count }, (_, index): ScriptedFault => {
    const kind = kinds[index % kinds.length] ?? 'locked';
    const atMs = Math.floor(((index + random.fraction()) * seconds * SECOND_MS) / count);
    const mostMs = Math.min(STORE_FAULT_MOST_MS, (seconds * SECOND_MS) / kinds.length);
    return { kind, atMs, forMs: random.integer(Math.min(STORE_FAULT_LEAST_MS, mostMs), mostMs) };
  }).sort((a, b) => a.atMs - b.atMs);
}

/** One chat is ended for so many messages. */
const CHAT_END_EVERY_MESSAGES = 25;
/** They last a day: that three in a row expire before one message got through is nothing that happens. */
const EXPIRE_EVERY_MS = 20_000;
const PICK_MOST = 1_000_000;

function writeChatFaults({ seed, seconds, messages }: RunOptions): ChatFault[] {
  const random = seededRandom(seed, 'chats');
  const durationMs = seconds * SECOND_MS;
  const write = (kind: ChatFault['kind'], count: number): ChatFault[] =>
    Array.from({ length: count }, (_, index) => ({
      kind,
      atMs: Math.floor(((index + random.fraction()) * durationMs) / count),
      pick: random.integer(0, PICK_MOST),
    }));
  return [
    ...write('end', Math.ceil(messages / CHAT_END_EVERY_MESSAGES)),
    ...write('expire', Math.ceil(durationMs / EXPIRE_EVERY_MS)),
  ].sort((a, b) => a.atMs - b.atMs);
}
