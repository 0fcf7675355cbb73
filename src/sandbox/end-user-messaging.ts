/**
 * SNS Messages as AWS End User Messaging publishes them: the two-way SMS payload with its six fields (End User
 * Messaging SMS User Guide, "Two-way SMS messaging payload"), and End User Messaging Social's envelope, in which Meta's
 * entry is a JSON string (End User Messaging Social User Guide, "Message and event destinations").
 */
import crypto from 'node:crypto';

export const SANDBOX_ACCOUNT = '111122223333';
export const SANDBOX_REGION = 'us-east-1';

/** Meta's ids of the WhatsApp account and number, and AWS's ids of the same. */
const WABA = { metaId: '102030405060708', awsId: 'waba/0123456789abcdef0123456789abcdef' };
const WHATSAPP_NUMBER = {
  metaId: '203040506070809',
  awsId: 'phone-number-id/fedcba9876543210fedcba9876543210',
};

export const SMS_NUMBER = '+12065550100';
export const SMS_NUMBER_ARN = `arn:aws:sms-voice:${SANDBOX_REGION}:${SANDBOX_ACCOUNT}:phone-number/phone-0123456789abcdef0123456789abcdef`;
export const WHATSAPP_DISPLAY_NUMBER = '12065550199';
export const WHATSAPP_NUMBER_ARN = `arn:aws:social-messaging:${SANDBOX_REGION}:${SANDBOX_ACCOUNT}:${WHATSAPP_NUMBER.awsId}`;

export interface SmsSample {
  readonly from: string;
  readonly to?: string;
  readonly text?: string | undefined;
  readonly inboundMessageId?: string;
}

/** A text of `undefined` leaves messageBody out. */
export function smsPayload(sample: SmsSample): Record<string, string> {
  return {
    originationNumber: sample.from,
    destinationNumber: sample.to ?? SMS_NUMBER,
    messageKeyword: `KEYWORD_${SANDBOX_ACCOUNT}`,
    ...(sample.text === undefined ? {} : { messageBody: sample.text }),
    inboundMessageId: sample.inboundMessageId ?? crypto.randomUUID(),
    previousPublishedMessageId: crypto.randomBytes(15).toString('hex'),
  };
}

export interface WhatsAppSample {
  /** Digits, with or without `+`. */
  readonly from: string;
  /** The display number that the customer wrote to. */
  readonly to?: string;
  readonly text: string;
  readonly profileName?: string;
  /** `wamid.…` */
  readonly id?: string;
  readonly sentAt?: Date;
  /** What it holds instead of the text: Meta's `type`, and the member of that name. */
  readonly content?: Readonly<Record<string, unknown>>;
}

export function whatsAppPayload(samples: readonly WhatsAppSample[]): Record<string, unknown> {
  const messages = samples.map(whatsAppMessage);
  return socialPayload(samples.map((sample, index) => messagesChange(sample, messages[index])));
}

/** End User Messaging Social's envelope around Meta's `changes`. */
export function socialPayload(changes: readonly unknown[]): Record<string, unknown> {
  const arn = (resource: string): string =>
    `arn:aws:social-messaging:${SANDBOX_REGION}:${SANDBOX_ACCOUNT}:${resource}`;
  return {
    context: {
      MetaWabaIds: [{ wabaId: WABA.metaId, arn: arn(WABA.awsId) }],
      MetaPhoneNumberIds: [{ metaPhoneNumberId: WHATSAPP_NUMBER.metaId, arn: WHATSAPP_NUMBER_ARN }],
    },
    whatsAppWebhookEntry: JSON.stringify({ id: WABA.metaId, changes }),
    aws_account_id: SANDBOX_ACCOUNT,
    message_timestamp: new Date().toISOString().replace('Z', '000000Z'),
    messageId: crypto.randomUUID(),
  };
}

export function whatsAppMessage(sample: WhatsAppSample): Record<string, unknown> {
  return {
    from: digits(sample.from),
    id: sample.id ?? makeWamid(sample.from),
    timestamp: String(Math.floor((sample.sentAt?.getTime() ?? Date.now()) / 1_000)),
    ...(sample.content ?? { text: { body: sample.text }, type: 'text' }),
  };
}

/** A wamid as Meta builds them: the customer's number stands in it, in base64. */
export function makeWamid(customerNumber: string): string {
  const number = Buffer.from(digits(customerNumber), 'latin1');
  const serial = Buffer.from(crypto.randomBytes(10).toString('hex').toUpperCase(), 'latin1');
  const bytes = [Buffer.from([0x1c, 0x18, number.length]), number, WAMID_MIDDLE, serial, Buffer.from([0])];
  return `wamid.${Buffer.concat(bytes).toString('base64')}`;
}

const WAMID_MIDDLE = Buffer.from([0x15, 0x02, 0x00, 0x12, 0x18, 0x14]);

function messagesChange(sample: WhatsAppSample, message: unknown): unknown {
  return {
    value: {
      messaging_product: 'whatsapp',
      metadata: {
        display_phone_number: digits(sample.to ?? WHATSAPP_DISPLAY_NUMBER),
        phone_number_id: WHATSAPP_NUMBER.metaId,
      },
      contacts: [{ profile: { name: sample.profileName ?? 'Ana Example' }, wa_id: digits(sample.from) }],
      messages: [message],
    },
    field: 'messages',
  };
}

function digits(number: string): string {
  return number.replace(/^\+/, '');
}
