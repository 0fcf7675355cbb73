import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { generate } from 'selfsigned';
import { createSnsSigner } from '../../src/sandbox/sns-signer.ts';
import type {
  SignatureVersion,
  SignedEnvelope,
  SnsSigner,
  SnsSignerOptions,
} from '../../src/sandbox/sns-signer.ts';

export const TEST_TOPIC_ARN = 'arn:aws:sns:us-east-1:111122223333:inbound-messages';

/** Wide enough for the samples' fixed Timestamps and for the real clock. */
const VALIDITY = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2050-01-01T00:00:00Z') };

/** Fields that differ from the sample's; undefined leaves a field out. */
export type EnvelopeChanges = Readonly<Record<string, unknown>>;

export interface TestSigner extends SnsSigner {
  /** A folder of its own with the certificate in it: an SNS_CERT_DIR. */
  readonly directory: string;
  readonly certificatePem: string;
  notification(changes?: EnvelopeChanges, version?: SignatureVersion): SignedEnvelope;
  confirmation(changes?: EnvelopeChanges, version?: SignatureVersion): SignedEnvelope;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The sandbox's signer, with sample envelopes of TEST_TOPIC_ARN to sign; its certificate is valid from 2020 to 2050
 * unless told otherwise. Dispose of it to remove its folder.
 */
export async function createTestSigner(
  options: Omit<SnsSignerOptions, 'directory'> = {},
): Promise<TestSigner> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'bridge-signer-'));
  const signer = await createSnsSigner({ ...VALIDITY, ...options, directory });
  return {
    ...signer,
    directory,
    certificatePem: await fs.readFile(path.join(directory, signer.certificateName), 'utf8'),
    notification: (changes, version) => signer.sign({ ...sampleNotification(), ...changes }, version),
    confirmation: (changes, version) => signer.sign({ ...sampleConfirmation(), ...changes }, version),
    [Symbol.asyncDispose]: () => fs.rm(directory, { recursive: true, force: true }),
  };
}

export interface CertificateOptions {
  readonly commonNames: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly keyType?: 'rsa' | 'ec';
}

/** A self-signed certificate and its key in PEM, valid from 2020 to 2050 unless told otherwise; without names, its subject is empty. */
export async function makeCertificate(
  options: CertificateOptions,
): Promise<{ certificate: string; key: string }> {
  const { commonNames, keyType = 'rsa' } = options;
  const organization = commonNames.length > 0 ? [{ name: 'organizationName', value: 'Example' }] : [];
  const attributes = [...organization, ...commonNames.map((value) => ({ name: 'commonName', value }))];
  const made = await generate(attributes, {
    keyType,
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: options.notBefore ?? VALIDITY.notBefore,
    notAfterDate: options.notAfter ?? VALIDITY.notAfter,
  });
  return { certificate: made.cert, key: made.private };
}

function sampleNotification() {
  return {
    Type: 'Notification',
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    TopicArn: TEST_TOPIC_ARN,
    Message: '{"messageBody":"Good morning","originationNumber":"+14255550182"}',
    Timestamp: '2026-03-01T12:00:00.000Z',
    UnsubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe',
  };
}

function sampleConfirmation() {
  return {
    Type: 'SubscriptionConfirmation',
    MessageId: '165545c9-2a5c-472c-8df2-7ff2be2b3b1b',
    TopicArn: TEST_TOPIC_ARN,
    Message: 'You have chosen to subscribe to the topic.\nTo confirm it, visit the SubscribeURL.',
    Timestamp: '2026-03-01T12:00:00.000Z',
    Token: '2336412f37fb687f5d51e6e241d09c80',
    SubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription',
  };
}
