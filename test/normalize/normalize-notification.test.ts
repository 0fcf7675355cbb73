import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NormalizedItem } from '../../src/normalize/inbound-message.ts';
import { normalizeNotification } from '../../src/normalize/normalize-notification.ts';
import type { NotificationFields } from '../../src/normalize/normalize-notification.ts';
import { PARTS_MAX } from '../../src/normalize/whatsapp.ts';
import { SMS_PAYLOAD, smsMessage } from '../fixtures/sms-payload.ts';
import {
  WHATSAPP_SENT_AT,
  whatsAppChange,
  whatsAppEntry,
  whatsAppMessage,
  whatsAppPayload,
  whatsAppStatusChange,
  whatsAppText,
} from '../fixtures/whatsapp-payload.ts';

// One seed, so that a run that passed passes again.
fc.configureGlobal({ seed: 20_260_304 });

const NOTIFICATION = {
  MessageId: '1b0f6c1e-3f5d-5a8e-9c57-3a4b5c6d7e8f',
  TopicArn: 'arn:aws:sns:us-west-2:111122223333:inbound',
  Timestamp: new Date(WHATSAPP_SENT_AT + 2_000).toISOString(),
} as const;

function normalize(message: string, changes: Partial<NotificationFields> = {}): readonly NormalizedItem[] {
  return normalizeNotification({ ...NOTIFICATION, Message: message, ...changes }, { defaultCountry: 'US' });
}

function normalizeRaw(raw: string): readonly NormalizedItem[] {
  return normalizeNotification(JSON.parse(raw) as NotificationFields, { defaultCountry: 'US' });
}

/** What holds of every notification; the item for what is beyond PARTS_MAX is no part of it. */
function expectInvariants(items: readonly NormalizedItem[]): void {
  expect(items.length).toBeGreaterThan(0);
  for (const item of items) {
    if (item.kind === 'ignored') continue;
    expect(item.raw.isWellFormed()).toBe(true);
    expect(normalizeRaw(item.raw)).toEqual([item]);
    if (item.kind !== 'message') continue;
    const { customerAddress, businessAddress, externalId, sentAt, content } = item.message;
    for (const text of [customerAddress, businessAddress, externalId]) expect(text).not.toBe('');
    expect(sentAt).toSatisfy(Number.isSafeInteger);
    expect(content.kind === 'text' ? content.text.isWellFormed() : true).toBe(true);
    expect(JSON.parse(JSON.stringify(item.message))).toEqual(item.message);
  }
}

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
      ...normalize(smsMessage({ destinationNumber: [secret] })),
      ...normalize(whatsAppMessage([whatsAppText({ type: secret }), whatsAppText({ id: [secret] }), secret])),
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
            whatsAppChange([whatsAppText({ id: 'W3', type: 'image' })]),
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
    const raws = items.flatMap((item) => (item.kind === 'ignored' ? [] : [item.raw]));
    expect(raws.map((raw) => raw.match(/words \w+/g))).toEqual([
      ['words one'],
      ['words two'],
      null,
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

describe('anything', () => {
  const anyJson = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });

  /** The object with some of its fields, at any depth of it, put to any JSON or left out. */
  function mangled(value: unknown): fc.Arbitrary<unknown> {
    const intact = Array.isArray(value)
      ? fc.tuple(...value.map(mangled))
      : typeof value === 'object' && value !== null
        ? fc.record(Object.fromEntries(Object.entries(value).map(([key, field]) => [key, mangled(field)])))
        : fc.constant(value);
    return fc.oneof(
      { weight: 12, arbitrary: intact },
      { weight: 1, arbitrary: anyJson },
      { weight: 1, arbitrary: fc.constant(undefined) },
    );
  }

  const messages = [whatsAppText(), whatsAppText({ id: 'W2', from_user_id: 'US.13491208655302741918' })];
  const entry = whatsAppEntry([
    whatsAppChange(messages),
    whatsAppStatusChange(),
    whatsAppChange([whatsAppText({ id: 'W3' })]),
  ]);
  const whatsApp = fc
    .tuple(mangled(entry), mangled(whatsAppPayload({})))
    .map(([entry, payload]) =>
      JSON.stringify({ ...(payload as object), whatsAppWebhookEntry: JSON.stringify(entry) }),
    );
  const wrapped = fc
    .tuple(mangled(entry), mangled(entry))
    .map((entries) => JSON.stringify(whatsAppPayload({ entry: entries })));

  it.each<[name: string, message: fc.Arbitrary<string>]>([
    ['in any field of an SMS', mangled(SMS_PAYLOAD).map((payload) => JSON.stringify(payload) ?? '')],
    ['in any field of a WhatsApp payload', whatsApp],
    ['in any field of a WhatsApp webhook', wrapped],
    ['as whatsAppWebhookEntry', anyJson.map((json) => JSON.stringify({ whatsAppWebhookEntry: json }))],
    [
      'as Message',
      fc.oneof(
        anyJson.map((json) => JSON.stringify(json)),
        fc.string({ unit: 'binary' }),
      ),
    ],
  ])('%s never throws, and every raw gives its item again', (_name, message) => {
    fc.assert(
      fc.property(message, (text) => {
        expectInvariants(normalize(text));
      }),
      { numRuns: 500 },
    );
  });

  it('as any of the other fields never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (timestamp, other) => {
        const fields = { Timestamp: timestamp, Subject: other, TopicArn: other, MessageId: other };
        expect(normalize(smsMessage(), fields)).toHaveLength(1);
      }),
    );
  });
});
