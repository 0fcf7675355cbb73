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
import { normalizeNotification } from '../normalize/normalize-notification.ts';
import type { NotificationFields } from '../normalize/normalize-notification.ts';
import { asJsonObject, parseJson } from '../normalize/payload-fields.ts';
import type { DeadReason } from '../queue/message-store.ts';
import { makeAcceptItem } from '../send/accept-item.ts';
import type { Routing } from '../send/accept-item.ts';
import { buildChatEvent, renderParts } from '../send/chat-event.ts';
import { findRoute, resolveDestination } from '../send/route.ts';
import type { Destination } from '../send/route.ts';
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

/** What one part of a notification would become. */
export type PartExplanation =
  | {
      readonly outcome: 'sent';
      readonly message: Identity;
      readonly way: Way;
      /** One for each part of the text. */
      readonly requests: readonly SendChatIntegrationEventCommandInput[];
      readonly droppedAttributes: readonly string[];
    }
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
 * it, so none is told to be old. Pure.
 */
export function explainNotification(
  notification: NotificationFields,
  rules: Rules,
): readonly PartExplanation[] {
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
      return { outcome: 'dead', reason, detail, ...(message ? { message: describeIdentity(message) } : {}) };
    }
    case 'message': {
      const { message } = item;
      const destination = resolveDestination(rules.routes, message, rules.fallbackRegion);
      if (!destination) throw new Error('A message that was placed has no destination.');
      const events = renderParts(message, rules.textLimits, message.sentAt).map((content) =>
        buildChatEvent(message, destination, content),
      );
      return {
        outcome: 'sent',
        message: describeIdentity(message),
        way: describeWay(message, destination, rules),
        requests: events.map(({ request }) => request),
        droppedAttributes: events[0]?.droppedAttributes ?? [],
      };
    }
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
