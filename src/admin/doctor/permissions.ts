/**
 * Whether the bridge's role may do what the configuration has it do, as far as IAM's simulator tells: it knows the
 * role's policies, not those of resources. A role that is assumed for a route is asked about as itself.
 */
import type { Config } from '../../config.ts';
import type { Channel } from '../../normalize/channel.ts';
import { destinationOfRoute, repliesOf } from '../../send/route.ts';
import type { ChatPlace, Destination, Route } from '../../send/route.ts';
import { hasFault } from './ask.ts';
import { ok, unknown, warning, wrong } from './check.ts';
import type { Check, Finding } from './check.ts';
import { homePlace, instanceArn } from './examination.ts';
import type { Examination } from './examination.ts';
import type { Place } from './readings.ts';

export interface Need {
  readonly action: string;
  /** The first is required, by the Service Authorization Reference; others are kinds that it names besides. */
  readonly resources: readonly string[];
  /** The bridge does not know yet which resource it will be, so that a refusal for all says little. */
  readonly isOpen?: boolean;
  /** Whose permission: the bridge's own, or that of the role assumed for a route. */
  readonly place: Place;
}

const SEND_ACTIONS = {
  sms: 'sms-voice:SendTextMessage',
  whatsapp: 'social-messaging:SendWhatsAppMessage',
} as const satisfies Record<Channel, string>;
const ALL_RESOURCES = '*';

export function permissionChecks(examination: Examination): readonly Check[] {
  return listNeeds(examination).map((need) => ({
    id: `permission/${keyOf(need)}`,
    title: `may ${need.action}${need.resources[0] === ALL_RESOURCES ? '' : ` on ${need.resources.join(', ')}`}`,
    run: () => checkNeed(need, examination),
  }));
}

function listNeeds({ config }: Examination): readonly Need[] {
  const home = homePlace(config);
  const needs = [
    ...[...config.topicArns, ...config.replyTopicArns].map((arn) => ({
      action: 'sns:ConfirmSubscription',
      resources: [arn],
      place: home,
    })),
    ...config.routes.flatMap((route) => sendingNeeds(sendingOf(route, config), route.channel)),
    // WhatsApp needs no route by this method.
    ...(config.connectMethod === 'integration-event' ? [integrationEventNeed(home)] : []),
  ];
  return [...new Map(needs.map((need) => [keyOf(need), need])).values()];
}

/** A permission belongs to a role, whatever the Region. */
function keyOf({ action, resources, place: { roleArn } }: Need): string {
  return [...(roleArn ? [roleArn] : []), action, ...resources].join(' ');
}

type Sending = Pick<Destination, 'chat' | 'region' | 'roleArn' | 'replies' | 'numberArn'>;

/** A WhatsApp route for all numbers leads nowhere by itself: the number's ARN comes with the message. */
function sendingOf(route: Route, config: Config): Sending {
  const { region = homePlace(config).region, roleArn } = route;
  const replies = repliesOf(route, config);
  return destinationOfRoute(route, config) ?? { region, roleArn, replies, numberArn: undefined };
}

function sendingNeeds(sending: Sending, channel: Channel): readonly Need[] {
  const { chat, region, roleArn, replies, numberArn } = sending;
  const place = { region, roleArn };
  return [
    ...(chat ? chatNeeds(chat, place) : [integrationEventNeed(place)]),
    ...(replies === 'bridge'
      ? [
          {
            action: SEND_ACTIONS[channel],
            resources: [numberArn ?? ALL_RESOURCES],
            isOpen: numberArn === undefined,
            place,
          },
        ]
      : []),
  ];
}

/** The operation knows no narrower resource. */
export function integrationEventNeed(place: Place): Need {
  return { action: 'connect:SendChatIntegrationEvent', resources: [ALL_RESOURCES], place };
}

function chatNeeds(chat: ChatPlace, place: Place): readonly Need[] {
  const instance = instanceArn(chat);
  return [
    {
      action: 'connect:StartChatContact',
      resources: [`${instance}/contact-flow/${chat.contactFlowId}`, `${instance}/contact/*`],
      place,
    },
    { action: 'connect:StartContactStreaming', resources: [instance, `${instance}/contact/*`], place },
  ];
}

async function checkNeed(need: Need, examination: Examination): Promise<Finding> {
  const { action, resources, isOpen, place } = need;
  const { arn } = await examination.readings.identity(place);
  if (/^arn:[^:]+:iam::\d+:root$/.test(arn))
    return warning('the account’s root user may do everything', 'give the bridge a role of its own');
  const decisions = await decideAll(need, arn, examination);
  const allow = `allow ${action} on ${resources.join(' and ')} to ${arn} (docs/set-up.md)`;
  if (decisions.includes('explicitDeny'))
    return wrong('a policy denies it', `find the statement with Effect Deny that covers ${action}`);
  if (decisions.every((decision) => decision === 'allowed')) return ok('allowed');
  if (isOpen)
    return unknown(
      'not for every resource; which one it will be is not known here',
      'give the route a destinationId, so that it can be asked about',
    );
  if (decisions[0] !== 'allowed') return wrong('no policy allows it', allow);
  const refused = resources.filter((_, index) => decisions[index] !== 'allowed');
  return warning(`not on ${refused.join(', ')}, which it may or may not need`, allow);
}

/** `undefined` where it can't be asked. */
export async function isAllowed(need: Need, examination: Examination): Promise<boolean | undefined> {
  try {
    const { arn } = await examination.readings.identity(need.place);
    const decisions = await decideAll(need, arn, examination);
    return decisions.every((decision) => decision === 'allowed');
  } catch {
    return undefined;
  }
}

/** One by one: asked about several resources at once, IAM answers for each action only. */
function decideAll(
  { action, resources, place }: Need,
  callerArn: string,
  { readings }: Examination,
): Promise<readonly string[]> {
  return Promise.all(
    resources.map(async (resource) => {
      const role = roleOf(callerArn);
      if (role === undefined) return readings.simulate(callerArn, action, resource, place);
      try {
        return await readings.simulate(role.pathlessArn, action, resource, place);
      } catch (error) {
        if (!hasFault(error, 'missing')) throw error;
        return readings.simulate(await readings.roleArn(role.name, place), action, resource, place);
      }
    }),
  );
}

/** Policies belong to the role; the ARN of its session names it without its path, which then has to be asked for. */
function roleOf(callerArn: string): { readonly name: string; readonly pathlessArn: string } | undefined {
  const [, partition, account, name] =
    /^arn:([^:]+):sts::(\d+):assumed-role\/([^/]+)\//.exec(callerArn) ?? [];
  return name === undefined
    ? undefined
    : { name, pathlessArn: `arn:${partition}:iam::${account}:role/${name}` };
}
