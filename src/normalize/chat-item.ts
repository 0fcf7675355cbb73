/**
 * What Connect's chat streaming publishes of a chat (Amazon Connect administrator guide, "Enable real-time chat message
 * streaming", "Amazon SNS payload"): the SNS Message is one item as JSON, `{AbsoluteTime, Content, ContentType, Id, Type,
 * ParticipantRole, InitialContactId, ContactId, Attachments?, …}`. Whom it is for stands in the SNS attribute
 * MessageVisibility alone, which nobody signs: the item's own role is signed, and no customer's own words go back to them,
 * whatever the attribute says.
 */
import { MESSAGE_VISIBILITY, readVisibility } from '../ingest/sns-envelope.ts';
import type { Attachment, ReplyContent, StreamedItem } from './agent-reply.ts';
import { isInteractive, readInteractiveMessage } from './chat/interactive-message.ts';
import type { IgnoredReason } from './inbound-message.ts';
import { rawOf } from './normalize-notification.ts';
import type { NotificationFields } from './normalize-notification.ts';
import {
  EXTERNAL_ID_MAX_LENGTH,
  asJsonObject,
  asList,
  isJsonObject,
  parseJson,
  present,
  readIdentifier,
  readText,
} from './payload-fields.ts';
import type { JsonObject } from './payload-fields.ts';
import { isVisible } from './visible-text.ts';

/** Connect's service model: ContactId. */
const CONTACT_ID_MAX_LENGTH = 256;

const CHAT_ENDED = 'application/vnd.amazonaws.connect.event.chat.ended';
const MARKDOWN = 'text/markdown';

/** Values of MessageVisibility that the customer is to see. */
const FOR_CUSTOMER: ReadonlySet<string | undefined> = new Set(['CUSTOMER', 'ALL']);

/** `raw`: the notification with its visibility, as JSON; normalized again it gives the same item and the same raw. */
export interface NormalizedStreamedItem {
  readonly item: StreamedItem;
  readonly raw: string;
}

/** `visibility`: as `visibilityOf` reads it. Never throws, whatever the strings hold. */
export function normalizeStreamed(
  notification: NotificationFields,
  visibility: string | undefined,
): NormalizedStreamedItem {
  const attributes =
    visibility === undefined
      ? {}
      : { MessageAttributes: { [MESSAGE_VISIBILITY]: { Type: 'String', Value: visibility } } };
  return {
    item: parseStreamedItem(notification, visibility),
    raw: rawOf(notification, notification.Message, attributes),
  };
}

/** MessageVisibility of an SNS notification: of the object, or of its JSON, which a kept `raw` is. Never throws. */
export function visibilityOf(rawOrEnvelope: unknown): string | undefined {
  return readVisibility(
    asJsonObject(typeof rawOrEnvelope === 'string' ? parseJson(rawOrEnvelope) : rawOrEnvelope),
  );
}

/** Whether the value of an SNS Message looks like an item of a chat. For payloads at hand: the service goes by their topic. */
export function isStreamedItem(message: unknown): boolean {
  const fields = asJsonObject(message);
  return typeof fields['Type'] === 'string' && typeof fields['AbsoluteTime'] === 'string';
}

/**
 * What a publication says: a reply, that the chat has ended, or something that is not for the customer. `visibility`:
 * the SNS attribute's value. Never throws.
 */
export function parseStreamedItem(
  notification: NotificationFields,
  visibility: string | undefined,
): StreamedItem {
  const snsTimestamp = Date.parse(notification.Timestamp);
  if (Number.isNaN(snsTimestamp)) return notUnderstood('Timestamp is no instant');
  const fields = parseJson(notification.Message);
  if (!isJsonObject(fields)) return notUnderstood('Message is no JSON object');
  switch (readText(fields['Type'])) {
    case undefined:
      return notUnderstood('Type is missing');
    case 'MESSAGE':
    case 'ATTACHMENT':
      return parseWritten(fields, visibility, snsTimestamp);
    case 'EVENT':
      return fields['ContentType'] === CHAT_ENDED ? parseChatEnded(fields) : ignored('chat_event');
    default:
      // MESSAGEMETADATA (receipts) and whatever else is no message.
      return ignored('chat_event');
  }
}

function parseChatEnded(fields: JsonObject): StreamedItem {
  const contactId = readContactId(fields);
  if (contactId === undefined) return notUnderstood('InitialContactId and ContactId are missing or unusable');
  return { kind: 'chatEnded', contactId };
}

function parseWritten(
  fields: JsonObject,
  visibility: string | undefined,
  snsTimestamp: number,
): StreamedItem {
  const role = readText(fields['ParticipantRole'])?.toUpperCase();
  if (role === 'CUSTOMER') return ignored('from_customer');
  if (visibility === undefined) return ignored('no_visibility');
  if (!FOR_CUSTOMER.has(visibility.toUpperCase())) return ignored('not_for_customer');
  // It could be the customer's own words, and the way back to them would have no end.
  if (role === undefined) return notUnderstood('ParticipantRole is missing');
  const externalId = readIdentifier(fields['Id'], EXTERNAL_ID_MAX_LENGTH);
  if (externalId === undefined) return notUnderstood('Id is missing or unusable');
  const contactId = readContactId(fields);
  if (contactId === undefined) return notUnderstood('InitialContactId and ContactId are missing or unusable');
  const content = fields['Type'] === 'ATTACHMENT' ? readAttachments(fields) : readMessage(fields);
  if (content === undefined) return ignored('chat_event');
  if (content === 'unusable') return notUnderstood('Content is missing');
  const sentAt = readInstant(fields['AbsoluteTime']) ?? snsTimestamp;
  return { kind: 'reply', item: { contactId, externalId, sentAt, content } };
}

/** It stays when a chat is transferred; ContactId is the leg's own. */
function readContactId(fields: JsonObject): string | undefined {
  return (
    readIdentifier(fields['InitialContactId'], CONTACT_ID_MAX_LENGTH) ??
    readIdentifier(fields['ContactId'], CONTACT_ID_MAX_LENGTH)
  );
}

/** Undefined where there is nothing to see: the customer's channel takes no such text. */
function readMessage({ Content, ContentType }: JsonObject): ReplyContent | 'unusable' | undefined {
  if (typeof Content !== 'string') return 'unusable';
  const text = Content.toWellFormed();
  if (!isVisible(text)) return undefined;
  const contentType = readText(ContentType)?.split(';', 1)[0]?.trim().toLowerCase();
  if (isInteractive(contentType)) return readInteractiveMessage(text);
  return { kind: contentType === MARKDOWN ? 'markdown' : 'text', text };
}

/** Those that Connect has scanned and let through; each is published once more as its status changes. */
function readAttachments({ Attachments }: JsonObject): ReplyContent | undefined {
  const attachments = asList(Attachments)
    .map(asJsonObject)
    .filter(({ Status }) => Status === 'APPROVED')
    .map(({ AttachmentName, ContentType }): Attachment =>
      present({ name: readText(AttachmentName), contentType: readText(ContentType) }),
    );
  return attachments.length === 0 ? undefined : { kind: 'attachments', attachments };
}

/** ISO 8601, UTC or with an offset. */
const INSTANT_PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)$/;

function readInstant(value: unknown): number | undefined {
  if (typeof value !== 'string' || !INSTANT_PATTERN.test(value)) return undefined;
  const instant = Date.parse(value);
  return Number.isNaN(instant) ? undefined : instant;
}

function ignored(reason: IgnoredReason): StreamedItem {
  return { kind: 'ignored', reason };
}

function notUnderstood(detail: string): StreamedItem {
  return { kind: 'notUnderstood', detail: `Chat: ${detail}` };
}
