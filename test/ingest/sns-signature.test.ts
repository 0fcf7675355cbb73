import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY_MS, MINUTE_MS, systemClock } from '../../src/clock.ts';
import { BridgeError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { SigningCertificates } from '../../src/ingest/signing-certificate.ts';
import { parseEnvelope } from '../../src/ingest/sns-envelope.ts';
import type { SnsEnvelope } from '../../src/ingest/sns-envelope.ts';
import { stringToSign, verifyEnvelope } from '../../src/ingest/sns-signature.ts';
import type { SignedEnvelope } from '../../src/sandbox/sns-signer.ts';
import { TEST_TOPIC_ARN, createTestSigner } from '../support/signer.ts';
import type { EnvelopeChanges, TestSigner } from '../support/signer.ts';

const RETENTION_MS = 14 * DAY_MS;
const NOW = Date.UTC(2026, 2, 1, 12);

let signer: TestSigner;
let certificates: SigningCertificates;

beforeAll(async () => {
  signer = await createTestSigner();
  certificates = new SigningCertificates({ directory: signer.directory, clock: systemClock });
});

afterAll(async () => {
  await signer[Symbol.asyncDispose]();
});

function parse(envelope: object): SnsEnvelope {
  return parseEnvelope(Buffer.from(JSON.stringify(envelope)));
}

/** The code that verification ends with; undefined: it held. */
async function verdictOf(envelope: object): Promise<ErrorCode | undefined> {
  const options = {
    topicArns: new Set([TEST_TOPIC_ARN]),
    retentionMs: RETENTION_MS,
    now: NOW,
    certificates,
  };
  const parsed = parse(envelope);
  try {
    expect(await verifyEnvelope(parsed, options)).toBe(parsed);
    return undefined;
  } catch (error) {
    if (error instanceof BridgeError) return error.code;
    throw error;
  }
}

function at(ms: number): EnvelopeChanges {
  return { Timestamp: new Date(ms).toISOString() };
}

it.each<[name: string, sign: () => SignedEnvelope]>([
  ['a notification, version 1', () => signer.notification({}, '1')],
  ['a notification, version 2', () => signer.notification({}, '2')],
  ['a subject, version 1', () => signer.notification({ Subject: 'News' }, '1')],
  ['a subject, version 2', () => signer.notification({ Subject: 'News' }, '2')],
  ['a null subject', () => signer.notification({ Subject: null })],
  ['a subscription confirmation, version 1', () => signer.confirmation({}, '1')],
  ['a subscription confirmation, version 2', () => signer.confirmation({}, '2')],
  [
    'an unsubscribe confirmation, version 1',
    () => signer.confirmation({ Type: 'UnsubscribeConfirmation' }, '1'),
  ],
  [
    'an unsubscribe confirmation, version 2',
    () => signer.confirmation({ Type: 'UnsubscribeConfirmation' }, '2'),
  ],
  [
    'unsigned fields',
    () => ({ ...signer.notification(), MessageAttributes: {}, UnsubscribeURL: 'changed', More: 1 }),
  ],
  ['text beyond ASCII', () => signer.notification({ Message: 'Grüße 😀\r\n\0 \u2028' })],
  [
    'a Message with the lines of another field',
    () => signer.notification({ Message: 'a\nSubject\nb\nType\nc' }),
  ],
  ['an empty Message', () => signer.notification({ Message: '' })],
  ['the oldest that is taken', () => signer.notification(at(NOW - RETENTION_MS))],
  ['the furthest ahead that is taken', () => signer.notification(at(NOW + 15 * MINUTE_MS))],
])('verifies %s', async (_name, sign) => {
  expect(await verdictOf(sign())).toBeUndefined();
});

it.each<[code: ErrorCode, name: string, make: () => object]>([
  ['TOPIC_NOT_LISTED', 'another topic', () => signer.notification({ TopicArn: `${TEST_TOPIC_ARN}2` })],
  [
    'TOPIC_NOT_LISTED',
    'another topic, whatever else is wrong',
    () => ({
      ...signer.notification({ TopicArn: 'x', ...at(0) }),
      SignatureVersion: '3',
      SigningCertURL: 'x',
      Signature: '',
    }),
  ],
  ['NOTIFICATION_TOO_OLD', 'one past the retention', () => signer.notification(at(NOW - RETENTION_MS - 1))],
  ['TIMESTAMP_AHEAD', 'one past the tolerance', () => signer.notification(at(NOW + 15 * MINUTE_MS + 1))],
  ['SIGNATURE_VERSION_UNKNOWN', 'version 3', () => ({ ...signer.notification(), SignatureVersion: '3' })],
  ['SIGNATURE_VERSION_UNKNOWN', 'version 01', () => ({ ...signer.notification(), SignatureVersion: '01' })],
  [
    'SIGNATURE_VERSION_UNKNOWN',
    'a version of the prototype',
    () => ({ ...signer.notification(), SignatureVersion: 'toString' }),
  ],
  [
    'CERTIFICATE_URL_REFUSED',
    'another host',
    () => ({
      ...signer.notification(),
      SigningCertURL: signer.certificateUrl.replace('amazonaws.com', 'example.com'),
    }),
  ],
  [
    'CERTIFICATE_URL_REFUSED',
    'another Region',
    () => ({
      ...signer.notification(),
      SigningCertURL: signer.certificateUrl.replace('us-east-1', 'us-east-2'),
    }),
  ],
  ['SIGNATURE_WRONG', 'a changed Message', () => ({ ...signer.notification(), Message: 'changed' })],
  ['SIGNATURE_WRONG', 'a changed MessageId', () => ({ ...signer.notification(), MessageId: 'changed' })],
  ['SIGNATURE_WRONG', 'a changed Timestamp', () => ({ ...signer.notification(), ...at(NOW - 1) })],
  [
    'SIGNATURE_WRONG',
    'a changed spelling of Timestamp',
    () => ({ ...signer.notification(), Timestamp: '2026-03-01T12:00:00Z' }),
  ],
  ['SIGNATURE_WRONG', 'an added Subject', () => ({ ...signer.notification(), Subject: '' })],
  [
    'SIGNATURE_WRONG',
    'a removed Subject',
    () => ({ ...signer.notification({ Subject: 'News' }), Subject: undefined }),
  ],
  ['SIGNATURE_WRONG', 'a changed Token', () => ({ ...signer.confirmation(), Token: 'changed' })],
  [
    'SIGNATURE_WRONG',
    'a changed SubscribeURL',
    () => ({ ...signer.confirmation(), SubscribeURL: 'changed' }),
  ],
  [
    'SIGNATURE_WRONG',
    'a changed Type',
    () => ({ ...signer.confirmation(), Type: 'UnsubscribeConfirmation' }),
  ],
  [
    'SIGNATURE_WRONG',
    'a confirmation as a notification',
    () => ({ ...signer.confirmation(), Type: 'Notification' }),
  ],
  [
    'SIGNATURE_WRONG',
    'version 1 called 2',
    () => ({ ...signer.notification({}, '1'), SignatureVersion: '2' }),
  ],
  [
    'SIGNATURE_WRONG',
    'version 2 called 1',
    () => ({ ...signer.notification({}, '2'), SignatureVersion: '1' }),
  ],
  ['SIGNATURE_WRONG', 'no signature', () => ({ ...signer.notification(), Signature: '' })],
  ['SIGNATURE_WRONG', 'what is no base64', () => ({ ...signer.notification(), Signature: '%%%%' })],
  ['SIGNATURE_WRONG', 'a good signature with blanks in it', () => respell((signature) => `    ${signature}`)],
  [
    'SIGNATURE_WRONG',
    'a good signature without its padding',
    () => respell((signature) => signature.replace(/=+$/, '')),
  ],
  ['SIGNATURE_WRONG', 'a short signature', () => ({ ...signer.notification(), Signature: 'AAAA' })],
  [
    'SIGNATURE_WRONG',
    'the signature of another notification',
    () => ({
      ...signer.notification(),
      Signature: signer.notification({ Message: 'other' }).Signature,
    }),
  ],
])('refuses with %s: %s', async (code, _name, make) => {
  expect(await verdictOf(make())).toBe(code);
});

function respell(change: (signature: string) => string): object {
  const envelope = signer.notification();
  return { ...envelope, Signature: change(envelope.Signature) };
}

it('passes on what the certificates say, and asks for one valid at the Timestamp', async () => {
  const asked: number[] = [];
  const certificateFor = (_url: unknown, at: number) => {
    asked.push(at);
    return Promise.reject(new Error('stop'));
  };
  const options = {
    topicArns: new Set([TEST_TOPIC_ARN]),
    retentionMs: RETENTION_MS,
    now: NOW,
    certificates: { certificateFor },
  };
  await expect(verifyEnvelope(parse(signer.notification(at(NOW - 1))), options)).rejects.toThrow('stop');
  expect(asked).toEqual([NOW - 1]);
});

it.each<[name: string, envelope: () => object, text: string]>([
  [
    'a notification',
    () => signer.notification({ MessageId: 'id', Message: 'text' }),
    `Message\ntext\nMessageId\nid\nTimestamp\n2026-03-01T12:00:00.000Z\nTopicArn\n${TEST_TOPIC_ARN}\nType\nNotification\n`,
  ],
  [
    'a notification with a subject',
    () => signer.notification({ MessageId: 'id', Message: 'text', Subject: 'News' }),
    `Message\ntext\nMessageId\nid\nSubject\nNews\nTimestamp\n2026-03-01T12:00:00.000Z\nTopicArn\n${TEST_TOPIC_ARN}\nType\nNotification\n`,
  ],
  [
    'a subscription confirmation',
    () => signer.confirmation({ MessageId: 'id', Message: 'text', Token: 't', SubscribeURL: 'https://u' }),
    `Message\ntext\nMessageId\nid\nSubscribeURL\nhttps://u\nTimestamp\n2026-03-01T12:00:00.000Z\nToken\nt\nTopicArn\n${TEST_TOPIC_ARN}\nType\nSubscriptionConfirmation\n`,
  ],
])('signs %s as SNS documents it', (_name, envelope, text) => {
  expect(stringToSign(parse(envelope()))).toBe(text);
});

/** Texts that try to look like other fields. */
const line = fc.oneof(
  fc.constantFrom('Message', 'MessageId', 'Subject', 'Timestamp', 'Type', 'Notification', 'a'),
  fc.string(),
);
const oneLine = line.map((text) => text.replaceAll('\n', ' '));
const word = fc.oneof(fc.constantFrom('MessageId', 'Subject', 'Timestamp', 'Token', 'a'), fc.uuid());
const common = {
  MessageId: word,
  TopicArn: fc.constantFrom(TEST_TOPIC_ARN, 'Type', 'Timestamp'),
  Message: fc.array(line, { maxLength: 8 }).map((lines) => lines.join('\n')),
  Timestamp: fc.constantFrom('2026-03-01T12:00:00.000Z', '2026-03-01T12:00:00.001Z'),
  SignatureVersion: fc.constant('1'),
  Signature: fc.constant(''),
  SigningCertURL: fc.constant('x'),
};
const anyEnvelope: fc.Arbitrary<SnsEnvelope> = fc
  .oneof(
    fc.record({ Type: fc.constant('Notification'), ...common }),
    fc.record({ Type: fc.constant('Notification'), ...common, Subject: oneLine }),
    fc.record({
      Type: fc.constantFrom('SubscriptionConfirmation', 'UnsubscribeConfirmation'),
      ...common,
      Token: word,
      SubscribeURL: word,
    }),
  )
  .map(parse);

const UNSIGNED = new Set(['SignatureVersion', 'Signature', 'SigningCertURL']);

function signedFields(envelope: SnsEnvelope): Record<string, unknown> {
  return Object.fromEntries(Object.entries(envelope).filter(([name]) => !UNSIGNED.has(name)));
}

it('signs each field under its name, in byte order, and nothing else', () => {
  fc.assert(fc.property(anyEnvelope, (envelope) => stringToSign(envelope) === documentedString(envelope)));
});

function documentedString(envelope: SnsEnvelope): string {
  return Object.entries(signedFields(envelope))
    .toSorted(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
    .reduce((text, [name, value]) => `${text}${name}\n${String(value)}\n`, '');
}

/**
 * Takes the fields back out of a string to sign, from its end: all but Message are one line each. That it can be done
 * means that no two envelopes share a string, whatever a Message looks like.
 */
function readBack(text: string): Record<string, unknown> {
  const lines = text.split('\n');
  expect(lines.pop()).toBe('');
  const fields: Record<string, unknown> = {};
  for (let name = ''; name !== 'MessageId';) {
    const value = lines.pop();
    name = lines.pop() ?? 'MessageId';
    fields[name] = value;
  }
  expect(lines.shift()).toBe('Message');
  return { ...fields, Message: lines.join('\n') };
}

it('gives no two envelopes the same string, whatever their values imitate', () => {
  fc.assert(
    fc.property(anyEnvelope, (envelope) => {
      expect(readBack(stringToSign(envelope))).toEqual(signedFields(envelope));
    }),
    { numRuns: 500 },
  );
});
