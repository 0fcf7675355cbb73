/**
 * Signs SNS envelopes with a key of its own, made at each start: the bridge trusts it only because its certificate lies
 * in SNS_CERT_DIR. The string to sign is put together from SNS's documentation here, apart from `ingest`, so that one
 * misreading of it can't be on both sides.
 */
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { generate } from 'selfsigned';
import { DAY_MS } from '../clock.ts';

/** An envelope before it is signed; values as SNS gives them, before they are put into JSON. */
export interface UnsignedEnvelope {
  readonly Type: string;
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly Timestamp: string;
  readonly [field: string]: unknown;
}

export interface SignedEnvelope extends UnsignedEnvelope {
  readonly SignatureVersion: string;
  readonly Signature: string;
  readonly SigningCertURL: string;
}

export type SignatureVersion = '1' | '2';

export interface SnsSigner {
  /** The file name in SigningCertURL and in the certificate directory. */
  readonly certificateName: string;
  readonly certificateUrl: string;
  sign(envelope: UnsignedEnvelope, version?: SignatureVersion): SignedEnvelope;
}

export interface SnsSignerOptions {
  /** Where the certificate is written; made if it is not there. */
  readonly directory: string;
  /** The Region whose SNS host stands in SigningCertURL. */
  readonly region?: string;
  readonly commonName?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const DIGESTS = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' } as const satisfies Record<SignatureVersion, string>;

/** What a signature does not cover; everything else of an envelope, it does. */
const UNSIGNED_FIELDS = {
  Notification: ['SignatureVersion', 'Signature', 'SigningCertURL', 'UnsubscribeURL', 'MessageAttributes'],
  confirmation: ['SignatureVersion', 'Signature', 'SigningCertURL'],
} as const;

/** Makes an RSA-2048 key and a certificate, valid from a year ago for two years unless told otherwise. */
export async function createSnsSigner(options: SnsSignerOptions): Promise<SnsSigner> {
  const { directory, region = 'us-east-1', commonName = 'sns.amazonaws.com' } = options;
  const certificateName = `SimpleNotificationService-${crypto.randomBytes(16).toString('hex')}.pem`;
  const { private: privatePem, cert } = await generate([{ name: 'commonName', value: commonName }], {
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: options.notBefore ?? new Date(Date.now() - 365 * DAY_MS),
    notAfterDate: options.notAfter ?? new Date(Date.now() + 365 * DAY_MS),
  });
  await fs.mkdir(directory, { recursive: true });
  await fs.writeFile(path.join(directory, certificateName), cert);
  const privateKey = crypto.createPrivateKey(privatePem);
  const certificateUrl = `https://sns.${region}.amazonaws.com/${certificateName}`;
  return {
    certificateName,
    certificateUrl,
    sign: (envelope, version = '2') => ({
      ...envelope,
      SignatureVersion: version,
      Signature: crypto
        .sign(DIGESTS[version], Buffer.from(signedText(envelope)), privateKey)
        .toString('base64'),
      SigningCertURL: certificateUrl,
    }),
  };
}

/**
 * What SNS signs: each field's name and value on a line of its own, in byte order of the names; a field that is not
 * there, or null, is left out (SNS Developer Guide, "Verifying the signatures of Amazon SNS messages").
 */
export function signedText(envelope: UnsignedEnvelope): string {
  const left: readonly string[] =
    UNSIGNED_FIELDS[envelope.Type === 'Notification' ? 'Notification' : 'confirmation'];
  return Object.keys(envelope)
    .filter((name) => !left.includes(name) && envelope[name] !== null && envelope[name] !== undefined)
    .sort()
    .map((name) => `${name}\n${String(envelope[name])}\n`)
    .join('');
}
