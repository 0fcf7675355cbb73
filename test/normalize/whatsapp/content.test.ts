import { describe, expect, it } from 'vitest';
import type { MessageContent } from '../../../src/normalize/inbound-message.ts';
import { CONTENT_KINDS } from '../../../src/normalize/inbound-message.ts';
import { readContent } from '../../../src/normalize/whatsapp/content.ts';
import { WHATSAPP_MESSAGES } from '../../fixtures/whatsapp-messages.ts';

type Fields = Readonly<Record<string, unknown>>;

const MEDIA_ID = '300000000000003';
const QUOTED_ID = 'wamid.FIXTUREQUOTED';
const TEXT: MessageContent = { kind: 'text', text: 'Is my order on its way?' };

/** What each fixture says; those that differ by their context alone are in context.test.ts. */
const CONTENTS: Readonly<Record<string, MessageContent>> = {
  text: TEXT,
  'text-empty': { kind: 'empty' },
  'text-without-body': { kind: 'unknown', type: 'text', fields: [] },
  image: { kind: 'image', mimeType: 'image/jpeg', source: MEDIA_ID },
  'image-with-caption': {
    kind: 'image',
    caption: 'The left one is torn.',
    mimeType: 'image/jpeg',
    source: MEDIA_ID,
  },
  video: { kind: 'video', caption: 'Listen to the noise.', mimeType: 'video/mp4', source: MEDIA_ID },
  audio: { kind: 'audio', mimeType: 'audio/mpeg', source: MEDIA_ID },
  'voice-note': { kind: 'voice', mimeType: 'audio/ogg; codecs=opus', source: MEDIA_ID },
  'voice-odd-type': { kind: 'voice', mimeType: 'audio/ogg; codecs=opus', source: MEDIA_ID },
  document: {
    kind: 'document',
    caption: 'Please check.',
    fileName: 'invoice 12.pdf',
    mimeType: 'application/pdf',
    source: MEDIA_ID,
  },
  'document-odd-nulls': { kind: 'document', mimeType: 'application/pdf', source: MEDIA_ID },
  'document-odd-link': {
    kind: 'document',
    fileName: 'invoice.pdf',
    source: 'https://cdn.example/invoice.pdf',
  },
  sticker: { kind: 'sticker', mimeType: 'image/webp', source: MEDIA_ID },
  'sticker-animated': { kind: 'sticker', mimeType: 'image/webp', source: MEDIA_ID, isAnimated: true },
  'video-without-body': { kind: 'unknown', type: 'video', fields: [] },
  location: {
    kind: 'location',
    latitude: '47.6205063',
    longitude: '-122.3492774',
    name: 'Space Needle',
    address: '400 Broad St, Seattle, WA 98109',
    url: 'https://example.com/space-needle',
  },
  'location-bare': { kind: 'location', latitude: '-33.5', longitude: '151' },
  'location-odd-strings': {
    kind: 'location',
    latitude: '47.620506300000000001',
    longitude: '-122.34927740',
  },
  contacts: {
    kind: 'contacts',
    contacts: [
      {
        name: 'Dr. Ana Maria Example Jr.',
        phones: [
          { text: '+1 (425) 555-0190', label: 'CELL' },
          { text: '+1 (425) 555-0191', label: 'WORK' },
        ],
        emails: [{ text: 'ana@example.com', label: 'WORK' }],
        addresses: [{ text: '1 Example Way, Seattle, WA, 98101, United States', label: 'HOME' }],
        urls: [{ text: 'https://example.com/ana', label: 'WORK' }],
        organisation: ['Example Boots', 'Sales', 'Manager'],
        birthday: '1989-03-16',
      },
    ],
  },
  'contacts-several': {
    kind: 'contacts',
    contacts: [
      { ...emptyCard(), name: 'Bo Example', phones: [{ text: '14255550192' }] },
      { ...emptyCard(), name: 'Cy Example' },
    ],
  },
  'contacts-odd-more': {
    kind: 'contacts',
    contacts: [
      { ...emptyCard(), name: 'Bo Example' },
      { ...emptyCard(), name: 'Cy Example', phones: [{ text: '+1 425 555 0193' }] },
      { ...emptyCard(), more: [{ name: 'NOTE', text: 'The one from the shop' }] },
    ],
  },
  'image-odd-more': { kind: 'image', mimeType: 'image/jpeg', source: '300000000000003' },
  'contacts-odd-null': { kind: 'unknown', type: 'contacts', fields: [] },
  'button-reply': { kind: 'button_reply', title: 'Yes, I confirm' },
  'list-reply': { kind: 'list_reply', title: 'Priority mail', description: 'Next day to 2 days' },
  'nfm-reply': {
    kind: 'nfm_reply',
    name: 'flow',
    body: 'Sent',
    answers: [
      { name: 'first_name', text: 'Ana' },
      { name: 'rating', text: '5' },
      { name: 'newsletter', text: 'true' },
      { name: 'colours', text: 'red, blue' },
      { name: 'address', text: 'city: Seattle, zip: 98101' },
    ],
  },
  'nfm-reply-odd-json': {
    kind: 'nfm_reply',
    name: 'flow',
    answers: [{ name: 'response_json', text: 'Size 42, not JSON' }],
  },
  'call-permission-accepted': {
    kind: 'call_permission_reply',
    response: 'accept',
    expiresAt: 1_773_205_560_000,
  },
  'call-permission-rejected': { kind: 'call_permission_reply', response: 'reject' },
  'interactive-unknown': {
    kind: 'unknown',
    type: 'interactive/payment_method',
    fields: [
      { name: 'payment_method', text: 'credit_card' },
      { name: 'payment_timestamp', text: '1772600760' },
      { name: 'reference_id', text: 'reference-1' },
      { name: 'last_four_digits', text: '1234' },
    ],
  },
  button: { kind: 'button', title: 'Not now' },
  reaction: { kind: 'reaction', emoji: '\u{1f44d}\u{1f3fd}', messageId: QUOTED_ID },
  'reaction-removed': { kind: 'reaction', messageId: QUOTED_ID },
  'reaction-odd-removed': { kind: 'reaction', messageId: QUOTED_ID },
  order: {
    kind: 'order',
    items: [
      { product: 'BOOT-42', quantity: '2', price: '129.9', currency: 'USD' },
      { product: 'LACES', quantity: '1', price: '4', currency: 'USD' },
    ],
    note: 'Ring twice, please.',
    catalogId: '500000000000005',
  },
  'order-odd': { kind: 'order', items: [{ product: '1031', quantity: '1', price: '12.50' }] },
  'system-number-changed': {
    kind: 'system',
    type: 'user_changed_number',
    body: 'Ana Example changed from 14255550182 to 14255550183',
    newNumber: '14255550183',
  },
  'system-number-changed-odd': {
    kind: 'system',
    type: 'user_changed_number',
    body: 'Ana Example changed number',
    newNumber: '14255550183',
  },
  'system-user-id-changed': {
    kind: 'system',
    type: 'user_changed_user_id',
    body: 'Ana Example changed user id',
    newUserId: 'US.23491208655302741918',
    previousUserId: 'US.13491208655302741918',
  },
  'system-identity-changed': {
    kind: 'system',
    type: 'customer_identity_changed',
    body: 'Ana Example has a new device',
  },
  'request-welcome': { kind: 'request_welcome' },
  edit: {
    kind: 'edit',
    messageId: 'wamid.FIXTURE0001',
    content: { kind: 'text', text: 'Is my order on its way now?' },
  },
  'edit-of-image': {
    kind: 'edit',
    messageId: 'wamid.FIXTURE0001',
    content: { kind: 'image', caption: 'The right one.', mimeType: 'image/jpeg', source: MEDIA_ID },
  },
  revoke: { kind: 'revoke', messageId: 'wamid.FIXTURE0001' },
  unsupported: {
    kind: 'unsupported',
    type: 'poll',
    errors: ['Message type unknown: Message type is currently not supported.'],
  },
  'unsupported-odd-with-text': {
    kind: 'unsupported',
    errors: ['Unsupported: Message type is not currently supported'],
    text: 'Hello all the same',
  },
  'unknown-type': {
    kind: 'unknown',
    type: 'gift_card',
    fields: [
      { name: 'title', text: 'Happy birthday' },
      { name: 'amount.value', text: '25.5' },
      { name: 'amount.currency', text: 'USD' },
      { name: 'tags', text: 'blue, round' },
    ],
  },
  'unknown-type-with-text': { kind: 'unknown', type: 'ad', text: 'Hello from an ad', fields: [] },
  'unknown-type-with-error': {
    kind: 'unknown',
    type: 'ephemeral',
    fields: [{ name: 'error', text: 'Unknown message type: Not supported here.' }],
  },
  'type-missing': { kind: 'unknown', type: 'none', fields: [] },
};

function emptyCard() {
  return { phones: [], emails: [], addresses: [], urls: [], organisation: [] };
}

function contentOf(type: unknown, bodies: Fields = {}): MessageContent {
  return readContent({ from: '14255550182', id: 'wamid.X', timestamp: '1772600760', type, ...bodies });
}

function interactive(type: unknown, body: unknown): MessageContent {
  return contentOf('interactive', { interactive: { type, [String(type)]: body } });
}

describe('readContent', () => {
  it.each(Object.entries(CONTENTS))('reads the fixture %s', (name, content) => {
    expect(readContent(WHATSAPP_MESSAGES[name] as Fields)).toEqual(content);
  });

  it('has a case of every fixture and of every kind of WhatsApp’s', () => {
    const byContext = Object.keys(WHATSAPP_MESSAGES).filter((name) => !(name in CONTENTS));
    for (const name of byContext) expect(name).toMatch(/^(text|image)-/);
    const kinds = new Set(Object.values(CONTENTS).map(({ kind }) => kind));
    // RCS's, and the bridge's own.
    expect(CONTENT_KINDS.filter((kind) => !kinds.has(kind))).toEqual(['file', 'notice']);
  });

  it.each<[name: string, content: MessageContent, expected: Fields]>([
    [
      'words around the type',
      contentOf('image', { image: { id: 7, caption: ' \u00a0' } }),
      { kind: 'image', source: '7' },
    ],
    ['lone surrogates', contentOf('text', { text: { body: 'a\ud83d' } }), { kind: 'text', text: 'a\ufffd' }],
    [
      'a caption on audio',
      contentOf('audio', { audio: { url: 'https://cdn.example/1', caption: 'Hi', voice: 'true' } }),
      { kind: 'voice', caption: 'Hi', source: 'https://cdn.example/1' },
    ],
    [
      'a file path for an id',
      contentOf('voice', { voice: { file: '/m/1' } }),
      { kind: 'voice', source: '/m/1' },
    ],
    [
      'a location by name alone',
      contentOf('location', { location: { name: 'Home' } }),
      { kind: 'location', name: 'Home' },
    ],
    [
      'coordinates of zero',
      contentOf('location', { location: { latitude: 0, longitude: 0 } }),
      { kind: 'location', latitude: '0', longitude: '0' },
    ],
    [
      'cards of plain texts, beside null',
      contentOf('contacts', {
        contacts: [
          null,
          {},
          { name: 'Bo', phones: ['+1 425', null], org: 'Example', addresses: ['1 Way'], emails: 5 },
        ],
      }),
      {
        kind: 'contacts',
        contacts: [
          {
            ...emptyCard(),
            name: 'Bo',
            phones: [{ text: '+1 425' }],
            addresses: [{ text: '1 Way' }],
            organisation: ['Example'],
          },
        ],
      },
    ],
    [
      'a button without text',
      contentOf('button', { button: { payload: 'no' } }),
      { kind: 'button', title: 'no' },
    ],
    ['a row without title', interactive('list_reply', { id: 'r1' }), { kind: 'list_reply', title: 'r1' }],
    [
      'a form’s nested answers',
      interactive('nfm_reply', { response_json: '{"a":[{"b":1.50},null,[]],"c":null,"flow_token":"t"}' }),
      { kind: 'nfm_reply', answers: [{ name: 'a', text: 'b: 1.50' }] },
    ],
    [
      'a form whose answers are an object',
      interactive('nfm_reply', { response_json: { size: 42 } }),
      { kind: 'nfm_reply', answers: [{ name: 'size', text: '42' }] },
    ],
    [
      'a form’s photos',
      interactive('nfm_reply', {
        response_json: '{"photos":[{"file_name":"a.jpg","mime_type":"image/jpeg","sha256":"x","id":1}]}',
      }),
      {
        kind: 'nfm_reply',
        answers: [{ name: 'photos', text: 'file_name: a.jpg, mime_type: image/jpeg, id: 1' }],
      },
    ],
    [
      'a form whose answers are a list',
      interactive('nfm_reply', { response_json: '["a","b"]' }),
      { kind: 'nfm_reply', answers: [{ name: 'response_json', text: 'a, b' }] },
    ],
    [
      'a form without answers',
      interactive('nfm_reply', { body: 'Sent' }),
      { kind: 'nfm_reply', body: 'Sent', answers: [] },
    ],
    [
      'a permanent permission, as words',
      interactive('call_permission_reply', {
        response: 'accept',
        is_permanent: 'true',
        expiration_timestamp: '17',
      }),
      { kind: 'call_permission_reply', response: 'accept', isPermanent: true, expiresAt: 17_000 },
    ],
    [
      'an order by its note alone',
      contentOf('order', { order: { text: 'two' } }),
      { kind: 'order', items: [], note: 'two' },
    ],
    [
      'a changed identity’s own number',
      contentOf('system', { system: { type: 'customer_identity_changed', wa_id: '14255550182' } }),
      { kind: 'system', type: 'customer_identity_changed' },
    ],
    ['a revoke of nothing', contentOf('revoke', { revoke: {} }), { kind: 'revoke' }],
    [
      'unsupported without a word',
      contentOf('unsupported', { errors: [null, {}] }),
      { kind: 'unsupported', errors: [] },
    ],
    [
      'an edit of a type that is not known',
      contentOf('edit', { edit: { message: { type: 'gift', gift: { for: 'you' } } } }),
      { kind: 'edit', content: { kind: 'unknown', type: 'gift', fields: [{ name: 'for', text: 'you' }] } },
    ],
  ])('takes %s', (_name, content, expected) => {
    expect(content).toEqual(expected);
  });

  const bodies: readonly unknown[] = [undefined, null, 5, true, [], {}];
  it.each([
    'text',
    'image',
    'video',
    'audio',
    'voice',
    'document',
    'sticker',
    'location',
    'contacts',
    'interactive',
    'button',
    'reaction',
    'order',
    'system',
    'edit',
  ])('makes a placeholder of %s without a usable body', (type) => {
    for (const body of bodies) expect(contentOf(type, { [type]: body })).toMatchObject({ kind: 'unknown' });
    expect(contentOf(type)).toMatchObject({ type: type, fields: [] });
  });

  it.each(['button_reply', 'list_reply', 'nfm_reply', 'call_permission_reply'])(
    'makes a placeholder of interactive/%s without a usable body',
    (type) => {
      for (const body of bodies)
        expect(interactive(type, body)).toMatchObject({ kind: 'unknown', type: `interactive/${type}` });
    },
  );

  it.each(['toString', '__proto__', 'constructor', 'hasOwnProperty'])('knows no type %s', (type) => {
    expect(contentOf(type)).toEqual({ kind: 'unknown', type, fields: [] });
    expect(interactive(type, 'x')).toMatchObject({ kind: 'unknown', type: `interactive/${type}` });
  });

  it('follows edits of edits so far and no further', () => {
    const edits = (count: number): unknown =>
      count === 0 ? WHATSAPP_MESSAGES['text'] : { type: 'edit', edit: { message: edits(count - 1) } };
    expect(JSON.stringify(readContent(edits(3) as Fields))).toContain('my order');
    expect(readContent(edits(4) as Fields)).toMatchObject({
      content: { content: { content: { kind: 'unknown', type: 'edit' } } },
    });
  });
});
