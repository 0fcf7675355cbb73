import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deliveryChecks } from '../../../src/admin/doctor/delivery.ts';
import {
  CONTACT,
  DENIED,
  FLOW,
  INSTANCE,
  REPLY_TOPIC,
  Refusal,
  SMS_ARN,
  startAwsAccount,
} from '../../support/aws-account.ts';
import type { Answer, AwsAccount } from '../../support/aws-account.ts';
import { EVENT_ROUTES, PARTICIPANT_ROUTES, diagnose } from './doctor-scene.ts';

const NOT_IMPORTED: Answer = { ListPhoneNumbersSummaryList: [] };
const MISSING = new Refusal(404, 'ResourceNotFoundException', 'not found');
const BY_IAM = new Refusal(
  403,
  'AccessDeniedException',
  'User: arn:aws:sts::1:assumed-role/bridge/i is not authorized to perform: connect:SendChatIntegrationEvent because no identity-based policy allows the connect:SendChatIntegrationEvent action',
);

let account: AwsAccount;
beforeEach(async () => {
  account = await startAwsAccount();
});
afterEach(() => account[Symbol.asyncDispose]());

const operations = (): readonly string[] => account.seen.map(({ operation }) => operation);

describe('by integration-event', () => {
  const routes = [EVENT_ROUTES[0]];
  const id = `delivery/${SMS_ARN}`;

  it('without --probe: says what would be tried, and calls nothing', async () => {
    const finding = (await diagnose(deliveryChecks, account, { routes }))[id];
    expect(finding).toMatchObject({ verdict: 'unknown', what: 'not tried' });
    expect(finding?.mend).toContain(`DISCONNECT event to ${SMS_ARN}`);
    expect(account.seen).toEqual([]);
  });

  it('sends nothing that could reach an agent', async () => {
    await diagnose(deliveryChecks, account, { routes, probe: true });
    expect(account.seen.map(({ input }) => input)).toEqual([
      {
        SourceId: '+12025550142',
        DestinationId: SMS_ARN,
        Subtype: 'connect:SMS',
        Event: { Type: 'DISCONNECT' },
      },
    ]);
  });

  it.each<[string, Record<string, Answer>, string, string]>([
    ['taken', {}, 'ok', 'Connect took'],
    [
      'taken, with a new chat',
      { event: { NewChatCreated: true, InitialContactId: CONTACT } },
      'warning',
      CONTACT,
    ],
    ['denied, and IAM says by what', { event: BY_IAM }, 'wrong', 'IAM missing'],
    [
      'denied, and the role lacks it',
      { event: DENIED, simulate: { EvalDecision: 'implicitDeny' } },
      'wrong',
      'IAM missing',
    ],
    ['denied, though the role allows it', { event: DENIED }, 'wrong', 'restricted API: the role allows it'],
    [
      'denied, and the role can’t be asked',
      { event: DENIED, simulate: DENIED },
      'wrong',
      "can't be told apart",
    ],
    [
      'not found, and not imported',
      { event: MISSING, numbers: NOT_IMPORTED },
      'wrong',
      'number not imported',
    ],
    ['not found, though imported', { event: MISSING }, 'unknown', 'the number is imported'],
    [
      'not found, and the import can’t be asked',
      { event: MISSING, numbers: DENIED },
      'unknown',
      'number not imported, or',
    ],
    [
      'refused as invalid',
      { event: new Refusal(400, 'InvalidRequestException', 'bad') },
      'unknown',
      'Connect read the event',
    ],
    ['throttled', { event: new Refusal(429, 'ThrottlingException', 'slow down') }, 'unknown', 'slow down'],
    ['a failure', { event: new Refusal(500, 'InternalServiceException', 'oops') }, 'unknown', 'oops'],
    [
      'expired credentials',
      { event: new Refusal(403, 'ExpiredTokenException', 'old') },
      'unknown',
      'no valid credentials',
    ],
  ])('%s', async (_name, answers, verdict, words) => {
    const named = {
      event: 'connect:SendChatIntegrationEvent',
      simulate: 'iam:SimulatePrincipalPolicy',
      numbers: 'connect:ListPhoneNumbersV2',
    } as const;
    for (const [name, answer] of Object.entries(answers))
      account.answers[named[name as keyof typeof named]] = answer;
    const finding = (await diagnose(deliveryChecks, account, { routes, probe: true }))[id];
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it.each(['restricted', 'as invalid'])('what could not be verified is said: %s', async (name) => {
    account.answers['connect:SendChatIntegrationEvent'] =
      name === 'restricted' ? DENIED : new Refusal(400, 'InvalidRequestException');
    const finding = (await diagnose(deliveryChecks, account, { routes, probe: true }))[id];
    expect(finding?.mend).toContain('could not be verified');
  });
});

describe('by participant', () => {
  const id = `delivery/instance/${INSTANCE}/contact-flow/${FLOW}`;
  const probe = async (more = {}) =>
    (
      await diagnose(deliveryChecks, account, {
        routes: PARTICIPANT_ROUTES.map((route) => Object.assign({}, route, more)),
        probe: true,
      })
    )[id];

  it('without --probe: says what would be tried, and calls nothing', async () => {
    const finding = (await diagnose(deliveryChecks, account, { routes: PARTICIPANT_ROUTES }))[id];
    expect(finding).toMatchObject({ verdict: 'unknown', what: 'not tried' });
    expect(account.seen).toEqual([]);
  });

  it('ok: opens one chat without a word in it, and ends it again', async () => {
    expect(await probe()).toEqual({
      verdict: 'ok',
      what: 'a chat could be opened, streamed and connected to',
    });
    expect(operations()).toEqual([
      'connect:StartChatContact',
      'connect:StartContactStreaming',
      'participant:CreateParticipantConnection',
      'participant:DisconnectParticipant',
    ]);
    const [start, stream, connection] = account.seen.map(({ input }) => input);
    expect(start).not.toHaveProperty('InitialMessage');
    expect(start).not.toHaveProperty('ChatDurationInMinutes');
    expect(stream).toMatchObject({
      ContactId: CONTACT,
      ChatStreamingConfiguration: { StreamingEndpointArn: REPLY_TOPIC },
    });
    // With it the flow would start.
    expect(connection).not.toHaveProperty('ConnectParticipant');
  });

  it.each<[string, string, Answer, string, string, readonly string[]]>([
    [
      'opening denied',
      'connect:StartChatContact',
      DENIED,
      'wrong',
      'IAM missing (connect:StartChatContact)',
      [],
    ],
    ['nowhere to open it', 'connect:StartChatContact', MISSING, 'wrong', 'connect:StartChatContact', []],
    [
      'too many chats',
      'connect:StartChatContact',
      new Refusal(429, 'LimitExceededException', 'quota'),
      'warning',
      'quota',
      [],
    ],
    [
      'a failure',
      'connect:StartChatContact',
      new Refusal(500, 'InternalServiceException'),
      'unknown',
      'no answer',
      [],
    ],
    [
      'streaming denied',
      'connect:StartContactStreaming',
      DENIED,
      'wrong',
      'IAM missing (connect:StartContactStreaming)',
      ['connect:StopContact'],
    ],
    [
      'streaming refused',
      'connect:StartContactStreaming',
      new Refusal(400, 'InvalidRequestException', 'topic'),
      'wrong',
      'topic',
      ['connect:StopContact'],
    ],
    [
      'connecting denied',
      'participant:CreateParticipantConnection',
      DENIED,
      'wrong',
      'IAM missing (CreateParticipantConnection)',
      ['connect:StopContact'],
    ],
    [
      'leaving denied',
      'participant:DisconnectParticipant',
      DENIED,
      'ok',
      'could be opened',
      ['participant:DisconnectParticipant', 'connect:StopContact'],
    ],
  ])('%s', async (_name, operation, answer, verdict, words, endedBy) => {
    account.answers[operation] = answer;
    const finding = await probe();
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
    expect(operations().filter((name) => /Stop|Disconnect/.test(name))).toEqual(endedBy);
  });

  it('a chat that can’t be ended is named', async () => {
    Object.assign(account.answers, {
      'participant:DisconnectParticipant': DENIED,
      'connect:StopContact': DENIED,
    });
    const finding = await probe();
    expect(finding).toMatchObject({ verdict: 'warning' });
    expect(finding?.what).toContain(`contact ${CONTACT} could not be ended`);
    expect(finding?.mend).toContain('connect:StopContact');
  });

  it('the route’s duration is tried, too', async () => {
    account.answers['connect:StartChatContact'] = new Refusal(400, 'InvalidRequestException', 'duration');
    const finding = await probe({ chatDurationMinutes: 600 });
    expect(account.seen[0]?.input['ChatDurationInMinutes']).toBe(600);
    expect(finding).toMatchObject({ verdict: 'wrong' });
    expect(finding?.mend).toContain('chatDurationMinutes');
  });
});
