/** Fields of a payload that somebody else wrote: nothing here trusts a type, and nothing throws. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** As long as SourceId may be in SendChatIntegrationEvent (Connect's service model). */
export const ADDRESS_MAX_LENGTH = 255;
/** Several times the longest `wamid…` known; ids are indexed for as long as RETENTION_DAYS. */
export const EXTERNAL_ID_MAX_LENGTH = 512;

/** ECMAScript's "JSON.parse source text access", which TypeScript's library does not know yet. */
interface SourceTextJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
}
const sourceTextJson = JSON as unknown as SourceTextJson;

/**
 * A number that a double may write otherwise than it came: 16 digits or more, a last decimal 0, an exponent, very
 * small, -0. Up to 15 digits come back from a double as they were (IEEE 754). It may match inside of a string too,
 * which costs time and nothing else; an id in quotes it passes by.
 */
const FRAGILE_NUMBER = /[:,[]\s*(?:-?(?:[\d.]{16}|\d+\.\d*0(?!\d)|0\.0{6}|\d[\d.]*[eE])|-0(?![\d.]))/;

/**
 * The value that the text is JSON for, or undefined. JSON itself has no undefined.
 *
 * Numbers keep their digits: one that a double would alter (12.50, twenty digits) is a raw JSON value, which
 * `readText` reads and `JSON.stringify` writes as it came. All others are plain numbers. The reviver that it takes
 * is slow, hence only for texts with such a number.
 */
export function parseJson(text: string): unknown {
  try {
    return FRAGILE_NUMBER.test(text) ? parseExactly(text) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseExactly(text: string): unknown {
  try {
    return sourceTextJson.parse(text, (_key, value, { source }) =>
      typeof value === 'number' && source !== undefined && String(value) !== source
        ? sourceTextJson.rawJSON(source)
        : value,
    );
  } catch (error) {
    // A reviver is recursive where JSON.parse alone is not: rather rounded than not understood.
    if (error instanceof RangeError) return JSON.parse(text);
    throw error;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !sourceTextJson.isRawJSON(value)
  );
}

/** An object with the fields of `value` if it is one, else with none. */
export function asJsonObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** The elements of `value` if it is a list, else none. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text or a number as text, its digits as they came. Undefined where it is neither, or shows nothing but space. */
export function readText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value.toWellFormed();
  if (typeof value === 'number') return String(value);
  return sourceTextJson.isRawJSON(value) ? value.rawJSON : undefined;
}

/** Documented as a boolean; its word is taken too. */
export function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

/**
 * An id or address, trimmed; a number's digits count as text. Undefined if it is neither, empty, longer than
 * `maxLength`, or holds what no id does and some store or API would refuse or alter: control characters and lone
 * surrogates.
 */
export function readIdentifier(value: unknown, maxLength: number): string | undefined {
  const text = (typeof value === 'string' ? value : readText(value))?.trim();
  if (text === undefined) return undefined;
  const isUsable = text !== '' && text.length <= maxLength && text.isWellFormed() && !/\p{Cc}/u.test(text);
  return isUsable ? text : undefined;
}

/** Without the fields that are undefined: absent is what the store's JSON keeps of them anyway. */
export function present<Fields extends object>(fields: Fields): Present<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Present<Fields>;
}

type Present<Fields> = {
  [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name];
} & {
  [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Exclude<Fields[Name], undefined>;
};
