import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { routeChecks } from '../../../src/admin/doctor/routes.ts';
import {
  ACCOUNT_ID,
  DENIED,
  FLOW,
  INSTANCE,
  REPLY_TOPIC,
  Refusal,
  SMS_ARN,
  SMS_NUMBER,
  WHATSAPP_NUMBER,
  startAwsAccount,
} from '../../support/aws-account.ts';
import type { Answer, AwsAccount } from '../../support/aws-account.ts';
import { PARTICIPANT_ROUTES, diagnose } from './doctor-scene.ts';
import type { Scene } from './doctor-scene.ts';

const MISSING = new Refusal(404, 'ResourceNotFoundException', 'not there');

let account: AwsAccount;
beforeEach(async () => {
  account = await startAwsAccount();
});
afterEach(() => account[Symbol.asyncDispose]());

const look = async (id: string, scene: Scene = {}) => (await diagnose(routeChecks, account, scene))[id];

describe('a route by integration-event', () => {
  it.each<[string, Record<string, Answer>, string, string]>([
    ['imported, with a flow', {}, 'ok', `instance ${INSTANCE}, flow ${FLOW}`],
    [
      'not imported',
      { 'connect:ListPhoneNumbersV2': { ListPhoneNumbersSummaryList: [] } },
      'wrong',
      'no Connect instance',
    ],
    [
      'imported to the instance that its target names',
      {
        'connect:ListPhoneNumbersV2': {
          ListPhoneNumbersSummaryList: [
            {
              SourcePhoneNumberArn: SMS_ARN,
              TargetArn: `arn:aws:connect:us-east-1:${ACCOUNT_ID}:instance/xyz`,
            },
          ],
        },
      },
      'ok',
      'instance xyz',
    ],
    ['without a flow', { 'connect:GetFlowAssociation': MISSING }, 'wrong', 'no flow is associated'],
    [
      'import not to be asked',
      { 'connect:ListPhoneNumbersV2': DENIED },
      'unknown',
      'connect:ListPhoneNumbersV2',
    ],
    [
      'flow not to be asked',
      { 'connect:GetFlowAssociation': DENIED },
      'unknown',
      'connect:GetFlowAssociation',
    ],
  ])('%s', async (_name, answers, verdict, words) => {
    Object.assign(account.answers, answers);
    const finding = await look(`route/sms/${SMS_NUMBER}/import`);
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it('each channel’s association is asked for', async () => {
    await look('');
    const asked = account.seen.filter(({ operation }) => operation === 'connect:GetFlowAssociation');
    expect(asked.map(({ input }) => input['ResourceType'])).toEqual([
      'SMS_PHONE_NUMBER',
      'WHATSAPP_MESSAGING_PHONE_NUMBER',
    ]);
  });

  it.each<[string, Scene, Record<string, Answer>, string, string]>([
    ['none', {}, {}, 'ok', 'none'],
    ['imported', { routes: [] }, {}, 'ok', WHATSAPP_NUMBER],
    ['of a route for all', { routes: [{ channel: 'whatsapp', number: '*' }] }, {}, 'ok', WHATSAPP_NUMBER],
    [
      'not imported',
      { routes: [] },
      { 'connect:ListPhoneNumbersV2': { ListPhoneNumbersSummaryList: [] } },
      'wrong',
      `${WHATSAPP_NUMBER}: no Connect instance`,
    ],
    [
      'without a flow',
      { routes: [] },
      { 'connect:GetFlowAssociation': MISSING },
      'wrong',
      'no flow is associated',
    ],
    ['by participant', { routes: [], env: { CONNECT_METHOD: 'participant' } }, {}, 'ok', 'none'],
    [
      'not to be asked',
      { routes: [] },
      { 'connect:ListPhoneNumbersV2': DENIED },
      'unknown',
      'ListPhoneNumbersV2',
    ],
  ])('WhatsApp numbers without a route of their own: %s', async (_name, scene, answers, verdict, words) => {
    Object.assign(account.answers, answers);
    const finding = await look('route/whatsapp/without/us-east-1', scene);
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it('a WhatsApp route for all numbers leads to whichever a message comes with', async () => {
    const routes = [{ channel: 'whatsapp', number: '*' }];
    expect(await look('route/whatsapp/*/import', { routes })).toMatchObject({ verdict: 'ok' });
  });
});

describe('a route by participant', () => {
  const routes = PARTICIPANT_ROUTES;

  it.each<[string, string, Answer, string, string]>([
    [
      'instance',
      'active',
      { Instance: { InstanceAlias: 'example', InstanceStatus: 'ACTIVE' } },
      'ok',
      'example, active',
    ],
    [
      'instance',
      'being made',
      { Instance: { InstanceStatus: 'CREATION_IN_PROGRESS' } },
      'wrong',
      'CREATION_IN_PROGRESS',
    ],
    ['instance', 'not there', MISSING, 'wrong', `no instance ${INSTANCE}`],
    ['instance', 'not to be asked', DENIED, 'unknown', 'connect:DescribeInstance'],
    [
      'flow',
      'published',
      { ContactFlow: { Name: 'Chat', Status: 'PUBLISHED', State: 'ACTIVE' } },
      'ok',
      'Chat, published',
    ],
    ['flow', 'not published', { ContactFlow: { Name: 'Chat', Status: 'SAVED' } }, 'wrong', 'not published'],
    ['flow', 'archived', { ContactFlow: { Name: 'Chat', State: 'ARCHIVED' } }, 'wrong', 'archived'],
    ['flow', 'of another type', { ContactFlow: { Type: 'AGENT_WHISPER' } }, 'wrong', 'AGENT_WHISPER'],
    ['flow', 'not there', MISSING, 'wrong', `no flow ${FLOW}`],
    ['flow', 'not to be asked', DENIED, 'unknown', 'connect:DescribeContactFlow'],
  ])('%s: %s', async (aspect, _name, answer, verdict, words) => {
    account.answers[aspect === 'flow' ? 'connect:DescribeContactFlow' : 'connect:DescribeInstance'] = answer;
    const finding = await look(`route/whatsapp/${WHATSAPP_NUMBER}/${aspect}`, { routes });
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it.each<[string, string, string, string]>([
    ['listed', REPLY_TOPIC, 'ok', REPLY_TOPIC],
    ['not listed', `${REPLY_TOPIC}-2`, 'wrong', 'is not in REPLY_TOPIC_ARNS'],
    [
      'in another Region',
      REPLY_TOPIC.replace('us-east-1', 'eu-west-1'),
      'wrong',
      'the instance in us-east-1',
    ],
  ])('streaming topic: %s', async (_name, streamingEndpointArn, verdict, words) => {
    const streamed = routes.map((route) => Object.assign({ streamingEndpointArn }, route));
    const finding = await look(`route/sms/${SMS_NUMBER}/streaming`, { routes: streamed });
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });
});

describe('a route by integration-event whose replies the bridge carries', () => {
  const sms = { channel: 'sms', number: SMS_NUMBER, destinationId: SMS_ARN, replies: 'bridge' };
  const anyWhatsApp = { channel: 'whatsapp', number: '*', replies: 'bridge' };
  const elsewhere = REPLY_TOPIC.replace('us-east-1', 'eu-west-1');

  it.each<[string, string, object, string, string, string]>([
    ['listed', 'sms', sms, REPLY_TOPIC, 'ok', REPLY_TOPIC],
    [
      'not listed',
      'sms',
      { ...sms, streamingEndpointArn: `${REPLY_TOPIC}-2` },
      REPLY_TOPIC,
      'wrong',
      'is not in REPLY_TOPIC_ARNS',
    ],
    ['in the Region of the topics', 'whatsapp', anyWhatsApp, REPLY_TOPIC, 'ok', REPLY_TOPIC],
    ['in another Region', 'whatsapp', anyWhatsApp, elsewhere, 'wrong', 'no topic in us-east-1'],
  ])('streaming topic: %s (%s)', async (_name, channel, route, replyTopicArn, verdict, words) => {
    const { number } = route as typeof sms;
    const finding = await look(`route/${channel}/${number}/streaming`, {
      routes: [route],
      env: { REPLY_TOPIC_ARNS: replyTopicArn },
    });
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it('asks nothing of a topic where Connect answers itself', async () => {
    const scene = { routes: [{ ...sms, replies: 'native' }] };
    expect(await look(`route/sms/${SMS_NUMBER}/streaming`, scene)).toBeUndefined();
  });
});
