import type { CountryCode } from 'libphonenumber-js/max';
import type { NotificationEnvelope } from '../ingest/sns-envelope.ts';
import type { NormalizedItem, ParsedPart } from './inbound-message.ts';
import { isJsonObject, parseJson } from './payload-fields.ts';
import type { JsonObject } from './payload-fields.ts';
import { isSmsPayload, parseSmsNotification } from './sms.ts';
import { isWhatsAppPayload, parseWhatsAppNotification, withEntries } from './whatsapp.ts';

/** What of a notification is read here, and kept as `raw`. */
export type NotificationFields = Pick<
  NotificationEnvelope,
  'MessageId' | 'TopicArn' | 'Timestamp' | 'Message' | 'Subject'
>;

export interface NormalizeOptions {
  /** Of SMS numbers in national form. */
  readonly defaultCountry: CountryCode | undefined;
}

/**
 * Everything that a notification of End User Messaging holds: at least one item, at most one more than PARTS_MAX, in
 * its order. The channel is decided by the payload's shape, since one topic may carry both. Never throws, whatever
 * the strings hold: what is authentic but not understood is an item too, kept for a person to look at.
 *
 * An item's `raw` is a `NotificationFields` with `Type`, as JSON. Normalized again it gives the same item with the
 * same raw (but for the item that stands for what is beyond PARTS_MAX: that one then gives its messages).
 */
export function normalizeNotification(
  notification: NotificationFields,
  { defaultCountry }: NormalizeOptions,
): readonly NormalizedItem[] {
  const whole = rawOf(notification, notification.Message);
  const snsTimestamp = Date.parse(notification.Timestamp);
  if (Number.isNaN(snsTimestamp)) return [itemOf(notUnderstood('Timestamp is no instant'), whole)];
  const payload = parseJson(notification.Message);
  if (!isJsonObject(payload)) return [itemOf(notUnderstood('Message is no JSON object'), whole)];
  if (isWhatsAppPayload(payload)) return normalizeWhatsApp(notification, payload, snsTimestamp, whole);
  if (isSmsPayload(payload))
    return [itemOf(parseSmsNotification(payload, snsTimestamp, defaultCountry), whole)];
  return [itemOf(notUnderstood('Message is neither an SMS nor a WhatsApp payload'), whole)];
}

function normalizeWhatsApp(
  notification: NotificationFields,
  payload: JsonObject,
  snsTimestamp: number,
  whole: string,
): readonly NormalizedItem[] {
  const parts = parseWhatsAppNotification(payload, snsTimestamp);
  return parts.map(({ parsed, entries }) => {
    if (!needsRaw(parsed)) return parsed;
    return itemOf(parsed, parts.length === 1 ? whole : (cutRaw(notification, payload, entries) ?? whole));
  });
}

/** Undefined where the JSON nests too deeply to be written again: then the whole is kept, which is a string already. */
function cutRaw(
  notification: NotificationFields,
  payload: JsonObject,
  entries: readonly unknown[],
): string | undefined {
  try {
    return rawOf(notification, JSON.stringify(withEntries(payload, entries)));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A notification that says `message`, as JSON. `more`: what of its other fields is to be kept. */
export function rawOf(
  { MessageId, TopicArn, Timestamp, Subject }: NotificationFields,
  message: string,
  more: JsonObject = {},
): string {
  const subject = typeof Subject === 'string' ? { Subject } : {};
  return JSON.stringify({
    Type: 'Notification',
    MessageId,
    TopicArn,
    Timestamp,
    ...subject,
    Message: message,
    ...more,
  });
}

function notUnderstood(detail: string): ParsedPart {
  return { kind: 'notUnderstood', detail };
}

function itemOf(parsed: ParsedPart, raw: string): NormalizedItem {
  return needsRaw(parsed) ? { ...parsed, raw } : parsed;
}

/** What may become a dead letter is kept as it came. */
function needsRaw(parsed: ParsedPart): parsed is Extract<ParsedPart, { kind: 'message' | 'notUnderstood' }> {
  return parsed.kind === 'message' || parsed.kind === 'notUnderstood';
}
