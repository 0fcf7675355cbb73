import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/clock.ts';
import { createSnsSigner, signedText } from '../../src/sandbox/sns-signer.ts';
import type { SnsSigner, UnsignedEnvelope } from '../../src/sandbox/sns-signer.ts';

const NOTIFICATION: UnsignedEnvelope = {
  Type: 'Notification',
  MessageId: 'id-1',
  TopicArn: 'arn:aws:sns:us-east-1:111122223333:inbound-messages',
  Message: 'Hello 👋\nthere',
  Timestamp: '2026-01-02T03:04:05.678Z',
  UnsubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe',
};

const CONFIRMATION: UnsignedEnvelope = {
  Type: 'SubscriptionConfirmation',
  MessageId: 'id-2',
  Token: 'token',
  TopicArn: 'arn:aws:sns:us-east-1:111122223333:inbound-messages',
  Message: 'You have chosen to subscribe',
  SubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription',
  Timestamp: '2026-01-02T03:04:05.678Z',
};

let directory: string;
let signer: SnsSigner;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sns-signer-'));
  signer = await createSnsSigner({ directory });
});

afterAll(() => fs.rmSync(directory, { recursive: true }));

function certificate(name = signer.certificateName): crypto.X509Certificate {
  return new crypto.X509Certificate(fs.readFileSync(path.join(directory, name)));
}

describe('the text that is signed', () => {
  const topic = 'TopicArn\narn:aws:sns:us-east-1:111122223333:inbound-messages\n';
  const time = 'Timestamp\n2026-01-02T03:04:05.678Z\n';
  const plain = `Message\nHello 👋\nthere\nMessageId\nid-1\n${time}${topic}Type\nNotification\n`;
  const confirmed =
    'Message\nYou have chosen to subscribe\nMessageId\nid-2\n' +
    'SubscribeURL\nhttps://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription\n' +
    `${time}Token\ntoken\n${topic}Type\n`;

  it.each([
    { name: 'a notification', envelope: NOTIFICATION, text: plain },
    { name: 'Subject null', envelope: { ...NOTIFICATION, Subject: null }, text: plain },
    {
      name: 'Subject given',
      envelope: { ...NOTIFICATION, Subject: 'S' },
      text: plain.replace('Timestamp', 'Subject\nS\nTimestamp'),
    },
    {
      name: 'attributes are not signed',
      envelope: { ...NOTIFICATION, MessageAttributes: { a: {} } },
      text: plain,
    },
    {
      name: 'a subscription confirmation',
      envelope: CONFIRMATION,
      text: `${confirmed}SubscriptionConfirmation\n`,
    },
    {
      name: 'an unsubscribe confirmation',
      envelope: { ...CONFIRMATION, Type: 'UnsubscribeConfirmation' },
      text: `${confirmed}UnsubscribeConfirmation\n`,
    },
  ])('$name', ({ envelope, text }) => {
    expect(signedText(envelope)).toBe(text);
  });
});

it.each([
  { version: '1', digest: 'RSA-SHA1', other: 'RSA-SHA256' },
  { version: '2', digest: 'RSA-SHA256', other: 'RSA-SHA1' },
] as const)(
  'signature version $version is $digest with the certificate’s key',
  ({ version, digest, other }) => {
    const signed = signer.sign(NOTIFICATION, version);
    const signature = Buffer.from(signed.Signature, 'base64');
    const text = Buffer.from(signedText(NOTIFICATION));
    expect(signed.SignatureVersion).toBe(version);
    expect(crypto.verify(digest, text, certificate().publicKey, signature)).toBe(true);
    expect(crypto.verify(other, text, certificate().publicKey, signature)).toBe(false);
  },
);

it('names the certificate as SNS does', () => {
  expect(signer.certificateName).toMatch(/^SimpleNotificationService-[0-9a-f]{32}\.pem$/);
  expect(signer.certificateUrl).toBe(`https://sns.us-east-1.amazonaws.com/${signer.certificateName}`);
  expect(signer.sign(NOTIFICATION).SigningCertURL).toBe(signer.certificateUrl);
});

it('certifies an RSA-2048 key for SNS, valid since a year ago', () => {
  const { subject, publicKey, validFromDate, validToDate } = certificate();
  expect(subject).toBe('CN=sns.amazonaws.com');
  expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(2_048);
  expect(validFromDate.getTime()).toBeLessThan(Date.now() - 364 * DAY_MS);
  expect(validToDate.getTime()).toBeGreaterThan(Date.now() + 364 * DAY_MS);
});

it('takes another name, Region and validity, and another key each time', async () => {
  const notBefore = new Date('2020-01-01T00:00:00Z');
  const notAfter = new Date('2020-02-01T00:00:00Z');
  const options = { directory, region: 'eu-west-1', commonName: 'else.example.com', notBefore, notAfter };
  const other = await createSnsSigner(options);
  const { subject, validFromDate, validToDate, publicKey } = certificate(other.certificateName);
  expect({ subject, validFromDate, validToDate }).toEqual({
    subject: 'CN=else.example.com',
    validFromDate: notBefore,
    validToDate: notAfter,
  });
  expect(other.certificateUrl).toContain('https://sns.eu-west-1.amazonaws.com/');
  expect(publicKey.equals(certificate().publicKey)).toBe(false);
});
