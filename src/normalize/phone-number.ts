import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { CountryCode } from 'libphonenumber-js/max';

declare const e164: unique symbol;

/** `+` and 7 to 15 digits, the first not 0 (ITU-T E.164). Only `parsePhoneNumber` makes one. */
export type E164 = string & { readonly [e164]: true };

const E164_PATTERN = /^\+[1-9]\d{6,14}$/;
const BARE_NUMBER_PATTERN = /^[1-9]\d{6,14}$/;

/** Room for a number with separators and an extension; what is longer is no number, and parsing it is work for nothing. */
const NUMBER_MAX_LENGTH = 128;

/** Dashes, brackets, dots, slashes, tildes and spaces that people put between digits. */
const SEPARATORS = /[\s\p{Pd}()[\].·/~]/gu;
/** Soft hyphens, zero-width spaces and direction marks: they come along when a number is pasted. */
const INVISIBLE_CHARACTERS = /\p{Cf}/gu;
/** Of a tel: URI (RFC 3966), what libphonenumber stumbles over: the scheme, a subaddress and the context. */
const TEL_URI_PATTERN = /^tel:/i;
const TEL_URI_TRIMMINGS = /^tel:|;isub=[^;]*|;phone-context=[^;]*/gi;
/** The context of a local number that says which: the digits before it. A domain's name says nothing here. */
const TEL_URI_PREFIX_PATTERN = /;phone-context=(\+[\d().-]*\d[\d().-]*)(?:;|$)/i;

/**
 * The number that a text stands for, or undefined where it is none (short codes, alphanumeric senders, WhatsApp user
 * ids, chat ids). Never throws. `country`, where given, is that of numbers in national form.
 *
 * Well-formed is enough. What already is E.164 stays as it is, and bare digits of a number's length that are none of
 * the country's get their `+`, valid by libphonenumber or not: its tables lag behind newly assigned ranges, and
 * WhatsApp's ids of Mexico (521…) and Brazil (without the ninth digit) are not valid numbers but the only ones that
 * replies reach (Meta).
 */
export function parsePhoneNumber(text: string, country?: CountryCode): E164 | undefined {
  if (text.length > NUMBER_MAX_LENGTH) return undefined;
  if (isE164(text)) return text;
  // Every WhatsApp id: libphonenumber, which takes its time, could say nothing more.
  if (!country && BARE_NUMBER_PATTERN.test(text)) return `+${text}` as E164;
  const candidate = asciiDigits(text.replace(INVISIBLE_CHARACTERS, '')).trim();
  if (isE164(candidate)) return candidate;
  return parseValidNumber(candidate, country) ?? parseWellFormedNumber(candidate);
}

/** An address as the bridge knows it: E.164 where the text is a number, else the text as it came, trimmed. */
export function addressOf(text: string, country?: CountryCode): string {
  return parsePhoneNumber(text, country) ?? text.trim();
}

function isE164(text: string): text is E164 {
  return E164_PATTERN.test(text);
}

function parseValidNumber(candidate: string, country: CountryCode | undefined): E164 | undefined {
  const parsed = parsePhoneNumberFromString(trimTelUri(candidate), {
    ...(country ? { defaultCountry: country } : {}),
    // Else it would find a number inside `12345-67890@g.us`.
    extract: false,
  });
  return parsed?.isValid() && isE164(parsed.number) ? parsed.number : undefined;
}

function trimTelUri(candidate: string): string {
  if (!TEL_URI_PATTERN.test(candidate)) return candidate;
  const [, prefix = ''] = TEL_URI_PREFIX_PATTERN.exec(candidate) ?? [];
  return prefix + candidate.replace(TEL_URI_TRIMMINGS, '');
}

/** Without `+`, separators are no good sign: `(206) 555-0100` is a national number, and of which country nobody said. */
function parseWellFormedNumber(candidate: string): E164 | undefined {
  const digits = candidate.startsWith('+') ? candidate.slice(1).replace(SEPARATORS, '') : candidate;
  return BARE_NUMBER_PATTERN.test(digits) ? (`+${digits}` as E164) : undefined;
}

function asciiDigits(text: string): string {
  return text.replace(/＋/g, '+').replace(/[^\P{Nd}0-9]/gu, (digit) => String(digitValue(digit)));
}

/** Unicode encodes decimal digits in runs of ten from zero up (TUS 4.6), so a digit's place in its run is its value. */
function digitValue(digit: string): number {
  const codePoint = digit.codePointAt(0) ?? 0;
  let first = codePoint;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return (codePoint - first) % 10;
}
