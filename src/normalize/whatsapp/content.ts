/**
 * What a WhatsApp message says. A table from Meta's type to its reader; a type that is not in it, or whose body its
 * reader can't use, becomes a placeholder that shows what can be read of it (`unknown`), so that a type which Meta
 * invents tomorrow reaches the agent too.
 */
import type { MessageContent } from '../inbound-message.ts';
import { asJsonObject, isJsonObject, present, readText } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';
import { readButton, readInteractive } from './choices.ts';
import { readContacts } from './contact-cards.ts';
import { readMedia } from './media.ts';
import { readOrder } from './order.ts';
import { describeErrors, readUnknown } from './unknown.ts';

/** Gives undefined for a body that it can't use. `depth` counts the edits around the message. */
type Reader = (message: JsonObject, depth: number) => MessageContent | undefined;

/** Types of `messages[]` (Meta, "messages webhook"), in its documentation's order, then what only others have seen. */
const READERS: Readonly<Record<string, Reader>> = {
  text: readTextMessage,
  image: (message) => readMedia('image', message['image']),
  video: (message) => readMedia('video', message['video']),
  audio: (message) => readMedia('audio', message['audio']),
  document: (message) => readMedia('document', message['document']),
  sticker: (message) => readMedia('sticker', message['sticker']),
  location: readLocation,
  contacts: readContacts,
  interactive: readInteractive,
  button: readButton,
  reaction: readReaction,
  order: readOrder,
  system: readSystem,
  // It has no body: the customer only opened the chat.
  request_welcome: () => ({ kind: 'request_welcome' }),
  edit: readEdit,
  revoke: readRevoke,
  unsupported: readUnsupported,
  // The On-Premises API's own type; the Cloud API sends audio with `voice: true`.
  voice: (message) => readMedia('voice', message['voice'] ?? message['audio']),
};

/** `message` is an element of Meta's `messages[]`. Never throws. */
export function readContent(message: JsonObject): MessageContent {
  return readAtDepth(message, 0);
}

function readAtDepth(message: JsonObject, depth: number): MessageContent {
  const { type } = message;
  const reader = typeof type === 'string' && Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  return reader?.(message, depth) ?? readUnknown(message);
}

/** Control characters stay: what Connect can't take is the renderer's to replace. Spaces are the customer's too. */
function readTextMessage(message: JsonObject): MessageContent | undefined {
  const { body } = asJsonObject(message['text']);
  if (typeof body !== 'string') return undefined;
  return body === '' ? { kind: 'empty' } : { kind: 'text', text: body.toWellFormed() };
}

function readLocation(message: JsonObject): MessageContent | undefined {
  const { latitude, longitude, name, address, url } = asJsonObject(message['location']);
  const fields = present({
    latitude: readText(latitude),
    longitude: readText(longitude),
    name: readText(name),
    address: readText(address),
    url: readText(url),
  });
  return Object.keys(fields).length === 0 ? undefined : { kind: 'location', ...fields };
}

/** Taking a reaction back leaves `emoji` out, or empty. */
function readReaction(message: JsonObject): MessageContent | undefined {
  const { emoji, message_id: messageId } = asJsonObject(message['reaction']);
  const fields = present({ emoji: readText(emoji), messageId: readText(messageId) });
  return Object.keys(fields).length === 0 ? undefined : { kind: 'reaction', ...fields };
}

/**
 * The new number is in `wa_id`, or `new_wa_id`; of a customer whose identity changed, `wa_id` is the number as it was.
 */
function readSystem(message: JsonObject): MessageContent | undefined {
  const system = asJsonObject(message['system']);
  const waId = system['type'] === 'customer_identity_changed' ? undefined : readText(system['wa_id']);
  const fields = present({
    type: readText(system['type']),
    body: readText(system['body']),
    newNumber: readText(system['new_wa_id']) ?? waId,
    newUserId: readText(system['user_id']),
    previousUserId: readText(system['previous_user_id']),
  });
  return Object.keys(fields).length === 0 ? undefined : { kind: 'system', ...fields };
}

/** Nobody edits an edit; more depth than this is no message. */
const EDITS_MAX = 3;

function readEdit(message: JsonObject, depth: number): MessageContent | undefined {
  const { original_message_id: messageId, message: edited } = asJsonObject(message['edit']);
  if (!isJsonObject(edited) || depth >= EDITS_MAX) return undefined;
  return {
    kind: 'edit',
    ...present({ messageId: readText(messageId) }),
    content: readAtDepth(edited, depth + 1),
  };
}

function readRevoke(message: JsonObject): MessageContent | undefined {
  const { revoke } = message;
  if (!isJsonObject(revoke)) return undefined;
  return { kind: 'revoke', ...present({ messageId: readText(revoke['original_message_id']) }) };
}

/** Its body is optional: the type itself says that Meta does not pass on what was sent. */
function readUnsupported(message: JsonObject): MessageContent {
  const { unsupported, text, errors } = message;
  const fields = present({
    type: readText(asJsonObject(unsupported)['type']),
    text: readText(asJsonObject(text)['body']),
  });
  return { kind: 'unsupported', errors: describeErrors(errors), ...fields };
}
