/**
 * An inbound message as SendChatIntegrationEvent requests: what the agent reads of it, and the request around each part.
 *
 * Everything that a person wrote or sent appears. A line in brackets says what it is, its content stands below on lines
 * of its own. A text stays as it was written, but for what Connect can't take.
 */
import type { SendChatIntegrationEventCommandInput } from '@aws-sdk/client-connect';
import { HOUR_MS } from '../clock.ts';
import type {
  CallPermissionContent,
  ContactCard,
  InboundMessage,
  LabelledText,
  LocationContent,
  MediaContent,
  MediaKind,
  MessageContent,
  NamedText,
  OrderContent,
  OrderItem,
  Referral,
  SystemContent,
} from '../normalize/inbound-message.ts';
import type { Destination } from './route.ts';
import { bracket, labelled, lines, sendableLine, sendableText, words } from './sendable-text.ts';
import { ContentNotRendered } from './send-outcome.ts';
import { chooseDisplayName, fitAttributes } from './session-details.ts';
import { splitText } from './text-parts.ts';
import type { TextLimits } from './text-parts.ts';

type ReactionContent = Extract<MessageContent, { kind: 'reaction' }>;

/** What the agent reads besides the customer's own words: the words in brackets, and those before a colon. */
const LABELS = {
  sentAt: 'Sent',
  forwarded: { once: 'Forwarded', often: 'Forwarded many times' },
  group: 'In group',
  quoted: 'Reply to message',
  product: 'About product',
  catalog: 'catalogue',
  referral: {
    title: 'Referral',
    headline: 'Headline',
    body: 'Text',
    link: 'Link',
    media: 'Media',
    greeting: 'Greeting',
  },

  empty: 'Empty message',
  media: {
    image: 'Image',
    video: 'Video',
    audio: 'Audio',
    voice: 'Voice note',
    document: 'Document',
    sticker: 'Sticker',
    file: 'File',
  } satisfies Record<MediaKind, string>,
  animatedSticker: 'Animated sticker',
  mediaId: 'media id',
  mediaFailure: 'The file could not be received',
  location: { title: 'Location', latitude: 'Latitude', longitude: 'Longitude' },
  contact: {
    title: 'Contact',
    phone: 'Phone',
    email: 'E-mail',
    address: 'Address',
    url: 'Web',
    organisation: 'Organisation',
    birthday: 'Birthday',
  },
  form: 'Form',
  callPermission: {
    title: 'Permission to call',
    permanent: 'granted for good',
    until: 'granted until',
    granted: 'granted',
    declined: 'declined',
  },
  reaction: { title: 'Reaction', to: 'to message', removed: 'Reaction removed', from: 'from message' },
  order: { title: 'Order', item: 'item', each: 'each', note: 'Note' },
  system: {
    title: 'Notice from WhatsApp',
    newNumber: 'New number',
    newUserId: 'New user id',
    previousUserId: 'Previous user id',
  },
  requestWelcome: 'Opened the chat for the first time',
  edit: 'Edited message',
  revoke: 'Deleted message',
  unsupported: 'Message that WhatsApp does not pass on',
  unknown: 'Message of type',
  notice: 'Your message did not reach the customer',
} as const;

export interface ChatEvent {
  readonly request: SendChatIntegrationEventCommandInput;
  /** Keys of attributes that had no room. */
  readonly droppedAttributes: readonly string[];
}

/**
 * What the agent reads of a message, in the parts that Connect takes one at a time; joined they are the text. At least
 * one. Pure: the same message, limits and minute (`now`, epoch milliseconds) give the same parts. Throws
 * ContentNotRendered.
 */
export function renderParts(message: InboundMessage, limits: TextLimits, now: number): readonly string[] {
  return splitText(renderMessage(message, now), limits[message.channel]);
}

/**
 * The request that brings one part of a message (`content`) into a chat. Pure. NewSessionDetails goes with every message,
 * since Connect alone knows whether a chat is open (it ignores them then).
 */
export function buildChatEvent(
  message: InboundMessage,
  destination: Destination,
  content: string,
): ChatEvent {
  const { streamingEndpointArn } = destination;
  const { attributes, dropped } = fitAttributes(message, destination);
  const request: SendChatIntegrationEventCommandInput = {
    SourceId: message.customerAddress,
    DestinationId: destination.destination,
    Subtype: destination.subtype,
    Event: { Type: 'MESSAGE', ContentType: 'text/plain', Content: content },
    NewSessionDetails: {
      SupportedMessagingContentTypes: [...destination.supportedContentTypes],
      ParticipantDetails: { DisplayName: chooseDisplayName(message, destination) },
      Attributes: attributes,
      ...(streamingEndpointArn
        ? { StreamingConfiguration: { StreamingEndpointArn: streamingEndpointArn } }
        : {}),
    },
  };
  return { request, droppedAttributes: dropped };
}

/** Older than this, the agent is told when it was sent: "now" in it means then. */
const STALE_AFTER_MS = HOUR_MS;

/** The whole of what the agent reads, before it is cut. Throws ContentNotRendered. */
export function renderMessage(message: InboundMessage, now: number): string {
  const { sentAt, forwarded, groupId, content, others = [], repliesTo, product, referral } = message;
  return lines(
    now - sentAt > STALE_AFTER_MS && bracket(words(LABELS.sentAt, formatTime(sentAt))),
    forwarded && bracket(LABELS.forwarded[forwarded]),
    groupId && bracket(words(LABELS.group, groupId)),
    renderContent(content) || bracket(LABELS.empty),
    repliesTo && !isChoice(content) && bracket(words(LABELS.quoted, repliesTo)),
    product &&
      bracket(
        LABELS.product,
        product.productId,
        product.catalogId && words(LABELS.catalog, product.catalogId),
      ),
    referral && renderReferral(referral),
    ...others.map(renderField),
  );
}

/** A bot or a flow has to match the title, and Connect's own list pickers send nothing but that. */
function isChoice({ kind }: MessageContent): boolean {
  return kind === 'button' || kind === 'button_reply' || kind === 'list_reply';
}

/** Empty where the content shows nothing. */
function renderContent(content: MessageContent): string {
  switch (content.kind) {
    case 'text':
      return sendableText(content.text) ?? '';
    case 'empty':
      return '';
    case 'image':
    case 'video':
    case 'audio':
    case 'voice':
    case 'document':
    case 'sticker':
    case 'file':
      return renderMedia(content);
    case 'location':
      return renderLocation(content);
    case 'contacts':
      return lines(...content.contacts.map(renderContact));
    case 'button':
    case 'button_reply':
    case 'list_reply':
      return lines(sendableText(content.title), sendableText(content.description));
    case 'nfm_reply':
      return lines(
        bracket(LABELS.form, content.name),
        sendableText(content.body),
        ...content.answers.map(renderField),
      );
    case 'call_permission_reply':
      return bracket(LABELS.callPermission.title, describePermission(content));
    case 'reaction':
      return renderReaction(content);
    case 'order':
      return renderOrder(content);
    case 'system':
      return renderSystem(content);
    case 'request_welcome':
      return bracket(LABELS.requestWelcome);
    case 'edit':
      return lines(
        bracket(words(LABELS.edit, content.messageId)),
        renderContent(content.content) || bracket(LABELS.empty),
      );
    case 'revoke':
      return bracket(words(LABELS.revoke, content.messageId));
    case 'unsupported':
      return lines(
        bracket(LABELS.unsupported, content.type),
        ...content.errors.map(sendableText),
        sendableText(content.text),
      );
    case 'unknown':
      return lines(
        bracket(words(LABELS.unknown, content.type)),
        sendableText(content.text),
        ...content.fields.map(renderField),
      );
    case 'notice':
      return lines(
        bracket(LABELS.notice, content.why),
        content.about && `“${sendableLine(content.about) ?? ''}”`,
      );
    default:
      // It waits for the newer version that runs beside this one: a placeholder would be its delivery, and erase it.
      throw new ContentNotRendered((content satisfies never as MessageContent).kind);
  }
}

function renderMedia(media: MediaContent): string {
  const { kind, caption, fileName, mimeType, size, source, failure, isAnimated } = media;
  return lines(
    bracket(
      isAnimated ? LABELS.animatedSticker : LABELS.media[kind],
      fileName,
      mimeType,
      size && /^\d+$/.test(size) ? `${size} bytes` : size,
      source && /^[A-Za-z0-9]+$/.test(source) ? words(LABELS.mediaId, source) : source,
    ),
    failure && bracket(LABELS.mediaFailure, failure),
    sendableText(caption),
  );
}

function renderLocation({ latitude, longitude, name, address, url }: LocationContent): string {
  const hasBoth = latitude !== undefined && longitude !== undefined;
  const coordinates = hasBoth
    ? [sendableLine(`${latitude}, ${longitude}`), mapLink(latitude, longitude)]
    : [labelled(LABELS.location.latitude, latitude), labelled(LABELS.location.longitude, longitude)];
  return lines(
    bracket(LABELS.location.title),
    sendableLine(name),
    sendableText(address),
    ...coordinates,
    sendableLine(url),
  );
}

const PLAIN_DECIMAL = /^-?\d+(?:\.\d+)?$/;

/** Google's "Maps URLs". */
function mapLink(latitude: string, longitude: string): string | undefined {
  if (!PLAIN_DECIMAL.test(latitude) || !PLAIN_DECIMAL.test(longitude)) return undefined;
  return `https://www.google.com/maps/search/?api=1&query=${latitude},${longitude}`;
}

function renderContact(card: ContactCard): string {
  const { contact } = LABELS;
  return lines(
    bracket(contact.title, card.name),
    ...renderLabelled(contact.phone, card.phones),
    ...renderLabelled(contact.email, card.emails),
    ...renderLabelled(contact.address, card.addresses),
    ...renderLabelled(contact.url, card.urls),
    labelled(contact.organisation, card.organisation.join(', ')),
    labelled(contact.birthday, card.birthday),
    ...(card.more ?? []).map(renderField),
  );
}

/** `Phone (CELL): …`. */
function renderLabelled(label: string, texts: readonly LabelledText[]): readonly (string | undefined)[] {
  return texts.map(({ text, label: own }) => labelled(own ? `${label} (${own})` : label, text));
}

function describePermission({ response, isPermanent, expiresAt }: CallPermissionContent): string {
  const { permanent, until, granted, declined } = LABELS.callPermission;
  if (response === 'reject') return declined;
  if (response !== 'accept') return response;
  if (isPermanent) return permanent;
  return expiresAt === undefined ? granted : words(until, formatTime(expiresAt));
}

function renderReaction({ emoji, messageId }: ReactionContent): string {
  const { title, to, removed, from } = LABELS.reaction;
  return bracket(
    emoji === undefined
      ? words(removed, messageId && words(from, messageId))
      : words(title, emoji, messageId && words(to, messageId)),
  );
}

function renderOrder({ items, note, catalogId }: OrderContent): string {
  return lines(
    bracket(LABELS.order.title, catalogId && words(LABELS.catalog, catalogId)),
    ...items.map(renderOrderItem),
    labelled(LABELS.order.note, note),
  );
}

/** `3 × SKU, 30 ILS each`. */
function renderOrderItem({ product, quantity, price, currency }: OrderItem): string | undefined {
  const { item, each } = LABELS.order;
  const cost = words(price, currency, price && each);
  return sendableLine(`${quantity ? `${quantity} × ` : ''}${product ?? item}${cost ? `, ${cost}` : ''}`);
}

function renderSystem({ type, body, newNumber, newUserId, previousUserId }: SystemContent): string {
  const { system } = LABELS;
  return lines(
    bracket(system.title, type),
    sendableText(body),
    labelled(system.newNumber, newNumber),
    labelled(system.newUserId, newUserId),
    labelled(system.previousUserId, previousUserId),
  );
}

function renderReferral(referral: Referral): string {
  const { title, headline, body, link, media, greeting } = LABELS.referral;
  const { sourceType, sourceId, mediaType, mediaUrl } = referral;
  return lines(
    bracket(title, words(sourceType, sourceId)),
    labelled(headline, referral.headline),
    labelled(body, referral.body),
    labelled(link, referral.sourceUrl),
    labelled(media, words(mediaType, mediaUrl)),
    labelled(greeting, referral.welcomeText),
  );
}

/** A field without a name needs none: it is all there is. */
function renderField({ name, text }: NamedText): string | undefined {
  return name === '' ? sendableText(text) : labelled(name, text);
}

/** To the minute. */
function formatTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, -':00.000Z'.length).replace('T', ' ')} UTC`;
}
