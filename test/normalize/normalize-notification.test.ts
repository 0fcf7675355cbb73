import { describe, expect, it } from 'vitest';
import { normalizeNotification } from '../../src/normalize/normalize-notification.ts';
import type { NotificationFields } from '../../src/normalize/normalize-notification.ts';
import { PARTS_MAX } from '../../src/normalize/whatsapp.ts';
import { SMS_MESSAGES } from '../fixtures/sms-messages.ts';
import { SMS_PAYLOAD, smsMessage } from '../fixtures/sms-payload.ts';
import { WHATSAPP_MESSAGES } from '../fixtures/whatsapp-messages.ts';
import {
  WHATSAPP_SENT_AT,
  whatsAppChange,
  whatsAppEntry,
  whatsAppMessage,
  whatsAppPayload,
  whatsAppStatusChange,
  whatsAppText,
} from '../fixtures/whatsapp-payload.ts';
import { NOTIFICATION, expectInvariants, normalize, normalizeRaw } from './notification-scene.ts';

describe('normalizeNotification', () => {
  it('tells the channels apart by the shape of the payload', () => {
    expect(normalize(smsMessage())).toMatchObject([{ kind: 'message', message: { channel: 'sms' } }]);
    expect(normalize(whatsAppMessage([whatsAppText()]))).toMatchObject([
      { kind: 'message', message: { channel: 'whatsapp' } },
    ]);
  });

  it('takes the SNS Timestamp as the time that an SMS was sent', () => {
    expect(normalize(smsMessage())).toMatchObject([{ message: { sentAt: WHATSAPP_SENT_AT + 2_000 } }]);
  });

  it('reads national forms by the default country, on SMS only', () => {
    expect(normalize(smsMessage({ originationNumber: '4255550182' }))).toMatchObject([
      { message: { customerAddress: '+14255550182' } },
    ]);
    expect(normalize(whatsAppMessage([whatsAppText({ from: '4255550182' })]))).toMatchObject([
      { message: { customerAddress: '+4255550182' } },
    ]);
  });

  const neither = 'Message is neither an SMS nor a WhatsApp payload';
  it.each<[name: string, message: string, detail: string]>([
    ['no JSON', 'hello', 'Message is no JSON object'],
    ['an empty Message', '', 'Message is no JSON object'],
    ['null', 'null', 'Message is no JSON object'],
    ['a string', '"originationNumber"', 'Message is no JSON object'],
    ['a list', `[${smsMessage()}]`, 'Message is no JSON object'],
    ['an empty object', '{}', neither],
    ['a chat item of Connect', '{"Type":"MESSAGE","Content":"hello","ParticipantRole":"AGENT"}', neither],
    ['a field that every object inherits', '{"toString":1,"__proto__":{"messageBody":"x"}}', neither],
    ['300 KB of quotes', '"'.repeat(300_000), 'Message is no JSON object'],
    ['deep nesting', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, 'Message is no JSON object'],
    [
      'an SMS without sender',
      smsMessage({ originationNumber: undefined }),
      'SMS: originationNumber is missing or unusable',
    ],
  ])('keeps what it does not understand: %s', (_name, message, detail) => {
    const items = normalize(message);
    const raw = JSON.stringify({ Type: 'Notification', ...NOTIFICATION, Message: message });
    expect(items).toEqual([{ kind: 'notUnderstood', detail, raw }]);
    expectInvariants(items);
  });

  it('keeps a notification whose Timestamp is no instant', () => {
    expect(normalize(smsMessage(), { Timestamp: '2026-03-04T05:06:07:000Z' })).toMatchObject([
      { kind: 'notUnderstood', detail: 'Timestamp is no instant' },
    ]);
  });

  it('keeps the last of duplicate keys, as JSON.parse does', () => {
    const message = smsMessage().replace('{', '{"messageBody":"first",');
    expect(normalize(message)).toMatchObject([{ message: { content: { text: SMS_PAYLOAD.messageBody } } }]);
  });

  it('never names a value in a detail', () => {
    const secret = 'secret 14255550182';
    const items = [
      ...normalize(smsMessage({ originationNumber: [secret] })),
      ...normalize(
        whatsAppMessage([whatsAppText({ from: [secret] }), whatsAppText({ id: [secret] }), secret]),
      ),
      ...normalize(secret),
    ];
    expect(items).toHaveLength(5);
    for (const item of items)
      expect(item.kind === 'notUnderstood' ? item.detail : secret).not.toContain('secret');
  });
});

describe('raw', () => {
  it('is the whole notification where that holds one item', () => {
    const message = whatsAppMessage([whatsAppText()]);
    const [item] = normalize(message, { Subject: 'a subject' });
    expect(item).toHaveProperty(
      'raw',
      JSON.stringify({ Type: 'Notification', ...NOTIFICATION, Subject: 'a subject', Message: message }),
    );
  });

  it('has no Subject where that is null', () => {
    const [item] = normalizeNotification(
      { ...NOTIFICATION, Message: smsMessage(), Subject: null } as unknown as NotificationFields,
      { defaultCountry: undefined },
    );
    expect(item?.kind === 'message' ? item.raw : '').not.toContain('Subject');
  });

  it('holds nobody else’s words', () => {
    const items = normalize(
      JSON.stringify(
        whatsAppPayload(
          whatsAppEntry([
            whatsAppChange([
              whatsAppText({ text: { body: 'words one' } }),
              whatsAppText({ id: 'W2', text: { body: 'words two' } }),
            ]),
            whatsAppStatusChange(),
            whatsAppChange([whatsAppText({ id: null, text: { body: 'words three' } })]),
            'words four',
          ]),
        ),
      ),
    );
    expect(items.map(({ kind }) => kind)).toEqual([
      'message',
      'message',
      'ignored',
      'notUnderstood',
      'notUnderstood',
    ]);
    const raws = items.flatMap((item) => ('raw' in item ? [item.raw] : []));
    expect(raws.map((raw) => raw.match(/words \w+/g))).toEqual([
      ['words one'],
      ['words two'],
      ['words three'],
      ['words four'],
    ]);
    for (const raw of raws) expect(raw).not.toContain('14255550183');
    expectInvariants(items);
  });

  it('is the whole where a part nests too deeply to be cut out', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const entry = JSON.stringify(whatsAppEntry([whatsAppChange([{ deep: 'here' }, whatsAppText()])]));
    const message = JSON.stringify(
      whatsAppPayload({}, { whatsAppWebhookEntry: entry.replace('"here"', deep) }),
    );
    const items = normalize(message);
    expect(items.map(({ kind }) => kind)).toEqual(['notUnderstood', 'message']);
    expect(items[0]).toHaveProperty(
      'raw',
      JSON.stringify({ Type: 'Notification', ...NOTIFICATION, Message: message }),
    );
  });

  it('gives its item again, of every type, alone and among others', () => {
    const all = normalize(whatsAppMessage(Object.values(WHATSAPP_MESSAGES)));
    expect(all.map(({ kind }) => kind)).toEqual(Object.keys(WHATSAPP_MESSAGES).map(() => 'message'));
    expectInvariants(all);
    for (const message of Object.values(WHATSAPP_MESSAGES))
      expectInvariants(normalize(whatsAppMessage([message])));
    for (const payload of Object.values(SMS_MESSAGES)) expectInvariants(normalize(JSON.stringify(payload)));
  });

  it('keeps every digit, alone and among others', () => {
    const located = { type: 'location', location: { latitude: 'LATITUDE', longitude: 'LONGITUDE' } };
    const ordered = {
      type: 'order',
      order: { product_items: [{ quantity: 'QUANTITY', item_price: 'PRICE' }] },
    };
    const digits: Readonly<Record<string, string>> = {
      LATITUDE: '47.620506300000000001',
      LONGITUDE: '-122.34927740',
      QUANTITY: '12345678901234567890',
      PRICE: '12.50',
    };
    const messages = [whatsAppText(located), whatsAppText(ordered), whatsAppText({ id: '"ID"' })];
    const entry = JSON.stringify(whatsAppEntry([whatsAppChange(messages)])).replaceAll(
      /"(LATITUDE|LONGITUDE|QUANTITY|PRICE)"/g,
      (_text, name: string) => digits[name] ?? '',
    );
    const items = [
      normalize(JSON.stringify(whatsAppPayload({}, { whatsAppWebhookEntry: entry }))),
      normalize(
        JSON.stringify(whatsAppPayload({}, { whatsAppWebhookEntry: 'ENTRY' })).replace('"ENTRY"', entry),
      ),
    ];
    for (const found of items) {
      expect(found).toMatchObject([
        { message: { content: { latitude: digits['LATITUDE'], longitude: digits['LONGITUDE'] } } },
        { message: { content: { items: [{ quantity: digits['QUANTITY'], price: digits['PRICE'] }] } } },
        { message: { content: { kind: 'text' } } },
      ]);
      expectInvariants(found);
    }
  });

  it('of what is beyond PARTS_MAX gives its messages', () => {
    const messages = Array.from({ length: PARTS_MAX + 2 }, (_, index) => whatsAppText({ id: `M${index}` }));
    const rest = normalize(whatsAppMessage(messages)).at(-1);
    const again = normalizeRaw(rest?.kind === 'notUnderstood' ? rest.raw : '');
    expect(again).toMatchObject([
      { message: { externalId: `M${PARTS_MAX}` } },
      { message: { externalId: `M${PARTS_MAX + 1}` } },
    ]);
  });
});
