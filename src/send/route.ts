/**
 * Routing: which Connect destination a business address belongs to. Resolved when a message is accepted (for its lane)
 * and again at each attempt, so that mending a route mends what waits.
 */
import { z } from 'zod';
import { parseArn } from '../arn.ts';
import { CHANNELS } from '../normalize/channel.ts';
import type { Channel } from '../normalize/channel.ts';
import { CONTENT_KINDS, UNKNOWN_BUSINESS_ADDRESS } from '../normalize/inbound-message.ts';
import type { InboundMessage } from '../normalize/inbound-message.ts';
import type { Placement } from '../queue/message-store.ts';
import { paceKeyOf } from './api-quotas.ts';
import type { ChatOperation } from './api-quotas.ts';
import {
  attributesRule,
  chatDurationRule,
  contactFlowIdRule,
  contentTypesRule,
  destinationIdRule,
  displayNameRule,
  instanceIdRule,
  streamingEndpointRule,
  subtypeRule,
} from './chat-event-rules.ts';

/**
 * How messages reach Connect. `integration-event`: SendChatIntegrationEvent, into the chat that Connect keeps for the
 * number. `participant`: the bridge opens the chat (StartChatContact) and writes into it as the customer.
 */
export const CONNECT_METHODS = ['integration-event', 'participant'] as const;
export type ConnectMethod = (typeof CONNECT_METHODS)[number];

/** Who carries agents' replies to the customer: Connect itself, through the imported number, or the bridge. */
export const REPLIES = ['native', 'bridge'] as const;
export type Replies = (typeof REPLIES)[number];

const DEFAULT_REPLIES = { 'integration-event': 'native', participant: 'bridge' } as const satisfies Record<
  ConnectMethod,
  Replies
>;

/** The number of a route that takes whatever no other route of its channel takes. */
const ANY_NUMBER = '*';

/** What goes to Connect as it is obeys the API's own rules: a fault shows at start and not as a refused message. */
const routeSchema = z.strictObject({
  channel: z.enum(CHANNELS),
  number: z.string().refine((text) => numberKey(text) !== '', 'has neither digits nor letters'),
  destinationId: destinationIdRule.optional(),
  subtype: subtypeRule.optional(),
  displayName: displayNameRule.optional(),
  attributes: attributesRule.optional(),
  supportedContentTypes: contentTypesRule.optional(),
  streamingEndpointArn: streamingEndpointRule.optional(),
  region: z
    .string()
    .regex(/^[a-z]{2,}(-[a-z]+)+-\d+$/, 'is no Region')
    .optional(),
  ignore: z.array(z.enum(CONTENT_KINDS).exclude(['text', 'notice'])).optional(),
  method: z.enum(CONNECT_METHODS).optional(),
  instanceId: instanceIdRule.optional(),
  contactFlowId: contactFlowIdRule.optional(),
  chatDurationMinutes: chatDurationRule.optional(),
  replies: z.enum(REPLIES).optional(),
  roleArn: z
    .string()
    .refine((text) => parseArn(text)?.service === 'iam', "is no role's ARN")
    .optional(),
});

type RouteDefaults = Pick<Routing, 'connectMethod' | 'replyTopicArns'>;

/** The routes file, as far as it can be judged without a Region. */
export function makeRoutesSchema(defaults: RouteDefaults) {
  const completeRoute = requiredMembers(defaults).reduce(
    (schema, { name, isNeeded, message }) =>
      schema.refine((route) => route[name] !== undefined || !isNeeded(route), {
        path: [name],
        message,
        when: isObject,
      }),
    routeSchema,
  );
  return z
    .strictObject({ routes: z.array(completeRoute) })
    .superRefine(({ routes }, context) => refuseRepeatedNumbers(routes, context), { when: isObject });
}

interface RequiredMember {
  readonly name: 'destinationId' | 'instanceId' | 'contactFlowId' | 'streamingEndpointArn';
  readonly isNeeded: (route: Partial<Route>) => boolean;
  readonly message: string;
}

/** What a route's method, or what it says of replies, cannot do without. */
function requiredMembers({ connectMethod, replyTopicArns = [] }: RouteDefaults): readonly RequiredMember[] {
  const isParticipant = ({ method = connectMethod }: Partial<Route>): boolean => method === 'participant';
  const isWithoutTopic = replyTopicArns.length === 0;
  const message = 'is required for the method participant';
  return [
    {
      name: 'destinationId',
      isNeeded: (route) => route.channel === 'sms' && !isParticipant(route),
      message: 'is required for the channel sms',
    },
    { name: 'instanceId', isNeeded: isParticipant, message },
    { name: 'contactFlowId', isNeeded: isParticipant, message },
    {
      name: 'streamingEndpointArn',
      isNeeded: (route) => isParticipant(route) && isWithoutTopic,
      message: `${message}, unless REPLY_TOPIC_ARNS is set`,
    },
    {
      name: 'streamingEndpointArn',
      isNeeded: (route) => !isParticipant(route) && route.replies === 'bridge' && isWithoutTopic,
      message: 'is required where the bridge carries replies, unless REPLY_TOPIC_ARNS is set',
    },
  ];
}

/** Without it, zod leaves a rule out where a member is at fault already; but a bad file names every fault at once. */
function isObject({ value }: { readonly value: unknown }): boolean {
  return typeof value === 'object' && value !== null;
}

/** `routes` as it stands in the file, at fault or not. */
function refuseRepeatedNumbers(routes: unknown, context: Pick<z.RefinementCtx, 'addIssue'>): void {
  const seen = new Set<string>();
  for (const [index, route] of (Array.isArray(routes) ? (routes as unknown[]) : []).entries()) {
    const { channel, number } = (route ?? {}) as { readonly channel?: unknown; readonly number?: unknown };
    if (typeof channel !== 'string' || typeof number !== 'string') continue;
    const key = `${channel} ${numberKey(number)}`;
    const path = ['routes', index, 'number'];
    if (seen.has(key)) context.addIssue({ code: 'custom', path, message: `stands twice for ${channel}` });
    seen.add(key);
  }
}

export type Route = z.infer<typeof routeSchema>;

/**
 * `connect:SMS` and `connect:WhatsApp` are what flows and contact records show; the API reference prints
 * `connect:sms`. Whether Connect compares without case is not known, hence a route's `subtype`.
 */
const DEFAULT_SUBTYPES = { sms: 'connect:SMS', whatsapp: 'connect:WhatsApp' } as const satisfies Record<
  Channel,
  string
>;

/** What decides where a message goes. */
export interface Routing {
  readonly routes: readonly Route[];
  readonly fallbackRegion: string | undefined;
  /** Of routes that don't say (CONNECT_METHOD). */
  readonly connectMethod?: ConnectMethod;
  /** REPLY_TOPIC_ARNS: where chats whose replies the bridge carries are streamed, if their route doesn't say. */
  readonly replyTopicArns?: readonly string[];
}

/** A route with every default filled in: all that sending needs besides the message. */
export interface Destination extends Placement {
  readonly subtype: string;
  readonly displayName: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly supportedContentTypes: readonly string[];
  readonly streamingEndpointArn: string | undefined;
  readonly region: string;
  readonly roleArn: string | undefined;
  readonly replies: Replies;
  /** ARN of our own number in End User Messaging, where it is known. */
  readonly numberArn: string | undefined;
  /** Of the method participant alone. */
  readonly chat?: ChatPlace;
}

/** Where the bridge opens chats itself. */
export interface ChatPlace {
  readonly instanceId: string;
  readonly contactFlowId: string;
  /** How long a chat may last; the instance's own default unless given. */
  readonly durationMinutes?: number;
  readonly streamingEndpointArn: string;
  /** Empty where neither a role nor the number's ARN names it. */
  readonly account: string;
  readonly region: string;
}

/** Numbers compare without separators and `+`; `rcs-…` ids and alphanumeric ones without case. */
export function numberKey(number: string): string {
  return number === ANY_NUMBER ? ANY_NUMBER : number.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/**
 * The route whose settings a message takes: the one for the number that it was sent to, else the channel's for `*`. No
 * exact one is for a message that does not say to which number it was sent.
 */
export function findRoute(
  routes: readonly Route[],
  message: Pick<InboundMessage, 'channel' | 'businessAddress'>,
): Route | undefined {
  return findExactRoute(routes, message) ?? findAnyRoute(routes, message);
}

type Addressed = Parameters<typeof findRoute>[1];

function findExactRoute(
  routes: readonly Route[],
  { channel, businessAddress }: Addressed,
): Route | undefined {
  if (businessAddress === UNKNOWN_BUSINESS_ADDRESS) return undefined;
  const key = numberKey(businessAddress);
  return routes.find((route) => route.channel === channel && numberKey(route.number) === key);
}

function findAnyRoute(routes: readonly Route[], { channel }: Addressed): Route | undefined {
  return routes.find((route) => route.channel === channel && route.number === ANY_NUMBER);
}

/** The method of a route, or of a message that needs none. */
export function methodOf(
  route: Route | undefined,
  { connectMethod = 'integration-event' }: Routing,
): ConnectMethod {
  return route?.method ?? connectMethod;
}

/** Who carries the replies of a route, or of a message that needs none. */
export function repliesOf(route: Route | undefined, routing: Routing): Replies {
  return route?.replies ?? DEFAULT_REPLIES[methodOf(route, routing)];
}

/**
 * The destination of a message, or undefined if there is none (a dead letter, `no_route`).
 *
 * By integration event: SMS needs a route. WhatsApp needs none: the number's own ARN serves, unless an exact route names
 * another; a `*` route's destination stands in only where no ARN fits. As a participant: a route that says in which
 * instance and by which flow. A call's Region is the route's, else its ARN's, else `fallbackRegion`.
 */
export function resolveDestination(routing: Routing, message: Routed): Destination | undefined {
  const { routes, fallbackRegion } = routing;
  const exact = findExactRoute(routes, message);
  const any = findAnyRoute(routes, message);
  const route = exact ?? any;
  const numberArn = exact?.destinationId ?? message.businessNumberArn ?? any?.destinationId;
  const region = route?.region ?? ((numberArn && parseArn(numberArn)?.region) || fallbackRegion);
  if (!region) return undefined;
  const method = methodOf(route, routing);
  const replies = repliesOf(route, routing);
  const common = {
    subtype: route?.subtype ?? DEFAULT_SUBTYPES[message.channel],
    displayName: route?.displayName,
    attributes: route?.attributes ?? {},
    supportedContentTypes: route?.supportedContentTypes ?? ['text/plain'],
    streamingEndpointArn:
      replies === 'bridge' ? streamingTopicOf(route, region, routing) : route?.streamingEndpointArn,
    region,
    roleArn: route?.roleArn,
    replies,
    numberArn,
  };
  if (method === 'participant') {
    const chat = route && chatPlaceOf(route, region, routing);
    // Most messages go into a chat that is open already: a lane is placed under that one's pace at first.
    return chat && { ...common, chat, ...placeChat(chat, 'SendMessage') };
  }
  const account = parseArn(route?.roleArn ?? numberArn ?? '')?.account ?? '';
  return numberArn === undefined
    ? undefined
    : { ...common, destination: numberArn, paceKey: `${account}/${region}` };
}

type Routed = Pick<InboundMessage, 'channel' | 'businessAddress' | 'businessNumberArn'>;

/** As for a message to the route's own number; undefined where only a message's ARN would tell. */
export function destinationOfRoute({ channel, number }: Route, routing: Routing): Destination | undefined {
  return resolveDestination(routing, { channel, businessAddress: number });
}

/** A chat's topic has to be in its instance's Region. */
export function streamingTopicOf(
  route: Route | undefined,
  region: string,
  { replyTopicArns = [] }: Routing,
): string | undefined {
  return route?.streamingEndpointArn ?? replyTopicArns.find((arn) => parseArn(arn)?.region === region);
}

function chatPlaceOf(route: Route, region: string, routing: Routing): ChatPlace | undefined {
  const { instanceId, contactFlowId, chatDurationMinutes } = route;
  const streaming = streamingTopicOf(route, region, routing);
  if (instanceId === undefined || contactFlowId === undefined || streaming === undefined) return undefined;
  // The instance's: numbers of one instance may be of several accounts, and have no ARN at all.
  const account = parseArn(route.roleArn ?? streaming)?.account ?? '';
  return {
    instanceId,
    contactFlowId,
    ...(chatDurationMinutes === undefined ? {} : { durationMinutes: chatDurationMinutes }),
    streamingEndpointArn: streaming,
    account,
    region,
  };
}

/** Connect's own operations are counted by account and Region, the Participant Service's by instance. */
export function placeChat(
  { instanceId, contactFlowId, account, region }: ChatPlace,
  operation: ChatOperation,
): Placement {
  const isConnects = operation === 'StartChatContact' || operation === 'StartContactStreaming';
  return {
    destination: `instance/${instanceId}/contact-flow/${contactFlowId}`,
    paceKey: paceKeyOf(operation, isConnects ? `${account}/${region}` : instanceId),
    isIdempotent: true,
  };
}

/** What of a destination the store keeps with a lane. */
export function placementOf({ destination, paceKey, isIdempotent }: Placement): Placement {
  return { destination, paceKey, ...(isIdempotent ? { isIdempotent } : {}) };
}
