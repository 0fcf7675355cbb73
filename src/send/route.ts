/**
 * Routing: which Connect destination a business address belongs to. Resolved when a message is accepted (for its lane)
 * and again at each attempt, so that mending a route mends what waits.
 */
import { z } from 'zod';
import { parseArn } from '../arn.ts';
import { CHANNELS } from '../normalize/channel.ts';
import type { Channel } from '../normalize/channel.ts';
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
    number: z.string().min(1),
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
    roleArn: z
      .string()
      .refine((text) => parseArn(text)?.service === 'iam', "is no role's ARN")
      .optional(),
  })
  .refine((route) => route.channel === 'whatsapp' || route.destinationId !== undefined, {
    path: ['destinationId'],
    message: 'is required for the channel sms',
  });

export const routesSchema = z
  .strictObject({ routes: z.array(routeSchema) })
  .superRefine(({ routes }, context) => {
    const seen = new Set<string>();
    for (const [index, { channel, number }] of routes.entries()) {
      const key = `${channel} ${numberKey(number)}`;
      if (seen.has(key)) {
        context.addIssue({
          code: 'custom',
          path: ['routes', index, 'number'],
          message: `stands twice for ${channel}`,
        });
      }
      seen.add(key);
    }
  });

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
 * The destination of a message, or undefined if there is none (a dead letter, `no_route`). SMS needs a route.
 * WhatsApp needs none: the number's own ARN serves, unless an exact route names another; a `*` route's destination
 * stands in only where no ARN fits. A call's Region is the route's, else its ARN's, else `fallbackRegion`.
 */
export function resolveDestination(
  routes: readonly Route[],
  message: InboundMessage,
  fallbackRegion: string | undefined,
): Destination | undefined {
  const ofChannel = routes.filter((route) => route.channel === message.channel);
  const exact = ofChannel.find((route) => numberKey(route.number) === numberKey(message.businessAddress));
  const any = ofChannel.find((route) => route.number === ANY_NUMBER);
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
