/** Placeholders: what can be read of a message that the bridge does not know, and Meta's words for what went wrong. */
import type { UnknownContent } from '../inbound-message.ts';
import { asJsonObject, asList, isJsonObject, present, readText } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';
import { findFields, takeFields } from '../readable-fields.ts';

const NO_TYPE = 'none';
/** Meta's longest type has 21 characters. */
const TYPE_MAX_LENGTH = 64;
const ERRORS_MAX = 10;

/** What every message has, whatever its type: it is read elsewhere, or says nothing to a person. */
const COMMON_FIELDS = new Set([
  'from',
  'from_user_id',
  'from_parent_user_id',
  'to',
  'to_user_id',
  'to_parent_user_id',
  'id',
  'timestamp',
  'type',
  'context',
  'referral',
  'identity',
  'group_id',
  'errors',
  'recipient_type',
]);

/** Where a person's words stand in Meta's bodies: in `text` whatever the type, else in the type's own body. */
const TEXT_FIELDS = ['text.body', 'body', 'text', 'caption'];

/**
 * A message of a type that is not known, or without a usable body. Its fields are the leaves of its own body by their
 * names there, those of other bodies with the body's name before them, and its errors.
 */
export function readUnknown(message: JsonObject): UnknownContent {
  const { type, bodies } = findBodies(message);
  const found = bodies.flatMap(({ name, body }) => findFields(body, name).toArray());
  const text = TEXT_FIELDS.map((name) => found.find((field) => field.name === name)).find(Boolean);
  const errors = describeErrors(message['errors']).map((words) => ({ name: 'error', text: words }));
  const fields = takeFields([...errors, ...found.filter((field) => field !== text)].values());
  return { kind: 'unknown', type, ...present({ text: text?.text }), fields };
}

export interface Body {
  /** Empty for the object that is the type's own. */
  readonly name: string;
  readonly body: unknown;
}

function findBodies(message: JsonObject): { readonly type: string; readonly bodies: readonly Body[] } {
  const type = readType(message['type']);
  const { interactive } = message;
  if (type !== 'interactive' || !isJsonObject(interactive))
    return { type, bodies: listBodies(message, type) };
  const { interactive: _own, ...others } = message;
  const innerType = readType(interactive['type']);
  const bodies = [...listBodies(interactive, innerType), ...listBodies(others, type)];
  return { type: `${type}/${innerType}`, bodies };
}

/** As it came: the name is all that is known of it. */
function readType(type: unknown): string {
  return readText(type)?.slice(0, TYPE_MAX_LENGTH).toWellFormed() ?? NO_TYPE;
}

/** What a message holds besides its common fields; `type` is that whose body needs no name. */
export function listBodies(fields: JsonObject, type?: string): readonly Body[] {
  return Object.entries(fields)
    .filter(([name]) => !COMMON_FIELDS.has(name))
    .map(([name, body]) => ({ name: name === type && isJsonObject(body) ? '' : name.toWellFormed(), body }));
}

/** `[{code, title, message, error_data: {details}}]`: each error's words, and no word or error twice. */
export function describeErrors(errors: unknown): readonly string[] {
  const texts = asList(errors).map((error) => {
    const { title, message, details, error_data: data } = asJsonObject(error);
    const words = [error, title, message, asJsonObject(data)['details'], details].map(readText);
    return [...new Set(words.filter((text) => text !== undefined))].join(': ');
  });
  return [...new Set(texts)].filter((text) => text !== '').slice(0, ERRORS_MAX);
}
