/**
 * The shapes in which people have a payload at hand, from what SNS posts down to a bare message of Meta's, each read as
 * the notification that the bridge would get. What a shape does not say is made up, and told.
 */
import { isStreamedItem, visibilityOf } from '../normalize/chat-item.ts';
import type { NotificationFields } from '../normalize/normalize-notification.ts';
import { asJsonObject, asList, isJsonObject, parseJson } from '../normalize/payload-fields.ts';
import type { JsonObject } from '../normalize/payload-fields.ts';
import { isSmsPayload } from '../normalize/sms.ts';
import { isWhatsAppPayload } from '../normalize/whatsapp.ts';

/** What a payload may lack. */
export type MadeUp =
  | 'SNS envelope'
  | 'Timestamp'
  | 'context with the ARN of the WhatsApp number'
  | 'MessageVisibility ALL';

export interface Payload {
  readonly shape: string;
  /** Undefined for an envelope that is no notification. */
  readonly notification: NotificationFields | undefined;
  /** The SNS envelope as JSON, where there is one: it may have a signature. */
  readonly envelope?: string;
  /** The SNS attribute MessageVisibility. */
  readonly visibility?: string | undefined;
  readonly madeUp: readonly MadeUp[];
}

/** In this order: what stands further up may hold what stands further down. */
const SHAPES: readonly {
  readonly shape: string;
  readonly matches: (value: JsonObject) => boolean;
  readonly read: (value: JsonObject, shape: string, now: number) => readonly Payload[];
}[] = [
  {
    shape: 'SNS envelope',
    matches: (value) => Object.hasOwn(value, 'Message'),
    read: (value, shape, now) => [readEnvelope(value, shape, now)],
  },
  {
    shape: 'Lambda event',
    matches: (value) => Array.isArray(value['Records']),
    read: (value, shape, now) => asList(value['Records']).flatMap((record) => readHolder(record, shape, now)),
  },
  {
    shape: 'what SQS receives',
    matches: (value) => Array.isArray(value['Messages']),
    read: (value, shape, now) =>
      asList(value['Messages']).flatMap((message) => readHolder(message, shape, now)),
  },
  {
    shape: 'record',
    matches: (value) => holdsNotification(value),
    read: (value, shape, now) => readHolder(value, shape, now),
  },
  {
    shape: 'EUM Social message',
    matches: isWhatsAppPayload,
    read: (value, shape, now) => [
      { shape, notification: notificationOf(value, now), madeUp: ['SNS envelope'] },
    ],
  },
  {
    shape: 'EUM SMS message',
    matches: isSmsPayload,
    read: (value, shape, now) => [
      { shape, notification: notificationOf(value, now), madeUp: ['SNS envelope'] },
    ],
  },
  {
    shape: 'item of a chat',
    matches: isStreamedItem,
    read: (value, shape, now) => [
      {
        shape,
        notification: notificationOf(value, now),
        visibility: 'ALL',
        madeUp: ['SNS envelope', 'MessageVisibility ALL'],
      },
    ],
  },
  {
    shape: 'Meta webhook',
    matches: (value) => Array.isArray(value['entry']),
    read: (value, shape, now) => asList(value['entry']).map((entry) => readEntry(entry, shape, now)),
  },
  {
    shape: 'entry of a Meta webhook',
    matches: (value) => Array.isArray(value['changes']),
    read: (value, shape, now) => [readEntry(value, shape, now)],
  },
  {
    shape: 'change of a Meta webhook',
    matches: (value) => isJsonObject(value['value']) && Object.hasOwn(value, 'field'),
    read: (value, shape, now) => [readEntry({ changes: [value] }, shape, now)],
  },
  {
    shape: 'WhatsApp message',
    matches: (value) =>
      Object.hasOwn(value, 'type') || (Object.hasOwn(value, 'id') && Object.hasOwn(value, 'timestamp')),
    read: (message, shape, now) => [readEntry(entryOf({ messages: [message] }), shape, now)],
  },
  {
    shape: 'value of a Meta webhook',
    matches: (value) => ['messages', 'statuses', 'errors'].some((list) => Array.isArray(value[list])),
    read: (value, shape, now) => [readEntry(entryOf(value), shape, now)],
  },
];

/**
 * The notifications that a JSON object holds; undefined if it has none of the shapes, or holds none. `now` (epoch
 * milliseconds) stands in for a time that it does not say. Throws RangeError if it nests too deeply.
 */
export function readPayload(value: unknown, now: number): readonly Payload[] | undefined {
  if (!isJsonObject(value)) return undefined;
  const found = SHAPES.find(({ matches }) => matches(value));
  const payloads = found?.read(value, found.shape, now);
  return payloads?.length === 0 ? undefined : payloads;
}

function readEnvelope(value: JsonObject, shape: string, now: number): Payload {
  const { Type: type = 'Notification', Message: message } = value;
  const envelope = JSON.stringify(value);
  if (type !== 'Notification') return { shape, notification: undefined, envelope, madeUp: [] };
  const texts = readTexts(value);
  return {
    shape,
    notification: { ...notificationOf(message, now), ...texts },
    envelope,
    visibility: visibilityOf(value),
    madeUp: texts.Timestamp === undefined ? ['Timestamp'] : [],
  };
}

function readTexts({ MessageId, TopicArn, Timestamp, Subject }: JsonObject): Partial<NotificationFields> {
  const isDated = typeof Timestamp === 'string' && !Number.isNaN(Date.parse(Timestamp));
  return {
    ...(typeof MessageId === 'string' ? { MessageId } : {}),
    ...(typeof TopicArn === 'string' ? { TopicArn } : {}),
    ...(isDated ? { Timestamp } : {}),
    ...(typeof Subject === 'string' ? { Subject } : {}),
  };
}

/** Lambda's `Sns`, or the `body` of an SQS record, or the `Body` of what `aws sqs receive-message` prints. */
function readHolder(value: unknown, shape: string, now: number): readonly Payload[] {
  const { Sns: sns, body, Body: text = body } = asJsonObject(value);
  // Lambda spells SigningCertURL in a way of its own.
  const held = isJsonObject(sns)
    ? { ...sns, SigningCertURL: sns['SigningCertURL'] ?? sns['SigningCertUrl'] }
    : parseJson(typeof text === 'string' ? text : '');
  const payloads = holdsNotification(asJsonObject(held)) ? undefined : readPayload(held, now);
  return (
    payloads?.map((payload) => heldIn(shape, payload)) ?? [
      { shape, notification: notificationOf(text, now), madeUp: ['SNS envelope'] },
    ]
  );
}

function heldIn(holder: string, payload: Payload): Payload {
  return { ...payload, shape: `${holder}: ${payload.shape}` };
}

function holdsNotification({ Sns: sns, body, Body: text = body, ...rest }: JsonObject): boolean {
  const isQueued = ['receiptHandle', 'ReceiptHandle', 'eventSource', 'MD5OfBody'].some((key) =>
    Object.hasOwn(rest, key),
  );
  return isJsonObject(sns) || (typeof text === 'string' && (isQueued || Object.keys(rest).length === 0));
}

function entryOf(value: JsonObject): JsonObject {
  return { changes: [{ field: 'messages', value }] };
}

const MADE_UP_ARN =
  'arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/0123456789abcdef0123456789abcdef';

/** One entry of Meta's own webhook, as End User Messaging Social would pass it on. */
function readEntry(entry: unknown, shape: string, now: number): Payload {
  const context = { MetaPhoneNumberIds: [{ metaPhoneNumberId: 'made-up', arn: MADE_UP_ARN }] };
  const payload = { context, whatsAppWebhookEntry: JSON.stringify(entry) };
  return {
    shape,
    notification: notificationOf(payload, now),
    madeUp: ['SNS envelope', 'context with the ARN of the WhatsApp number'],
  };
}

function notificationOf(message: unknown, now: number): NotificationFields {
  const text = typeof message === 'string' ? message : JSON.stringify(message ?? null);
  return {
    MessageId: '00000000-0000-4000-8000-000000000000',
    TopicArn: 'arn:aws:sns:us-east-1:111122223333:made-up',
    Timestamp: new Date(lastTimestamp(text) ?? now).toISOString(),
    Message: text,
  };
}

/** Meta's, in Unix seconds, also inside of JSON in a string. */
const TIMESTAMP = /(?<![a-z_])timestamp\\*"\s*:\s*\\*"?(\d{10})(?!\d)/g;

/** Epoch milliseconds: a message is hardly passed on long after it was sent. */
function lastTimestamp(text: string): number | undefined {
  const seconds = [...text.matchAll(TIMESTAMP)].map(([, digits]) => Number(digits));
  return seconds.length === 0 ? undefined : seconds.reduce((last, next) => Math.max(last, next)) * 1_000;
}
