/**
 * An inbound message as a SendChatIntegrationEvent request.
 */
import type { SendChatIntegrationEventCommandInput } from '@aws-sdk/client-connect';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { HOUR_MS } from '../clock.ts';
import type { InboundMessage, MessageContent } from '../normalize/inbound-message.ts';
import {
  ATTRIBUTES_MAX_BYTES,
  ATTRIBUTE_KEY_PATTERN,
  DISPLAY_NAME_MAX_CHARACTERS,
  attributeBytes,
} from './chat-event-rules.ts';
import type { Destination } from './route.ts';

/** What the agent reads besides the customer's own words. */
const LABELS = {
  empty: '[Empty message]',
  sentAt: (time: string) => `[Sent ${time} UTC]`,
} as const;

/**
 * Pure: the same message, destination and minute (`now`, epoch milliseconds) give the same request. NewSessionDetails goes with every message,
 * since Connect alone knows whether a chat is open (it ignores them then). A text longer than Connect takes is not cut:
 * Connect refuses it, and the dead letter keeps every word.
 */
export function buildChatEvent(
  message: InboundMessage,
  destination: Destination,
  now: number,
): SendChatIntegrationEventCommandInput {
  const { streamingEndpointArn } = destination;
  return {
    SourceId: message.customerAddress,
    DestinationId: destination.destination,
    Subtype: destination.subtype,
    Event: { Type: 'MESSAGE', ContentType: 'text/plain', Content: renderMessage(message, now) },
    NewSessionDetails: {
      SupportedMessagingContentTypes: [...destination.supportedContentTypes],
      ParticipantDetails: { DisplayName: chooseDisplayName(message, destination) },
      Attributes: fitAttributes([
        ...Object.entries(destination.attributes),
        ...Object.entries(describeMessage(message)),
      ]),
      ...(streamingEndpointArn
        ? { StreamingConfiguration: { StreamingEndpointArn: streamingEndpointArn } }
        : {}),
    },
  };
}

/** Older than this, the agent is told when it was sent: "now" in it means then. */
const STALE_AFTER_MS = HOUR_MS;

function renderMessage({ content, sentAt }: InboundMessage, now: number): string {
  const text = renderContent(content);
  if (now - sentAt <= STALE_AFTER_MS) return text;
  return `${LABELS.sentAt(new Date(sentAt).toISOString().slice(0, 16).replace('T', ' '))}\n${text}`;
}

function renderContent(content: MessageContent): string {
  switch (content.kind) {
    case 'text':
      return renderText(content.text);
    case 'empty':
      return LABELS.empty;
  }
}

/** A text that shows nothing is labelled like one without text: Connect may refuse it, and the agent would see no message. */
function renderText(text: string): string {
  return isVisible(text) ? replaceUnsendable(text) : LABELS.empty;
}

function isVisible(text: string): boolean {
  return /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}]/u.test(text);
}

/** Control characters other than tab and line breaks, and lone surrogates (which have no UTF-8), become U+FFFD. */
function replaceUnsendable(text: string): string {
  return text.toWellFormed().replaceAll(UNSENDABLE, '\uFFFD');
}

// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const UNSENDABLE = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/g;

function chooseDisplayName(message: InboundMessage, destination: Destination): string {
  const names = [message.profileName, destination.displayName, message.customerAddress];
  const name = names.find((name) => name !== undefined && isVisible(name)) ?? message.customerAddress;
  return cut(replaceUnsendable(name.replaceAll(/\s+/g, ' ').trim()), DISPLAY_NAME_MAX_CHARACTERS);
}

/** By UTF-16 code units, the smaller measure, and never through a surrogate pair. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = text.charCodeAt(most - 1) >= 0xd800 && text.charCodeAt(most - 1) <= 0xdbff ? most - 1 : most;
  return text.slice(0, end);
}

/** In the order in which they are kept where not all fit. */
function describeMessage(message: InboundMessage): Record<string, string | undefined> {
  return {
    channel: message.channel,
    customerAddress: message.customerAddress,
    businessAddress: message.businessAddress,
    country: countryOf(message.customerAddress),
    externalId: message.externalId,
    keyword: message.keyword,
    previousPublishedMessageId: message.previousPublishedMessageId,
  };
}

/** ISO 3166-1 alpha-2, or undefined where the address is no number or its country isn't certain. */
function countryOf(address: string): string | undefined {
  return address.startsWith('+') ? parsePhoneNumberFromString(address)?.country : undefined;
}

/**
 * Connect takes 32,768 bytes of attributes in all. The entries come in order of priority: the first of a key wins, and
 * one that doesn't fit any more is left out.
 */
function fitAttributes(entries: readonly (readonly [string, string | undefined])[]): Record<string, string> {
  const kept = new Map<string, string>();
  let bytes = 0;
  for (const [key, value] of entries) {
    if (value === undefined || kept.has(key) || !ATTRIBUTE_KEY_PATTERN.test(key)) continue;
    const sendable = replaceUnsendable(value);
    const size = attributeBytes(key, sendable);
    if (bytes + size > ATTRIBUTES_MAX_BYTES) continue;
    kept.set(key, sendable);
    bytes += size;
  }
  return Object.fromEntries(kept);
}
