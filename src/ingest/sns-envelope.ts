import { BridgeError } from '../errors.ts';

/** Fields that every SNS envelope has. All values are the JSON-decoded strings, as the signature covers them. */
interface EnvelopeFields {
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly Timestamp: string;
  readonly SignatureVersion: string;
  readonly Signature: string;
  readonly SigningCertURL: string;
}

export interface NotificationEnvelope extends EnvelopeFields {
  readonly Type: 'Notification';
  /** Absent where the publisher gave none (SNS leaves it out or writes null); then it is no part of what is signed. */
  readonly Subject?: string;
  /** Connect's attribute MessageVisibility. Attributes are not signed: only what comes over HTTPS vouches for them. */
  readonly visibility?: string;
}

export interface ConfirmationEnvelope extends EnvelopeFields {
  readonly Type: 'SubscriptionConfirmation' | 'UnsubscribeConfirmation';
  readonly Token: string;
  readonly SubscribeURL: string;
}

export type SnsEnvelope = NotificationEnvelope | ConfirmationEnvelope;

declare const verified: unique symbol;

/** An envelope whose signature held: only `verifyEnvelope` makes one, and the later stages take nothing else. */
export type Verified<Envelope extends SnsEnvelope> = Envelope & { readonly [verified]: true };

export type VerifiedNotification = Verified<NotificationEnvelope>;
export type VerifiedConfirmation = Verified<ConfirmationEnvelope>;

/**
 * What each field may hold; undefined: any text, since the body's own limit bounds it. Wider than what SNS writes
 * today, but bounded, without control characters where the value may end in a log line, and without a newline anywhere
 * but in Message: that is what makes the string to sign unambiguous (`stringToSign`). A signature that is no base64
 * passes here, because its verdict is `verifyEnvelope`'s.
 */
const FIELD_RULES = {
  MessageId: /^[\x21-\x7e]{1,100}$/,
  TopicArn: /^[\x21-\x7e]{1,300}$/,
  Message: undefined,
  Subject: /^[^\n]{0,1024}$/,
  Timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/,
  SignatureVersion: /^[\x21-\x7e]{1,16}$/,
  Signature: /^[^\n]{0,4096}$/,
  SigningCertURL: /^[^\n]{1,1024}$/,
  Token: /^[\x21-\x7e]{1,4096}$/,
  SubscribeURL: /^[\x21-\x7e]{1,4096}$/,
} as const satisfies Record<string, RegExp | undefined>;

type FieldName = keyof typeof FIELD_RULES;

/**
 * The body of an SNS POST as an envelope that holds the known fields and nothing else. Source: Amazon SNS developer
 * guide, "HTTP/HTTPS notification JSON format" and its siblings. Unknown fields are dropped: they are not signed.
 * Throws ENVELOPE_INVALID, whose detail names the field but never quotes it.
 */
export function parseEnvelope(body: Buffer): SnsEnvelope {
  const fields = parseObject(body);
  const common = {
    MessageId: readField(fields, 'MessageId'),
    TopicArn: readField(fields, 'TopicArn'),
    Message: readField(fields, 'Message'),
    Timestamp: readTimestamp(fields),
    SignatureVersion: readField(fields, 'SignatureVersion'),
    Signature: readField(fields, 'Signature'),
    SigningCertURL: readField(fields, 'SigningCertURL'),
  };
  const type = fields['Type'];
  switch (type) {
    case 'Notification':
      return { Type: type, ...common, ...readSubject(fields), ...withVisibility(fields) };
    case 'SubscriptionConfirmation':
    case 'UnsubscribeConfirmation':
      return {
        Type: type,
        ...common,
        Token: readField(fields, 'Token'),
        SubscribeURL: readField(fields, 'SubscribeURL'),
      };
    default:
      throw invalid('Type is none that SNS sends');
  }
}

/** When SNS took the message in (`Timestamp`), epoch milliseconds. */
export function envelopeTime(envelope: SnsEnvelope): number {
  return Date.parse(envelope.Timestamp);
}

/**
 * One JSON.parse is the only reading of the body: of duplicate keys it keeps the last, and the very values that are
 * verified are those used later. It holds no stack of its own depth, so nesting can't overflow it.
 */
function parseObject(body: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // No cause: the parser's message quotes the text around the fault, which may be a customer's.
    throw invalid('It is no JSON in UTF-8');
  }
  if (!isObject(value)) throw invalid('It is no JSON object');
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readField(fields: Readonly<Record<string, unknown>>, name: FieldName): string {
  const value = fields[name];
  if (typeof value !== 'string') throw invalid(`${name} is missing or no text`);
  const rule = FIELD_RULES[name];
  if (rule && !rule.test(value)) throw invalid(`${name} is not as SNS writes it`);
  // A lone surrogate has no UTF-8 and would be signed as U+FFFD: make the value what its signed bytes say.
  return value.toWellFormed();
}

function readSubject(fields: Readonly<Record<string, unknown>>): { readonly Subject?: string } {
  const isGiven = fields['Subject'] !== undefined && fields['Subject'] !== null;
  return isGiven ? { Subject: readField(fields, 'Subject') } : {};
}

function withVisibility(fields: Readonly<Record<string, unknown>>): { readonly visibility?: string } {
  const visibility = readVisibility(fields);
  return visibility === undefined ? {} : { visibility };
}

export const MESSAGE_VISIBILITY = 'MessageVisibility';

/** Of an SNS notification's fields. What is no single word counts as absent: nobody signs it. Never throws. */
export function readVisibility({ MessageAttributes }: Readonly<Record<string, unknown>>): string | undefined {
  const attribute = isObject(MessageAttributes) ? MessageAttributes[MESSAGE_VISIBILITY] : undefined;
  const value = isObject(attribute) ? attribute['Value'] : undefined;
  return typeof value === 'string' ? /^\s*(\w{1,40})\s*$/.exec(value)?.[1] : undefined;
}

function readTimestamp(fields: Readonly<Record<string, unknown>>): string {
  const text = readField(fields, 'Timestamp');
  if (Number.isNaN(Date.parse(text))) throw invalid('Timestamp is no instant');
  return text;
}

function invalid(problem: string): BridgeError {
  return new BridgeError('ENVELOPE_INVALID', { detail: `${problem}.` });
}
