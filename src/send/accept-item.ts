import { UNKNOWN_BUSINESS_ADDRESS } from '../normalize/inbound-message.ts';
import type { Ignored, IgnoredReason, InboundMessage, NormalizedItem } from '../normalize/inbound-message.ts';
import type { AcceptItem, Placement } from '../queue/message-store.ts';
import { findRoute, methodOf, placementOf, resolveDestination } from './route.ts';
import type { Route, Routing } from './route.ts';

/** What the parts of a notification are to the store. */
export interface AcceptPlan {
  readonly items: readonly AcceptItem[];
  /** Every part that is not brought to an agent: for the log and the metrics. */
  readonly ignored: readonly Ignored[];
  /** What of it the books count (`AcceptRequest.ignored`). */
  readonly ignoredUnits: readonly IgnoredReason[];
}

/**
 * What the parts of a notification are to the store: the same when one arrives and when a dead letter is redriven. What
 * is authentic is kept: without a message or without a route it is a dead letter. Messages of a kind that their route
 * ignores are ignored like what is no message.
 */
export function makeAcceptItems(parts: readonly NormalizedItem[], routing: Routing): AcceptPlan {
  const plan = parts.map((part, index) => makeAcceptItem(part, index, routing));
  const items = plan.filter((planned) => planned.kind !== 'ignored');
  const ignored = plan.filter((planned) => planned.kind === 'ignored');
  return { items, ignored, ignoredUnits: countUnits(items, ignored) };
}

/**
 * The books' unit is a message, or a notification that yields none. So a message that its route ignores counts
 * whatever comes with it; what is no message counts only where there is nothing else, and then once.
 */
function countUnits(items: readonly AcceptItem[], ignored: readonly Ignored[]): readonly IgnoredReason[] {
  const reasons = ignored.map(({ reason }) => reason);
  const ofMessages = reasons.filter((reason) => reason === 'by_route');
  return items.length > 0 || ofMessages.length > 0 ? ofMessages : reasons.slice(0, 1);
}

/** What one part is to the store. */
export function makeAcceptItem(part: NormalizedItem, index: number, routing: Routing): AcceptItem | Ignored {
  switch (part.kind) {
    case 'ignored':
      return part;
    // Of no chat that is known here.
    case 'replyFailure':
      return { kind: 'ignored', reason: 'status', field: 'messages' };
    case 'notUnderstood':
      return { kind: 'dead', index, reason: 'not_understood', detail: part.detail, raw: part.raw };
    case 'message': {
      const { message, raw } = part;
      if (isIgnoredByRoute(message, routing.routes)) return ignoredByRoute(message);
      const placed = placeMessage(message, routing);
      if (placed) return { kind: 'message', index, raw, ...placed };
      const detail = describeMissingRoute(message, routing);
      return { kind: 'dead', index, reason: 'no_route', detail, raw, message };
    }
  }
}

function isIgnoredByRoute(message: InboundMessage, routes: readonly Route[]): boolean {
  const { kind } = message.content;
  return findRoute(routes, message)?.ignore?.some((ignored) => ignored === kind) ?? false;
}

function ignoredByRoute({ channel }: InboundMessage): Ignored {
  return { kind: 'ignored', reason: 'by_route', ...(channel === 'whatsapp' ? { field: 'messages' } : {}) };
}

interface Placed {
  readonly message: InboundMessage;
  readonly placement: Placement;
}

/**
 * Where a message goes, and with which business address. One that does not say to whom it was sent gets
 * the ARN of its route's number as that, else its destination's id: the conversations of two of our numbers would be one
 * lane otherwise, and replies need one to go from. It is resolved by that
 * address from then on, so it has no route if that leads elsewhere (an exact route for the id itself).
 */
function placeMessage(message: InboundMessage, routing: Routing): Placed | undefined {
  const found = resolveDestination(routing, message);
  if (!found) return undefined;
  const placement = placementOf(found);
  if (message.businessAddress !== UNKNOWN_BUSINESS_ADDRESS) return { message, placement };
  const named = { ...message, businessAddress: found.numberArn ?? placement.destination };
  const again = resolveDestination(routing, named);
  return again?.destination === placement.destination ? { message: named, placement } : undefined;
}

/** What an operator can mend. */
function describeMissingRoute(message: InboundMessage, routing: Routing): string {
  const { routes } = routing;
  const { channel, businessAddress, businessNumberArn } = message;
  const route = findRoute(routes, message);
  if (resolveDestination(routing, message)) {
    return `The message does not say to which number it was sent, and the destinationId of the ${channel} route for * is a number with a route of its own.`;
  }
  const isParticipant = methodOf(route, routing) === 'participant';
  if (route && isParticipant) return describeMissingChatPlace(route);
  if (!isParticipant && (route?.destinationId !== undefined || businessNumberArn !== undefined)) {
    return `The destination for ${channel} messages to ${businessAddress} has no Region: a route's region or AWS_REGION has to say it.`;
  }
  if (route) {
    return `The ${channel} route for ${route.number} has no destinationId, and the notification names no ARN that fits.`;
  }
  return businessAddress === UNKNOWN_BUSINESS_ADDRESS
    ? `The message does not say to which number it was sent, and there is no ${channel} route for *.`
    : `No route takes ${channel} messages to ${businessAddress}.`;
}

function describeMissingChatPlace({ channel, number, instanceId, contactFlowId }: Route): string {
  const route = `The ${channel} route for ${number} is of the method participant, and`;
  if (instanceId === undefined || contactFlowId === undefined)
    return `${route} has no instanceId or contactFlowId.`;
  return `${route} has no Region, or no topic in its Region to stream chats to (REPLY_TOPIC_ARNS, streamingEndpointArn).`;
}
