import type { Channel } from './channel.ts';

/** What a customer sent. `empty` is a message that carries no text (an SMS without a body): the agent still hears of it. */
export type MessageContent = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'empty' };

/**
 * One thing that a customer sent, normalized. It is plain JSON: the store keeps it as such until it is delivered.
 */
export interface InboundMessage {
  readonly channel: Channel;
  /** E.164 wherever the sender has a number; otherwise as it came (short code, alphanumeric, WhatsApp user id). Becomes SourceId. */
  readonly customerAddress: string;
  /** The number that the customer wrote to: E.164, a short code or `rcs-…`. */
  readonly businessAddress: string;
  /** The provider's id (`inboundMessageId`, `wamid…`), never empty. With direction and channel it is the dedup key. */
  readonly externalId: string;
  /** When the customer sent it, epoch milliseconds: WhatsApp's `timestamp`, else the SNS Timestamp. */
  readonly sentAt: number;
  readonly content: MessageContent;
  /** WhatsApp profile name, where given. */
  readonly profileName?: string;
  /** WhatsApp: the ARN of the number that the message came to, from the notification's context. */
  readonly businessNumberArn?: string;
  /** SMS: the keyword that EUM matched. */
  readonly keyword?: string;
  /** SMS: the id of our message that this one answers. */
  readonly previousPublishedMessageId?: string;
}

/** Why a unit is ignored: acknowledged and counted, but not stored. */
export const IGNORED_REASONS = ['status', 'errors', 'other_field', 'no_messages'] as const;
export type IgnoredReason = (typeof IGNORED_REASONS)[number];

/**
 * What one part of a notification turned out to be. `raw` is the notification as JSON, cut down to this one part with
 * its envelope, metadata and contact, so that it can be normalized again on its own and holds nobody else's words.
 */
export type NormalizedItem =
  | { readonly kind: 'message'; readonly message: InboundMessage; readonly raw: string }
  | { readonly kind: 'notUnderstood'; readonly detail: string; readonly raw: string }
  | { readonly kind: 'ignored'; readonly reason: IgnoredReason };

/** What one part of a notification says, before its `raw` is cut: what the channels' parsers give. */
export type ParsedPart =
  | { readonly kind: 'message'; readonly message: InboundMessage }
  | { readonly kind: 'notUnderstood'; readonly detail: string }
  | { readonly kind: 'ignored'; readonly reason: IgnoredReason };
