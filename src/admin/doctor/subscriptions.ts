/** The subscription of each topic: is it this bridge's, and will SNS try long enough? */
import { parseArn } from '../../arn.ts';
import { NothingToCheck, hasFault } from './ask.ts';
import { ok, unknown, warning, wrong } from './check.ts';
import type { Check, Finding } from './check.ts';
import { checkKey } from './encryption.ts';
import { nameOf } from './examination.ts';
import type { Examination } from './examination.ts';
import type { Attributes } from './readings.ts';
import { judgePolicy } from './resource-policy.ts';

/** SNS's own policy gives up after a minute; its hard limit is an hour. */
const RETRY_WINDOW_MIN_S = 1_800;

export function subscriptionChecks(examination: Examination): readonly Check[] {
  const { topicArns, replyTopicArns } = examination.config;
  return [...topicArns, ...replyTopicArns].flatMap((arn) => {
    const row = (aspect: string, title: string, run: Check['run']): Check => ({
      id: `subscription/${arn}${aspect && `/${aspect}`}`,
      title: `subscription of ${nameOf(arn)}${title && `: ${title}`}`,
      run,
    });
    return [
      row('', '', () => checkSubscription(arn, examination)),
      row('content', 'what is delivered', async () => checkContent(await read(arn, examination))),
      row('retries', 'retries', async () => checkRetries(await read(arn, examination))),
      row('queue', 'dead-letter queue', async () =>
        checkQueue(arn, await read(arn, examination), examination),
      ),
    ];
  });
}

type Found =
  | { readonly kind: 'none' | 'several' | 'pending'; readonly endpoints: readonly string[] }
  | { readonly kind: 'confirmed'; readonly arn: string; readonly endpoint: string };

async function find(topicArn: string, { readings, endpoint }: Examination): Promise<Found> {
  const all = (await readings.subscriptions(topicArn)).filter(({ Protocol }) => Protocol === 'https');
  const endpoints = all.map(({ Endpoint = '' }) => withoutPassword(Endpoint));
  const wanted = endpoint && withoutPassword(endpoint.href);
  const fitting = all.filter((_, index) => wanted === undefined || endpoints[index] === wanted);
  const [one] = fitting;
  if (!one) return { kind: 'none', endpoints };
  if (fitting.length > 1) return { kind: 'several', endpoints };
  // A pending one is listed without its ARN.
  return parseArn(one.SubscriptionArn ?? '')
    ? { kind: 'confirmed', arn: one.SubscriptionArn ?? '', endpoint: withoutPassword(one.Endpoint ?? '') }
    : { kind: 'pending', endpoints: [withoutPassword(one.Endpoint ?? '')] };
}

/** An endpoint may carry a user's name and password, which are for nobody's screen. */
function withoutPassword(text: string): string {
  const url = URL.parse(text);
  if (!url) return text;
  url.username = url.password = '';
  return url.href;
}

async function checkSubscription(topicArn: string, examination: Examination): Promise<Finding> {
  const wanted = examination.endpoint && withoutPassword(examination.endpoint.href);
  const subscribe = `\`bridge subscribe --topic ${topicArn} --endpoint ${wanted ?? 'https://HOST/sns'} --dead-letter-queue ARN\``;
  const found = await find(topicArn, examination).catch((error: unknown) => {
    if (hasFault(error, 'missing')) throw new NothingToCheck('there is no such topic');
    throw error;
  });
  if (found.kind === 'confirmed') return ok(`confirmed, ${found.endpoint}`);
  if (found.kind === 'pending')
    return wrong(
      `waits for confirmation: ${found.endpoints.join(', ')}`,
      `start the bridge with this topic in its configuration, let SNS reach it, then ${subscribe}`,
    );
  if (found.kind === 'several')
    return unknown(`several HTTPS subscriptions: ${found.endpoints.join(', ')}`, 'give --endpoint');
  const others = found.endpoints.length > 0 ? `, but others: ${found.endpoints.join(', ')}` : '';
  return wrong(`no HTTPS subscription${wanted ? ` of ${wanted}` : ''}${others}`, subscribe);
}

async function read(topicArn: string, examination: Examination): Promise<Attributes> {
  const found = await find(topicArn, examination);
  if (found.kind !== 'confirmed') throw new NothingToCheck('no one confirmed subscription to look at');
  return examination.readings.subscription(found.arn);
}

function checkContent(attributes: Attributes): Finding {
  if (attributes['RawMessageDelivery'] === 'true')
    return wrong(
      'raw message delivery, which carries no signature: the bridge refuses it',
      '`bridge subscribe` turns it off',
    );
  if (attributes['FilterPolicy'])
    return warning(
      'a filter policy: what it keeps back never reaches the bridge',
      'remove the subscription’s FilterPolicy, unless it is there on purpose',
    );
  return ok('everything, signed');
}

interface RetryPolicy {
  readonly minDelayTarget?: number;
  readonly maxDelayTarget?: number;
  readonly numRetries?: number;
  readonly numNoDelayRetries?: number;
  readonly numMinDelayRetries?: number;
  readonly numMaxDelayRetries?: number;
}

function checkRetries(attributes: Attributes): Finding {
  const seconds = retryWindow(attributes['EffectiveDeliveryPolicy'] ?? attributes['DeliveryPolicy']);
  const mend = '`bridge subscribe` sets a policy that uses SNS’s full hour';
  if (seconds === undefined) return warning('SNS’s default: it gives up after a minute', mend);
  const minutes = `${Math.round(seconds / 60)} min`;
  if (seconds < RETRY_WINDOW_MIN_S) return warning(`SNS gives up after ${minutes}`, mend);
  return ok(`SNS goes on trying for ${minutes}`);
}

/** The least that a policy's waits add up to. */
function retryWindow(text: string | undefined): number | undefined {
  const policy = parseObject(text);
  const retry = (policy['healthyRetryPolicy'] ?? Object(policy['http'])['defaultHealthyRetryPolicy']) as
    | RetryPolicy
    | undefined;
  if (!retry) return undefined;
  const { minDelayTarget = 20, maxDelayTarget = 20, numRetries = 3 } = retry;
  const { numNoDelayRetries = 0, numMinDelayRetries = 0, numMaxDelayRetries = 0 } = retry;
  const backoffs = Math.max(0, numRetries - numNoDelayRetries - numMinDelayRetries - numMaxDelayRetries);
  return (numMinDelayRetries + backoffs) * minDelayTarget + numMaxDelayRetries * maxDelayTarget;
}

async function checkQueue(
  topicArn: string,
  attributes: Attributes,
  examination: Examination,
): Promise<Finding> {
  const target = parseObject(attributes['RedrivePolicy'])['deadLetterTargetArn'];
  if (typeof target !== 'string')
    return warning(
      'none: what SNS can’t deliver in time is lost',
      'make a standard SQS queue, and give it to `bridge subscribe --dead-letter-queue ARN`',
    );
  const queue = await examination.readings.queue(target).catch((error: unknown): Finding => {
    if (!hasFault(error, 'missing')) throw error;
    return wrong(`there is no queue ${target}`, 'make it, or give another to `bridge subscribe`');
  });
  if ('verdict' in queue) return queue as Finding;
  return (await findQueueFault(topicArn, target, queue, examination)) ?? describeDepth(target, queue);
}

async function findQueueFault(
  topicArn: string,
  queueArn: string,
  queue: Attributes,
  { readings }: Examination,
): Promise<Finding | undefined> {
  const context = {
    'aws:sourcearn': topicArn,
    'aws:sourceaccount': parseArn(topicArn)?.account,
    'aws:securetransport': 'true',
  };
  const access = { principal: 'sns.amazonaws.com', action: 'sqs:SendMessage', resource: queueArn, context };
  const allow = `in the queue's policy allow sqs:SendMessage to sns.amazonaws.com, with the topic's ARN as aws:SourceArn`;
  const judgement = judgePolicy(queue['Policy'], access);
  if (judgement === 'no') return wrong(`${nameOf(queueArn)}: its policy does not let SNS send to it`, allow);
  if (judgement === 'perhaps')
    return unknown(
      `${nameOf(queueArn)}: its policy has conditions that can't be judged from here`,
      `check: ${allow}`,
    );
  const keyId = queue['KmsMasterKeyId'];
  if (!keyId) return undefined;
  const place = { region: parseArn(queueArn)?.region ?? '' };
  const finding = await checkKey(keyId, ['sns.amazonaws.com'], context, { readings, place });
  return finding.verdict === 'ok' ? undefined : finding;
}

function describeDepth(queueArn: string, queue: Attributes): Finding {
  const depth =
    Number(queue['ApproximateNumberOfMessages'] ?? 0) +
    Number(queue['ApproximateNumberOfMessagesNotVisible'] ?? 0);
  if (depth === 0) return ok(`${nameOf(queueArn)}, empty`);
  return warning(
    `${nameOf(queueArn)} holds ${depth} notifications that SNS could not deliver`,
    'bring them in with `bridge replay` (docs/operations.md, “What SNS gave up”)',
  );
}

function parseObject(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text ?? '{}')) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
