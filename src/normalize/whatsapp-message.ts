import { DAY_MS, MINUTE_MS, SECOND_MS } from '../clock.ts';
import { whatsAppCustomerAddress } from './customer-address.ts';
import type { CustomerAddress } from './customer-address.ts';
import { UNKNOWN_BUSINESS_ADDRESS } from './inbound-message.ts';
import type { InboundMessage, ParsedPart } from './inbound-message.ts';
import {
  ADDRESS_MAX_LENGTH,
  EXTERNAL_ID_MAX_LENGTH,
  asJsonObject,
  isJsonObject,
  readIdentifier,
  readText,
} from './payload-fields.ts';
import type { JsonObject } from './payload-fields.ts';
import { parsePhoneNumber } from './phone-number.ts';
import { readContent } from './whatsapp/content.ts';
import { readContext } from './whatsapp/context.ts';
import { readOthers } from './whatsapp/others.ts';

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
 * timestamp, type, text: {body}}`. With an id and a sender it is a message, whatever else is missing. Never throws.
 */
export function parseWhatsAppMessage(message: unknown, surroundings: WhatsAppSurroundings): ParsedPart {
  if (!isJsonObject(message)) return notUnderstood('message is no object');
  const { contact, metadata, businessNumberArn, snsTimestamp } = surroundings;
  const externalId = readIdentifier(message['id'], EXTERNAL_ID_MAX_LENGTH);
  if (externalId === undefined) return notUnderstood('id is missing or unusable');
  const customer = readCustomer(message, contact);
  if (customer === undefined) return notUnderstood('from and from_user_id are missing or unusable');
  const profileName = readProfileName(contact);
  const said = { content: readContent(message), ...readContext(message) };
  const others = readOthers(message, said);
  const inbound: InboundMessage = {
    channel: 'whatsapp',
    ...customer,
    businessAddress: readBusinessAddress(metadata, businessNumberArn),
    externalId,
    sentAt: readSentAt(message['timestamp'], snsTimestamp),
    ...said,
    ...(others.length === 0 ? {} : { others }),
    ...(profileName === undefined ? {} : { profileName }),
    ...(businessNumberArn === undefined ? {} : { businessNumberArn }),
  };
  return { kind: 'message', message: inbound };
}

function notUnderstood(detail: string): ParsedPart {
  return { kind: 'notUnderstood', detail: `WhatsApp: ${detail}` };
}

/**
 * The user id may stand in the message or in its contact. The parent's, which is of the business's whole portfolio, is
 * better than none. A notice that something about the customer changed may say in its body alone who it is about: under
 * the address as it was, by which their chat is known.
 */
function readCustomer(message: JsonObject, contact: JsonObject | undefined): CustomerAddress | undefined {
  const notice = message['type'] === 'system' ? asJsonObject(message['system']) : {};
  const from = firstIdentifier(message['from'], notice['customer']);
  const userId = firstIdentifier(
    message['from_user_id'],
    contact?.['user_id'],
    message['from_parent_user_id'],
    contact?.['parent_user_id'],
    notice['previous_user_id'],
  );
  return whatsAppCustomerAddress(from, userId);
}

function firstIdentifier(...values: readonly unknown[]): string | undefined {
  return values.map((value) => readIdentifier(value, ADDRESS_MAX_LENGTH)).find((id) => id !== undefined);
}

/**
 * Meta writes our own number in international form, mostly without its `+`, at times with separators. Without it, the
 * message still reaches the agent: the ARN tells our numbers apart as well, and so does Meta's id.
 */
function readBusinessAddress(metadata: unknown, businessNumberArn: string | undefined): string {
  const { display_phone_number: displayNumber, phone_number_id: phoneNumberId } = asJsonObject(metadata);
  const display = readIdentifier(displayNumber, ADDRESS_MAX_LENGTH);
  if (display !== undefined) {
    return parsePhoneNumber(display.startsWith('+') ? display : `+${display}`) ?? display;
  }
  return businessNumberArn ?? readIdentifier(phoneNumberId, ADDRESS_MAX_LENGTH) ?? UNKNOWN_BUSINESS_ADDRESS;
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
  const seconds = readText(timestamp);
  if (seconds === undefined || !UNIX_SECONDS_PATTERN.test(seconds)) return snsTimestamp;
  const sentAt = Number(seconds) * SECOND_MS;
  const isPlausible =
    sentAt - snsTimestamp <= SENT_AHEAD_MAX_MS && snsTimestamp - sentAt <= SENT_BEHIND_MAX_MS;
  return isPlausible ? sentAt : snsTimestamp;
}
