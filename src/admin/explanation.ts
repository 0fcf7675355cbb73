/**
 * What the bridge would make of a payload, by the code that does it in the service, but without a store, a network or a
 * Connect.
 */
import https from 'node:https';
import type { SendChatIntegrationEventCommandInput } from '@aws-sdk/client-connect';
import type { CountryCode } from 'libphonenumber-js/max';
import { systemClock } from '../clock.ts';
import { BridgeError, errorEntry } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { SigningCertificates } from '../ingest/signing-certificate.ts';
import { envelopeTime, parseEnvelope } from '../ingest/sns-envelope.ts';
import { verifyEnvelope } from '../ingest/sns-signature.ts';
import type {
  AddressKind,
  ContentKind,
  IgnoredReason,
  InboundMessage,
  NormalizedItem,
} from '../normalize/inbound-message.ts';
import type { ReplyContent } from '../normalize/agent-reply.ts';
import { isStreamedItem, normalizeStreamed } from '../normalize/chat-item.ts';
import { normalizeNotification } from '../normalize/normalize-notification.ts';
import type { NotificationFields } from '../normalize/normalize-notification.ts';
import { asJsonObject, parseJson } from '../normalize/payload-fields.ts';
import type { DeadReason } from '../queue/message-store.ts';
import { makeAcceptItem } from '../send/accept-item.ts';
import type { Routing } from '../send/route.ts';
import { buildChatEvent, renderParts } from '../send/chat-event.ts';
import { buildChatRequest } from '../send/participant/chat-request.ts';
import type { ChatRequest } from '../send/participant/chat-request.ts';
import { renderReply } from '../send/reply-text.ts';
import { findRoute, resolveDestination } from '../send/route.ts';
import type { Destination } from '../send/route.ts';
import { fitAttributes } from '../send/session-details.ts';
import type { TextLimits } from '../send/text-parts.ts';
import type { MadeUp } from './payload-shapes.ts';

/** What of the configuration decides about a message. */
export interface Rules extends Routing {
  readonly defaultCountry: CountryCode | undefined;
  readonly textLimits: TextLimits;
}

export interface Identity {
  readonly channel: InboundMessage['channel'];
  readonly customerAddress: string;
  readonly customerAddressKind: AddressKind;
  readonly customerNumber?: string;
  readonly businessAddress: string;
  readonly externalId: string;
  /** ISO 8601. */
  readonly sentAt: string;
  readonly content: ContentKind;
}

export interface Way {
  /** `number` of the route; absent where the ARN in the notification does without one. */
  readonly route?: string;
  readonly destination: string;
  readonly region: string;
  readonly roleArn?: string;
}

/** What the bridge would make of one notification. */
export interface Explanation {
  readonly index: number;
  readonly shape: string;
  /** Absent where there is no SNS envelope. */
  readonly signature?: SignatureVerdict;
  /** What the payload does not say, and had to be made up. */
  readonly madeUp: readonly MadeUp[];
  /** None of an envelope that is no notification. */
  readonly parts: readonly PartExplanation[];
}

/** A request to Connect. Without what only the store knows: tokens, and which chat is open. */
export type ExplainedRequest =
  | {
      readonly operation: 'SendChatIntegrationEvent';
      readonly input: SendChatIntegrationEventCommandInput;
      readonly content: string;
    }
  | { readonly operation: 'StartChatContact'; readonly input: ChatRequest }
  | {
      readonly operation: 'SendMessage';
      readonly input: { readonly ContentType: string; readonly Content: string };
      readonly content: string;
    };

/** What one part of a notification would become. */
export type PartExplanation =
  | {
      readonly outcome: 'sent';
      readonly message: Identity;
      readonly way: Way;
      /** One for each part of the text; before them, as a participant, the one that opens a chat if none is open. */
      readonly requests: readonly ExplainedRequest[];
      readonly droppedAttributes: readonly string[];
    }
  | {
      /** An agent's words for the customer of a chat; whose chat it is, and whether it is the bridge's, the store knows. */
      readonly outcome: 'reply';
      readonly contactId: string;
      readonly content: ReplyContent['kind'];
      readonly text: string;
      readonly message?: undefined;
    }
  | { readonly outcome: 'chatEnded'; readonly contactId: string; readonly message?: undefined }
  | {
      readonly outcome: 'ignored';
      readonly reason: IgnoredReason;
      readonly field?: string;
      readonly message?: Identity;
    }
  | {
      readonly outcome: 'dead';
      readonly reason: DeadReason;
      readonly detail: string;
      readonly message?: Identity;
    };

/**
 * Each part of a notification, in its order. Requests are as if each message were sent as soon as the customer wrote
 * it, so none is told to be old. In the service the topic alone decides whether it is a reply; a payload at hand may have
 * none, and then its shape does. Pure.
 */
export function explainNotification(
  notification: NotificationFields,
  rules: Rules,
  visibility?: string,
): readonly PartExplanation[] {
  if (
    rules.replyTopicArns?.includes(notification.TopicArn) ||
    isStreamedItem(parseJson(notification.Message))
  ) {
    return [explainStreamed(notification, visibility)];
  }
  return normalizeNotification(notification, rules).map((part, index) => explainPart(part, index, rules));
}

function explainPart(part: NormalizedItem, index: number, rules: Rules): PartExplanation {
  const item = makeAcceptItem(part, index, rules);
  switch (item.kind) {
    case 'ignored': {
      const { reason, field } = item;
      const message = part.kind === 'message' ? { message: describeIdentity(part.message) } : {};
      return { outcome: 'ignored', reason, ...(field === undefined ? {} : { field }), ...message };
    }
    case 'dead': {
      const { reason, detail, message } = item;
      const identity = message ? { message: describeIdentity(message as InboundMessage) } : {};
      return { outcome: 'dead', reason, detail, ...identity };
    }
    case 'message': {
      // Parts of a customer's notification are a customer's messages.
      const message = item.message as InboundMessage;
      const destination = resolveDestination(rules, message);
      if (!destination) throw new Error('A message that was placed has no destination.');
      return {
        outcome: 'sent',
        message: describeIdentity(message),
        way: describeWay(message, destination, rules),
        requests: describeRequests(message, destination, rules),
        droppedAttributes: fitAttributes(message, destination).dropped,
      };
    }
  }
}

function describeRequests(
  message: InboundMessage,
  destination: Destination,
  { textLimits }: Rules,
): readonly ExplainedRequest[] {
  const parts = renderParts(message, textLimits, message.sentAt);
  if (!destination.chat) {
    return parts.map((content) => ({
      operation: 'SendChatIntegrationEvent',
      input: buildChatEvent(message, destination, content).request,
      content,
    }));
  }
  const { request: input } = buildChatRequest(message, destination, destination.chat);
  return [
    { operation: 'StartChatContact', input },
    ...parts.map((content): ExplainedRequest => ({
      operation: 'SendMessage',
      input: { ContentType: 'text/plain', Content: content },
      content,
    })),
  ];
}

function explainStreamed(notification: NotificationFields, visibility: string | undefined): PartExplanation {
  const { item } = normalizeStreamed(notification, visibility);
  switch (item.kind) {
    case 'reply': {
      const { contactId, content } = item.item;
      return { outcome: 'reply', contactId, content: content.kind, text: renderReply(content) };
    }
    case 'chatEnded':
      return { outcome: 'chatEnded', contactId: item.contactId };
    case 'notUnderstood':
      return { outcome: 'dead', reason: 'not_understood', detail: item.detail };
    case 'ignored':
      return { outcome: 'ignored', reason: item.reason };
  }
}

function describeIdentity(message: InboundMessage): Identity {
  const { channel, customerAddress, customerAddressKind, customerNumber } = message;
  return {
    channel,
    customerAddress,
    customerAddressKind,
    ...(customerNumber === undefined ? {} : { customerNumber }),
    businessAddress: message.businessAddress,
    externalId: message.externalId,
    sentAt: new Date(message.sentAt).toISOString(),
    content: message.content.kind,
  };
}

function describeWay(message: InboundMessage, destination: Destination, { routes }: Rules): Way {
  const route = findRoute(routes, message);
  const { roleArn } = destination;
  return {
    ...(route ? { route: route.number } : {}),
    destination: destination.destination,
    region: destination.region,
    ...(roleArn === undefined ? {} : { roleArn }),
  };
}

/** `unsigned`: there is none. `unchecked`: no good certificate is at hand, and none is fetched. */
export type SignatureVerdict =
  | { readonly verdict: 'verified' | 'unsigned' | 'unchecked' }
  | { readonly verdict: 'refused'; readonly code: ErrorCode; readonly answer: number | undefined };

export type SignatureCheck = (envelope: string | Buffer) => Promise<SignatureVerdict>;

/**
 * Checks envelopes as the service does, with the certificates that are in `certDir` (SNS_CERT_DIR). Whatever its topic
 * and its age, since a payload is explained long after it came and by somebody else's configuration.
 */
export function makeSignatureCheck(certDir: string): SignatureCheck {
  const agent = new https.Agent({
    lookup: (_host, _options, done) => done(new Error('No certificate is fetched.'), []),
  });
  const certificates = new SigningCertificates({ directory: certDir, clock: systemClock, agent });
  return async (text) => {
    if (asJsonObject(parseJson(text.toString()))['Signature'] === undefined) return { verdict: 'unsigned' };
    try {
      const envelope = parseEnvelope(Buffer.from(text));
      const topicArns = new Set([envelope.TopicArn]);
      await verifyEnvelope(envelope, {
        topicArns,
        retentionMs: 0,
        now: envelopeTime(envelope),
        certificates,
      });
      return { verdict: 'verified' };
    } catch (error) {
      if (!(error instanceof BridgeError) || error.code === 'INTERNAL') throw error;
      const { code } = error;
      if (code === 'CERTIFICATE_UNAVAILABLE') return { verdict: 'unchecked' };
      return { verdict: 'refused', code, answer: errorEntry(code).answer };
    }
  };
}
