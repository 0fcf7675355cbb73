import { DAY_MS, MINUTE_MS, SECOND_MS } from '../clock.ts';
import type { InboundMessage, MessageContent, ParsedPart } from './inbound-message.ts';
import {
  ADDRESS_MAX_LENGTH,
  EXTERNAL_ID_MAX_LENGTH,
  asJsonObject,
  isJsonObject,
  readIdentifier,
} from './payload-fields.ts';
import type { JsonObject } from './payload-fields.ts';
import { addressOf, parsePhoneNumber } from './phone-number.ts';

/** What a message needs of its surroundings. */
export interface WhatsAppSurroundings {
  /** The contact that is its sender, `{profile: {name}, wa_id?, user_id?}`. */
  readonly contact: JsonObject | undefined;
  /** `{display_phone_number, phone_number_id}` of the number that it came to. */
  readonly metadata: unknown;
  /** That number's ARN. */
  readonly businessNumberArn: string | undefined;
  /** Epoch milliseconds. */
  readonly snsTimestamp: number;
}

/**
 * One element of `messages[]` in Meta's webhook (WhatsApp Cloud API, "messages webhook"): `{from?, from_user_id?, id,
 * timestamp, type, text: {body}}`. Never throws.
 */
export function parseWhatsAppMessage(message: unknown, surroundings: WhatsAppSurroundings): ParsedPart {
  if (!isJsonObject(message)) return notUnderstood('message is no object');
  const { contact, metadata, businessNumberArn, snsTimestamp } = surroundings;
  const externalId = readIdentifier(message['id'], EXTERNAL_ID_MAX_LENGTH);
  if (externalId === undefined) return notUnderstood('id is missing or unusable');
  const customerAddress = readCustomerAddress(message, contact);
  if (customerAddress === undefined) return notUnderstood('from and from_user_id are missing or unusable');
  const businessAddress = readBusinessAddress(metadata) ?? businessNumberArn;
  if (businessAddress === undefined) return notUnderstood('metadata is missing or unusable');
  if (message['type'] !== 'text') return notUnderstood(`type ${typeLabel(message['type'])}`);
  const content = readText(message['text']);
  if (content === undefined) return notUnderstood('text.body is missing or unusable');
  const profileName = readProfileName(contact);
  const inbound: InboundMessage = {
    channel: 'whatsapp',
    customerAddress,
    businessAddress,
    externalId,
    sentAt: readSentAt(message['timestamp'], snsTimestamp),
    content,
    ...(profileName === undefined ? {} : { profileName }),
    ...(businessNumberArn === undefined ? {} : { businessNumberArn }),
  };
  return { kind: 'message', message: inbound };
}

function notUnderstood(detail: string): ParsedPart {
  return { kind: 'notUnderstood', detail: `WhatsApp: ${detail}` };
}

/**
 * The number wherever there is one. Users who took a user name have none (Meta, 2026): then their business-scoped user
 * id, which may stand in the message or in its contact. It is case-sensitive, and no number even where it looks like one.
 */
function readCustomerAddress(message: JsonObject, contact: JsonObject | undefined): string | undefined {
  const from = readIdentifier(message['from'], ADDRESS_MAX_LENGTH);
  if (from !== undefined) return addressOf(from);
  return (
    readIdentifier(message['from_user_id'], ADDRESS_MAX_LENGTH) ??
    readIdentifier(contact?.['user_id'], ADDRESS_MAX_LENGTH)
  );
}

/** Meta writes our own number in international form, mostly without its `+`, at times with separators. */
function readBusinessAddress(metadata: unknown): string | undefined {
  const display = readIdentifier(asJsonObject(metadata)['display_phone_number'], ADDRESS_MAX_LENGTH);
  if (display === undefined) return undefined;
  return parsePhoneNumber(display.startsWith('+') ? display : `+${display}`) ?? display;
}

const TYPE_LABEL_PATTERN = /^[a-z_]{1,40}$/;

/** A detail ends in logs and metrics, so nothing goes in that could be more than a type's name. */
function typeLabel(type: unknown): string {
  return typeof type === 'string' && TYPE_LABEL_PATTERN.test(type) ? type : 'other';
}

/** Control characters stay: what Connect can't take is the renderer's to replace. */
function readText(text: unknown): MessageContent | undefined {
  const body = asJsonObject(text)['body'];
  if (typeof body !== 'string') return undefined;
  return body === '' ? { kind: 'empty' } : { kind: 'text', text: body.toWellFormed() };
}

function readProfileName(contact: JsonObject | undefined): string | undefined {
  const name = asJsonObject(contact?.['profile'])['name'];
  return (typeof name === 'string' && name.toWellFormed().trim()) || undefined;
}

/** Two clocks apart, Meta's and SNS's: more than this ahead is no time of sending. */
const SENT_AHEAD_MAX_MS = 15 * MINUTE_MS;
/** Longer than Meta or SNS go on retrying: what is older comes from a broken clock. */
const SENT_BEHIND_MAX_MS = 30 * DAY_MS;
const UNIX_SECONDS_PATTERN = /^\d{1,12}$/;

/**
 * Meta's `timestamp` (Unix seconds, as a string or a number) in epoch milliseconds. One that can't be true would put
 * the message at the wrong end of its lane, so the SNS Timestamp stands in for it.
 */
function readSentAt(timestamp: unknown, snsTimestamp: number): number {
  const seconds = typeof timestamp === 'number' ? String(timestamp) : timestamp;
  if (typeof seconds !== 'string' || !UNIX_SECONDS_PATTERN.test(seconds)) return snsTimestamp;
  const sentAt = Number(seconds) * SECOND_MS;
  const isPlausible =
    sentAt - snsTimestamp <= SENT_AHEAD_MAX_MS && snsTimestamp - sentAt <= SENT_BEHIND_MAX_MS;
  return isPlausible ? sentAt : snsTimestamp;
}
