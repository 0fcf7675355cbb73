/** What a new chat is opened with: whom the agent sees, and the contact attributes that flows and reports read. */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { InboundMessage } from '../normalize/inbound-message.ts';
import { ATTRIBUTES_MAX_BYTES, DISPLAY_NAME_MAX_CHARACTERS, attributeBytes } from './chat-event-rules.ts';
import type { Destination } from './route.ts';
import { replaceUnsendable, sendableLine } from './sendable-text.ts';

/** Of a customer whose name and address both show nothing: Connect wants a name. */
const NAMELESS = 'Customer';

/** 1 to 256 characters: WhatsApp's profile name, else the route's `displayName`, else the customer's address. */
export function chooseDisplayName(message: InboundMessage, destination: Destination): string {
  const names = [message.profileName, destination.displayName, message.customerAddress];
  return cut(names.map(sendableLine).find((name) => name !== undefined) ?? NAMELESS);
}

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Before a grapheme, else (one that is too long by itself) before a code point. */
function cut(name: string): string {
  if (name.length <= DISPLAY_NAME_MAX_CHARACTERS) return name;
  const window = name.slice(0, DISPLAY_NAME_MAX_CHARACTERS + 2);
  const end = GRAPHEMES.segment(window).containing(DISPLAY_NAME_MAX_CHARACTERS)?.index ?? 0;
  const isPair = /^[\uD800-\uDBFF]$/.test(name.charAt(DISPLAY_NAME_MAX_CHARACTERS - 1));
  return name.slice(0, end || DISPLAY_NAME_MAX_CHARACTERS - (isPair ? 1 : 0));
}

export interface FittedAttributes {
  readonly attributes: Record<string, string>;
  /** Keys of those that had no room. */
  readonly dropped: readonly string[];
}

/**
 * The route's attributes, then the message's, in order of priority: the first of a key wins. Connect takes 32,768 bytes
 * in all, so what doesn't fit any more is left out whole (half a URL is none); what is smaller may still go in after it.
 */
export function fitAttributes(message: InboundMessage, destination: Destination): FittedAttributes {
  const kept = new Map<string, string>();
  const dropped: string[] = [];
  let bytes = 0;
  for (const [key, value] of [
    ...Object.entries(destination.attributes),
    ...Object.entries(describeMessage(message)),
  ]) {
    if (value === undefined || kept.has(key)) continue;
    const sendable = replaceUnsendable(value);
    const size = attributeBytes(key, sendable);
    if (bytes + size > ATTRIBUTES_MAX_BYTES) {
      dropped.push(key);
      continue;
    }
    kept.set(key, sendable);
    bytes += size;
  }
  return { attributes: Object.fromEntries(kept), dropped };
}

/** In order of priority; the README's table says what each means. */
function describeMessage(message: InboundMessage): Readonly<Record<string, string | undefined>> {
  return {
    channel: message.channel,
    customerAddress: message.customerAddress,
    customerAddressKind: message.customerAddressKind,
    businessAddress: message.businessAddress,
    country: countryOf(message.customerNumber),
    customerNumber: message.customerNumber,
    externalId: message.externalId,
    optOut: message.isOptOut ? 'true' : undefined,
    keyword: message.keyword,
    previousPublishedMessageId: message.previousPublishedMessageId,
    referralSourceType: message.referral?.sourceType,
    referralSourceId: message.referral?.sourceId,
    referralSourceUrl: message.referral?.sourceUrl,
    groupId: message.groupId,
  };
}

/** ISO 3166-1 alpha-2, or undefined where its country isn't certain. WhatsApp's ids of Mexico parse as dialable numbers only. */
function countryOf(number: string | undefined): string | undefined {
  return number === undefined ? undefined : parsePhoneNumberFromString(number)?.country;
}
