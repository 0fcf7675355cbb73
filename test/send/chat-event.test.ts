import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../src/clock.ts';
import type { InboundMessage, MessageContent } from '../../src/normalize/inbound-message.ts';
import { chatEventProblems } from '../../src/send/chat-event-rules.ts';
import { buildChatEvent } from '../../src/send/chat-event.ts';
import type { Destination } from '../../src/send/route.ts';

const MESSAGE: InboundMessage = {
  channel: 'sms',
  customerAddress: '+14255550182',
  businessAddress: '+12065550100',
  externalId: 'ext-1',
  sentAt: 1_700_000_000_000,
  content: { kind: 'text', text: 'Hello' },
};
const DESTINATION: Destination = {
  destination: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1',
  paceKey: '111122223333/us-east-1',
  subtype: 'connect:SMS',
  displayName: undefined,
  attributes: {},
  supportedContentTypes: ['text/plain'],
  streamingEndpointArn: undefined,
  region: 'us-east-1',
  roleArn: undefined,
};

function contentOf(content: MessageContent): string | undefined {
  return buildChatEvent({ ...MESSAGE, content }, DESTINATION, MESSAGE.sentAt).Event?.Content;
}

function attributesOf(message: Partial<InboundMessage>, attributes: Record<string, string> = {}) {
  return buildChatEvent({ ...MESSAGE, ...message }, { ...DESTINATION, attributes }, MESSAGE.sentAt)
    .NewSessionDetails?.Attributes;
}

function displayNameOf(message: Partial<InboundMessage>, displayName?: string): string | undefined {
  const event = buildChatEvent({ ...MESSAGE, ...message }, { ...DESTINATION, displayName }, MESSAGE.sentAt);
  return event.NewSessionDetails?.ParticipantDetails?.DisplayName;
}

describe('buildChatEvent', () => {
  it('an SMS', () => {
    expect(
      buildChatEvent(
        { ...MESSAGE, keyword: 'KEYWORD_1', previousPublishedMessageId: 'ours-1' },
        DESTINATION,
        MESSAGE.sentAt,
      ),
    ).toStrictEqual({
      SourceId: '+14255550182',
      DestinationId: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1',
      Subtype: 'connect:SMS',
      Event: { Type: 'MESSAGE', ContentType: 'text/plain', Content: 'Hello' },
      NewSessionDetails: {
        SupportedMessagingContentTypes: ['text/plain'],
        ParticipantDetails: { DisplayName: '+14255550182' },
        Attributes: {
          channel: 'sms',
          customerAddress: '+14255550182',
          businessAddress: '+12065550100',
          country: 'US',
          externalId: 'ext-1',
          keyword: 'KEYWORD_1',
          previousPublishedMessageId: 'ours-1',
        },
      },
    });
  });

  it('a WhatsApp message of a user without number, by a route with everything', () => {
    const message: InboundMessage = {
      ...MESSAGE,
      channel: 'whatsapp',
      customerAddress: 'user-id-1',
      profileName: 'Ana',
      businessNumberArn: 'arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/1',
    };
    const destination: Destination = {
      ...DESTINATION,
      subtype: 'connect:WhatsApp',
      displayName: 'Customer',
      attributes: { brand: 'north', channel: 'chat' },
      supportedContentTypes: ['text/plain', 'text/markdown'],
      streamingEndpointArn: 'arn:aws:sns:us-east-1:111122223333:connect-out',
    };
    expect(buildChatEvent(message, destination, MESSAGE.sentAt)).toStrictEqual({
      SourceId: 'user-id-1',
      DestinationId: DESTINATION.destination,
      Subtype: 'connect:WhatsApp',
      Event: { Type: 'MESSAGE', ContentType: 'text/plain', Content: 'Hello' },
      NewSessionDetails: {
        SupportedMessagingContentTypes: ['text/plain', 'text/markdown'],
        ParticipantDetails: { DisplayName: 'Ana' },
        Attributes: {
          brand: 'north',
          channel: 'chat',
          customerAddress: 'user-id-1',
          businessAddress: '+12065550100',
          externalId: 'ext-1',
        },
        StreamingConfiguration: { StreamingEndpointArn: 'arn:aws:sns:us-east-1:111122223333:connect-out' },
      },
    });
  });

  it.each<[string, MessageContent, string]>([
    ['tab and line breaks stay', { kind: 'text', text: ' a\tb\r\nc ' }, ' a\tb\r\nc '],
    [
      'NUL and other controls',
      { kind: 'text', text: 'a\u0000\u0007\u000B\u001B\u007F\u0085\u009Fb' },
      `a${'\uFFFD'.repeat(7)}b`,
    ],
    ['a lone surrogate', { kind: 'text', text: 'a\uD83Db' }, 'a\uFFFDb'],
    ['an emoji in parts', { kind: 'text', text: '👩‍👩‍👧' }, '👩‍👩‍👧'],
    ['no text', { kind: 'empty' }, '[Empty message]'],
    ['an empty text', { kind: 'text', text: '' }, '[Empty message]'],
    ['white space alone', { kind: 'text', text: ' \n\u00A0\u3000' }, '[Empty message]'],
    ['invisible characters alone', { kind: 'text', text: '\u200B\uFEFF\u2060' }, '[Empty message]'],
    ['controls alone', { kind: 'text', text: '\u0000\u0001' }, '[Empty message]'],
    ['a text too long is not cut', { kind: 'text', text: 'x'.repeat(20_000) }, 'x'.repeat(20_000)],
  ])('content: %s', (_name, content, expected) => {
    expect(contentOf(content)).toBe(expected);
  });

  const SENT_AT = Date.UTC(2026, 10, 22, 9, 10, 59, 999);
  it.each<[string, MessageContent, number, string]>([
    ['an hour old: as it is', { kind: 'text', text: 'now?' }, HOUR_MS, 'now?'],
    [
      'older: with the time it was sent',
      { kind: 'text', text: 'now?' },
      HOUR_MS + 1,
      '[Sent 2026-11-22 09:10 UTC]\nnow?',
    ],
    [
      'days old: with the same time',
      { kind: 'text', text: 'a\nb' },
      3 * DAY_MS,
      '[Sent 2026-11-22 09:10 UTC]\na\nb',
    ],
    ['old and empty', { kind: 'empty' }, DAY_MS, '[Sent 2026-11-22 09:10 UTC]\n[Empty message]'],
    ['sent by a clock that is ahead: as it is', { kind: 'text', text: 'now?' }, -DAY_MS, 'now?'],
  ])('stale, %s', (_name, content, ageMs, expected) => {
    const event = buildChatEvent({ ...MESSAGE, sentAt: SENT_AT, content }, DESTINATION, SENT_AT + ageMs);
    expect(event.Event?.Content).toBe(expected);
  });

  it.each([
    ['the profile’s comes first', { profileName: 'Ana' }, 'Customer', 'Ana'],
    ['the route’s next', {}, 'Customer', 'Customer'],
    ['a name that shows nothing is none', { profileName: ' \u200B' }, 'Customer', 'Customer'],
    ['the address last', {}, undefined, '+14255550182'],
    ['line breaks become spaces', { profileName: ' Ana\n\tB. ' }, undefined, 'Ana B.'],
    ['controls are replaced', { profileName: 'A\u0000' }, undefined, 'A\uFFFD'],
    ['256 at most', { profileName: 'x'.repeat(300) }, undefined, 'x'.repeat(256)],
    [
      'cut before a character, never through it',
      { profileName: `${'x'.repeat(255)}😀` },
      undefined,
      'x'.repeat(255),
    ],
  ])('display name: %s', (_name, message, displayName, expected) => {
    expect(displayNameOf(message, displayName)).toBe(expected);
  });

  it.each([
    ['+525512345678', 'MX'],
    ['+5215512345678', 'MX'],
    ['+999123456789', undefined],
    ['24273', undefined],
    ['Acme', undefined],
  ])('country of %s: %s', (customerAddress, country) => {
    expect(attributesOf({ customerAddress })?.['country']).toBe(country);
  });

  it('attributes that don’t fit: the route’s stay, then by priority', () => {
    const note = 'n'.repeat(32_768 - 'note'.length - 'channelsms'.length);
    expect(attributesOf({}, { note })).toEqual({ note, channel: 'sms' });
  });

  it('an attribute that doesn’t fit leaves room for a smaller one', () => {
    const attributes = attributesOf({ externalId: 'e'.repeat(40_000), keyword: 'K' });
    expect(attributes).toMatchObject({ channel: 'sms', keyword: 'K' });
    expect(attributes).not.toHaveProperty('externalId');
  });

  it('attributes are cleaned like text', () => {
    expect(attributesOf({ keyword: 'a\u0000\uDC00' })?.['keyword']).toBe('a\uFFFD\uFFFD');
  });

  it('keeps Connect’s rules whatever the customer sends', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 300 });
    const property = fc.property(
      anyText,
      anyText,
      anyText,
      anyText,
      (text, profileName, externalId, keyword) => {
        const message = {
          ...MESSAGE,
          content: { kind: 'text' as const, text },
          profileName,
          externalId,
          keyword,
        };
        const request = buildChatEvent(message, DESTINATION, MESSAGE.sentAt);
        expect(chatEventProblems(request)).toEqual([]);
        expect(JSON.stringify(request)).not.toMatch(/\\ud[89a-f]|\\u00[01]/i);
      },
    );
    fc.assert(property);
  });
});
