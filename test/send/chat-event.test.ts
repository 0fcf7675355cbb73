import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../src/clock.ts';
import type { ContentKind, InboundMessage, MessageContent } from '../../src/normalize/inbound-message.ts';
import { ADDRESS_KINDS, CONTENT_KINDS, MEDIA_KINDS } from '../../src/normalize/inbound-message.ts';
import { parseSmsNotification } from '../../src/normalize/sms.ts';
import { parseWhatsAppMessage } from '../../src/normalize/whatsapp-message.ts';
import { chatEventProblems } from '../../src/send/chat-event-rules.ts';
import { buildChatEvent, renderParts } from '../../src/send/chat-event.ts';
import type { Destination } from '../../src/send/route.ts';
import { isVisible } from '../../src/normalize/visible-text.ts';
import { DESTINATION, LIMITS, MESSAGE } from './chat-event-scene.ts';

describe('buildChatEvent', () => {
  it('an SMS', () => {
    expect(buildChatEvent(MESSAGE, DESTINATION, 'Hello')).toStrictEqual({
      request: {
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
            customerAddressKind: 'phone',
            businessAddress: '+12065550100',
            country: 'US',
            customerNumber: '+14255550182',
            externalId: 'ext-1',
          },
        },
      },
      droppedAttributes: [],
    });
  });

  it('a WhatsApp message of a user without number, by a route with everything', () => {
    const { customerNumber: _none, ...message } = MESSAGE;
    const whatsApp: InboundMessage = {
      ...message,
      channel: 'whatsapp',
      customerAddress: 'US.1',
      customerAddressKind: 'whatsappUser',
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
    expect(buildChatEvent(whatsApp, destination, '[Image]').request).toStrictEqual({
      SourceId: 'US.1',
      DestinationId: DESTINATION.destination,
      Subtype: 'connect:WhatsApp',
      Event: { Type: 'MESSAGE', ContentType: 'text/plain', Content: '[Image]' },
      NewSessionDetails: {
        SupportedMessagingContentTypes: ['text/plain', 'text/markdown'],
        ParticipantDetails: { DisplayName: 'Ana' },
        Attributes: {
          brand: 'north',
          channel: 'chat',
          customerAddress: 'US.1',
          customerAddressKind: 'whatsappUser',
          businessAddress: '+12065550100',
          externalId: 'ext-1',
        },
        StreamingConfiguration: { StreamingEndpointArn: 'arn:aws:sns:us-east-1:111122223333:connect-out' },
      },
    });
  });

  it('a message that a version without kinds of addresses stored', () => {
    const { customerAddressKind: _kind, customerNumber: _number, ...stored } = MESSAGE;
    const { request } = buildChatEvent(stored as InboundMessage, DESTINATION, 'Hello');
    expect(chatEventProblems(request)).toEqual([]);
    expect(request.NewSessionDetails?.Attributes).toEqual({
      channel: 'sms',
      customerAddress: '+14255550182',
      businessAddress: '+12065550100',
      externalId: 'ext-1',
    });
  });

  it('says which attributes had no room', () => {
    const { droppedAttributes } = buildChatEvent(
      { ...MESSAGE, externalId: 'e'.repeat(40_000) },
      DESTINATION,
      'Hello',
    );
    expect(droppedAttributes).toEqual(['externalId']);
  });
});

describe('renderParts', () => {
  const SENT_AT = Date.UTC(2026, 10, 22, 9, 10, 59, 999);
  it.each<[string, Partial<InboundMessage>, number, string]>([
    ['an hour old: as it is', {}, HOUR_MS, 'Hello'],
    ['older: with the time it was sent', {}, HOUR_MS + 1, '[Sent 2026-11-22 09:10 UTC]\nHello'],
    ['days old: with the same time', {}, 3 * DAY_MS, '[Sent 2026-11-22 09:10 UTC]\nHello'],
    ['old and empty', { content: { kind: 'empty' } }, DAY_MS, '[Sent 2026-11-22 09:10 UTC]\n[Empty message]'],
    ['old and forwarded', { forwarded: 'once' }, DAY_MS, '[Sent 2026-11-22 09:10 UTC]\n[Forwarded]\nHello'],
    ['sent by a clock that is ahead: as it is', {}, -DAY_MS, 'Hello'],
  ])('%s', (_name, message, ageMs, expected) => {
    expect(renderParts({ ...MESSAGE, ...message, sentAt: SENT_AT }, LIMITS, SENT_AT + ageMs)).toEqual([
      expected,
    ]);
  });

  it.each([
    ['sms', 1_024, 2],
    ['whatsapp', 2_048, 1],
    ['whatsapp', 4_097, 2],
  ] as const)('on %s, %d characters go in %d', (channel, length, count) => {
    const text = 'x'.repeat(length + (channel === 'sms' ? 1 : 0));
    const parts = renderParts(
      { ...MESSAGE, channel, content: { kind: 'text', text } },
      LIMITS,
      MESSAGE.sentAt,
    );
    expect(parts).toHaveLength(count);
    expect(parts.join('')).toBe(text);
  });

  it('splits what stands around a text, too', () => {
    const content: MessageContent = { kind: 'image', caption: 'x'.repeat(1_020) };
    const parts = renderParts({ ...MESSAGE, content, repliesTo: 'wamid.0' }, LIMITS, MESSAGE.sentAt);
    expect(parts).toEqual([`[Image]\n${'x'.repeat(1_016)}`, 'xxxx\n[Reply to message wamid.0]']);
  });
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom('', ' ', '\n', '\u200B', '\u0000', '1', '-1.50', 'accept', 'none', 'x'.repeat(5_000)),
);

function kindOf<Kind extends ContentKind>(kind: Kind) {
  return { kind: fc.constant(kind) };
}

/** Every member there or not, with texts by `text`. */
function anyContent(text: fc.Arbitrary<string>): Record<ContentKind, fc.Arbitrary<MessageContent>> {
  const maybe = <Fields extends string>(...names: readonly Fields[]) =>
    Object.fromEntries(names.map((name) => [name, text])) as Record<Fields, fc.Arbitrary<string>>;
  const labelled = fc.array(fc.record({ text, label: text }, { requiredKeys: ['text'] }), { maxLength: 2 });
  const named = fc.array(fc.record({ name: text, text }), { maxLength: 3 });
  const instant = fc.integer({ min: 0, max: 999_999_999_999_000 });
  const media = Object.fromEntries(
    MEDIA_KINDS.map((kind) => [
      kind,
      fc.record(
        { ...kindOf(kind), ...maybe('caption', 'fileName', 'mimeType', 'size', 'source', 'failure') },
        { requiredKeys: ['kind'] },
      ),
    ]),
  ) as Record<(typeof MEDIA_KINDS)[number], fc.Arbitrary<MessageContent>>;
  const card = fc.record(
    {
      ...maybe('name', 'birthday'),
      phones: labelled,
      emails: labelled,
      addresses: labelled,
      urls: labelled,
      organisation: fc.array(text, { maxLength: 3 }),
    },
    { requiredKeys: ['phones', 'emails', 'addresses', 'urls', 'organisation'] },
  );
  const choice = <Kind extends 'button' | 'button_reply' | 'list_reply'>(kind: Kind) =>
    fc.record({ ...kindOf(kind), title: text, description: text }, { requiredKeys: ['kind', 'title'] });
  const item = fc.record(maybe('product', 'quantity', 'price', 'currency'), { requiredKeys: [] });
  return {
    ...media,
    text: fc.record({ ...kindOf('text'), text }),
    empty: fc.record(kindOf('empty')),
    notice: fc.record(
      { ...kindOf('notice'), contactId: fc.constant(''), why: text, about: text },
      { requiredKeys: ['kind', 'contactId', 'why'] },
    ),
    location: fc.record(
      { ...kindOf('location'), ...maybe('latitude', 'longitude', 'name', 'address', 'url') },
      { requiredKeys: ['kind'] },
    ),
    contacts: fc.record({ ...kindOf('contacts'), contacts: fc.array(card, { maxLength: 2 }) }),
    button: choice('button'),
    button_reply: choice('button_reply'),
    list_reply: choice('list_reply'),
    nfm_reply: fc.record(
      { ...kindOf('nfm_reply'), ...maybe('name', 'body'), answers: named },
      { requiredKeys: ['kind', 'answers'] },
    ),
    call_permission_reply: fc.record(
      {
        ...kindOf('call_permission_reply'),
        response: text,
        isPermanent: fc.constant(true as const),
        expiresAt: instant,
      },
      { requiredKeys: ['kind', 'response'] },
    ),
    reaction: fc.record(
      { ...kindOf('reaction'), ...maybe('emoji', 'messageId') },
      { requiredKeys: ['kind'] },
    ),
    order: fc.record(
      { ...kindOf('order'), items: fc.array(item, { maxLength: 3 }), ...maybe('note', 'catalogId') },
      { requiredKeys: ['kind', 'items'] },
    ),
    system: fc.record(
      { ...kindOf('system'), ...maybe('type', 'body', 'newNumber', 'newUserId', 'previousUserId') },
      { requiredKeys: ['kind'] },
    ),
    request_welcome: fc.record(kindOf('request_welcome')),
    edit: fc.record(
      { ...kindOf('edit'), messageId: text, content: fc.record({ ...kindOf('text'), text }) },
      { requiredKeys: ['kind', 'content'] },
    ),
    revoke: fc.record({ ...kindOf('revoke'), messageId: text }, { requiredKeys: ['kind'] }),
    unsupported: fc.record(
      { ...kindOf('unsupported'), errors: fc.array(text, { maxLength: 3 }), ...maybe('type', 'text') },
      { requiredKeys: ['kind', 'errors'] },
    ),
    unknown: fc.record(
      { ...kindOf('unknown'), type: text, text, fields: named },
      { requiredKeys: ['kind', 'type', 'fields'] },
    ),
  };
}

/** A message around each kind of content, with everything that may stand around it. */
function anyMessage(text: fc.Arbitrary<string>, kind: ContentKind): fc.Arbitrary<InboundMessage> {
  const anyReferral = fc.record(
    {
      sourceType: text,
      sourceId: text,
      sourceUrl: text,
      headline: text,
      body: text,
      mediaType: text,
      mediaUrl: text,
      welcomeText: text,
    },
    { requiredKeys: [] },
  );
  return fc.record(
    {
      channel: fc.constantFrom('sms' as const, 'whatsapp' as const),
      customerAddress: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
      customerAddressKind: fc.constantFrom(...ADDRESS_KINDS),
      customerNumber: fc.constantFrom('+14255550182', '+525512345678', '+1'),
      businessAddress: text,
      externalId: text,
      sentAt: fc.integer({ min: 0, max: 4_000_000_000_000 }),
      content: anyContent(text)[kind],
      profileName: text,
      keyword: text,
      previousPublishedMessageId: text,
      isOptOut: fc.constant(true as const),
      forwarded: fc.constantFrom('once' as const, 'often' as const),
      repliesTo: text,
      product: fc.record({ productId: text, catalogId: text }, { requiredKeys: [] }),
      referral: anyReferral,
      groupId: text,
    },
    {
      requiredKeys: [
        'channel',
        'customerAddress',
        'customerAddressKind',
        'businessAddress',
        'externalId',
        'sentAt',
        'content',
      ],
    },
  );
}

const NOW = 2_000_000_000_000;

/** What is wrong with the requests of a message. */
function problemsOf(message: InboundMessage): string[] {
  const destination = { ...DESTINATION, attributes: { note: 'n'.repeat(20_000) } };
  const problems: string[] = [];
  for (const part of renderParts(message, LIMITS, NOW)) {
    const { request } = buildChatEvent(message, destination, part);
    problems.push(...chatEventProblems(request));
    if (/\\ud[89a-f]|\\u00[01]/i.test(JSON.stringify(request))) problems.push('unsendable characters');
    if (!isVisible(part)) problems.push('nothing visible');
  }
  return problems;
}

describe.each(CONTENT_KINDS)('a message of the kind %s', (kind) => {
  it('keeps Connect’s rules, whatever is in it', () => {
    fc.assert(
      fc.property(anyMessage(anyText, kind), (message) => {
        expect(problemsOf(message)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  /** The documented words, which the agent reads in English. */
  const TOLD_OTHERWISE = new Set(['accept', 'reject']);

  it('loses nothing that a person wrote or sent', () => {
    const anyToken = fc.uuid();
    fc.assert(
      fc.property(anyMessage(anyToken, kind), (message) => {
        const { content, referral, product, groupId } = message;
        const text = renderParts(message, LIMITS, NOW).join('');
        const tokens = [content, referral, product, groupId]
          .flatMap(leavesOf)
          .filter((leaf) => !CONTENT_KINDS.some((kind) => kind === leaf) && !TOLD_OTHERWISE.has(leaf));
        expect(tokens.filter((token) => !text.includes(token))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});

function leavesOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : [];
}

describe('an address', () => {
  const anyAddress = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 255 }),
    fc.constantFrom('+'.repeat(255), '\u200B', '521'.repeat(4), 'US.1', '😀'.repeat(127), 'x'.repeat(256)),
  );

  it('that a notification can bring keeps Connect’s rules', () => {
    const surroundings = {
      contact: undefined,
      metadata: undefined,
      businessNumberArn: undefined,
      snsTimestamp: 0,
    };
    fc.assert(
      fc.property(anyAddress, (address) => {
        const parsed = [
          parseSmsNotification({ originationNumber: address, inboundMessageId: '1' }, 0, undefined),
          parseWhatsAppMessage({ from: address, id: 'wamid.1', type: 'request_welcome' }, surroundings),
        ];
        const messages = parsed.flatMap((part) => (part.kind === 'message' ? [part.message] : []));
        expect(messages.flatMap(problemsOf)).toEqual([]);
      }),
    );
  });
});
