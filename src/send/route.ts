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
import {
  attributesRule,
  contentTypesRule,
  destinationIdRule,
  displayNameRule,
  streamingEndpointRule,
  subtypeRule,
} from './chat-event-rules.ts';

/** The number of a route that takes whatever no other route of its channel takes. */
const ANY_NUMBER = '*';

/** What goes to Connect as it is obeys the API's own rules: a fault shows at start and not as a refused message. */
const routeSchema = z
  .strictObject({
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
    ignore: z.array(z.enum(CONTENT_KINDS).exclude(['text'])).optional(),
    roleArn: z
      .string()
      .refine((text) => parseArn(text)?.service === 'iam', "is no role's ARN")
      .optional(),
  })
  .refine((route) => route.channel !== 'sms' || route.destinationId !== undefined, {
    path: ['destinationId'],
    message: 'is required for the channel sms',
    when: isObject,
  });

export const routesSchema = z
  .strictObject({ routes: z.array(routeSchema) })
  .superRefine(({ routes }, context) => refuseRepeatedNumbers(routes, context), { when: isObject });

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

/** A route with every default filled in: all that a chat event needs besides the message. */
export interface Destination extends Placement {
  readonly subtype: string;
  readonly displayName: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly supportedContentTypes: readonly string[];
  readonly streamingEndpointArn: string | undefined;
  readonly region: string;
  readonly roleArn: string | undefined;
}

/** Numbers compare without separators and `+`; `rcs-…` ids and alphanumeric ones without case. */
function numberKey(number: string): string {
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

/**
 * The destination of a message, or undefined if there is none (a dead letter, `no_route`). SMS needs a route.
 * WhatsApp needs none: the number's own ARN serves, unless an exact route names another; a `*` route's destination
 * stands in only where no ARN fits. A call's Region is the route's, else its ARN's, else `fallbackRegion`.
 */
export function resolveDestination(
  routes: readonly Route[],
  message: InboundMessage,
  fallbackRegion: string | undefined,
): Destination | undefined {
  const exact = findExactRoute(routes, message);
  const any = findAnyRoute(routes, message);
  const destinationId = exact?.destinationId ?? message.businessNumberArn ?? any?.destinationId;
  if (destinationId === undefined) return undefined;
  const route = exact ?? any;
  const region = route?.region ?? (parseArn(destinationId)?.region || fallbackRegion);
  if (!region) return undefined;
  const account = parseArn(route?.roleArn ?? destinationId)?.account ?? '';
  return {
    destination: destinationId,
    paceKey: `${account}/${region}`,
    subtype: route?.subtype ?? DEFAULT_SUBTYPES[message.channel],
    displayName: route?.displayName,
    attributes: route?.attributes ?? {},
    supportedContentTypes: route?.supportedContentTypes ?? ['text/plain'],
    streamingEndpointArn: route?.streamingEndpointArn,
    region,
    roleArn: route?.roleArn,
  };
}
