import { describe, expect, it } from 'vitest';
import {
  isChatRefused,
  isLimitOfChats,
  isParticipantStep,
  isPastPause,
  judgeParticipantError,
} from '../../../src/send/participant/participant-errors.ts';
import type { ChatOperation } from '../../../src/send/api-quotas.ts';
import { classifySendError } from '../../../src/send/send-outcome.ts';
import type { SendVerdict } from '../../../src/send/send-outcome.ts';
import { DENIED_BY_IAM, REFUSED, awsError } from './participant-scene.ts';

const STEPS = [
  'StartChatContact',
  'StartContactStreaming',
  'CreateParticipantConnection',
  'SendMessage',
] as const satisfies readonly ChatOperation[];

const PLACE = 'check the route’s instanceId, contactFlowId and Region';
const STREAMING = 'can’t stream this chat';
const NEW_CHAT = 'refuses a chat that was just opened';
const AS_IT_IS = 'Connect refuses it as it is';

type Row = readonly [name: string, status: number, verdict: SendVerdict, code: string, remedy: string];

const ROWS: Readonly<Record<ChatOperation, readonly Row[]>> = {
  StartChatContact: [
    ['AccessDeniedException', 403, 'pause', 'AccessDeniedException', 'allow connect:StartChatContact'],
    ['a page', 403, 'pause', 'HTTP_403', 'allow connect:StartChatContact'],
    ['ResourceNotFoundException', 404, 'pause', 'ResourceNotFoundException', PLACE],
    ['a page', 404, 'pause', 'HTTP_404', PLACE],
    ['InvalidRequestException', 400, 'dead', 'InvalidRequestException', AS_IT_IS],
  ],
  StartContactStreaming: [
    ['AccessDeniedException', 403, 'pause', 'AccessDeniedException', 'allow connect:StartContactStreaming'],
    ['a page', 403, 'pause', 'HTTP_403', 'allow connect:StartContactStreaming'],
    ['InvalidRequestException', 400, 'pause', 'InvalidRequestException', STREAMING],
    ['InvalidParameterException', 400, 'pause', 'HTTP_400', STREAMING],
    ['ResourceNotFoundException', 404, 'pause', 'ResourceNotFoundException', STREAMING],
    ['a page', 404, 'pause', 'HTTP_404', STREAMING],
    ['LimitExceededException', 429, 'throttled', 'LimitExceededException', 'slowed down'],
  ],
  CreateParticipantConnection: [
    ['AccessDeniedException', 403, 'pause', 'AccessDeniedException', NEW_CHAT],
    ['a page', 403, 'pause', 'HTTP_403', NEW_CHAT],
    ['ResourceNotFoundException', 404, 'pause', 'ResourceNotFoundException', NEW_CHAT],
    ['a page', 404, 'pause', 'HTTP_404', NEW_CHAT],
    ['ValidationException', 400, 'pause', 'HTTP_400', NEW_CHAT],
  ],
  SendMessage: [
    ['AccessDeniedException', 403, 'pause', 'AccessDeniedException', NEW_CHAT],
    ['a page', 403, 'pause', 'HTTP_403', NEW_CHAT],
    ['ResourceNotFoundException', 404, 'pause', 'ResourceNotFoundException', NEW_CHAT],
    ['a page', 404, 'pause', 'HTTP_404', NEW_CHAT],
    // The message alone is at fault.
    ['ValidationException', 400, 'dead', 'HTTP_400', AS_IT_IS],
  ],
};

describe.each(STEPS)('an error of %s', (step) => {
  it.each(ROWS[step])('%s (%i) is a %s: %s', (name, status, verdict, code, remedy) => {
    const failure = judgeParticipantError(step, classifySendError(awsError(name, status)));
    expect(failure).toMatchObject({ verdict, code: `${step}.${code}`, isAmbiguous: false });
    expect(failure.remedy).toContain(remedy);
    expect(failure.sentence).toContain('what AWS says');
  });

  it.each<Row>([
    ['ThrottlingException', 429, 'throttled', 'ThrottlingException', 'slowed down'],
    ['InternalServerException', 500, 'retry', 'InternalServerException', 'tried again by itself'],
    ['a page', 502, 'retry', 'HTTP_502', 'tried again by itself'],
    ['UnrecognizedClientException', 403, 'pause', 'UnrecognizedClientException', 'not valid'],
  ])('without a row of its own is what any send’s is: %s (%i)', (name, status, verdict, code, remedy) => {
    const failure = judgeParticipantError(step, classifySendError(awsError(name, status)));
    expect(failure).toMatchObject({ verdict, code: `${step}.${code}`, isAmbiguous: verdict === 'retry' });
    expect(failure.remedy).toContain(remedy);
  });
});

describe('a refusal', () => {
  it.each<{ name: string; error: Error; expected: boolean }>([
    { name: 'the Participant Service’s', error: REFUSED, expected: true },
    { name: 'one without a name', error: awsError('', 403, ''), expected: true },
    { name: 'not IAM’s', error: DENIED_BY_IAM, expected: false },
    {
      name: 'not one with an explicit deny',
      error: awsError('AccessDeniedException', 403, 'Denied with an explicit deny in a VPC endpoint policy'),
      expected: false,
    },
    {
      name: 'not one for want of an identity-based policy',
      error: awsError('', 403, 'because no identity-based policy allows it'),
      expected: false,
    },
    { name: 'not what passes', error: awsError('ThrottlingException', 429), expected: false },
    { name: 'not a fault of the message', error: awsError('ValidationException', 400), expected: false },
    {
      name: 'not a fault of the credentials',
      error: awsError('ExpiredTokenException', 403),
      expected: false,
    },
  ])('is $name: $expected', ({ error, expected }) => {
    const failure = classifySendError(error);
    expect(isChatRefused('SendMessage', failure)).toBe(expected);
    expect(isChatRefused('CreateParticipantConnection', failure)).toBe(expected);
    expect(isChatRefused('StartChatContact', failure)).toBe(false);
  });
});

it.each([
  { name: 'InvalidRequestException', status: 400, expected: true },
  { name: 'InvalidParameterException', status: 400, expected: true },
  { name: 'ResourceNotFoundException', status: 404, expected: true },
  { name: '', status: 404, expected: true },
  { name: 'AccessDeniedException', status: 403, expected: false },
  { name: 'LimitExceededException', status: 429, expected: false },
  { name: 'InternalServiceException', status: 500, expected: false },
])('what could be a contact that has ended: $name ($status) is $expected', ({ name, status, expected }) => {
  expect(isChatRefused('StartContactStreaming', classifySendError(awsError(name, status)))).toBe(expected);
});

it.each([
  { name: 'LimitExceededException', status: 429, expected: true },
  { name: 'ServiceQuotaExceededException', status: 402, expected: true },
  { name: 'ThrottlingException', status: 429, expected: false },
  { name: 'TooManyRequestsException', status: 429, expected: false },
])('too many chats at once: $name is $expected', ({ name, status, expected }) => {
  expect(isLimitOfChats(classifySendError(awsError(name, status)))).toBe(expected);
});

it.each([
  ...STEPS.map((code) => ({ code, expected: true })),
  { code: 'ConnectionRefused', expected: false },
  { code: 'ChatEnded', expected: false },
])('a step forward: $code is $expected', ({ code, expected }) => {
  expect(isParticipantStep(code)).toBe(expected);
});

describe('a step that went well is past the pause', () => {
  it.each<{ step: string; pauseCode: string | undefined; expected: boolean }>([
    ...STEPS.flatMap((step, at) =>
      STEPS.flatMap((paused, pausedAt) => [
        { step, pauseCode: `${paused}.InternalServiceException`, expected: at >= pausedAt },
        // Only a first message says that new chats are not refused any more.
        {
          step,
          pauseCode: `${paused}.AccessDeniedException`,
          expected: at >= pausedAt && pausedAt < STEPS.indexOf('CreateParticipantConnection'),
        },
      ]),
    ),
    // Steps back are none forward.
    { step: 'ConnectionRefused', pauseCode: 'StartChatContact.HTTP_403', expected: false },
    { step: 'ChatEnded', pauseCode: 'StartChatContact.HTTP_403', expected: false },
    // What another method was paused for: only a delivery says that it is mended.
    { step: 'SendMessage', pauseCode: 'AccessDeniedException', expected: false },
    { step: 'SendMessage', pauseCode: undefined, expected: false },
  ])('$step, paused by $pauseCode: $expected', ({ step, pauseCode, expected }) => {
    expect(isPastPause(step, pauseCode)).toBe(expected);
  });
});
