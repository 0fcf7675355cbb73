import type { NormalizedItem } from '../normalize/inbound-message.ts';
import type { AcceptItem } from '../queue/message-store.ts';
import { resolveDestination } from './route.ts';
import type { Route } from './route.ts';

export interface Routing {
  readonly routes: readonly Route[];
  readonly fallbackRegion: string | undefined;
}

/**
 * What the parts of a notification are to the store: the same when one arrives and when a dead letter is redriven. What
 * is authentic is kept: without a message or without a route it is a dead letter. What is ignored is no item.
 */
export function makeAcceptItems(parts: readonly NormalizedItem[], routing: Routing): AcceptItem[] {
  return parts.flatMap((part, index) => makeAcceptItem(part, index, routing) ?? []);
}

function makeAcceptItem(
  part: NormalizedItem,
  index: number,
  { routes, fallbackRegion }: Routing,
): AcceptItem | undefined {
  switch (part.kind) {
    case 'ignored':
      return undefined;
    case 'notUnderstood':
      return { kind: 'dead', index, reason: 'not_understood', detail: part.detail, raw: part.raw };
    case 'message': {
      const { message, raw } = part;
      const placement = resolveDestination(routes, message, fallbackRegion);
      if (!placement) {
        const detail = `No route takes ${message.channel} messages to ${message.businessAddress}.`;
        return { kind: 'dead', index, reason: 'no_route', detail, raw, message };
      }
      const { destination, paceKey } = placement;
      return { kind: 'message', index, message, raw, placement: { destination, paceKey } };
    }
  }
}
