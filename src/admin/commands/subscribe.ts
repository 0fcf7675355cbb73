import {
  ListSubscriptionsByTopicCommand,
  SNSClient,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { parseArn } from '../../arn.ts';
import { errorEntry } from '../../errors.ts';
import type { CommandIo } from '../command-io.ts';
import { planSubscription } from '../subscription-plan.ts';
import type { SubscriptionPlan, SubscriptionRequest } from '../subscription-plan.ts';

export interface SubscribeOptions extends SubscriptionRequest {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const TIMEOUT_MS = 20_000;
/** Of 100 subscriptions each. */
const PAGES_MAX = 100;

interface Report {
  subscriptionArn: string | undefined;
  readonly set: string[];
  readonly notSet: { readonly what: string; readonly why: string }[];
}

/**
 * Makes the service the HTTPS subscriber of a topic. What can be set is set, whatever else fails; a second run sets
 * what the first could not. Resolves to 0 if everything was set. Throws USAGE for arguments that can't be right.
 */
export async function subscribe(options: SubscribeOptions, io: CommandIo): Promise<number> {
  const plan = planSubscription(options);
  if (options.dryRun) {
    io.stdout.write(options.json ? toJson(plan) : describePlan(plan));
    return 0;
  }
  const report = await carryOut(plan);
  io.stdout.write(options.json ? toJson({ ...plan, ...report }) : describeReport(plan, report));
  return report.notSet.length === 0 ? 0 : (errorEntry('AWS_REFUSED').exit ?? 1);
}

async function carryOut(plan: SubscriptionPlan): Promise<Report> {
  const report: Report = { subscriptionArn: undefined, set: [], notSet: [] };
  const client = new SNSClient({
    region: plan.region,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: TIMEOUT_MS, throwOnRequestTimeout: true },
  });
  try {
    // The topic first, so that the confirmation comes with the better signature already.
    for (const [name, value] of Object.entries(plan.topicAttributes)) {
      const command = new SetTopicAttributesCommand({
        TopicArn: plan.topicArn,
        AttributeName: name,
        AttributeValue: value,
      });
      await tryTo(report, `topic ${name}`, 'sns:SetTopicAttributes', () => client.send(command));
    }
    await subscribeEndpoint(client, plan, report);
    return report;
  } finally {
    client.destroy();
  }
}

/**
 * Subscribe sets everything in one call, unless the endpoint is subscribed already with other attributes: SNS refuses
 * that. Then the subscription is looked up and its attributes are set one by one.
 */
async function subscribeEndpoint(client: SNSClient, plan: SubscriptionPlan, report: Report): Promise<void> {
  const names = Object.keys(plan.subscriptionAttributes).map((name) => `subscription ${name}`);
  const request = {
    TopicArn: plan.topicArn,
    Protocol: 'https',
    Endpoint: plan.endpoint,
    ReturnSubscriptionArn: true,
  };
  try {
    const whole = new SubscribeCommand({ ...request, Attributes: { ...plan.subscriptionAttributes } });
    report.subscriptionArn = (await client.send(whole)).SubscriptionArn;
    report.set.push('subscription', ...names);
    return;
  } catch (error) {
    if (!isSubscribedOtherwise(error)) {
      const why = describeRefusal(error, 'sns:Subscribe');
      report.notSet.push(...['subscription', ...names].map((what) => ({ what, why })));
      return;
    }
  }
  await tryTo(report, 'subscription', 'sns:Subscribe and sns:ListSubscriptionsByTopic', async () => {
    // A pending subscription is listed without its ARN; subscribing anew returns it, and has SNS ask for confirmation again.
    report.subscriptionArn =
      (await findConfirmed(client, plan)) ??
      (await client.send(new SubscribeCommand(request))).SubscriptionArn;
  });
  for (const [name, value] of Object.entries(plan.subscriptionAttributes)) {
    await tryTo(report, `subscription ${name}`, 'sns:SetSubscriptionAttributes', () =>
      setSubscriptionAttribute(client, report.subscriptionArn, name, value),
    );
  }
}

async function findConfirmed(client: SNSClient, plan: SubscriptionPlan): Promise<string | undefined> {
  let token: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { Subscriptions = [], NextToken } = await client.send(
      new ListSubscriptionsByTopicCommand({
        TopicArn: plan.topicArn,
        ...(token ? { NextToken: token } : {}),
      }),
    );
    const found = Subscriptions.find(
      ({ Protocol, Endpoint }) => Protocol === 'https' && Endpoint === plan.endpoint,
    );
    if (found) return parseArn(found.SubscriptionArn ?? '') ? found.SubscriptionArn : undefined;
    if (!NextToken) return undefined;
    token = NextToken;
  }
  return undefined;
}

async function setSubscriptionAttribute(
  client: SNSClient,
  subscriptionArn: string | undefined,
  name: string,
  value: string,
): Promise<void> {
  if (subscriptionArn === undefined || !parseArn(subscriptionArn)) {
    throw new Error('the subscription’s ARN is not known: wait until it is confirmed, then run this again');
  }
  await client.send(
    new SetSubscriptionAttributesCommand({
      SubscriptionArn: subscriptionArn,
      AttributeName: name,
      AttributeValue: value,
    }),
  );
}

async function tryTo(
  report: Report,
  what: string,
  action: string,
  run: () => Promise<unknown>,
): Promise<void> {
  try {
    await run();
    report.set.push(what);
  } catch (error) {
    report.notSet.push({ what, why: describeRefusal(error, action) });
  }
}

function isSubscribedOtherwise(error: unknown): boolean {
  return error instanceof Error && /already exists with different attributes/i.test(error.message);
}

/** What SNS said, and what to do about it. */
function describeRefusal(error: unknown, action: string): string {
  if (!(error instanceof Error)) return String(error);
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  const said = `${error.name}: ${error.message}`;
  if (error.name === 'CredentialsProviderError') return `${said}; give AWS credentials`;
  if (/pending/i.test(error.message)) return `${said}; wait until it is confirmed, then run this again`;
  if ($metadata?.httpStatusCode === 403) return `${said}; these credentials have to allow ${action}`;
  if ($metadata?.httpStatusCode === 404) return `${said}; check --topic`;
  return said;
}

function describePlan(plan: SubscriptionPlan): string {
  return lines([
    `would subscribe ${plan.endpoint}`,
    `to ${plan.topicArn}`,
    ...describeSettings(plan),
    ...plan.warnings.map((warning) => `warning: ${warning}`),
  ]);
}

function describeSettings(plan: SubscriptionPlan): string[] {
  const { topicAttributes, subscriptionAttributes } = plan;
  return [
    ...Object.entries(topicAttributes).map(([name, value]) => `  topic ${name} = ${value}`),
    ...Object.entries(subscriptionAttributes).map(([name, value]) => `  subscription ${name} = ${value}`),
  ];
}

function describeReport(plan: SubscriptionPlan, report: Report): string {
  return lines([
    `topic         ${plan.topicArn}`,
    `endpoint      ${plan.endpoint}`,
    `subscription  ${report.subscriptionArn ?? 'none'}`,
    ...report.set.map((what) => `set      ${what}`),
    ...report.notSet.map(({ what, why }) => `NOT SET  ${what}: ${why}`),
    ...plan.warnings.map((warning) => `warning: ${warning}`),
    ...(report.set.includes('subscription')
      ? [
          'SNS asks the endpoint to confirm a new subscription: the service does so if it runs with the topic in TOPIC_ARNS.',
        ]
      : []),
  ]);
}

function lines(texts: readonly string[]): string {
  return `${texts.join('\n')}\n`;
}

function toJson(facts: object): string {
  return `${JSON.stringify(facts, undefined, 2)}\n`;
}
