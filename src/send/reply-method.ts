/** Agents' replies by End User Messaging: SendTextMessage, and SendWhatsAppMessage. One request a part; none bears a token. */
import { parseArn } from '../arn.ts';
import type { AgentReply } from '../normalize/agent-reply.ts';
import { trackingIdOf } from '../normalize/reply-tracking.ts';
import type { Claim, Placement } from '../queue/message-store.ts';
import { REPLY_OPERATIONS, paceKeyOf } from './api-quotas.ts';
import type { Delivered, NextStep } from './delivery-method.ts';
import type { ReplySender } from './eum-client.ts';
import { partAt } from './next-part.ts';
import { classifyReplyError } from './reply-outcome.ts';
import { REPLY_TEXT_LIMITS, renderReply } from './reply-text.ts';
import { resolveDestination } from './route.ts';
import type { Destination, Routing } from './route.ts';
import { splitText } from './text-parts.ts';

export interface ReplyOptions {
  readonly routing: Routing;
  readonly sender: ReplySender;
  readonly metaApiVersion: string;
}

export function nextReply(claim: Claim, reply: AgentReply, options: ReplyOptions): NextStep {
  const destination = resolveDestination(options.routing, reply);
  const placement = destination && placeReply(reply, destination);
  if (!placement) return { kind: 'nowhere' };
  const parts = claim.parts ?? splitText(renderReply(reply.content), REPLY_TEXT_LIMITS[reply.channel]);
  const text = partAt(parts, claim.partsDelivered);
  return {
    kind: 'request',
    placement,
    parts,
    async send(): Promise<Delivered> {
      const { requestId } = await sendReply(reply, text, destination, options);
      const choices = reply.content.kind === 'choices' ? reply.content.choices : [];
      return {
        kind: 'delivered',
        contactId: reply.contactId,
        offers: { contactId: reply.contactId, choices },
        ...(requestId === undefined ? {} : { requestId }),
      };
    },
    classify: (error) => classifyReplyError(error, reply.channel),
  };
}

/**
 * Undefined: WhatsApp needs our number's ARN. Apart from where the customer's own messages go: a pause of either stops
 * nothing of the other.
 */
export function placeReply(
  reply: Pick<AgentReply, 'channel' | 'businessAddress' | 'businessNumberArn'>,
  destination: Destination,
): Placement | undefined {
  const { channel, businessAddress } = reply;
  const { arn, account, region } = originOf(reply, destination);
  if (channel === 'whatsapp' && arn === undefined) return undefined;
  return {
    destination: `reply/${arn ?? businessAddress}`,
    paceKey: paceKeyOf(REPLY_OPERATIONS[channel], `${account}/${region}`),
  };
}

interface Origin {
  readonly arn: string | undefined;
  readonly account: string;
  readonly region: string;
}

/** The number that the customer wrote to, in its own Region: its chats may be in another, and its route may lead to another. */
function originOf(
  { businessNumberArn }: Pick<AgentReply, 'businessNumberArn'>,
  { numberArn, region }: Destination,
): Origin {
  const arn = businessNumberArn ?? numberArn;
  const parsed = parseArn(arn ?? '');
  return { arn, account: parsed?.account ?? '', region: parsed?.region || region };
}

function sendReply(
  reply: AgentReply,
  text: string,
  destination: Destination,
  { sender, metaApiVersion }: ReplyOptions,
): Promise<{ readonly requestId?: string }> {
  const { channel, customerAddress, customerAddressKind, businessAddress, contactId, externalId } = reply;
  const { arn = '', region } = originOf(reply, destination);
  const place = { region, roleArn: destination.roleArn };
  if (channel === 'sms') return sender.sendSms({ to: customerAddress, from: businessAddress, text }, place);
  const trackingId = trackingIdOf({ contactId, replyId: externalId });
  const recipient =
    customerAddressKind === 'whatsappUser' ? { userId: customerAddress } : { to: customerAddress };
  return sender.sendWhatsApp({ ...recipient, phoneNumberArn: arn, text, trackingId, metaApiVersion }, place);
}
