import { PinpointSMSVoiceV2Client, SendTextMessageCommand } from '@aws-sdk/client-pinpoint-sms-voice-v2';
import type { SendTextMessageCommandInput } from '@aws-sdk/client-pinpoint-sms-voice-v2';
import { SendWhatsAppMessageCommand, SocialMessagingClient } from '@aws-sdk/client-socialmessaging';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EUM_FAULTS } from '../../src/sandbox/eum-faults.ts';
import type { EumFault } from '../../src/sandbox/eum-faults.ts';
import { EumStandIn } from '../../src/sandbox/eum-stand-in.ts';

type Fields = Readonly<Record<string, unknown>>;

const CUSTOMER = '+14255550182';
const NUMBER = '+12065550100';
const NUMBER_ARN =
  'arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/0123456789abcdef0123456789abcdef';

let eum: EumStandIn;
let sms: PinpointSMSVoiceV2Client;
let social: SocialMessagingClient;

beforeEach(async () => {
  eum = await EumStandIn.start();
  const settings = {
    region: 'us-east-1',
    endpoint: eum.url,
    credentials: { accessKeyId: 'EXAMPLE', secretAccessKey: 'example' },
    maxAttempts: 1,
  };
  sms = new PinpointSMSVoiceV2Client(settings);
  social = new SocialMessagingClient(settings);
});

afterEach(async () => {
  sms.destroy();
  social.destroy();
  await eum.close();
});

function textMessage(MessageBody: string, over: Partial<SendTextMessageCommandInput> = {}) {
  return new SendTextMessageCommand({
    DestinationPhoneNumber: CUSTOMER,
    OriginationIdentity: NUMBER,
    MessageBody,
    MessageType: 'TRANSACTIONAL',
    ...over,
  });
}

function whatsAppMessage(body: string, over: Fields = {}, request: Fields = {}) {
  const message = {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: CUSTOMER,
    type: 'text',
    text: { preview_url: false, body },
    ...over,
  };
  return new SendWhatsAppMessageCommand({
    originationPhoneNumberId: NUMBER_ARN,
    metaApiVersion: 'v24.0',
    message: Buffer.from(JSON.stringify(message)),
    ...request,
  });
}

describe('what customers get', () => {
  it('is kept in order, by whichever channel it came', async () => {
    const { MessageId } = await sms.send(textMessage('one'));
    const { messageId } = await social.send(whatsAppMessage('two', { biz_opaque_callback_data: 'mark-1' }));
    await sms.send(textMessage('elsewhere', { DestinationPhoneNumber: '+14255550143' }));
    expect(eum.textsTo(CUSTOMER)).toEqual(['one', 'two']);
    expect(eum.texts).toMatchObject([
      { channel: 'sms', from: NUMBER, messageId: MessageId },
      { channel: 'whatsapp', from: NUMBER_ARN, messageId, trackingId: 'mark-1' },
      { channel: 'sms' },
    ]);
    expect(eum.requests.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(eum.ruleProblems).toEqual([]);
  });

  it('goes to a user id too', async () => {
    await social.send(whatsAppMessage('one', { to: undefined, recipient: 'US.13491208655302741918' }));
    expect(eum.textsTo('US.13491208655302741918')).toEqual(['one']);
  });
});

describe('the rules', () => {
  it.each<[name: string, over: Partial<SendTextMessageCommandInput>, problem: RegExp]>([
    ['no text', { MessageBody: undefined }, /MessageBody must be of type|MessageBody is required/],
    ['a blank text', { MessageBody: ' \n' }, /MessageBody is blank/],
    ['a text that is too long', { MessageBody: 'x'.repeat(1_601) }, /1 to 1600 characters/],
    ['no number', { DestinationPhoneNumber: 'US.134' }, /DestinationPhoneNumber/],
    ['no origin', { OriginationIdentity: undefined }, /OriginationIdentity is required/],
    ['another member', { MaxPrice: '1' }, /MaxPrice is not known/],
  ])('refuse a text message with %s', async (_name, over, problem) => {
    await expect(sms.send(textMessage('one', over))).rejects.toMatchObject({
      name: 'ValidationException',
      Reason: 'INVALID_PARAMETER',
    });
    expect(eum.ruleProblems).toEqual([expect.stringMatching(problem)]);
    expect(eum.texts).toEqual([]);
  });

  it.each<[name: string, over: Fields, request: Fields, problem: RegExp]>([
    ['no text', { text: { body: '' } }, {}, /text\.body/],
    ['a text that is too long', { text: { body: 'x'.repeat(4_097) } }, {}, /1 to 4096 characters/],
    ['nobody to go to', { to: undefined }, {}, /one of to and recipient/],
    ['two to go to', { recipient: 'US.134' }, {}, /one of to and recipient/],
    ['another product', { messaging_product: 'x' }, {}, /messaging_product/],
    ['a mark that is too long', { biz_opaque_callback_data: 'x'.repeat(513) }, {}, /1 to 512 characters/],
    ['another number', {}, { originationPhoneNumberId: NUMBER }, /originationPhoneNumberId/],
    ['no version', {}, { metaApiVersion: '24' }, /metaApiVersion/],
    ['a message that is no JSON', {}, { message: Buffer.from('{') }, /messaging_product/],
  ])('refuse a WhatsApp message with %s', async (_name, over, request, problem) => {
    await expect(social.send(whatsAppMessage('one', over, request))).rejects.toMatchObject({
      name: 'InvalidParametersException',
    });
    expect(eum.ruleProblems[0]).toMatch(problem);
    expect(eum.texts).toEqual([]);
  });

  it('count characters, not code units', async () => {
    await sms.send(textMessage('📦'.repeat(1_600)));
    await social.send(whatsAppMessage('📦'.repeat(4_096)));
    expect(eum.texts).toHaveLength(2);
  });

  it('take no request that is not signed for its service, and none of another operation', async () => {
    const body = JSON.stringify(textMessage('one').input);
    const target = { 'x-amz-target': 'PinpointSMSVoiceV2.SendTextMessage' };
    const post = (path: string, headers: Record<string, string>) =>
      fetch(`${eum.url}${path}`, { method: 'POST', body, headers });
    expect((await post('/', target)).status).toBe(403);
    expect((await post('/v1/whatsapp/send', {})).status).toBe(403);
    expect((await post('/', { 'x-amz-target': 'PinpointSMSVoiceV2.SendVoiceMessage' })).status).toBe(404);
    expect(eum.texts).toEqual([]);
  });
});

describe('states', () => {
  it('a customer who has opted out gets no SMS', async () => {
    eum.optedOut.add(CUSTOMER);
    await expect(sms.send(textMessage('one'))).rejects.toMatchObject({
      name: 'ConflictException',
      Reason: 'DESTINATION_PHONE_NUMBER_OPTED_OUT',
    });
    await social.send(whatsAppMessage('one'));
  });

  it('unknown and forbidden numbers of ours', async () => {
    eum.unknownNumbers.add(NUMBER);
    await expect(sms.send(textMessage('one'))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    eum.deniedNumbers.add(NUMBER_ARN);
    await expect(social.send(whatsAppMessage('one'))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });
});

describe('faults', () => {
  it.each([
    { name: 'refused', fault: EUM_FAULTS.spendLimit, taken: 0 },
    { name: 'throttled', fault: EUM_FAULTS.throttled, taken: 0 },
    { name: 'dropped before it was taken', fault: EUM_FAULTS.drop, taken: 0 },
    { name: 'dropped after it was taken', fault: EUM_FAULTS.takenButDrop, taken: 1 },
    { name: '500 though it was taken', fault: EUM_FAULTS.takenButInternal, taken: 1 },
    { name: '503 without JSON', fault: EUM_FAULTS.unavailable, taken: 0 },
  ] satisfies { name: string; fault: EumFault; taken: number }[])('$name', async ({ fault, taken }) => {
    eum.queueFault(fault, 2);
    await expect(sms.send(textMessage('one'))).rejects.toThrow();
    await expect(social.send(whatsAppMessage('one'))).rejects.toThrow();
    expect(eum.texts).toHaveLength(taken * 2);
    expect(eum.unusedFaults).toBe(0);
  });

  it.each([
    { name: 'hangs without taking it', fault: EUM_FAULTS.hang, taken: 0 },
    { name: 'hangs after taking it', fault: EUM_FAULTS.takenButHang, taken: 1 },
  ])('$name', async ({ fault, taken }) => {
    eum.queueFault(fault);
    const abort = new AbortController();
    const sent = sms.send(textMessage('one'), { abortSignal: abort.signal });
    await eum.untilReceived(1);
    abort.abort();
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
    expect(eum.texts).toHaveLength(taken);
  });

  it('a delay takes it in the end', async () => {
    eum.queueFault({ kind: 'delay', ms: 1 });
    await sms.send(textMessage('one'));
    expect(eum.textsTo(CUSTOMER)).toEqual(['one']);
  });

  it('wait for the request that they are for', async () => {
    eum.queueFault(EUM_FAULTS.invalid, 1, { to: '+14255550143' });
    eum.queueFault(EUM_FAULTS.deniedByMeta, 1, { from: NUMBER_ARN });
    await sms.send(textMessage('one'));
    expect(eum.unusedFaults).toBe(2);
    await expect(social.send(whatsAppMessage('one'))).rejects.toMatchObject({
      name: 'AccessDeniedByMetaException',
      $metadata: { httpStatusCode: 403 },
    });
    expect(eum.unusedFaults).toBe(1);
    eum.clearFaults();
    expect(eum.unusedFaults).toBe(0);
  });

  it('are chosen by a function while it is set', async () => {
    eum.faultFor = ({ text }) => (text === 'bad' ? EUM_FAULTS.invalid : undefined);
    await expect(sms.send(textMessage('bad'))).rejects.toThrow();
    await sms.send(textMessage('good'));
    eum.clearFaults();
    await sms.send(textMessage('bad'));
  });
});

describe('waiting', () => {
  it('resolves when the text comes, whether before or after', async () => {
    const later = eum.untilText(({ text }) => text === 'two');
    const heard: string[] = [];
    eum.onText = ({ text }) => heard.push(text);
    await sms.send(textMessage('one'));
    await sms.send(textMessage('two'));
    expect((await later).text).toBe('two');
    expect((await eum.untilText(({ text }) => text === 'one')).channel).toBe('sms');
    await eum.until(2);
    expect(heard).toEqual(['one', 'two']);
  });

  it('ends with what is missing', async () => {
    await expect(eum.until(1, 5)).rejects.toThrow('End User Messaging took 0 of 1 texts');
    await expect(eum.untilReceived(1, 5)).rejects.toThrow('End User Messaging saw 0 of 1 requests');
    await expect(eum.untilText(() => false, 5)).rejects.toThrow('none of 0 texts fits');
  });
});
