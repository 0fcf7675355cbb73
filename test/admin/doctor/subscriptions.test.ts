import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { subscriptionChecks } from '../../../src/admin/doctor/subscriptions.ts';
import {
  DENIED,
  ENDPOINT,
  KEY,
  QUEUE,
  QUEUE_POLICY,
  Refusal,
  SUBSCRIPTION_ATTRIBUTES,
  TOPIC,
  startAwsAccount,
  topicPolicy,
} from '../../support/aws-account.ts';
import type { Answer, AwsAccount } from '../../support/aws-account.ts';
import { diagnose } from './doctor-scene.ts';

const ARN = `${TOPIC}:6b1f4f0e-0000-4000-8000-000000000001`;

let account: AwsAccount;
beforeEach(async () => {
  account = await startAwsAccount();
});
afterEach(() => account[Symbol.asyncDispose]());

const look = async (aspect = '', endpoint?: string) =>
  (await diagnose(subscriptionChecks, account, endpoint === undefined ? {} : { endpoint }))[
    `subscription/${TOPIC}${aspect && `/${aspect}`}`
  ];

const listed = (...endpoints: readonly string[]): Answer => ({
  Subscriptions: endpoints.map((Endpoint) => ({ SubscriptionArn: ARN, Protocol: 'https', Endpoint })),
});

describe('the subscription', () => {
  it.each<[string, Answer, string | undefined, string, string]>([
    ['one', listed(ENDPOINT), undefined, 'ok', ENDPOINT],
    ['this endpoint’s', listed('https://other.example/sns', ENDPOINT), ENDPOINT, 'ok', ENDPOINT],
    ['none', { Subscriptions: [] }, undefined, 'wrong', 'no HTTPS subscription'],
    [
      'another endpoint’s',
      listed('https://other.example/sns'),
      ENDPOINT,
      'wrong',
      'but others: https://other.example/sns',
    ],
    ['several', listed(ENDPOINT, 'https://other.example/sns'), undefined, 'unknown', 'several'],
    [
      'pending',
      { Subscriptions: [{ SubscriptionArn: 'PendingConfirmation', Protocol: 'https', Endpoint: ENDPOINT }] },
      undefined,
      'wrong',
      'waits for confirmation',
    ],
    [
      'a queue’s',
      { Subscriptions: [{ SubscriptionArn: ARN, Protocol: 'sqs', Endpoint: QUEUE }] },
      undefined,
      'wrong',
      'no HTTPS subscription',
    ],
    ['of no topic', new Refusal(404, 'NotFound'), undefined, 'unknown', 'no such topic'],
    ['not to be asked', DENIED, undefined, 'unknown', 'sns:ListSubscriptionsByTopic'],
  ])('%s', async (_name, answer, endpoint, verdict, words) => {
    account.answers['sns:ListSubscriptionsByTopic'] = answer;
    const finding = await look('', endpoint);
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
    if (verdict === 'ok') return;
    for (const aspect of ['content', 'retries', 'queue'])
      expect(await look(aspect, endpoint)).toMatchObject({ verdict: 'unknown' });
  });

  it('an endpoint’s password is not shown, and compares as if it weren’t there', async () => {
    account.answers['sns:ListSubscriptionsByTopic'] = listed('https://user:hush@bridge.example/sns');
    expect(await look('', ENDPOINT)).toEqual({ verdict: 'ok', what: `confirmed, ${ENDPOINT}` });
  });
});

describe('its attributes', () => {
  it.each<[string, string, Record<string, string>, string, string]>([
    ['content', 'signed', {}, 'ok', 'everything'],
    ['content', 'raw', { RawMessageDelivery: 'true' }, 'wrong', 'raw message delivery'],
    ['content', 'filtered', { FilterPolicy: '{"a":["b"]}' }, 'warning', 'filter policy'],
    ['retries', 'an hour', {}, 'ok', '56 min'],
    ['retries', 'SNS’s default', { EffectiveDeliveryPolicy: '{}' }, 'warning', 'a minute'],
    [
      'retries',
      'SNS’s default, spelled out',
      {
        EffectiveDeliveryPolicy:
          '{"healthyRetryPolicy":{"numRetries":3,"minDelayTarget":20,"maxDelayTarget":20}}',
      },
      'warning',
      '1 min',
    ],
    [
      'retries',
      'the topic’s',
      {
        EffectiveDeliveryPolicy:
          '{"http":{"defaultHealthyRetryPolicy":{"numRetries":60,"numMaxDelayRetries":60,"maxDelayTarget":60}}}',
      },
      'ok',
      '60 min',
    ],
    ['queue', 'empty', {}, 'ok', 'inbound-dead, empty'],
    ['queue', 'none', { RedrivePolicy: '' }, 'warning', 'lost'],
  ])('%s: %s', async (aspect, _name, attributes, verdict, words) => {
    account.answers['sns:GetSubscriptionAttributes'] = {
      Attributes: { ...SUBSCRIPTION_ATTRIBUTES, ...attributes },
    };
    const finding = await look(aspect);
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it('not to be asked', async () => {
    account.answers['sns:GetSubscriptionAttributes'] = DENIED;
    for (const aspect of ['content', 'retries', 'queue'])
      expect(await look(aspect)).toMatchObject({ verdict: 'unknown' });
  });
});

describe('its dead-letter queue', () => {
  const attributes = { Policy: QUEUE_POLICY, ApproximateNumberOfMessages: '0' };

  it.each<[string, Record<string, Answer>, string, string]>([
    ['not there', { 'sqs:GetQueueAttributes': new Refusal(400, 'QueueDoesNotExist') }, 'wrong', 'no queue'],
    ['not to be asked', { 'sqs:GetQueueAttributes': DENIED }, 'unknown', 'sqs:GetQueueAttributes'],
    [
      'not for SNS',
      { 'sqs:GetQueueAttributes': { Attributes: { ...attributes, Policy: topicPolicy() } } },
      'wrong',
      'does not let SNS send',
    ],
    [
      'with notifications in it',
      {
        'sqs:GetQueueAttributes': {
          Attributes: {
            ...attributes,
            ApproximateNumberOfMessages: '2',
            ApproximateNumberOfMessagesNotVisible: '1',
          },
        },
      },
      'warning',
      'holds 3 notifications',
    ],
    [
      'encrypted with a key that SNS may use',
      { 'sqs:GetQueueAttributes': { Attributes: { ...attributes, KmsMasterKeyId: KEY } } },
      'ok',
      'empty',
    ],
    [
      'encrypted with AWS’s own key',
      { 'sqs:GetQueueAttributes': { Attributes: { ...attributes, KmsMasterKeyId: 'alias/aws/sqs' } } },
      'wrong',
      'alias/aws/sqs',
    ],
  ])('%s', async (_name, answers, verdict, words) => {
    Object.assign(account.answers, answers);
    const finding = await look('queue');
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it('is asked for by its URL', async () => {
    await look('queue');
    expect(account.seen.find(({ operation }) => operation === 'sqs:GetQueueAttributes')?.input).toEqual({
      QueueUrl: 'https://sqs.us-east-1.amazonaws.com/111122223333/inbound-dead',
      AttributeNames: ['All'],
    });
  });
});
