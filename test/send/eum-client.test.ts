import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHANNELS } from '../../src/normalize/channel.ts';
import type { Channel } from '../../src/normalize/channel.ts';
import type { Place } from '../../src/send/aws-clients.ts';
import { createReplySender } from '../../src/send/eum-client.ts';
import type { ReplySender, SmsReply, WhatsAppReply } from '../../src/send/eum-client.ts';
import { classifyReplyError } from '../../src/send/reply-outcome.ts';
import { AWS_TEST_ENVIRONMENT, startAwsStandIn } from './aws-stand-in.ts';
import type { AwsStandIn } from './aws-stand-in.ts';

const SMS: SmsReply = { to: '+14255550182', from: '+12065550100', text: 'On its way 📦' };
const WHATSAPP: WhatsAppReply = {
  to: '+5215512345678',
  phoneNumberArn:
    'arn:aws:social-messaging:us-west-2:111122223333:phone-number-id/0123456789abcdef0123456789abcdef',
  text: 'On its way 📦',
  trackingId: 'sms-connect-bridge/1/contact-1/reply-1',
  metaApiVersion: 'v24.0',
};
const PLACE = { region: 'eu-west-2', roleArn: undefined };
const ROLE_ARN = 'arn:aws:iam::444455556666:role/reply-writer';
const SENT = {
  status: 200,
  headers: { 'x-amzn-requestid': 'request-1' },
  body: '{"MessageId":"message-1","messageId":"message-1"}',
};

const ASSUMED = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
  <Credentials><AccessKeyId>AKIDASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
  <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;

let standIn: AwsStandIn;
let sender: ReplySender;

beforeEach(async () => {
  standIn = await startAwsStandIn(() => SENT);
  Object.assign(process.env, AWS_TEST_ENVIRONMENT, {
    AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2: standIn.url,
    AWS_ENDPOINT_URL_SOCIALMESSAGING: standIn.url,
    AWS_ENDPOINT_URL_STS: standIn.url,
  });
  sender = createReplySender();
});

afterEach(async () => {
  await standIn[Symbol.asyncDispose]();
});

describe('sendSms', () => {
  it('sends a transactional text from our number, signed for the Region', async () => {
    expect(await sender.sendSms(SMS, PLACE)).toEqual({ messageId: 'message-1', requestId: 'request-1' });
    const [seen] = standIn.seen;
    expect(seen?.path).toBe('/');
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      DestinationPhoneNumber: '+14255550182',
      OriginationIdentity: '+12065550100',
      MessageBody: 'On its way 📦',
      MessageType: 'TRANSACTIONAL',
    });
    expect(seen?.authorization).toMatch(/Credential=AKIDEXAMPLE\/\d{8}\/eu-west-2\/sms-voice\//);
  });
});

/** Meta's message object, as it went out. */
function sentMessage(): unknown {
  const { message } = JSON.parse(standIn.seen[0]?.body ?? '') as { message: string };
  return JSON.parse(Buffer.from(message, 'base64').toString());
}

describe('sendWhatsApp', () => {
  it('sends Meta’s message as bytes, to the id that WhatsApp gave', async () => {
    expect(await sender.sendWhatsApp(WHATSAPP, PLACE)).toEqual({
      messageId: 'message-1',
      requestId: 'request-1',
    });
    const [seen] = standIn.seen;
    expect(seen?.path).toBe('/v1/whatsapp/send');
    expect(JSON.parse(seen?.body ?? '')).toMatchObject({
      originationPhoneNumberId: WHATSAPP.phoneNumberArn,
      metaApiVersion: 'v24.0',
    });
    expect(sentMessage()).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '+5215512345678',
      type: 'text',
      text: { preview_url: false, body: 'On its way 📦' },
      biz_opaque_callback_data: 'sms-connect-bridge/1/contact-1/reply-1',
    });
    expect(seen?.authorization).toMatch(/\/eu-west-2\/social-messaging\//);
  });

  it('sends to a user id, and without a mark where there is none', async () => {
    const { to: _number, ...others } = WHATSAPP;
    await sender.sendWhatsApp({ ...others, userId: 'US.13491208655302741918', trackingId: undefined }, PLACE);
    expect(sentMessage()).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      recipient: 'US.13491208655302741918',
      type: 'text',
      text: { preview_url: false, body: 'On its way 📦' },
    });
  });
});

const SENDS = {
  sms: (place: Place, timeoutMs?: number) => sender.sendSms(SMS, place, timeoutMs),
  whatsapp: (place: Place, timeoutMs?: number) => sender.sendWhatsApp(WHATSAPP, place, timeoutMs),
} as const satisfies Record<Channel, unknown>;

describe.each(CHANNELS)('both: %s', (channel) => {
  const send = (place: Place = PLACE, timeoutMs?: number) => SENDS[channel](place, timeoutMs);
  const failureOf = async (sent: Promise<unknown>) =>
    sent.then(
      () => undefined,
      (error: unknown) => classifyReplyError(error, channel),
    );

  it.each([
    ['empty', '{}'],
    ['null', '{"MessageId":null,"messageId":null}'],
    ['no ids', '{"MessageId":"+1 425 555 0182","messageId":"+1 425 555 0182"}'],
  ])('an answer whose members are %s', async (_name, body) => {
    standIn.answer = () => ({ status: 200, body });
    expect(await send()).toEqual({});
  });

  it('assumes a route’s role once', async () => {
    standIn.answer = ({ body }) => (body.includes('AssumeRole') ? { status: 200, body: ASSUMED } : SENT);
    const place = { region: 'us-west-2', roleArn: ROLE_ARN };
    await send(place);
    await send(place);
    const [assume, ...sends] = standIn.seen;
    expect(new URLSearchParams(assume?.body).get('RoleArn')).toBe(ROLE_ARN);
    expect(sends.map(({ authorization }) => /Credential=(\w+)/.exec(authorization)?.[1])).toEqual([
      'AKIDASSUMED',
      'AKIDASSUMED',
    ]);
  });

  it('missing credentials pause, and surely sent nothing', async () => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    const failure = await failureOf(send());
    expect(failure).toMatchObject({ verdict: 'pause', code: 'CredentialsUnavailable', isAmbiguous: false });
    expect(standIn.seen).toEqual([]);
  });

  it('is tried once alone, and never waits without end', async () => {
    standIn.answer = () => ({ status: 500, body: '{}' });
    expect(await failureOf(send())).toMatchObject({ verdict: 'retry', isAmbiguous: true });
    expect(standIn.seen).toHaveLength(1);
    standIn.answer = () => 'hang';
    expect(await failureOf(send(PLACE, 100))).toMatchObject({ verdict: 'retry', isAmbiguous: true });
  });
});
