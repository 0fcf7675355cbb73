import { describe, expect, it } from 'vitest';
import type { InboundMessage } from '../../src/normalize/inbound-message.ts';
import { chooseDisplayName, fitAttributes } from '../../src/send/session-details.ts';
import { DESTINATION, MESSAGE } from './chat-event-scene.ts';

function displayNameOf(message: Partial<InboundMessage>, displayName?: string): string {
  return chooseDisplayName({ ...MESSAGE, ...message }, { ...DESTINATION, displayName });
}

function fit(message: Partial<InboundMessage>, attributes: Record<string, string> = {}) {
  return fitAttributes({ ...MESSAGE, ...message }, { ...DESTINATION, attributes });
}

describe('display name', () => {
  it.each<[string, Partial<InboundMessage>, string | undefined, string]>([
    ['the profile’s comes first', { profileName: 'Ana' }, 'Customer', 'Ana'],
    ['the route’s next', {}, 'Customer', 'Customer'],
    ['a name that shows nothing is none', { profileName: ' \u200B' }, 'Guest', 'Guest'],
    ['the address last', {}, undefined, '+14255550182'],
    ['an address that shows nothing', { customerAddress: '\u200B' }, undefined, 'Customer'],
    ['line breaks become spaces', { profileName: ' Ana\n\tB. ' }, undefined, 'Ana B.'],
    ['controls are replaced', { profileName: 'A\u0000' }, undefined, 'A\uFFFD'],
    ['256 at most', { profileName: 'x'.repeat(300) }, undefined, 'x'.repeat(256)],
    ['256 stay', { profileName: '😀'.repeat(128) }, undefined, '😀'.repeat(128)],
    ['cut before a character', { profileName: `${'x'.repeat(255)}😀` }, undefined, 'x'.repeat(255)],
    ['cut before a grapheme', { profileName: `${'x'.repeat(250)}👩‍👩‍👧` }, undefined, 'x'.repeat(250)],
    [
      'a grapheme that is too long, before a code point',
      { profileName: `xy${'\u{1F3FD}'.repeat(200)}` },
      undefined,
      'x',
    ],
    [
      'a name of one such',
      { profileName: `y${'\u{1F3FD}'.repeat(200)}` },
      undefined,
      `y${'\u{1F3FD}'.repeat(127)}`,
    ],
  ])('%s', (_name, message, displayName, expected) => {
    expect(displayNameOf(message, displayName)).toBe(expected);
  });
});

describe('attributes', () => {
  it('an SMS’s', () => {
    const message = {
      keyword: 'KEYWORD_1',
      previousPublishedMessageId: 'ours-1',
      isOptOut: true,
    } as const;
    expect(fit(message)).toStrictEqual({
      attributes: {
        channel: 'sms',
        customerAddress: '+14255550182',
        customerAddressKind: 'phone',
        businessAddress: '+12065550100',
        country: 'US',
        customerNumber: '+14255550182',
        externalId: 'ext-1',
        optOut: 'true',
        keyword: 'KEYWORD_1',
        previousPublishedMessageId: 'ours-1',
      },
      dropped: [],
    });
  });

  it('those of a WhatsApp user without number, who came from an ad to a group', () => {
    const { customerNumber: _none, ...message } = MESSAGE;
    const whatsApp: InboundMessage = {
      ...message,
      channel: 'whatsapp',
      customerAddress: 'US.13491208655302741918',
      customerAddressKind: 'whatsappUser',
      referral: { sourceType: 'ad', sourceId: '4', sourceUrl: 'https://fb.example/ad/4', headline: 'Boots' },
      groupId: 'group-1',
    };
    expect(fitAttributes(whatsApp, DESTINATION).attributes).toStrictEqual({
      channel: 'whatsapp',
      customerAddress: 'US.13491208655302741918',
      customerAddressKind: 'whatsappUser',
      businessAddress: '+12065550100',
      externalId: 'ext-1',
      referralSourceType: 'ad',
      referralSourceId: '4',
      referralSourceUrl: 'https://fb.example/ad/4',
      groupId: 'group-1',
    });
  });

  it.each([
    ['+525512345678', 'MX'],
    ['+12065550100', 'US'],
    ['+999123456789', undefined],
  ])('country of %s: %s', (customerNumber, country) => {
    expect(fit({ customerNumber }).attributes['country']).toBe(country);
  });

  it('country of a WhatsApp id that is no dialable number', () => {
    const message = { customerAddress: '+5215512345678', customerNumber: '+525512345678' };
    expect(fit(message).attributes).toMatchObject({ country: 'MX', ...message });
  });

  it('the route’s win', () => {
    expect(fit({}, { brand: 'north', channel: 'chat' }).attributes).toMatchObject({
      brand: 'north',
      channel: 'chat',
      externalId: 'ext-1',
    });
  });

  it('that don’t fit: the route’s stay, then by priority', () => {
    const note = 'n'.repeat(32_768 - 'note'.length - 'channelsms'.length);
    expect(fit({}, { note })).toEqual({
      attributes: { note, channel: 'sms' },
      dropped: [
        'customerAddress',
        'customerAddressKind',
        'businessAddress',
        'country',
        'customerNumber',
        'externalId',
      ],
    });
  });

  it('one that doesn’t fit leaves room for a smaller one', () => {
    const { attributes, dropped } = fit({ externalId: 'é'.repeat(20_000), keyword: 'K' });
    expect(attributes).toMatchObject({ channel: 'sms', keyword: 'K' });
    expect(dropped).toEqual(['externalId']);
  });

  it('are cleaned like text', () => {
    expect(fit({ keyword: 'a\u0000\uDC00' }).attributes['keyword']).toBe('a\uFFFD\uFFFD');
  });
});
