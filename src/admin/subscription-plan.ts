/**
 * What the subscription of a topic is to be: checked arguments, and the attributes that SNS gets.
 */
import { parseArn } from '../arn.ts';
import type { Arn } from '../arn.ts';
import { BridgeError } from '../errors.ts';

export interface SubscriptionRequest {
  /** ARN of a standard SNS topic. */
  readonly topic: string;
  /** https URL. */
  readonly endpoint: string;
  /** ARN of a standard SQS queue. */
  readonly deadLetterQueue?: string;
}

export interface SubscriptionPlan {
  readonly topicArn: string;
  readonly region: string;
  readonly endpoint: string;
  readonly topicAttributes: Readonly<Record<string, string>>;
  readonly subscriptionAttributes: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/**
 * SNS's whole hour: a policy's waits may add up to 3,600 s, a hard limit. How SNS spaces out the exponential phase isn't
 * published, so the policy keeps within the limit whatever SNS makes of it:
 *
 *     phase         retries   wait each     in all
 *     no delay            2   0 s           0 s
 *     least delay         5   5 s           25 s
 *     exponential         4   5 to 60 s     20 to 240 s
 *     most delay         55   60 s          3,300 s
 *                                           3,345 to 3,565 s
 */
export const DELIVERY_POLICY = {
  healthyRetryPolicy: {
    minDelayTarget: 5,
    maxDelayTarget: 60,
    numRetries: 66,
    numNoDelayRetries: 2,
    numMinDelayRetries: 5,
    numMaxDelayRetries: 55,
    backoffFunction: 'exponential',
  },
} as const;

/** Throws USAGE for arguments that can't be right; what is merely unwise becomes a warning. */
export function planSubscription(options: SubscriptionRequest): SubscriptionPlan {
  const topic = checkTopic(options.topic);
  const queue = options.deadLetterQueue;
  if (queue !== undefined) checkQueue(queue, topic);
  return {
    topicArn: options.topic,
    region: topic.region,
    endpoint: options.endpoint,
    // Version 2 signs with SHA-256; a topic's default is 1, SHA-1.
    topicAttributes: { SignatureVersion: '2' },
    subscriptionAttributes: {
      DeliveryPolicy: JSON.stringify(DELIVERY_POLICY),
      // Raw delivery carries no signature, so the service refuses it.
      RawMessageDelivery: 'false',
      ...(queue === undefined ? {} : { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queue }) }),
    },
    warnings: [
      ...checkEndpoint(options.endpoint),
      ...(queue === undefined
        ? ['without --dead-letter-queue, what SNS cannot deliver within its hour is lost']
        : [`the queue's policy has to let sns.amazonaws.com send to it (sqs:SendMessage) for this topic`]),
    ],
  };
}

function checkTopic(text: string): Arn {
  const arn = parseArn(text);
  if (
    arn?.service !== 'sns' ||
    !arn.region ||
    !arn.account ||
    !/^[A-Za-z0-9_.-]{1,256}$/.test(arn.resource)
  ) {
    throw new BridgeError('USAGE', { detail: `--topic is no SNS topic's ARN: ${text}` });
  }
  if (arn.resource.endsWith('.fifo')) {
    throw new BridgeError('USAGE', { detail: "--topic is a FIFO topic, which can't deliver over HTTPS." });
  }
  return arn;
}

/** A dead-letter queue of a standard topic is a standard queue of the same account and Region (SNS developer guide). */
function checkQueue(text: string, topic: Arn): void {
  const arn = parseArn(text);
  if (arn?.service !== 'sqs' || !/^[A-Za-z0-9_.-]+$/.test(arn.resource)) {
    throw new BridgeError('USAGE', { detail: `--dead-letter-queue is no SQS queue's ARN: ${text}` });
  }
  if (arn.resource.endsWith('.fifo')) {
    throw new BridgeError('USAGE', {
      detail: '--dead-letter-queue is a FIFO queue: SNS needs a standard one.',
    });
  }
  if (arn.account !== topic.account || arn.region !== topic.region || arn.partition !== topic.partition) {
    throw new BridgeError('USAGE', {
      detail: "--dead-letter-queue is not in the topic's account and Region.",
    });
  }
}

function checkEndpoint(text: string): string[] {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:')
    throw new BridgeError('USAGE', { detail: '--endpoint is no https:// URL.' });
  if (url.hash)
    throw new BridgeError('USAGE', { detail: '--endpoint has a fragment, which SNS does not send.' });
  return [
    ...(url.pathname === '/sns' ? [] : ['the endpoint’s path is not /sns, where the service listens']),
    ...(url.username
      ? ['the endpoint holds a user name and password, which anyone who may read the subscription sees']
      : []),
  ];
}
