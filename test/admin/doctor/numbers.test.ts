import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { numberChecks } from '../../../src/admin/doctor/numbers.ts';
import {
  ACCOUNT_ID,
  DENIED,
  PHONE_NUMBER,
  REGION,
  SMS_NUMBER,
  TOPIC,
  WHATSAPP_ACCOUNT,
  WHATSAPP_NUMBER,
  startAwsAccount,
} from '../../support/aws-account.ts';
import type { Answer, AwsAccount } from '../../support/aws-account.ts';
import { PARTICIPANT_ROUTES, diagnose } from './doctor-scene.ts';
import type { Scene } from './doctor-scene.ts';

const OTHER_TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT_ID}:other`;
const AGENT = `arn:aws:sms-voice:${REGION}:${ACCOUNT_ID}:rcs-agent/rcs-0123`;

let account: AwsAccount;
beforeEach(async () => {
  account = await startAwsAccount();
});
afterEach(() => account[Symbol.asyncDispose]());

const look = async (id: string, scene: Scene = {}) => (await diagnose(numberChecks, account, scene))[id];

const number = (fields: object): Answer => ({ PhoneNumbers: [{ ...PHONE_NUMBER, ...fields }] });
const linked = (fields: object): Answer => ({ account: { ...WHATSAPP_ACCOUNT, ...fields } });

describe('an SMS number', () => {
  it.each<[string, Answer, string, string]>([
    ['two-way, to the topic', number({}), 'ok', TOPIC],
    ['one-way', number({ TwoWayEnabled: false }), 'wrong', 'two-way messaging is off'],
    [
      'to Connect itself',
      number({ TwoWayChannelArn: 'connect.us-east-1.amazonaws.com' }),
      'wrong',
      'hands over to Connect',
    ],
    ['to another topic', number({ TwoWayChannelArn: OTHER_TOPIC }), 'wrong', OTHER_TOPIC],
    ['pending', number({ Status: 'PENDING' }), 'wrong', 'PENDING'],
    ['in a pool', number({ TwoWayEnabled: false, PoolId: 'pool-1' }), 'unknown', 'pool-1'],
    ['of another number', number({ PhoneNumber: '+12065550199' }), 'wrong', 'is +12065550199, not'],
    ['not there', { PhoneNumbers: [] }, 'wrong', 'has no'],
    ['not to be asked', DENIED, 'unknown', 'sms-voice:DescribePhoneNumbers'],
  ])('%s', async (_name, answer, verdict, words) => {
    account.answers['sms-voice:DescribePhoneNumbers'] = answer;
    const finding = await look(`number/sms/${SMS_NUMBER}`);
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it('found by its number where the route has no ARN, on a later page', async () => {
    account.answers['sms-voice:DescribePhoneNumbers'] = ({ NextToken }) =>
      NextToken === undefined ? { PhoneNumbers: [], NextToken: 'more' } : { PhoneNumbers: [PHONE_NUMBER] };
    const routes = [{ ...PARTICIPANT_ROUTES[0], destinationId: undefined, number: '12065550100' }];
    expect(await look('number/sms/12065550100', { routes })).toMatchObject({ verdict: 'ok' });
  });

  it('an RCS agent is looked up among agents', async () => {
    const routes = [{ channel: 'sms', number: 'rcs-0123', destinationId: AGENT }];
    const agent = { RcsAgentArn: AGENT, RcsAgentId: 'rcs-0123', Status: 'ACTIVE', TwoWayEnabled: true };
    account.answers['sms-voice:DescribeRcsAgents'] = { RcsAgents: [{ ...agent, TwoWayChannelArn: TOPIC }] };
    expect(await look('number/sms/rcs-0123', { routes })).toMatchObject({ verdict: 'ok' });
  });
});

describe('a WhatsApp number', () => {
  it.each<[string, Answer, string, string]>([
    ['whose account publishes here', linked({}), 'ok', 'Example'],
    ['whose account publishes nowhere', linked({ eventDestinations: [] }), 'wrong', 'no event destination'],
    [
      'whose account publishes elsewhere',
      linked({ eventDestinations: [{ eventDestinationArn: OTHER_TOPIC }] }),
      'wrong',
      OTHER_TOPIC,
    ],
    ['whose account is not registered', linked({ registrationStatus: 'INCOMPLETE' }), 'wrong', 'INCOMPLETE'],
    ['of no account', linked({ phoneNumbers: [] }), 'wrong', 'no linked WhatsApp account'],
    ['not to be asked', DENIED, 'unknown', 'social-messaging:GetLinkedWhatsAppBusinessAccount'],
  ])('%s', async (_name, answer, verdict, words) => {
    account.answers['social-messaging:GetLinkedWhatsAppBusinessAccount'] = answer;
    const finding = await look(`number/whatsapp/${WHATSAPP_NUMBER}`);
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it('found by its number where the route has no ARN', async () => {
    const routes = [{ channel: 'whatsapp', number: '1 206 555 0101' }];
    expect(await look('number/whatsapp/1 206 555 0101', { routes })).toMatchObject({ verdict: 'ok' });
  });
});

describe('what publishes here', () => {
  it.each<[string, 'sms' | 'whatsapp', Scene, string, string]>([
    ['with a route', 'sms', {}, 'ok', SMS_NUMBER],
    ['without one', 'sms', { routes: [] }, 'wrong', 'no_route'],
    ['with a route', 'whatsapp', {}, 'ok', WHATSAPP_NUMBER],
    ['that needs none', 'whatsapp', { routes: [] }, 'ok', WHATSAPP_NUMBER],
    [
      'that needs one by this method',
      'whatsapp',
      { routes: [], env: { CONNECT_METHOD: 'participant' } },
      'wrong',
      'no_route',
    ],
    ['nothing', 'sms', { env: { TOPIC_ARNS: OTHER_TOPIC } }, 'ok', 'none'],
  ])('%s: %s', async (_name, channel, scene, verdict, words) => {
    const finding = await look(`numbers/${channel}/${REGION}`, scene);
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it('not to be asked', async () => {
    account.answers['social-messaging:ListLinkedWhatsAppBusinessAccounts'] = DENIED;
    expect(await look(`numbers/whatsapp/${REGION}`)).toMatchObject({ verdict: 'unknown' });
  });
});
