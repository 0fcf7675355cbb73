/**
 * What makes an envelope a verified one. Sources: Amazon SNS developer guide, "Verifying the signatures of Amazon SNS
 * messages" and "Manually verifying Amazon SNS message signatures"; the order of the checks and their answers are ours.
 *
 * String to sign: for each signed field, in byte order of the names, its name, a newline, its JSON-decoded value, a
 * newline. Nothing else: no separator, no other ending.
 *   Notification: Message, MessageId, Subject (only where it is present and not null), Timestamp, TopicArn, Type.
 *   SubscriptionConfirmation and UnsubscribeConfirmation: Message, MessageId, SubscribeURL, Timestamp, Token, TopicArn,
 *   Type. (AWS's page on the unsubscribe JSON lists fewer, and its npm validator leaves out Token there; the
 *   verification page and messages that SNS has sent agree on this list.)
 * Signature: base64, RSA with PKCS #1 v1.5 padding, over SHA-1 (SignatureVersion 1) or SHA-256 (2).
 * Everything else in the body (MessageAttributes, UnsubscribeURL, unknown fields) is unsigned and never used.
 *
 * By itself that is ambiguous: a Message that ends in "\nMessageId\nx" could pass for another one with another id.
 * Here no two envelopes share a string, because `parseEnvelope` lets only Message hold a newline (SNS forbids line
 * breaks in a Subject, and no other value has a use for them): read from its end, the string falls into its fields in
 * one way, and what is left is the Message.
 *
 * Checks, cheapest and surest first, and nothing is fetched before the topic is known to be ours:
 *   1. TopicArn is on the list. Anybody can create a topic and get SNS's good signature: this alone says it is ours.
 *   2. Timestamp is within the retention: older ids are forgotten, so a replay could not be told from a new message.
 *   3. Timestamp is at most 15 minutes ahead. Doubtful, not forged: this machine's clock may be wrong, hence 503.
 *   4. SignatureVersion is 1 or 2.
 *   5. SigningCertURL is SNS's own, of the topic's Region (`checkCertificateUrl`).
 *   6. The certificate is there, is SNS's and was valid at Timestamp (`SigningCertificates`); failing here is a 503.
 *   7. The signature holds under its key. A signature that is no base64 is a wrong one.
 * A 403 tells SNS to discard the notification for good, so it stands only for what SNS can't have sent.
 */
import { verify } from 'node:crypto';
import { MINUTE_MS } from '../clock.ts';
import { BridgeError } from '../errors.ts';
import { checkCertificateUrl } from './signing-certificate.ts';
import type { SigningCertificates } from './signing-certificate.ts';
import { envelopeTime } from './sns-envelope.ts';
import type { SnsEnvelope, Verified } from './sns-envelope.ts';

export interface VerifyOptions {
  readonly topicArns: ReadonlySet<string>;
  /** How old a Timestamp may be, milliseconds. */
  readonly retentionMs: number;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly certificates: Pick<SigningCertificates, 'certificateFor'>;
}

const MAX_AHEAD_MS = 15 * MINUTE_MS;

const CONFIRMATION_FIELDS = [
  'Message',
  'MessageId',
  'SubscribeURL',
  'Timestamp',
  'Token',
  'TopicArn',
  'Type',
] as const;

/** In byte order, which is the order of signing. */
const SIGNED_FIELDS = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: CONFIRMATION_FIELDS,
  UnsubscribeConfirmation: CONFIRMATION_FIELDS,
} as const satisfies Record<SnsEnvelope['Type'], readonly string[]>;

type SignedField = (typeof SIGNED_FIELDS)[SnsEnvelope['Type']][number];

const DIGESTS: ReadonlyMap<string, 'sha1' | 'sha256'> = new Map([
  ['1', 'sha1'],
  ['2', 'sha256'],
]);

/**
 * Proves that SNS sent the envelope, for a topic on the list. Rejects with TOPIC_NOT_LISTED, NOTIFICATION_TOO_OLD,
 * TIMESTAMP_AHEAD, SIGNATURE_VERSION_UNKNOWN, CERTIFICATE_URL_REFUSED, a CERTIFICATE_… error or SIGNATURE_WRONG.
 */
export async function verifyEnvelope<Envelope extends SnsEnvelope>(
  envelope: Envelope,
  options: VerifyOptions,
): Promise<Verified<Envelope>> {
  const { topicArns, retentionMs, now, certificates } = options;
  const sentAt = envelopeTime(envelope);
  if (!topicArns.has(envelope.TopicArn)) throw new BridgeError('TOPIC_NOT_LISTED');
  if (sentAt < now - retentionMs) throw new BridgeError('NOTIFICATION_TOO_OLD');
  if (sentAt > now + MAX_AHEAD_MS) throw new BridgeError('TIMESTAMP_AHEAD');
  const digest = DIGESTS.get(envelope.SignatureVersion);
  if (!digest) throw new BridgeError('SIGNATURE_VERSION_UNKNOWN');
  const url = checkCertificateUrl(envelope.SigningCertURL, envelope.TopicArn);
  const certificate = await certificates.certificateFor(url, sentAt);
  const signature = decodeBase64(envelope.Signature);
  if (!signature || !verify(digest, Buffer.from(stringToSign(envelope)), certificate.publicKey, signature)) {
    throw new BridgeError('SIGNATURE_WRONG');
  }
  return envelope as Verified<Envelope>;
}

/** What SNS signs of an envelope, to be encoded as UTF-8; ends with exactly one newline. */
export function stringToSign(envelope: SnsEnvelope): string {
  const values: Readonly<Partial<Record<SignedField, string>>> = envelope;
  return SIGNED_FIELDS[envelope.Type]
    .filter((name) => values[name] !== undefined)
    .map((name) => `${name}\n${values[name]}\n`)
    .join('');
}

/** Node skips what is no base64; then one signature would have many spellings. */
function decodeBase64(text: string): Buffer | undefined {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64') : undefined;
}
