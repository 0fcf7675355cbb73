import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { topicChecks } from '../../../src/admin/doctor/topics.ts';
import {
  ACCOUNT_ID,
  DENIED,
  INBOUND_POLICY,
  KEY,
  PHONE_NUMBER,
  REPLY_POLICY,
  REPLY_TOPIC,
  Refusal,
  TOPIC,
  WHATSAPP_ACCOUNT,
  allowService,
  startAwsAccount,
  topicPolicy,
} from '../../support/aws-account.ts';
import type { Answer, AwsAccount } from '../../support/aws-account.ts';
import { EVENT_ROUTES, PARTICIPANT_ROUTES, diagnose } from './doctor-scene.ts';

const ROLE = `arn:aws:iam::${ACCOUNT_ID}:role/publisher`;
/** The one that SNS gives a new topic: only the account itself may use it. */
const OWN_POLICY = topicPolicy({
  Effect: 'Allow',
  Principal: { AWS: '*' },
  Action: 'SNS:Publish',
  Resource: '*',
  Condition: { StringEquals: { 'AWS:SourceOwner': ACCOUNT_ID } },
});

let account: AwsAccount;
beforeEach(async () => {
  account = await startAwsAccount();
});
afterEach(() => account[Symbol.asyncDispose]());

function setTopic(attributes: Readonly<Record<string, string>>): void {
  account.answers['sns:GetTopicAttributes'] = ({ TopicArn }) => ({
    Attributes: {
      SignatureVersion: '2',
      Policy: TopicArn === REPLY_TOPIC ? REPLY_POLICY : INBOUND_POLICY,
      ...attributes,
    },
  });
}

const look = async (id: string) => (await diagnose(topicChecks, account, { routes: PARTICIPANT_ROUTES }))[id];

describe.each([TOPIC, REPLY_TOPIC])('%s', (topic) => {
  it.each<[string, Answer, string, string]>([
    ['a standard topic', { Attributes: { SignatureVersion: '2' } }, 'ok', 'SHA-256'],
    ['SHA-1', { Attributes: {} }, 'warning', 'SHA-1'],
    ['FIFO', { Attributes: { FifoTopic: 'true' } }, 'wrong', 'FIFO'],
    ['none', new Refusal(404, 'NotFound', 'Topic does not exist'), 'wrong', 'no such topic'],
    ['not to be asked', DENIED, 'unknown', 'sns:GetTopicAttributes'],
  ])('%s', async (_name, answer, verdict, words) => {
    account.answers['sns:GetTopicAttributes'] = answer;
    const finding = await look(`topic/${topic}`);
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });
});

describe.each(['sms', 'whatsapp'] as const)('%s may publish', (channel) => {
  const id = `topic/${TOPIC}/${channel}`;

  it('ok: by the topic’s policy', async () => {
    expect(await look(id)).toMatchObject({ verdict: 'ok' });
  });

  it('wrong: not by the policy, and it has to', async () => {
    setTopic({ Policy: OWN_POLICY });
    const finding = await look(id);
    expect(finding).toMatchObject({ verdict: 'wrong' });
    expect(finding?.mend).toContain('allow sns:Publish');
  });

  it('ok: by a role', async () => {
    setTopic({ Policy: OWN_POLICY });
    account.answers['sms-voice:DescribePhoneNumbers'] = {
      PhoneNumbers: [{ ...PHONE_NUMBER, TwoWayChannelRole: ROLE }],
    };
    account.answers['social-messaging:GetLinkedWhatsAppBusinessAccount'] = {
      account: { ...WHATSAPP_ACCOUNT, eventDestinations: [{ eventDestinationArn: TOPIC, roleArn: ROLE }] },
    };
    expect(await look(id)).toMatchObject({ verdict: 'ok', what: expect.stringContaining('role') as unknown });
  });

  it('ok: need not', async () => {
    setTopic({ Policy: OWN_POLICY });
    account.answers['sms-voice:DescribePhoneNumbers'] = { PhoneNumbers: [] };
    account.answers['social-messaging:ListLinkedWhatsAppBusinessAccounts'] = { linkedAccounts: [] };
    expect(await look(id)).toMatchObject({
      verdict: 'ok',
      what: expect.stringContaining('not needed') as unknown,
    });
  });

  it('warning: who publishes here can’t be asked', async () => {
    setTopic({ Policy: OWN_POLICY });
    account.answers['sms-voice:DescribePhoneNumbers'] = DENIED;
    account.answers['social-messaging:ListLinkedWhatsAppBusinessAccounts'] = DENIED;
    expect(await look(id)).toMatchObject({ verdict: 'warning' });
  });

  it('unknown: under conditions', async () => {
    const services = ['sms-voice.amazonaws.com', 'social-messaging.amazonaws.com'];
    const condition = { ArnLike: { 'aws:SourceArn': 'arn:aws:*' } };
    setTopic({
      Policy: topicPolicy(...services.map((name) => allowService(name, 'sns:Publish', TOPIC, condition))),
    });
    expect(await look(id)).toMatchObject({ verdict: 'unknown' });
  });

  it('unknown: there is no such topic', async () => {
    account.answers['sns:GetTopicAttributes'] = new Refusal(404, 'NotFound');
    expect(await look(id)).toMatchObject({ verdict: 'unknown', what: 'there is no such topic' });
  });
});

describe('Connect may publish', () => {
  const id = `topic/${REPLY_TOPIC}/connect`;

  it('ok: for the instance that streams to it', async () => {
    expect(await look(id)).toMatchObject({ verdict: 'ok' });
  });

  it.each([
    ['the policy is the topic’s own', OWN_POLICY],
    ['the policy is for another instance', REPLY_POLICY.replace(/instance\/[^"]+/, 'instance/other')],
  ])('wrong: %s', async (_name, Policy) => {
    setTopic({ Policy });
    expect(await look(id)).toMatchObject({ verdict: 'wrong' });
  });

  it('unknown: for an instance, and which one streams to it is not known', async () => {
    const findings = await diagnose(topicChecks, account, { routes: EVENT_ROUTES });
    expect(findings[id]).toMatchObject({ verdict: 'unknown' });
  });
});

describe('encryption', () => {
  const ids = [`topic/${TOPIC}/key`, `topic/${REPLY_TOPIC}/key`];
  const metadata = { Arn: KEY, KeyManager: 'CUSTOMER', KeyState: 'Enabled', KeySpec: 'SYMMETRIC_DEFAULT' };

  it('ok: none', async () => {
    expect(await look(ids[0] ?? '')).toEqual({ verdict: 'ok', what: 'not encrypted with a key' });
  });

  it.each(ids)('%s, ok: a key that the service may use, by its alias', async (id) => {
    setTopic({ KmsMasterKeyId: 'alias/topics' });
    expect(await look(id)).toMatchObject({ verdict: 'ok', what: expect.stringContaining(KEY) as unknown });
    expect(account.seen.find(({ operation }) => operation === 'kms:GetKeyPolicy')?.input).toEqual({
      KeyId: KEY,
      PolicyName: 'default',
    });
  });

  it.each<[string, Record<string, Answer>, string, string?]>([
    ['AWS’s own, by alias', {}, 'wrong', 'alias/aws/sns'],
    [
      'AWS’s own, by ARN',
      { 'kms:DescribeKey': { KeyMetadata: { ...metadata, KeyManager: 'AWS' } } },
      'wrong',
    ],
    ['disabled', { 'kms:DescribeKey': { KeyMetadata: { ...metadata, KeyState: 'Disabled' } } }, 'wrong'],
    ['asymmetric', { 'kms:DescribeKey': { KeyMetadata: { ...metadata, KeySpec: 'RSA_2048' } } }, 'wrong'],
    ['not there', { 'kms:DescribeKey': new Refusal(400, 'NotFoundException') }, 'wrong'],
    ['not for the service', { 'kms:GetKeyPolicy': { Policy: topicPolicy() } }, 'wrong'],
    [
      'for the service under conditions',
      {
        'kms:GetKeyPolicy': {
          Policy: topicPolicy(
            ...['sms-voice', 'social-messaging', 'connect'].map((name) =>
              allowService(`${name}.amazonaws.com`, 'kms:*', '*', { Null: { 'aws:SourceArn': 'false' } }),
            ),
          ),
        },
      },
      'unknown',
    ],
    ['not to be asked', { 'kms:GetKeyPolicy': DENIED }, 'unknown'],
  ])('%s', async (_name, answers, verdict, keyId = KEY) => {
    setTopic({ KmsMasterKeyId: keyId });
    Object.assign(account.answers, answers);
    for (const id of ids) expect(await look(id)).toMatchObject({ verdict });
  });
});
