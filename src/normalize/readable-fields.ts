/** Values whose shape nobody knows, as a person can read them. */
import type { NamedText } from './inbound-message.ts';
import { isJsonObject, readText } from './payload-fields.ts';

/** Deeper than any form or message that is known. */
const DEPTH_MAX = 6;
/** As much as an agent would read of a placeholder. */
export const FIELDS_MAX = 50;
/** Stands for what is deeper, or more. */
const LEFT_OUT = '…';

/** Digests, keys, previews and tokens: they say nothing to a person. */
const MACHINE_FIELDS = new Set([
  'sha256',
  'file_sha256',
  'enc_sha256',
  'file_enc_sha256',
  'media_key',
  'jpeg_thumbnail',
  'hash',
  'identity_key_hash',
  'flow_token',
  'ctwa_clid',
]);

/** In one text: a list's elements with commas, an object's fields with their names. Undefined where it says nothing. */
export function describeValue(value: unknown, depth = 0): string | undefined {
  const text = describeScalar(value);
  if (text !== undefined) return text;
  if (depth >= DEPTH_MAX) return childrenOf(value).length > 0 ? LEFT_OUT : undefined;
  const texts = Array.isArray(value)
    ? value.map((element) => describeValue(element, depth + 1))
    : isJsonObject(value)
      ? Object.entries(value).map(([name, field]) => {
          const text = MACHINE_FIELDS.has(name) ? undefined : describeValue(field, depth + 1);
          return text === undefined ? undefined : `${name.toWellFormed()}: ${text}`;
        })
      : [];
  return texts.filter((text) => text !== undefined).join(', ') || undefined;
}

function describeScalar(value: unknown): string | undefined {
  return typeof value === 'boolean' ? String(value) : readText(value);
}

/** The fields of `value` that `findFields` finds, as many as a person would read. */
export function listFields(value: unknown, name = ''): readonly NamedText[] {
  return takeFields(findFields(value, name));
}

/** The first FIELDS_MAX, and a sign where there are more. */
export function takeFields(fields: IteratorObject<NamedText>): readonly NamedText[] {
  const taken = fields.take(FIELDS_MAX + 1).toArray();
  return taken.length > FIELDS_MAX ? [...taken.slice(0, FIELDS_MAX), { name: '', text: LEFT_OUT }] : taken;
}

/**
 * Every readable leaf of `value`, named by the path to it: `amount.currency`; elements of a list count from 1, and a
 * list of nothing but texts is one field. `name` is that of `value` itself, empty for what needs none.
 */
export function* findFields(value: unknown, name: string, depth = 0): Generator<NamedText, undefined> {
  const text = Array.isArray(value) && value.every(isScalar) ? describeValue(value) : describeScalar(value);
  if (text !== undefined) {
    yield { name, text };
    return;
  }
  if (depth >= DEPTH_MAX) {
    if (childrenOf(value).length > 0) yield { name, text: LEFT_OUT };
    return;
  }
  for (const [key, field] of childrenOf(value)) {
    if (MACHINE_FIELDS.has(key)) continue;
    yield* findFields(field, name === '' ? key.toWellFormed() : `${name}.${key.toWellFormed()}`, depth + 1);
  }
}

function isScalar(value: unknown): boolean {
  return !Array.isArray(value) && !isJsonObject(value);
}

function childrenOf(value: unknown): readonly (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.map((element: unknown, index) => [String(index + 1), element]);
  return isJsonObject(value) ? Object.entries(value) : [];
}
