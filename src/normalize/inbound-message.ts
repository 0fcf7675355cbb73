import type { Channel } from './channel.ts';

/**
 * What a customer sent. A kind is called as Meta calls the type of the message (of an interactive one, its inner type),
 * since routes name kinds to ignore them. All that a person is to read is text, spelt as it came: numbers too, because
 * a coordinate or a price that went through a double may come out with other digits. Absent means that it was absent,
 * empty or unusable. Texts hold no lone surrogates; control characters stay, for the renderer to replace.
 */
export type MessageContent =
  | { readonly kind: 'text'; readonly text: string }
  /** No text where one belongs (an SMS without a body): the agent still hears of it. */
  | { readonly kind: 'empty' }
  | MediaContent
  | LocationContent
  | { readonly kind: 'contacts'; readonly contacts: readonly ContactCard[] }
  | ChoiceContent
  | FormContent
  | CallPermissionContent
  /** Without `emoji`, an earlier reaction is taken back. `messageId` is the provider's id of the message reacted to. */
  | { readonly kind: 'reaction'; readonly emoji?: string; readonly messageId?: string }
  | OrderContent
  | SystemContent
  /** The customer opened the chat for the first time, and wrote nothing yet. */
  | { readonly kind: 'request_welcome' }
  /** `content` is what the message of that id says now. */
  | { readonly kind: 'edit'; readonly messageId?: string; readonly content: MessageContent }
  | { readonly kind: 'revoke'; readonly messageId?: string }
  | UnsupportedContent
  | UnknownContent
  /** No customer's: the bridge tells the agent that a reply did not reach the customer, and why. */
  | NoticeContent;

/** `contactId`: the chat that the reply was written in, which is the only one that the notice is for. */
export interface NoticeContent {
  readonly kind: 'notice';
  readonly contactId: string;
  readonly why: string;
  /** How the reply begins. */
  readonly about?: string;
}

export type ContentKind = MessageContent['kind'];

/** `file` is RCS's, of which only the MIME type says what it is. A voice note is WhatsApp's audio with `voice: true`. */
export const MEDIA_KINDS = ['image', 'video', 'audio', 'voice', 'document', 'sticker', 'file'] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

/** Every kind, so that a route's list and a metric's label can be closed. */
export const CONTENT_KINDS = [
  'text',
  'empty',
  ...MEDIA_KINDS,
  'location',
  'contacts',
  'button',
  'button_reply',
  'list_reply',
  'nfm_reply',
  'call_permission_reply',
  'reaction',
  'order',
  'system',
  'request_welcome',
  'edit',
  'revoke',
  'unsupported',
  'unknown',
  'notice',
] as const satisfies readonly ContentKind[];

/** A notice of media: its bytes stay where `source` says. */
export interface MediaContent {
  readonly kind: MediaKind;
  readonly caption?: string;
  readonly fileName?: string;
  readonly mimeType?: string;
  /** Bytes. */
  readonly size?: string;
  /** `s3://BUCKET/KEY` of RCS; Meta's media id, else its URL, of WhatsApp. */
  readonly source?: string;
  /** Why RCS media could not be kept: EUM's `mediaStatus` (not SUCCESS), with its message. */
  readonly failure?: string;
  /** Of a sticker. */
  readonly isAnimated?: true;
}

export interface LocationContent {
  readonly kind: 'location';
  readonly latitude?: string;
  readonly longitude?: string;
  readonly name?: string;
  readonly address?: string;
  readonly url?: string;
}

export interface ContactCard {
  readonly name?: string;
  /** `label` is the sender's, such as CELL or WORK. A phone's text is the number as written, else its WhatsApp id. */
  readonly phones: readonly LabelledText[];
  readonly emails: readonly LabelledText[];
  readonly addresses: readonly LabelledText[];
  readonly urls: readonly LabelledText[];
  /** Company, department, title: those that there are, in this order. */
  readonly organisation: readonly string[];
  readonly birthday?: string;
  /** What its vCard says besides, by the names of its properties. */
  readonly more?: readonly NamedText[];
}

export interface LabelledText {
  readonly text: string;
  readonly label?: string;
}

/** A button of a template, or of an interactive message, or a row of a list. */
export interface ChoiceContent {
  readonly kind: 'button' | 'button_reply' | 'list_reply';
  readonly title: string;
  readonly description?: string;
}

/** A WhatsApp Flow, filled in. */
export interface FormContent {
  readonly kind: 'nfm_reply';
  readonly name?: string;
  readonly body?: string;
  readonly answers: readonly NamedText[];
}

export interface NamedText {
  readonly name: string;
  readonly text: string;
}

export interface CallPermissionContent {
  readonly kind: 'call_permission_reply';
  /** As it came; `accept` and `reject` are documented. */
  readonly response: string;
  readonly isPermanent?: true;
  /** Epoch milliseconds. */
  readonly expiresAt?: number;
}

export interface OrderContent {
  readonly kind: 'order';
  readonly items: readonly OrderItem[];
  readonly note?: string;
  readonly catalogId?: string;
}

export interface OrderItem {
  readonly product?: string;
  readonly quantity?: string;
  /** Of one. */
  readonly price?: string;
  readonly currency?: string;
}

/** WhatsApp says that something about the customer changed; `body` is Meta's own sentence. */
export interface SystemContent {
  readonly kind: 'system';
  readonly type?: string;
  readonly body?: string;
  readonly newNumber?: string;
  readonly newUserId?: string;
  readonly previousUserId?: string;
}

/** The customer sent what Meta does not pass on (a poll, a view-once photo). */
export interface UnsupportedContent {
  readonly kind: 'unsupported';
  readonly type?: string;
  /** Meta's words for why, one for each error. */
  readonly errors: readonly string[];
  readonly text?: string;
}

/**
 * A type that this version does not know, or a known one without its body: a placeholder, with whatever of it a person
 * can read.
 */
export interface UnknownContent {
  readonly kind: 'unknown';
  /** As it came, `interactive` ones as `interactive/TYPE`; `none` where there is none. */
  readonly type: string;
  readonly text?: string;
  readonly fields: readonly NamedText[];
}

/** The ad or post by which a WhatsApp customer came (Meta, "Click to WhatsApp ads"). */
export interface Referral {
  readonly sourceType?: string;
  readonly sourceId?: string;
  readonly sourceUrl?: string;
  readonly headline?: string;
  readonly body?: string;
  readonly mediaType?: string;
  readonly mediaUrl?: string;
  /** What the ad greets with. */
  readonly welcomeText?: string;
}

/**
 * What kind of address a customer has. `unknown`: the provider's sender is neither a number, a short code, an
 * alphanumeric sender nor a WhatsApp user id, and stays as it came.
 */
export const ADDRESS_KINDS = ['phone', 'shortCode', 'alphanumeric', 'whatsappUser', 'unknown'] as const;
export type AddressKind = (typeof ADDRESS_KINDS)[number];

/** The business address of a message that does not say to whom it was sent: its destination's id takes the place. */
export const UNKNOWN_BUSINESS_ADDRESS = 'unknown';

/**
 * One thing that a customer sent, normalized. It is plain JSON: the store keeps it as such until it is delivered.
 */
export interface InboundMessage {
  readonly channel: Channel;
  /** E.164 wherever the sender has a number; otherwise as it came (short code, alphanumeric, WhatsApp user id). Becomes SourceId. */
  readonly customerAddress: string;
  readonly customerAddressKind: AddressKind;
  /** Of a phone: the number that can be dialled (E.164). It differs from the address for WhatsApp ids of Mexico and Brazil. */
  readonly customerNumber?: string;
  /** The number that the customer wrote to: E.164, a short code or `rcs-…`. */
  readonly businessAddress: string;
  /** The provider's id (`inboundMessageId`, `wamid…`), never empty. With direction and channel it is the dedup key. */
  readonly externalId: string;
  /** When the customer sent it, epoch milliseconds: WhatsApp's `timestamp`, else the SNS Timestamp. */
  readonly sentAt: number;
  readonly content: MessageContent;
  /** WhatsApp: whatever else in it a person can read, by the names of its fields. */
  readonly others?: readonly NamedText[];
  /** WhatsApp profile name, where given. */
  readonly profileName?: string;
  /** WhatsApp: the ARN of the number that the message came to, from the notification's context. */
  readonly businessNumberArn?: string;
  /** SMS: the keyword that EUM matched. */
  readonly keyword?: string;
  /** SMS: the id of our message that this one answers. */
  readonly previousPublishedMessageId?: string;
  /** SMS: it begins with one of EUM's opt-out words. */
  readonly isOptOut?: true;
  /** WhatsApp: `often` is Meta's `frequently_forwarded`. */
  readonly forwarded?: 'once' | 'often';
  /** WhatsApp: the id of the message that this one quotes or answers. */
  readonly repliesTo?: string;
  /** WhatsApp: the catalogue product that it is about. */
  readonly product?: { readonly productId?: string; readonly catalogId?: string };
  readonly referral?: Referral;
  /** WhatsApp: the group in which it was written. */
  readonly groupId?: string;
}

/** Why a unit is ignored: acknowledged and counted, but not stored. A closed list: `docs/errors.md` explains each. */
export const IGNORED_REASONS = [
  'status',
  'errors',
  'other_field',
  'no_messages',
  'by_route',
  // Of Connect's chat streaming:
  'chat_event',
  'from_customer',
  'not_for_customer',
  'no_visibility',
  'unknown_chat',
  'native_replies',
] as const;
export type IgnoredReason = (typeof IGNORED_REASONS)[number];

/** `field` is the webhook field that it came in, from a closed list (`other` is what is not on it). */
export interface Ignored {
  readonly kind: 'ignored';
  readonly reason: IgnoredReason;
  readonly field?: string;
}

/**
 * What one part of a notification turned out to be. `raw` is the notification as JSON, cut down to this one part with
 * its envelope, metadata and contact, so that it can be normalized again on its own and holds nobody else's words.
 */
export type NormalizedItem =
  | { readonly kind: 'message'; readonly message: InboundMessage; readonly raw: string }
  | { readonly kind: 'notUnderstood'; readonly detail: string; readonly raw: string }
  | ReplyFailure
  | Ignored;

/** WhatsApp took one of the bridge's own replies, and could not bring it to the customer after all. */
export interface ReplyFailure {
  readonly kind: 'replyFailure';
  /** The chat that the reply was written in. */
  readonly contactId: string;
  /** The reply's external id: its `Id` in the chat. */
  readonly replyId: string;
  /** In words for the agent. */
  readonly why: string;
}

/** What one part of a notification says, before its `raw` is cut: what the channels' parsers give. */
export type ParsedPart =
  | { readonly kind: 'message'; readonly message: InboundMessage }
  | { readonly kind: 'notUnderstood'; readonly detail: string }
  | ReplyFailure
  | Ignored;
