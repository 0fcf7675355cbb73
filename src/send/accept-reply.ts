/** What a publication of Connect's chat streaming, or WhatsApp's word on a reply, is to the store. */
import type { AgentReply, ChatParties, StreamedItem } from '../normalize/agent-reply.ts';
import type { Ignored, IgnoredReason, NormalizedItem } from '../normalize/inbound-message.ts';
import type { AcceptItem, AcceptRequest } from '../queue/message-store.ts';
import type { AcceptPlan } from './accept-item.ts';
import { NO_NOTIFICATION, makeNotice } from './notice.ts';
import { placeReply } from './reply-method.ts';
import { resolveDestination } from './route.ts';
import type { Routing } from './route.ts';

/** `MessageStore.findChat`. */
export type FindChat = (contactId: string) => Promise<ChatParties | undefined>;

export interface ReplyPlan extends AcceptPlan, Pick<AcceptRequest, 'endedContacts'> {}

/** Only what is in a chat that the bridge opened, and whose route has the bridge carry replies, is for the customer. */
export async function planReply(
  item: StreamedItem,
  raw: string,
  routing: Routing,
  findChat: FindChat,
): Promise<ReplyPlan> {
  switch (item.kind) {
    case 'ignored':
      return ignoring(item.reason);
    case 'chatEnded':
      return { ...ignoring('chat_event'), endedContacts: [item.contactId] };
    case 'notUnderstood':
      return keeping({ kind: 'dead', index: 0, reason: 'not_understood', detail: item.detail, raw });
    case 'reply': {
      const parties = await findChat(item.item.contactId);
      return parties ? planKnownReply({ ...item.item, ...parties }, raw, routing) : ignoring('unknown_chat');
    }
  }
}

function planKnownReply(message: AgentReply, raw: string, routing: Routing): ReplyPlan {
  const destination = resolveDestination(routing, message);
  if (destination?.replies === 'native') return ignoring('native_replies');
  const placement = destination && placeReply(message, destination);
  if (placement) return keeping({ kind: 'message', index: 0, message, raw, placement });
  const { channel, businessAddress } = message;
  const detail = `No route carries replies from ${businessAddress} (${channel}): it has to have a Region, and for WhatsApp the ARN of the number.`;
  return keeping({ kind: 'dead', index: 0, reason: 'no_route', detail, raw, message });
}

function keeping(item: AcceptItem): ReplyPlan {
  return { items: [item], ignored: [], ignoredUnits: [] };
}

function ignoring(reason: IgnoredReason): ReplyPlan {
  const ignored: Ignored = { kind: 'ignored', reason };
  return { items: [], ignored: [ignored], ignoredUnits: [reason] };
}

/**
 * WhatsApp's word that a reply of ours did not reach its customer becomes a notice to the agent, if the chat is one that
 * the bridge opened; other parts stay as they are.
 */
export function tellOfFailures(
  parts: readonly NormalizedItem[],
  findChat: FindChat,
  now: number,
): Promise<readonly NormalizedItem[]> {
  return Promise.all(
    parts.map(async (part): Promise<NormalizedItem> => {
      if (part.kind !== 'replyFailure') return part;
      const parties = await findChat(part.contactId);
      if (!parties) return { kind: 'ignored', reason: 'status', field: 'messages' };
      return { kind: 'message', message: makeNotice(parties, part, now), raw: NO_NOTIFICATION };
    }),
  );
}
