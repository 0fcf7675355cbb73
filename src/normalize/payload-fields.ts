/** Fields of a payload that somebody else wrote: nothing here trusts a type, and nothing throws. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** As long as SourceId may be in SendChatIntegrationEvent (Connect's service model). */
export const ADDRESS_MAX_LENGTH = 255;
/** Several times the longest `wamid…` known; ids are indexed for as long as RETENTION_DAYS. */
export const EXTERNAL_ID_MAX_LENGTH = 512;

/** The value that the text is JSON for, or undefined. JSON itself has no undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object with the fields of `value` if it is one, else with none. */
export function asJsonObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/**
 * An id or address, trimmed. Undefined if it is no string, empty, longer than `maxLength`, or holds what no id does
 * and some store or API would refuse or alter: control characters and lone surrogates.
 */
export function readIdentifier(value: unknown, maxLength: number): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const isUsable = text !== '' && text.length <= maxLength && text.isWellFormed() && !/\p{Cc}/u.test(text);
  return isUsable ? text : undefined;
}
