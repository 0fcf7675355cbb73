/** Inbound messages by SendChatIntegrationEvent: one request a part, into the chat that Connect keeps for the number. */
import { randomUUID } from 'node:crypto';
import type { InboundMessage } from '../normalize/inbound-message.ts';
import type { ChatSession, Claim } from '../queue/message-store.ts';
import { buildChatEvent, renderParts } from './chat-event.ts';
import { partiesOf } from './chat-parties.ts';
import type { ConnectSender, SentEvent } from './connect-client.ts';
import type { Delivered, NextRequest } from './delivery-method.ts';
import { partAt } from './next-part.ts';
import { placementOf } from './route.ts';
import type { Destination } from './route.ts';
import { classifySendError } from './send-outcome.ts';
import type { TextLimits } from './text-parts.ts';

export interface IntegrationEventOptions {
  readonly sender: ConnectSender;
  readonly textLimits: TextLimits;
}

export function nextIntegrationEvent(
  claim: Claim,
  message: InboundMessage,
  destination: Destination,
  now: number,
  { sender, textLimits }: IntegrationEventOptions,
): NextRequest {
  const parts = claim.parts ?? renderParts(message, textLimits, now);
  const { request, droppedAttributes } = buildChatEvent(
    message,
    destination,
    partAt(parts, claim.partsDelivered),
  );
  return {
    kind: 'request',
    placement: placementOf(destination),
    parts,
    async send(): Promise<Delivered> {
      const sent = await sender.send(request, destination);
      return {
        kind: 'delivered',
        ...sent,
        // An open chat ignores them all.
        ...(sent.newChatCreated === false ? {} : { droppedAttributes }),
        ...(destination.replies === 'bridge' && sent.contactId !== undefined && isOpenedBy(claim, sent)
          ? { session: openedChat(claim.session, message, sent.contactId, now) }
          : {}),
      };
    },
    classify: classifySendError,
  };
}

/**
 * Whether Connect has opened the chat for this message. An earlier attempt that nobody knows the end of may have done it; a
 * chat that is somebody else's after all streams nothing to the bridge.
 */
function isOpenedBy(claim: Claim, { contactId, newChatCreated }: SentEvent): boolean {
  if (newChatCreated !== false) return newChatCreated === true;
  const isRepeated = claim.unclearAttempts > 0 || claim.followsLostAttempt;
  return isRepeated && contactId !== claim.session?.contactId;
}

/** Connect has opened it: whose it is has to be known once an agent answers in it. */
function openedChat(
  last: ChatSession | undefined,
  message: InboundMessage,
  contactId: string,
  now: number,
): ChatSession {
  const generation = last ? last.generation + (last.contactId === undefined ? 0 : 1) : 1;
  const seed = last?.seed ?? randomUUID();
  return { seed, generation, parties: partiesOf(message), contactId, openedAt: now, hasDelivered: true };
}
