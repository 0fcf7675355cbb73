/** Chooses how a claimed message goes: replies by End User Messaging, customers' messages as their route says. */
import type { InboundMessage } from '../normalize/inbound-message.ts';
import type { Claim, Outcome, OutcomeReport } from '../queue/message-store.ts';
import type { ConnectSender } from './connect-client.ts';
import type { Answer, NextStep } from './delivery-method.ts';
import type { ReplySender } from './eum-client.ts';
import { nextIntegrationEvent } from './integration-event.ts';
import { NOTICE_WORDS, NO_NOTIFICATION, makeNotice } from './notice.ts';
import type { ParticipantSender } from './participant/participant-client.ts';
import { nextParticipantStep } from './participant/participant-method.ts';
import { nextReply } from './reply-method.ts';
import { chosenTitle, renderReply } from './reply-text.ts';
import { placementOf, resolveDestination } from './route.ts';
import type { Routing } from './route.ts';
import type { TextLimits } from './text-parts.ts';

export interface DeliveryMethods {
  /** What comes next of a claim. `now`: epoch milliseconds. Throws where the message can't be rendered. */
  next(claim: Claim, now: number): NextStep;
  /** Tells the agent of a reply that is given up. Undefined where there is nothing to tell, or no chat to tell it in. */
  noticeOf(claim: Claim, outcome: Outcome, why: string | undefined, now: number): OutcomeReport['notice'];
}

export interface DeliveryMethodsOptions {
  readonly routing: Routing;
  readonly textLimits: TextLimits;
  readonly metaApiVersion: string;
  readonly connect: ConnectSender;
  readonly participant: ParticipantSender;
  readonly replies: ReplySender;
  readonly random: () => number;
}

export function createDeliveryMethods(options: DeliveryMethodsOptions): DeliveryMethods {
  const { routing, metaApiVersion, replies } = options;
  return {
    next: (claim, now) =>
      claim.direction === 'outbound'
        ? nextReply(claim, claim.message, { routing, sender: replies, metaApiVersion })
        : nextInbound(claim, claim.message, now, options),
    noticeOf(claim, outcome, why, now) {
      if (claim.direction !== 'outbound' || outcome.verdict !== 'dead') return undefined;
      const { message, snsMessageId } = claim;
      const undelivered = {
        contactId: message.contactId,
        replyId: message.externalId,
        why: why ?? NOTICE_WORDS[outcome.reason],
        text: renderReply(message.content),
      };
      const notice = makeNotice(message, undelivered, now);
      const destination = resolveDestination(routing, notice);
      if (!destination) return undefined;
      const placement = placementOf(destination);
      const item = { kind: 'message', index: 0, message: notice, raw: NO_NOTIFICATION, placement } as const;
      return { item, snsMessageId: noticeId(snsMessageId) };
    },
  };
}

/** Beside the notification that brought the reply: a notification is known by its id. */
function noticeId(snsMessageId: string): string {
  return `${snsMessageId}:notice`;
}

function nextInbound(
  claim: Claim,
  stored: InboundMessage,
  now: number,
  { routing, textLimits, connect, participant, random }: DeliveryMethodsOptions,
): NextStep {
  const destination = resolveDestination(routing, stored);
  if (!destination) return { kind: 'nowhere' };
  const { content } = stored;
  if (content.kind === 'notice' && content.contactId !== claim.session?.contactId) {
    return { kind: 'useless', reason: 'chat_ended' };
  }
  const { message, isChoice } = readChoice(stored, claim);
  const step = destination.chat
    ? nextParticipantStep(
        { claim, message, destination, chat: destination.chat, now },
        { sender: participant, textLimits, random },
      )
    : nextIntegrationEvent(claim, message, destination, now, { sender: connect, textLimits });
  if (!isChoice || step.kind !== 'request') return step;
  return { ...step, send: async () => noteChoice(await step.send()) };
}

/** The number or the words of one of the choices that the customer was offered is that choice: Connect knows its title. */
function readChoice(
  message: InboundMessage,
  { choices }: Claim,
): { readonly message: InboundMessage; readonly isChoice: boolean } {
  const { content } = message;
  const title = choices && content.kind === 'text' ? chosenTitle(content.text, choices) : undefined;
  return title === undefined
    ? { message, isChoice: false }
    : { message: { ...message, content: { kind: 'list_reply', title } }, isChoice: true };
}

function noteChoice(answer: Answer): Answer {
  return answer.kind === 'delivered' ? { ...answer, isChoiceMade: true } : answer;
}
