import type { Channel } from './channel.ts';
import type { AddressKind, Ignored } from './inbound-message.ts';

/**
 * What is for the customer in a chat: an agent's words, or a flow's or a bot's. Texts are as they came, but for lone
 * surrogates. Something of it can be seen.
 */
export type ReplyContent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'markdown'; readonly text: string }
  | ChoicesContent
  | { readonly kind: 'attachments'; readonly attachments: readonly Attachment[] };

export interface Attachment {
  readonly name?: string;
  /** MIME. */
  readonly contentType?: string;
}

/** A message that offers choices (list picker, quick reply, time picker, …), whatever its template. */
export interface ChoicesContent {
  readonly kind: 'choices';
  /** What stands above the choices, a line each; Markdown, as the titles of the choices are. */
  readonly lines: readonly string[];
  readonly choices: readonly Choice[];
}

export interface Choice {
  /** What the customer reads, and may answer with. */
  readonly title: string;
  readonly description?: string;
  /** What Connect expects back as the choice, where that is not the title. */
  readonly answer?: string;
}

/** An item of a chat before it is known whose chat it is. */
export interface ChatItem {
  /** Connect's InitialContactId: it stays when a chat is transferred. */
  readonly contactId: string;
  /** The item's `Id`. */
  readonly externalId: string;
  /** `AbsoluteTime`, epoch milliseconds. */
  readonly sentAt: number;
  readonly content: ReplyContent;
}

/** What a publication of Connect's chat streaming says. */
export type StreamedItem =
  | { readonly kind: 'reply'; readonly item: ChatItem }
  | { readonly kind: 'chatEnded'; readonly contactId: string }
  | { readonly kind: 'notUnderstood'; readonly detail: string }
  | Ignored;

/** Whose chat it is: what a reply needs to reach the customer. */
export interface ChatParties {
  readonly channel: Channel;
  readonly customerAddress: string;
  readonly customerAddressKind: AddressKind;
  readonly businessAddress: string;
  /** WhatsApp: the ARN of our number, where the customer's message brought one. */
  readonly businessNumberArn?: string;
}

/** One thing for a customer to read, normalized. Plain JSON, as an InboundMessage is. */
export interface AgentReply extends ChatItem, ChatParties {}
