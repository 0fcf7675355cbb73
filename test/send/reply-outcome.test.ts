import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Channel } from '../../src/normalize/channel.ts';
import { createReplySender } from '../../src/send/eum-client.ts';
import type { ReplySender } from '../../src/send/eum-client.ts';
import { REPLY_ERRORS, classifyReplyError } from '../../src/send/reply-outcome.ts';
import type { SendErrorRow } from '../../src/send/send-error-table.ts';
import type { SendFailure, SendVerdict } from '../../src/send/send-outcome.ts';
import { AWS_TEST_ENVIRONMENT, startAwsStandIn } from './aws-stand-in.ts';
import type { Answering, AwsStandIn } from './aws-stand-in.ts';

const PLACE = { region: 'us-east-1', roleArn: undefined };

let standIn: AwsStandIn;
let sender: ReplySender;

beforeAll(async () => {
  standIn = await startAwsStandIn(() => 'hang');
  Object.assign(process.env, AWS_TEST_ENVIRONMENT, {
    AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2: standIn.url,
    AWS_ENDPOINT_URL_SOCIALMESSAGING: standIn.url,
  });
  sender = createReplySender();
});

afterAll(async () => {
  await standIn[Symbol.asyncDispose]();
});

async function failureOf(channel: Channel, answer: Answering): Promise<SendFailure> {
  standIn.answer = () => answer;
  standIn.seen.length = 0;
  const sent =
    channel === 'sms'
      ? sender.sendSms({ to: '+14255550182', from: '+12065550100', text: 'Hello' }, PLACE)
      : sender.sendWhatsApp(
          {
            to: '+14255550182',
            phoneNumberArn: 'phone-number-id-0123',
            text: 'Hello',
            trackingId: undefined,
            metaApiVersion: 'v24.0',
          },
          PLACE,
        );
  const error = await sent.then(
    () => new Error('It did not fail.'),
    (error: unknown) => error,
  );
  expect(standIn.seen, 'one attempt alone').toHaveLength(1);
  return classifyReplyError(error, channel);
}

/** AWS JSON 1.0: the name in the body. */
function smsError(status: number, name: string, Reason?: string): Answering {
  return {
    status,
    body: JSON.stringify({ __type: `com.amazonaws.pinpointsmsvoicev2#${name}`, Message: 'x', Reason }),
  };
}

/** restJson1: the name in a header. */
function whatsAppError(status: number, name: string): Answering {
  return { status, headers: { 'x-amzn-errortype': name }, body: '{"message":"x"}' };
}

describe('SMS', () => {
  it.each<[name: string, reason: string | undefined, verdict: SendVerdict, said: RegExp]>([
    ['ConflictException', 'DESTINATION_PHONE_NUMBER_OPTED_OUT', 'dead', /has opted out/],
    ['ConflictException', 'DESTINATION_PHONE_NUMBER_NOT_VERIFIED', 'dead', /verified numbers only/],
    ['ConflictException', 'DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION', 'dead', /country/],
    ['ConflictException', 'DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE', 'dead', /blocked/],
    ['ConflictException', 'RESOURCE_NOT_ACTIVE', 'pause', /active, registered/],
    ['ValidationException', 'INVALID_PARAMETER', 'dead', /can get text messages/],
    ['ValidationException', 'MAXIMUM_SIZE_EXCEEDED', 'dead', /too long/],
    ['ValidationException', 'DESTINATION_COUNTRY_BLOCKED', 'dead', /country/],
    ['ValidationException', 'INVALID_ARN', 'pause', /Our number/],
    ['ServiceQuotaExceededException', 'MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT', 'pause', /spending limit/],
    ['AccessDeniedException', 'INSUFFICIENT_ACCOUNT_REPUTATION', 'pause', /AWS Support/],
  ])('%s of %s: %s', async (name, reason, verdict, said) => {
    const failure = await failureOf('sms', smsError(400, name, reason));
    expect(failure).toMatchObject({ verdict, code: `${name}.${reason}`, isAmbiguous: false });
    expect(verdict === 'dead' ? failure.why : failure.remedy).toMatch(said);
  });

  it.each<
    [status: number, name: string, reason: string | undefined, verdict: SendVerdict, isAmbiguous: boolean]
  >([
    [400, 'ConflictException', 'SOMETHING_NEW', 'dead', false],
    [400, 'ConflictException', undefined, 'dead', false],
    [400, 'ValidationException', 'OTHER', 'dead', false],
    [400, 'ServiceQuotaExceededException', 'SOMETHING_NEW', 'pause', false],
    [400, 'AccessDeniedException', undefined, 'pause', false],
    [400, 'ResourceNotFoundException', undefined, 'pause', false],
    [400, 'ThrottlingException', undefined, 'throttled', false],
    [500, 'InternalServerException', undefined, 'retry', true],
  ])('%i %s of %s', async (status, name, reason, verdict, isAmbiguous) => {
    const failure = await failureOf('sms', smsError(status, name, reason));
    expect(failure).toMatchObject({ verdict, code: name, isAmbiguous });
  });
});

describe('WhatsApp', () => {
  it.each<[status: number, name: string, verdict: SendVerdict, isAmbiguous: boolean]>([
    [400, 'ValidationException', 'dead', false],
    [400, 'InvalidParametersException', 'dead', false],
    [403, 'AccessDeniedException', 'pause', false],
    [403, 'AccessDeniedByMetaException', 'pause', false],
    [404, 'ResourceNotFoundException', 'pause', false],
    [402, 'LimitExceededException', 'throttled', false],
    [429, 'ThrottledRequestException', 'throttled', false],
    [500, 'InternalServiceException', 'retry', true],
    [502, 'DependencyException', 'retry', true],
  ])('%i %s: %s', async (status, name, verdict, isAmbiguous) => {
    const failure = await failureOf('whatsapp', whatsAppError(status, name));
    expect(failure).toMatchObject({ verdict, code: name, isAmbiguous });
  });
});

describe.each(['sms', 'whatsapp'] as const)('both: %s', (channel) => {
  it.each<[name: string, answer: Answering, verdict: SendVerdict, code: string, isAmbiguous: boolean]>([
    ['a new 400', whatsAppError(400, 'SomethingNew'), 'dead', 'HTTP_400', false],
    ['a new 404', whatsAppError(404, 'SomethingNew'), 'pause', 'HTTP_404', false],
    [
      'expired credentials',
      whatsAppError(403, 'ExpiredTokenException'),
      'pause',
      'ExpiredTokenException',
      false,
    ],
    ['a 503 without a body', { status: 503 }, 'retry', 'HTTP_503', true],
    ['a connection that breaks', 'reset', 'retry', 'ECONNRESET', true],
    ['an answer cut off', 'cutOff', 'retry', 'HTTP_200', true],
  ])('%s', async (_name, answer, verdict, code, isAmbiguous) => {
    expect(await failureOf(channel, answer)).toMatchObject({ verdict, code, isAmbiguous });
  });

  const rows: readonly [string, SendErrorRow][] = Object.values(REPLY_ERRORS[channel]).flatMap((table) =>
    Object.entries(table),
  );

  it('tells the agent of every reply that is dead, and of no other', () => {
    expect(rows.filter(([, { verdict }]) => verdict === 'dead').length).toBeGreaterThan(2);
    for (const [code, { verdict, why }] of rows) {
      expect({ code, isTold: why !== undefined }).toEqual({ code, isTold: verdict === 'dead' });
    }
  });

  it('speaks of no other service, and only a retry is ever ambiguous', () => {
    for (const [, { remedy, why = '', verdict, isAmbiguous }] of rows) {
      expect(remedy + why).not.toMatch(/Connect|CONNECT/);
      if (isAmbiguous) expect(verdict).toBe('retry');
    }
  });

  it('names no reason that is a key of every object', async () => {
    const failure = classifyReplyError(
      Object.assign(new Error('x'), {
        name: 'ConflictException',
        Reason: {},
        $metadata: { httpStatusCode: 400 },
      }),
      'sms',
    );
    expect(failure.code).toBe('ConflictException');
  });
});
