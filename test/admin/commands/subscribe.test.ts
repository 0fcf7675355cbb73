import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DELIVERY_POLICY } from '../../../src/admin/subscription-plan.ts';
import { AWS_TEST_ENVIRONMENT, startAwsStandIn } from '../../send/aws-stand-in.ts';
import type { AwsStandIn, StandInAnswer } from '../../send/aws-stand-in.ts';
import { runCommand } from '../run-command.ts';

const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:inbound';
const QUEUE = 'arn:aws:sqs:eu-west-1:111122223333:inbound-dead';
const ENDPOINT = 'https://bridge.example/sns';
const SUBSCRIPTION = `${TOPIC}:6b1f4f0e-0000-4000-8000-000000000001`;
const ARGV = ['subscribe', '--topic', TOPIC, '--endpoint', ENDPOINT];

type Answers = Record<string, StandInAnswer | ((form: URLSearchParams) => StandInAnswer)>;

let standIn: AwsStandIn;
let answers: Answers;

beforeEach(async () => {
  answers = {
    SetTopicAttributes: done('SetTopicAttributes'),
    SetSubscriptionAttributes: done('SetSubscriptionAttributes'),
    Subscribe: done('Subscribe', `<SubscriptionArn>${SUBSCRIPTION}</SubscriptionArn>`),
  };
  standIn = await startAwsStandIn(({ body }) => {
    const form = new URLSearchParams(body);
    const answer = answers[form.get('Action') ?? ''] ?? refused(400, 'InvalidAction', 'unexpected');
    return typeof answer === 'function' ? answer(form) : answer;
  });
  Object.assign(process.env, AWS_TEST_ENVIRONMENT, { AWS_ENDPOINT_URL_SNS: standIn.url });
});

afterEach(() => standIn[Symbol.asyncDispose]());

function done(action: string, result = ''): StandInAnswer {
  const xmlns = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"';
  const body = `<${action}Response ${xmlns}><${action}Result>${result}</${action}Result></${action}Response>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}

function refused(status: number, code: string, message: string): StandInAnswer {
  const body = `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
  return { status, headers: { 'content-type': 'text/xml' }, body };
}

const OTHER_ATTRIBUTES = refused(
  400,
  'InvalidParameter',
  'Invalid parameter: Attributes Reason: Subscription already exists with different attributes',
);

function listed(subscriptionArn: string, endpoint = ENDPOINT, nextToken = ''): StandInAnswer {
  const member = `<member><SubscriptionArn>${subscriptionArn}</SubscriptionArn><Protocol>https</Protocol><Endpoint>${endpoint}</Endpoint></member>`;
  const token = nextToken && `<NextToken>${nextToken}</NextToken>`;
  return done('ListSubscriptionsByTopic', `<Subscriptions>${member}</Subscriptions>${token}`);
}

function calls(): string[] {
  return standIn.seen.map(({ body }) => {
    const form = new URLSearchParams(body);
    return [form.get('Action'), form.get('AttributeName')].filter(Boolean).join(' ');
  });
}

function attributesOf(body: string | undefined): Record<string, string> {
  const form = new URLSearchParams(body);
  const keys = [...form.keys()].filter((key) => key.endsWith('.key'));
  return Object.fromEntries(
    keys.map((key) => [form.get(key) ?? '', form.get(key.replace(/key$/, 'value')) ?? '']),
  );
}

describe('subscribe', () => {
  it('sets everything, in the topic’s Region', async () => {
    const run = await runCommand([...ARGV, '--dead-letter-queue', QUEUE, '--json']);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(calls()).toEqual(['SetTopicAttributes SignatureVersion', 'Subscribe']);
    const [topic, subscription] = standIn.seen;
    expect(new URLSearchParams(topic?.body).get('AttributeValue')).toBe('2');
    const form = new URLSearchParams(subscription?.body);
    expect(form.get('Protocol')).toBe('https');
    expect(form.get('Endpoint')).toBe(ENDPOINT);
    expect(form.get('ReturnSubscriptionArn')).toBe('true');
    expect(attributesOf(subscription?.body)).toEqual({
      DeliveryPolicy: JSON.stringify(DELIVERY_POLICY),
      RawMessageDelivery: 'false',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: QUEUE }),
    });
    expect(standIn.seen.every(({ authorization }) => authorization.includes('/eu-west-1/sns/'))).toBe(true);
    expect(JSON.parse(run.stdout)).toMatchObject({
      subscriptionArn: SUBSCRIPTION,
      set: [
        'topic SignatureVersion',
        'subscription',
        'subscription DeliveryPolicy',
        'subscription RawMessageDelivery',
        'subscription RedrivePolicy',
      ],
      notSet: [],
    });
  });

  it('says in words what it set', async () => {
    const run = await runCommand(ARGV);
    expect(run.stdout).toContain(
      `subscription  ${SUBSCRIPTION}\nset      topic SignatureVersion\nset      subscription\n`,
    );
    expect(run.stdout).toContain('warning: without --dead-letter-queue');
    expect(run.stdout).not.toContain('NOT SET');
  });

  it('--dry-run prints and calls nothing', async () => {
    const run = await runCommand([...ARGV, '--dry-run']);
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain('topic SignatureVersion = 2');
    expect(run.stdout).toContain(JSON.stringify(DELIVERY_POLICY));
    expect(standIn.seen).toEqual([]);
  });

  it('mends a subscription that is confirmed, found on a later page', async () => {
    answers['Subscribe'] = OTHER_ATTRIBUTES;
    answers['ListSubscriptionsByTopic'] = (form) =>
      form.has('NextToken')
        ? listed(SUBSCRIPTION)
        : listed(`${TOPIC}:other`, 'https://other.example/sns', 'more');
    const run = await runCommand([...ARGV, '--json']);
    expect(run.exitCode).toBe(0);
    expect(calls()).toEqual([
      'SetTopicAttributes SignatureVersion',
      'Subscribe',
      'ListSubscriptionsByTopic',
      'ListSubscriptionsByTopic',
      'SetSubscriptionAttributes DeliveryPolicy',
      'SetSubscriptionAttributes RawMessageDelivery',
    ]);
    expect(new URLSearchParams(standIn.seen.at(-1)?.body).get('SubscriptionArn')).toBe(SUBSCRIPTION);
    expect(JSON.parse(run.stdout)).toMatchObject({ subscriptionArn: SUBSCRIPTION, notSet: [] });
  });

  it('a pending subscription whose attributes can’t be set: says so, and what to do', async () => {
    answers['Subscribe'] = (form) =>
      form.has('Attributes.entry.1.key')
        ? OTHER_ATTRIBUTES
        : done('Subscribe', `<SubscriptionArn>${SUBSCRIPTION}</SubscriptionArn>`);
    answers['ListSubscriptionsByTopic'] = listed('PendingConfirmation');
    answers['SetSubscriptionAttributes'] = refused(
      400,
      'InvalidParameter',
      'Subscription is pending confirmation',
    );
    const run = await runCommand(ARGV);
    expect(run.exitCode).toBe(69);
    expect(run.stdout).toContain(`subscription  ${SUBSCRIPTION}`);
    expect(run.stdout).toMatch(
      /NOT SET {2}subscription DeliveryPolicy: .*pending.*wait until it is confirmed, then run this again/,
    );
  });

  it('goes on where one thing is refused, and names the permission', async () => {
    answers['SetTopicAttributes'] = refused(403, 'AuthorizationError', 'not authorized');
    const run = await runCommand(ARGV);
    expect(run.exitCode).toBe(69);
    expect(run.stdout).toMatch(/NOT SET {2}topic SignatureVersion: .*allow sns:SetTopicAttributes/);
    expect(run.stdout).toContain('set      subscription DeliveryPolicy');
  });

  it('a refused subscription: nothing of it is set', async () => {
    answers['Subscribe'] = refused(404, 'NotFound', 'Topic does not exist');
    const run = await runCommand([...ARGV, '--json']);
    expect(run.exitCode).toBe(69);
    const report = JSON.parse(run.stdout) as { set: string[]; notSet: { what: string; why: string }[] };
    expect(report.set).toEqual(['topic SignatureVersion']);
    expect(report.notSet.map(({ what }) => what)).toEqual([
      'subscription',
      'subscription DeliveryPolicy',
      'subscription RawMessageDelivery',
    ]);
    expect(report.notSet[0]?.why).toContain('check --topic');
  });
});

describe('refused before anything is called', () => {
  it.each([
    ['no ARN as topic', ['--topic', 'inbound'], 'no SNS topic'],
    ['a queue as topic', ['--topic', QUEUE], 'no SNS topic'],
    ['a subscription as topic', ['--topic', SUBSCRIPTION], 'no SNS topic'],
    ['a FIFO topic', ['--topic', `${TOPIC}.fifo`], 'FIFO'],
    ['plain HTTP', ['--endpoint', 'http://bridge.example/sns'], 'no https:// URL'],
    ['no URL', ['--endpoint', 'bridge.example/sns'], 'no https:// URL'],
    ['a fragment', ['--endpoint', `${ENDPOINT}#x`], 'fragment'],
    ['a topic as queue', ['--dead-letter-queue', TOPIC], 'no SQS queue'],
    ['a FIFO queue', ['--dead-letter-queue', `${QUEUE}.fifo`], 'FIFO'],
    [
      'a queue elsewhere',
      ['--dead-letter-queue', QUEUE.replace('eu-west-1', 'eu-west-2')],
      'account and Region',
    ],
    [
      'somebody else’s queue',
      ['--dead-letter-queue', QUEUE.replace('111122223333', '444455556666')],
      'account and Region',
    ],
  ])('%s', async (_name, more, complaint) => {
    const run = await runCommand([...ARGV, ...more]); // the later of two options counts
    expect(run).toMatchObject({ exitCode: 64, stdout: '' });
    expect(run.stderr).toContain(complaint);
    expect(standIn.seen).toEqual([]);
  });

  it('another path is only warned of', async () => {
    const run = await runCommand([...ARGV, '--endpoint', 'https://bridge.example/hooks/sns', '--dry-run']);
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain('path is not /sns');
  });
});

it('the delivery policy uses SNS’s hour, and keeps its limits however the waits grow', () => {
  const policy = DELIVERY_POLICY.healthyRetryPolicy;
  const backoffs =
    policy.numRetries - policy.numNoDelayRetries - policy.numMinDelayRetries - policy.numMaxDelayRetries;
  const fixed =
    policy.numMinDelayRetries * policy.minDelayTarget + policy.numMaxDelayRetries * policy.maxDelayTarget;
  expect(backoffs).toBeGreaterThan(0);
  expect(policy.numRetries).toBeLessThanOrEqual(100);
  expect(fixed + backoffs * policy.minDelayTarget).toBeGreaterThanOrEqual(3_300);
  expect(fixed + backoffs * policy.maxDelayTarget).toBeLessThanOrEqual(3_600);
});
