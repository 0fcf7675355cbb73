import { describe, expect, it } from 'vitest';
import type { InboundMessage, MessageContent } from '../../src/normalize/inbound-message.ts';
import { renderParts } from '../../src/send/chat-event.ts';
import { LIMITS, MESSAGE } from './chat-event-scene.ts';

function show(message: Partial<InboundMessage>): string {
  return renderParts({ ...MESSAGE, ...message }, LIMITS, MESSAGE.sentAt).join('');
}

const NO_CARD = { phones: [], emails: [], addresses: [], urls: [], organisation: [] };

describe('what the agent reads of', () => {
  it.each<[string, MessageContent, string]>([
    ['tab and line breaks', { kind: 'text', text: ' a\tb\r\nc ' }, ' a\tb\r\nc '],
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

    ['media that says nothing', { kind: 'video' }, '[Video]'],
    [
      'media of WhatsApp',
      {
        kind: 'image',
        fileName: 'holiday.jpg',
        mimeType: 'image/jpeg',
        source: '300000000000003',
        caption: 'The left one\nis torn.',
      },
      '[Image: holiday.jpg, image/jpeg, media id 300000000000003]\nThe left one\nis torn.',
    ],
    [
      'media by a link',
      { kind: 'document', source: 'https://cdn.example/a.pdf' },
      '[Document: https://cdn.example/a.pdf]',
    ],
    ['a voice note', { kind: 'voice', mimeType: 'audio/ogg' }, '[Voice note: audio/ogg]'],
    ['sound', { kind: 'audio', mimeType: 'audio/mpeg' }, '[Audio: audio/mpeg]'],
    ['a sticker', { kind: 'sticker', source: '3' }, '[Sticker: media id 3]'],
    ['an animated one', { kind: 'sticker', source: '3', isAnimated: true }, '[Animated sticker: media id 3]'],
    [
      'media of RCS',
      {
        kind: 'file',
        fileName: 'a.pdf',
        mimeType: 'application/pdf',
        size: '48213',
        source: 's3://bucket/key/a.pdf',
      },
      '[File: a.pdf, application/pdf, 48213 bytes, s3://bucket/key/a.pdf]',
    ],
    [
      'media that failed',
      { kind: 'image', fileName: 'a.png', failure: 'UPLOAD_FAILED: No such bucket' },
      '[Image: a.png]\n[The file could not be received: UPLOAD_FAILED: No such bucket]',
    ],
    ['a size that is none', { kind: 'image', size: '1.5 MB' }, '[Image: 1.5 MB]'],
    [
      'a file name with breaks and controls',
      { kind: 'document', fileName: ' a\n\n b\u0000.pdf ', caption: '\u200B' },
      '[Document: a b\uFFFD.pdf]',
    ],

    [
      'a location',
      {
        kind: 'location',
        latitude: '47.620506300000000001',
        longitude: '-122.34927740',
        name: 'Space\nNeedle',
        address: '400 Broad St\nSeattle',
        url: 'https://example.com/needle',
      },
      [
        '[Location]',
        'Space Needle',
        '400 Broad St',
        'Seattle',
        '47.620506300000000001, -122.34927740',
        'https://www.google.com/maps/search/?api=1&query=47.620506300000000001,-122.34927740',
        'https://example.com/needle',
      ].join('\n'),
    ],
    [
      'coordinates that are no plain decimals',
      { kind: 'location', latitude: '4.7e1', longitude: '5' },
      '[Location]\n4.7e1, 5',
    ],
    [
      'one coordinate',
      { kind: 'location', latitude: '47.6', name: 'Somewhere' },
      '[Location]\nSomewhere\nLatitude: 47.6',
    ],
    ['the other', { kind: 'location', longitude: '-122' }, '[Location]\nLongitude: -122'],

    [
      'contacts',
      {
        kind: 'contacts',
        contacts: [
          {
            name: 'Dr. Ana Example',
            phones: [{ text: '+1 (425) 555-0190', label: 'CELL' }, { text: '14255550191' }],
            emails: [{ text: 'ana@example.com', label: 'WORK' }],
            addresses: [{ text: '1 Example Way, Seattle', label: 'HOME' }],
            urls: [{ text: 'https://example.com/ana' }],
            organisation: ['Example Boots', 'Sales', 'Manager'],
            birthday: '1989-03-16',
          },
          { ...NO_CARD, phones: [{ text: '14255550192' }] },
        ],
      },
      [
        '[Contact: Dr. Ana Example]',
        'Phone (CELL): +1 (425) 555-0190',
        'Phone: 14255550191',
        'E-mail (WORK): ana@example.com',
        'Address (HOME): 1 Example Way, Seattle',
        'Web: https://example.com/ana',
        'Organisation: Example Boots, Sales, Manager',
        'Birthday: 1989-03-16',
        '[Contact]',
        'Phone: 14255550192',
      ].join('\n'),
    ],
    ['no contacts', { kind: 'contacts', contacts: [] }, '[Empty message]'],

    ['a template’s button', { kind: 'button', title: 'Not now' }, 'Not now'],
    ['a button', { kind: 'button_reply', title: 'Yes, I confirm' }, 'Yes, I confirm'],
    [
      'a row of a list',
      { kind: 'list_reply', title: 'Priority mail', description: 'Next day' },
      'Priority mail\nNext day',
    ],
    ['a button that shows nothing', { kind: 'button', title: '\u200B' }, '[Empty message]'],

    [
      'a form',
      {
        kind: 'nfm_reply',
        name: 'booking',
        body: 'Sent',
        answers: [
          { name: 'first_name', text: 'Ana' },
          { name: 'wishes', text: 'Quiet\nSea view' },
        ],
      },
      '[Form: booking]\nSent\nfirst_name: Ana\nwishes: Quiet\nSea view',
    ],
    ['an empty form', { kind: 'nfm_reply', answers: [] }, '[Form]'],

    [
      'a permission for good',
      { kind: 'call_permission_reply', response: 'accept', isPermanent: true, expiresAt: 0 },
      '[Permission to call: granted for good]',
    ],
    [
      'one for a time',
      { kind: 'call_permission_reply', response: 'accept', expiresAt: Date.UTC(2026, 2, 11, 5, 6, 59) },
      '[Permission to call: granted until 2026-03-11 05:06 UTC]',
    ],
    ['a permission', { kind: 'call_permission_reply', response: 'accept' }, '[Permission to call: granted]'],
    [
      'a permission declined',
      { kind: 'call_permission_reply', response: 'reject' },
      '[Permission to call: declined]',
    ],
    [
      'another answer',
      { kind: 'call_permission_reply', response: 'ask later' },
      '[Permission to call: ask later]',
    ],

    [
      'a reaction',
      { kind: 'reaction', emoji: '👍🏽', messageId: 'wamid.1' },
      '[Reaction 👍🏽 to message wamid.1]',
    ],
    ['a reaction to who knows what', { kind: 'reaction', emoji: '👍' }, '[Reaction 👍]'],
    [
      'a reaction taken back',
      { kind: 'reaction', messageId: 'wamid.1' },
      '[Reaction removed from message wamid.1]',
    ],
    ['of who knows what', { kind: 'reaction' }, '[Reaction removed]'],

    [
      'an order',
      {
        kind: 'order',
        items: [{ product: 'SKU', quantity: '3', price: '30', currency: 'ILS' }, { product: 'LACES' }],
        note: 'Ring twice.\nThanks',
        catalogId: '5',
      },
      '[Order: catalogue 5]\n3 × SKU, 30 ILS each\nLACES\nNote: Ring twice.\nThanks',
    ],
    [
      'an order with gaps',
      { kind: 'order', items: [{ quantity: '2' }, { price: '12.50' }, { currency: 'USD' }, {}] },
      '[Order]\n2 × item\nitem, 12.50 each\nitem, USD\nitem',
    ],

    [
      'a new number',
      {
        kind: 'system',
        type: 'user_changed_number',
        body: 'Ana changed from 1 to 2',
        newNumber: '14255550183',
      },
      '[Notice from WhatsApp: user_changed_number]\nAna changed from 1 to 2\nNew number: 14255550183',
    ],
    [
      'a new user id',
      { kind: 'system', newUserId: 'US.2', previousUserId: 'US.1' },
      '[Notice from WhatsApp]\nNew user id: US.2\nPrevious user id: US.1',
    ],
    ['a first opening', { kind: 'request_welcome' }, '[Opened the chat for the first time]'],
    [
      'an edit',
      { kind: 'edit', messageId: 'wamid.1', content: { kind: 'text', text: 'Now' } },
      '[Edited message wamid.1]\nNow',
    ],
    [
      'an edit to nothing',
      { kind: 'edit', content: { kind: 'text', text: ' ' } },
      '[Edited message]\n[Empty message]',
    ],
    ['a deletion', { kind: 'revoke', messageId: 'wamid.1' }, '[Deleted message wamid.1]'],
    ['one of who knows what', { kind: 'revoke' }, '[Deleted message]'],
    [
      'what Meta does not pass on',
      { kind: 'unsupported', type: 'poll', errors: ['Unknown: Not supported.', 'Other'], text: 'Hello' },
      '[Message that WhatsApp does not pass on: poll]\nUnknown: Not supported.\nOther\nHello',
    ],
    [
      'what has no words for why',
      { kind: 'unsupported', errors: [] },
      '[Message that WhatsApp does not pass on]',
    ],
    [
      'a type that nobody knows',
      {
        kind: 'unknown',
        type: 'gift_card',
        text: 'Happy birthday',
        fields: [
          { name: 'amount', text: '25.50' },
          { name: '', text: 'hello' },
        ],
      },
      '[Message of type gift_card]\nHappy birthday\namount: 25.50\nhello',
    ],
    ['a type with breaks', { kind: 'unknown', type: 'a\nb', fields: [] }, '[Message of type a b]'],
  ])('%s', (_name, content, expected) => {
    expect(show({ content })).toBe(expected);
  });
});

describe('around the content', () => {
  const WITHOUT_QUOTE = '[Forwarded]\n[In group group-1]\nYes';
  const context = { repliesTo: 'wamid.0', groupId: 'group-1', forwarded: 'once' } as const;

  it.each<[string, Partial<InboundMessage>, string]>([
    ['forwarded', { forwarded: 'once' }, '[Forwarded]\nHello'],
    ['forwarded often', { forwarded: 'often' }, '[Forwarded many times]\nHello'],
    ['in a group', { groupId: 'group-1' }, '[In group group-1]\nHello'],
    ['a quoted message', { repliesTo: 'wamid.0' }, 'Hello\n[Reply to message wamid.0]'],
    [
      'a product',
      { product: { productId: 'SKU', catalogId: '5' } },
      'Hello\n[About product: SKU, catalogue 5]',
    ],
    ['whatever else', { others: [{ name: 'error', text: 'Odd' }] }, 'Hello\nerror: Odd'],
    ['a product’s catalogue', { product: { catalogId: '5' } }, 'Hello\n[About product: catalogue 5]'],
    [
      'an ad',
      {
        referral: {
          sourceType: 'ad',
          sourceId: '4',
          sourceUrl: 'https://fb.example/ad/4',
          headline: 'Boots',
          body: 'Half price.\nWrite to us.',
          mediaType: 'image',
          mediaUrl: 'https://cdn.example/boots.jpg',
          welcomeText: 'Which size?',
        },
      },
      [
        'Hello',
        '[Referral: ad 4]',
        'Headline: Boots',
        'Text: Half price.',
        'Write to us.',
        'Link: https://fb.example/ad/4',
        'Media: image https://cdn.example/boots.jpg',
        'Greeting: Which size?',
      ].join('\n'),
    ],
    ['an ad that says little', { referral: { headline: 'Boots' } }, 'Hello\n[Referral]\nHeadline: Boots'],
    ['no quote about a button', { ...context, content: { kind: 'button', title: 'Yes' } }, WITHOUT_QUOTE],
    [
      'nor about a reply button',
      { ...context, content: { kind: 'button_reply', title: 'Yes' } },
      WITHOUT_QUOTE,
    ],
    ['nor about a row', { ...context, content: { kind: 'list_reply', title: 'Yes' } }, WITHOUT_QUOTE],
    [
      'all of it',
      {
        ...context,
        content: { kind: 'image', caption: 'This one' },
        product: { productId: 'SKU' },
        referral: { sourceId: '4' },
      },
      [
        '[Forwarded]',
        '[In group group-1]',
        '[Image]',
        'This one',
        '[Reply to message wamid.0]',
        '[About product: SKU]',
        '[Referral: 4]',
      ].join('\n'),
    ],
    [
      'a text stays as it is',
      { repliesTo: 'wamid.0', content: { kind: 'text', text: ' a \n' } },
      ' a \n\n[Reply to message wamid.0]',
    ],
  ])('%s', (_name, message, expected) => {
    expect(show(message)).toBe(expected);
  });
});
