import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { BridgeError } from '../../src/errors.ts';
import { envelopeTime, parseEnvelope } from '../../src/ingest/sns-envelope.ts';

const COMMON = {
  MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
  TopicArn: 'arn:aws:sns:us-east-1:111122223333:inbound-messages',
  Message: 'Good morning',
  Timestamp: '2026-03-01T12:00:00.000Z',
  SignatureVersion: '1',
  Signature: 'c2lnbmF0dXJl',
  SigningCertURL: 'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
};
const NOTIFICATION = { Type: 'Notification', ...COMMON };
const CONFIRMATION = {
  Type: 'SubscriptionConfirmation',
  ...COMMON,
  Token: '2336412f37fb',
  SubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription',
};
const UNSUBSCRIPTION = { ...CONFIRMATION, Type: 'UnsubscribeConfirmation' };

function bytes(value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

function withText(name: string, json: string): string {
  return JSON.stringify({ ...NOTIFICATION, [name]: undefined }).replace(/\}$/, `,"${name}":${json}}`);
}

it.each<[name: string, body: unknown, envelope: unknown]>([
  ['a notification', NOTIFICATION, NOTIFICATION],
  [
    'a notification with a subject',
    { ...NOTIFICATION, Subject: 'News' },
    { ...NOTIFICATION, Subject: 'News' },
  ],
  ['an empty subject, which is signed', { ...NOTIFICATION, Subject: '' }, { ...NOTIFICATION, Subject: '' }],
  ['a null subject, which is none', { ...NOTIFICATION, Subject: null }, NOTIFICATION],
  ['a subscription confirmation', CONFIRMATION, CONFIRMATION],
  ['an unsubscribe confirmation', UNSUBSCRIPTION, UNSUBSCRIPTION],
  ['an empty message', { ...NOTIFICATION, Message: '' }, { ...NOTIFICATION, Message: '' }],
  [
    'a notification with unsigned fields',
    { ...NOTIFICATION, MessageAttributes: {}, Token: 'x', Extra: [1] },
    NOTIFICATION,
  ],
  ['a signature that is no base64', { ...NOTIFICATION, Signature: '%' }, { ...NOTIFICATION, Signature: '%' }],
  [
    'keys named __proto__ and constructor',
    withText('__proto__', '{"Subject":"x"}').replace('{', '{"constructor":1,'),
    NOTIFICATION,
  ],
  [
    'duplicate keys: the last',
    withText('Message', '"first","Message":"last"'),
    { ...NOTIFICATION, Message: 'last' },
  ],
  ['a NUL', { ...NOTIFICATION, Message: 'a\0b' }, { ...NOTIFICATION, Message: 'a\0b' }],
  [
    'a lone surrogate: what its UTF-8 is',
    withText('Message', String.raw`"a\ud800b"`),
    { ...NOTIFICATION, Message: 'a\ufffdb' },
  ],
  ['a surrogate pair', withText('Message', String.raw`"\ud83d\ude00"`), { ...NOTIFICATION, Message: '😀' }],
  [
    '300 KB of quotes',
    { ...NOTIFICATION, Message: '"'.repeat(300_000) },
    { ...NOTIFICATION, Message: '"'.repeat(300_000) },
  ],
  ['nesting in an unknown field', withText('Extra', '['.repeat(50_000) + ']'.repeat(50_000)), NOTIFICATION],
])('parses %s', (_name, body, envelope) => {
  expect(parseEnvelope(bytes(body))).toStrictEqual(envelope);
});

const visible = (attributes: unknown): object => ({ ...NOTIFICATION, MessageAttributes: attributes });

it.each<[name: string, body: object, visibility: string | undefined]>([
  ['as Connect writes it', visible({ MessageVisibility: { Type: 'String', Value: 'ALL' } }), 'ALL'],
  ['among others', visible({ Other: { Value: 'x' }, MessageVisibility: { Value: 'CUSTOMER' } }), 'CUSTOMER'],
  ['a word that nobody knows yet', visible({ MessageVisibility: { Value: 'TO_A_BOT' } }), 'TO_A_BOT'],
  ['in small letters, with space around', visible({ MessageVisibility: { Value: ' all\n' } }), 'all'],
  ['no attributes', NOTIFICATION, undefined],
  ['attributes that are null', visible(null), undefined],
  ['attributes that are a list', visible([{ MessageVisibility: { Value: 'ALL' } }]), undefined],
  ['an attribute that is a text', visible({ MessageVisibility: 'ALL' }), undefined],
  ['a value that is no text', visible({ MessageVisibility: { Value: ['ALL'] } }), undefined],
  ['an empty value', visible({ MessageVisibility: { Value: '' } }), undefined],
  ['a line in it', visible({ MessageVisibility: { Value: 'ALL\nX' } }), undefined],
  ['words in it', visible({ MessageVisibility: { Value: 'what she wrote' } }), undefined],
  ['a long value', visible({ MessageVisibility: { Value: 'A'.repeat(41) } }), undefined],
  [
    'that of a confirmation',
    { ...CONFIRMATION, MessageAttributes: { MessageVisibility: { Value: 'ALL' } } },
    undefined,
  ],
])('reads the visibility: %s', (_name, body, visibility) => {
  const envelope = parseEnvelope(bytes(body));
  expect('visibility' in envelope ? envelope.visibility : undefined).toBe(visibility);
});

it.each<[timestamp: string, at: number]>([
  ['2026-03-01T12:00:00.000Z', Date.UTC(2026, 2, 1, 12)],
  ['2026-03-01T12:00:00Z', Date.UTC(2026, 2, 1, 12)],
  ['2026-03-01T12:00:00.5Z', Date.UTC(2026, 2, 1, 12, 0, 0, 500)],
  ['2026-03-01T12:00:00.123456789Z', Date.UTC(2026, 2, 1, 12, 0, 0, 123)],
])('reads the Timestamp %s', (Timestamp, at) => {
  expect(envelopeTime(parseEnvelope(bytes({ ...NOTIFICATION, Timestamp })))).toBe(at);
});

/** Stands where a customer's words could; no error may repeat it. */
const WORDS = 'customers-words';

it.each<[name: string, body: string | Buffer | object, detail: RegExp]>([
  ['nothing', '', /no JSON/],
  ['no JSON', WORDS, /no JSON/],
  ['half of it', JSON.stringify({ ...NOTIFICATION, Message: WORDS }).slice(0, -5), /no JSON/],
  ['invalid UTF-8', Buffer.from(JSON.stringify({ ...NOTIFICATION, Message: 'é' }), 'latin1'), /no JSON in/],
  [
    'a surrogate in UTF-8',
    Buffer.from(JSON.stringify({ ...NOTIFICATION, Message: '\u00ed\u00a0\u0080' }), 'latin1'),
    /no JSON in/,
  ],
  ['null', 'null', /no JSON object/],
  ['a list', [NOTIFICATION], /no JSON object/],
  ['a text', JSON.stringify(WORDS), /no JSON object/],
  ['2 MB of brackets', '['.repeat(2_000_000), /no JSON/],
  ['deep nesting', '['.repeat(500_000) + ']'.repeat(500_000), /no JSON object/],
  ['nesting as a field', withText('Message', '['.repeat(50_000) + ']'.repeat(50_000)), /^Message/],
  ['fields of the prototype only', { ['__proto__']: NOTIFICATION, ...COMMON }, /^Type/],
  ['no Type', { ...NOTIFICATION, Type: undefined }, /^Type/],
  ['an unknown Type', { ...NOTIFICATION, Type: WORDS }, /^Type/],
  ['a Type of the prototype', { ...NOTIFICATION, Type: 'constructor' }, /^Type/],
  ['a MessageId that is a number', { ...NOTIFICATION, MessageId: 1 }, /^MessageId/],
  ['a MessageId with a newline', { ...NOTIFICATION, MessageId: `${WORDS}\n` }, /^MessageId/],
  ['a long MessageId', { ...NOTIFICATION, MessageId: WORDS.repeat(10) }, /^MessageId/],
  ['a long TopicArn', { ...NOTIFICATION, TopicArn: WORDS.repeat(50) }, /^TopicArn/],
  ['a Message that is an object', { ...NOTIFICATION, Message: { text: WORDS } }, /^Message/],
  ['a Message that is null', { ...NOTIFICATION, Message: null }, /^Message/],
  ['a Subject that is a number', { ...NOTIFICATION, Subject: 1 }, /^Subject/],
  ['a Subject with a newline', { ...NOTIFICATION, Subject: `${WORDS}\nTimestamp` }, /^Subject/],
  ['a Timestamp that is none', { ...NOTIFICATION, Timestamp: WORDS }, /^Timestamp/],
  ['a Timestamp without a zone', { ...NOTIFICATION, Timestamp: '2026-03-01T12:00:00.000' }, /^Timestamp/],
  [
    'a Timestamp with another zone',
    { ...NOTIFICATION, Timestamp: '2026-03-01T12:00:00+01:00' },
    /^Timestamp/,
  ],
  ['a Timestamp of month 13', { ...NOTIFICATION, Timestamp: '2026-13-01T12:00:00.000Z' }, /^Timestamp/],
  ['a Timestamp with a newline', { ...NOTIFICATION, Timestamp: '2026-03-01T12:00:00.000Z\n' }, /^Timestamp/],
  ['a SignatureVersion that is a number', { ...NOTIFICATION, SignatureVersion: 1 }, /^SignatureVersion/],
  ['no Signature', { ...NOTIFICATION, Signature: undefined }, /^Signature/],
  ['a long Signature', { ...NOTIFICATION, Signature: 'A'.repeat(4_097) }, /^Signature/],
  ['no SigningCertURL', { ...NOTIFICATION, SigningCertURL: undefined }, /^SigningCertURL/],
  [
    'a notification as a Lambda function gets it',
    { ...NOTIFICATION, SigningCertURL: undefined, SigningCertUrl: COMMON.SigningCertURL },
    /^SigningCertURL/,
  ],
  ['a long SigningCertURL', { ...NOTIFICATION, SigningCertURL: 'h'.repeat(1_025) }, /^SigningCertURL/],
  ['a confirmation without Token', { ...CONFIRMATION, Token: undefined }, /^Token/],
  ['a confirmation without SubscribeURL', { ...CONFIRMATION, SubscribeURL: undefined }, /^SubscribeURL/],
  ['a long Token', { ...CONFIRMATION, Token: 'a'.repeat(4_097) }, /^Token/],
])('refuses %s', (_name, body, detail) => {
  const problem = problemOf(Buffer.isBuffer(body) ? body : bytes(body));
  expect(problem).toMatchObject({
    code: 'ENVELOPE_INVALID',
    detail: expect.stringMatching(detail) as unknown,
  });
  expect(problem?.message).not.toContain(WORDS);
  expect(problem?.cause).toBeUndefined();
});

it('answers every other body with an envelope or ENVELOPE_INVALID', () => {
  const anyField = fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.constant(null), fc.integer());
  const anyEnvelope = fc.record(
    Object.fromEntries(
      Object.entries(CONFIRMATION).map(([name, value]) => [name, fc.oneof(fc.constant(value), anyField)]),
    ),
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 500 }).map((array) => Buffer.from(array)),
    fc.jsonValue().map(bytes),
    anyEnvelope.map(bytes),
  );
  fc.assert(fc.property(body, (body) => [undefined, 'ENVELOPE_INVALID'].includes(problemOf(body)?.code)));
});

function problemOf(body: Buffer): BridgeError | undefined {
  try {
    parseEnvelope(body);
    return undefined;
  } catch (error) {
    if (error instanceof BridgeError) return error;
    throw error;
  }
}
