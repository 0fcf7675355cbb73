import { parseArn } from '../arn.ts';
import type { IgnoredReason, ParsedPart } from './inbound-message.ts';
import { asJsonObject, isJsonObject, parseJson, readText } from './payload-fields.ts';
import type { JsonObject } from './payload-fields.ts';
import { webhookFieldLabel } from './webhook-field.ts';
import { parseWhatsAppMessage } from './whatsapp-message.ts';
import { findFailedReplies } from './whatsapp/failed-replies.ts';

/** One message, or one change that holds none, and the payload cut down to it alone. */
export interface WhatsAppPart {
  readonly parsed: ParsedPart;
  /** Still objects: only what is kept is worth a string. */
  readonly entries: readonly unknown[];
}

/** Meta batches at most 1,000 updates in one webhook (Graph API, "Webhooks"), and AWS passes on one entry of it. */
export const PARTS_MAX = 1_000;

export function isWhatsAppPayload(payload: JsonObject): boolean {
  return Object.hasOwn(payload, 'whatsAppWebhookEntry');
}

/**
 * A notification of AWS End User Messaging Social (its user guide, "Message and event format"):
 * `{context: {MetaPhoneNumberIds}, whatsAppWebhookEntry, …}`, where whatsAppWebhookEntry is one element of Meta's
 * `entry[]`, `{id, changes: [{field, value}]}`, as a JSON string. Each change and each message stands on its own feet:
 * what is broken is not understood by itself, and its neighbours go on. At most PARTS_MAX parts, then one more for
 * the rest, which is understood when that is normalized again on its own. `snsTimestamp` is epoch milliseconds.
 * Never throws.
 */
export function parseWhatsAppNotification(
  payload: JsonObject,
  snsTimestamp: number,
): readonly WhatsAppPart[] {
  const entries = readEntries(payload['whatsAppWebhookEntry']);
  if (entries === undefined) return [part(notUnderstood('whatsAppWebhookEntry is no JSON object'), [])];
  const surroundings = { context: payload['context'], snsTimestamp };
  const parts = findParts(entries, surroundings)
    .take(PARTS_MAX + 1)
    .toArray();
  if (parts.length === 0) return [part({ kind: 'ignored', reason: 'no_messages' }, [])];
  return parts.map(({ position, ...found }, index) =>
    index < PARTS_MAX
      ? found
      : part(
          notUnderstood(`more than ${PARTS_MAX} messages in one notification`),
          entriesFrom(entries, position),
        ),
  );
}

/** The payload with nothing in its whatsAppWebhookEntry but `entries`. Throws RangeError if they nest too deeply. */
export function withEntries(payload: JsonObject, entries: readonly unknown[]): JsonObject {
  const [only] = entries;
  const isPlain = entries.length === 1 && isJsonObject(only) && Array.isArray(only['changes']);
  return { ...payload, whatsAppWebhookEntry: JSON.stringify(isPlain ? only : { entry: entries }) };
}

function part(parsed: ParsedPart, entries: readonly unknown[]): WhatsAppPart {
  return { parsed, entries };
}

function notUnderstood(detail: string): ParsedPart {
  return { kind: 'notUnderstood', detail: `WhatsApp: ${detail}` };
}

/** AWS's guide shows an entry as a string, and on another page Meta's whole `{entry: […]}`. */
function readEntries(webhookEntry: unknown): readonly unknown[] | undefined {
  const value = typeof webhookEntry === 'string' ? parseJson(webhookEntry) : webhookEntry;
  if (!isJsonObject(value)) return undefined;
  return !Object.hasOwn(value, 'changes') && Array.isArray(value['entry']) ? value['entry'] : [value];
}

/** Where a part begins: the index of its entry, of the change in that, of the message in that. */
type Position = readonly [entry: number, change: number, message: number];

interface FoundPart extends WhatsAppPart {
  readonly position: Position;
}

interface Surroundings {
  readonly context: unknown;
  readonly snsTimestamp: number;
}

function* findParts(entries: readonly unknown[], surroundings: Surroundings): Generator<FoundPart, void> {
  for (const [entryIndex, entry] of entries.entries()) {
    const changes = asJsonObject(entry)['changes'];
    if (!Array.isArray(changes)) {
      yield { parsed: notUnderstood('changes are no array'), entries: [entry], position: [entryIndex, 0, 0] };
      continue;
    }
    for (const [changeIndex, change] of (changes as unknown[]).entries()) {
      for (const { parsed, cut, messageIndex } of findInChange(change, surroundings)) {
        yield {
          parsed,
          entries: [{ ...asJsonObject(entry), changes: [cut] }],
          position: [entryIndex, changeIndex, messageIndex],
        };
      }
    }
  }
}

interface FoundInChange {
  readonly parsed: ParsedPart;
  /** The change with this part alone. */
  readonly cut: unknown;
  readonly messageIndex: number;
}

function* findInChange(change: unknown, surroundings: Surroundings): Generator<FoundInChange, void> {
  const { parts, messages } = judgeChange(change);
  for (const parsed of parts) yield { parsed, cut: change, messageIndex: 0 };
  if (!messages) return;
  const value = asJsonObject(asJsonObject(change)['value']);
  const findContact = contactFinder(value['contacts'], messages);
  const { messaging_product, metadata } = value;
  const businessNumberArn = findNumberArn(surroundings.context, asJsonObject(metadata)['phone_number_id']);
  for (const [messageIndex, message] of messages.entries()) {
    const contact = findContact(message);
    const { snsTimestamp } = surroundings;
    yield {
      parsed: parseWhatsAppMessage(message, { contact, metadata, businessNumberArn, snsTimestamp }),
      cut: {
        ...asJsonObject(change),
        value: {
          messaging_product,
          metadata,
          ...(contact ? { contacts: [contact] } : {}),
          messages: [message],
        },
      },
      messageIndex,
    };
  }
}

/** The field of messages, and of a change without one. */
const MESSAGES_FIELD = 'messages';

/** What a change says as a whole, and the messages that it holds. */
function judgeChange(change: unknown): {
  readonly parts: readonly ParsedPart[];
  readonly messages?: readonly unknown[];
} {
  if (!isJsonObject(change)) return { parts: [notUnderstood('change is no object')] };
  const { value = null } = change;
  const field = readText(change['field']) ?? MESSAGES_FIELD;
  const ignored = (reason: IgnoredReason): ParsedPart => ({
    kind: 'ignored',
    reason,
    field: webhookFieldLabel(field),
  });
  if (field !== MESSAGES_FIELD) return { parts: [ignored('other_field')] };
  if (value !== null && !isJsonObject(value)) return { parts: [notUnderstood('value is no object')] };
  const { messages, statuses, errors } = asJsonObject(value);
  const { failures, others } = findFailedReplies(statuses);
  if (hasSomething(messages)) {
    return Array.isArray(messages)
      ? { parts: failures, messages }
      : { parts: [...failures, notUnderstood('messages are no array')] };
  }
  if (hasSomething(statuses)) return { parts: others ? [...failures, ignored('status')] : failures };
  return { parts: [ignored(hasSomething(errors) ? 'errors' : 'no_messages')] };
}

function hasSomething(list: unknown): boolean {
  return list !== undefined && list !== null && !(Array.isArray(list) && list.length === 0);
}

/**
 * Finds the contact that sent a message: the one with its number or user id. A number may be written otherwise there
 * than in the message (it is in AWS's own example), so a change's only contact serves too, unless it is another
 * message's: nobody gets somebody else's name.
 */
function contactFinder(
  list: unknown,
  messages: readonly unknown[],
): (message: unknown) => JsonObject | undefined {
  const contacts = Array.isArray(list) ? list.filter(isJsonObject) : [];
  const byId = new Map<string, JsonObject>();
  for (const contact of contacts) {
    for (const id of [contact['wa_id'], contact['user_id']].map(readText)) {
      if (id !== undefined) byId.set(id, contact);
    }
  }
  const find = (message: unknown): JsonObject | undefined => {
    const { from, from_user_id: userId } = asJsonObject(message);
    return byId.get(readText(from) ?? '') ?? byId.get(readText(userId) ?? '');
  };
  const unclaimed = contacts.length === 1 && !messages.some(find) ? contacts[0] : undefined;
  return (message) => find(message) ?? unclaimed;
}

/**
 * The ARN of the number that a message came to, from `context.MetaPhoneNumberIds`: the one of Meta's id, else the only
 * one there is. Elements are `{metaPhoneNumberId, arn}`; bare ids have been seen, which name no ARN.
 */
function findNumberArn(context: unknown, phoneNumberId: unknown): string | undefined {
  const numbers: unknown = asJsonObject(context)['MetaPhoneNumberIds'];
  const arnById = (Array.isArray(numbers) ? (numbers as unknown[]) : []).flatMap((number) => {
    const { metaPhoneNumberId, arn } = isJsonObject(number)
      ? number
      : { metaPhoneNumberId: undefined, arn: number };
    return typeof arn === 'string' && parseArn(arn) ? [{ id: readText(metaPhoneNumberId), arn }] : [];
  });
  const wanted = readText(phoneNumberId);
  const exact = wanted === undefined ? undefined : arnById.find(({ id }) => id === wanted);
  const [only, ...others] = new Set(arnById.map(({ arn }) => arn));
  return exact?.arn ?? (others.length === 0 ? only : undefined);
}

/** What begins at `position`, to the end: cut once there, so that it is no larger than what it was cut from. */
function entriesFrom(
  entries: readonly unknown[],
  [entryIndex, changeIndex, messageIndex]: Position,
): readonly unknown[] {
  const [entry, ...laterEntries] = entries.slice(entryIndex);
  const changes = asJsonObject(entry)['changes'];
  if (!Array.isArray(changes)) return [entry, ...laterEntries];
  const [change, ...laterChanges] = changes.slice(changeIndex) as unknown[];
  const messages = asJsonObject(asJsonObject(change)['value'])['messages'];
  const cut = Array.isArray(messages)
    ? {
        ...asJsonObject(change),
        value: { ...asJsonObject(asJsonObject(change)['value']), messages: messages.slice(messageIndex) },
      }
    : change;
  return [{ ...asJsonObject(entry), changes: [cut, ...laterChanges] }, ...laterEntries];
}
