/**
 * `POST /sns`: conducts a request through the stages, from the body that came to what is durable. It is the one file of
 * this folder that looks forward (normalize, queue, send/route); the stages themselves only look back.
 *
 * The answer tells SNS what to do (SNS developer guide, "Amazon SNS message delivery retries": it retries on 5xx, 429
 * and time-outs, and discards a notification on any other failure): 200 only after the commit, the answer of the error
 * catalogue otherwise. Every request ends in one wide log event, one count, and nothing that a customer wrote.
 */
import type { CountryCode } from 'libphonenumber-js/max';
import { SECOND_MS } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { asBridgeError, BridgeError, errorEntry } from '../errors.ts';
import type { Logger } from '../log.ts';
import { unknownTypeOf } from '../metrics.ts';
import type { Metrics } from '../metrics.ts';
import type { Direction } from '../normalize/channel.ts';
import type { Ignored } from '../normalize/inbound-message.ts';
import { normalizeStreamed } from '../normalize/chat-item.ts';
import { normalizeNotification } from '../normalize/normalize-notification.ts';
import type { AcceptedItem, AcceptItem, MessageStore, StoredMessage } from '../queue/message-store.ts';
import { makeAcceptItems } from '../send/accept-item.ts';
import { planReply, tellOfFailures } from '../send/accept-reply.ts';
import type { ReplyPlan } from '../send/accept-reply.ts';
import type { Routing } from '../send/route.ts';
import { envelopeTime, parseEnvelope } from './sns-envelope.ts';
import type { SnsEnvelope, VerifiedNotification } from './sns-envelope.ts';
import { verifyEnvelope } from './sns-signature.ts';
import type { SigningCertificates } from './signing-certificate.ts';
import type { SubscriptionConfirmer } from './sns-subscription.ts';

/** SNS gives up on a request after 15 s; a certificate's fetch may have taken 3 s of them. */
const STORE_TIMEOUT_MS = 8 * SECOND_MS;

export interface SnsRouteOptions {
  /** Every topic that is accepted, … */
  readonly topicArns: ReadonlySet<string>;
  /** … and those of them that bring agents' replies. */
  readonly replyTopicArns: ReadonlySet<string>;
  readonly retentionMs: number;
  readonly orderHoldMs: number;
  readonly defaultCountry: CountryCode | undefined;
  readonly routing: Routing;
  readonly certificates: Pick<SigningCertificates, 'certificateFor'>;
  readonly confirmer: Pick<SubscriptionConfirmer, 'confirmSubscription'>;
  readonly store: Pick<MessageStore, 'accept' | 'findChat'>;
  /** Called when something has been committed that is to be sent. */
  readonly onAccepted: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface SnsRequest {
  readonly body: Buffer;
  /** `x-amz-sns-rawdelivery: true`: the body is the bare message, and nothing proves who sent it. */
  readonly isRawDelivery: boolean;
  /** `x-amz-sns-topic-arn`: unsigned, so it only tells a fault of set-up from a stranger's request. */
  readonly claimedTopicArn: string | undefined;
}

/** What became of a request, besides its log event and its counts. */
export interface SnsAnswer {
  readonly status: number;
  readonly outcome: string;
}

type NotificationOutcome = AcceptedItem['outcome'] | 'ignored';

interface Received {
  readonly event: string;
  readonly outcome: NotificationOutcome | 'confirmed' | 'unsubscribed';
  readonly isWarning?: true;
  readonly facts: Record<string, unknown>;
}

/** Never rejects. */
export async function receiveSnsRequest(request: SnsRequest, options: SnsRouteOptions): Promise<SnsAnswer> {
  const { clock, logger, metrics } = options;
  const startedAtMs = clock.monotonicMs();
  let envelope: SnsEnvelope | undefined;
  try {
    if (request.isRawDelivery) throw rawDeliveryError(request, options);
    envelope = parseEnvelope(request.body);
    const { event, outcome, isWarning, facts } = await receiveEnvelope(envelope, options);
    const durationMs = clock.monotonicMs() - startedAtMs;
    const line = {
      ...describeEnvelope(envelope),
      answer: 200,
      outcome,
      ...facts,
      durationMs: Math.round(durationMs),
    };
    logger[isWarning ? 'warn' : 'info'](line, event);
    metrics.notifications.inc({ answer: 200, outcome });
    metrics.acceptSeconds.observe(durationMs / SECOND_MS);
    return { status: 200, outcome };
  } catch (error) {
    const durationMs = Math.round(clock.monotonicMs() - startedAtMs);
    return refuseSnsRequest(error, { ...(envelope ? describeEnvelope(envelope) : {}), durationMs }, options);
  }
}

/** Either way 403; but an alert that any stranger could raise would be no alert. */
function rawDeliveryError({ claimedTopicArn = '' }: SnsRequest, { topicArns }: SnsRouteOptions): BridgeError {
  return new BridgeError(topicArns.has(claimedTopicArn) ? 'RAW_DELIVERY' : 'TOPIC_NOT_LISTED');
}

/** The answer to a request that failed, here or before its body had arrived. `facts` go to the log as they are. */
export function refuseSnsRequest(
  error: unknown,
  facts: Record<string, unknown>,
  { logger, metrics }: Pick<SnsRouteOptions, 'logger' | 'metrics'>,
): SnsAnswer {
  const failure = asBridgeError(error);
  const { code, detail, cause } = failure;
  const { answer = 503, alert } = errorEntry(code);
  const line = {
    ...facts,
    answer,
    code,
    ...(detail ? { detail } : {}),
    ...(cause === undefined ? {} : { err: failure }),
  };
  logger[alert ? 'error' : 'warn'](line, answer === 503 ? 'notification.deferred' : 'notification.refused');
  metrics.notifications.inc({ answer, outcome: code });
  if (alert) metrics.alerts.inc({ code });
  if (code === 'STORE_UNAVAILABLE') metrics.storeErrors.inc();
  return { status: answer, outcome: code };
}

async function receiveEnvelope(envelope: SnsEnvelope, options: SnsRouteOptions): Promise<Received> {
  const { topicArns, retentionMs, certificates, clock } = options;
  const verify = { topicArns, retentionMs, certificates, now: clock.now() };
  switch (envelope.Type) {
    case 'Notification':
      return acceptNotification(await verifyEnvelope(envelope, verify), options);
    case 'SubscriptionConfirmation': {
      const subscriptionArn = await options.confirmer.confirmSubscription(
        await verifyEnvelope(envelope, verify),
      );
      return { event: 'subscription.confirmed', outcome: 'confirmed', facts: { subscriptionArn } };
    }
    case 'UnsubscribeConfirmation':
      await verifyEnvelope(envelope, verify);
      options.metrics.alerts.inc({ code: 'UNSUBSCRIBED' });
      return { event: 'subscription.ended', outcome: 'unsubscribed', isWarning: true, facts: {} };
  }
}

async function acceptNotification(
  notification: VerifiedNotification,
  options: SnsRouteOptions,
): Promise<Received> {
  const { replyTopicArns, metrics, onAccepted } = options;
  // The topic decides, never the payload's shape: a customer must not be able to write as an agent.
  const direction = replyTopicArns.has(notification.TopicArn) ? 'outbound' : 'inbound';
  const { plan, accepted } = await inTime(storeNotification(notification, direction, options));
  const { items, ignored } = plan;
  if (accepted.some(({ outcome }) => outcome === 'accepted')) onAccepted();
  for (const [index, item] of accepted.entries())
    metrics.countAccepted(direction, item, items[index]?.message);
  for (const part of ignored) metrics.countIgnored(part);
  return {
    event: 'notification.accepted',
    outcome: summarize(accepted),
    facts: {
      direction,
      messages: accepted.map((item, index) => describeAccepted(item, items[index])),
      ...countIgnored(ignored),
    },
  };
}

/** All that the store is asked for one notification: which chat it belongs to, and to keep it. */
async function storeNotification(
  notification: VerifiedNotification,
  direction: Direction,
  options: SnsRouteOptions,
): Promise<{ plan: ReplyPlan; accepted: readonly AcceptedItem[] }> {
  const planNotification = direction === 'outbound' ? planStreamed : planMessages;
  const plan = await planNotification(notification, options);
  const { items, ignoredUnits, endedContacts = [] } = plan;
  const accepted = await options.store.accept({
    direction,
    snsMessageId: notification.MessageId,
    snsTimestamp: envelopeTime(notification),
    acceptedAt: options.clock.now(),
    holdMs: options.orderHoldMs,
    items,
    endedContacts,
    ignored: ignoredUnits,
  });
  return { plan, accepted };
}

async function planMessages(
  notification: VerifiedNotification,
  { defaultCountry, routing, store, clock }: SnsRouteOptions,
): Promise<ReplyPlan> {
  const parts = normalizeNotification(notification, { defaultCountry });
  const told = await tellOfFailures(parts, (contactId) => store.findChat(contactId), clock.now());
  return makeAcceptItems(told, routing);
}

function planStreamed(
  notification: VerifiedNotification,
  { routing, store }: SnsRouteOptions,
): Promise<ReplyPlan> {
  const { item, raw } = normalizeStreamed(notification, notification.visibility);
  return planReply(item, raw, routing, (contactId) => store.findChat(contactId));
}

/** The best that became of its parts: an original among duplicates is what a reader of the log looks for. */
function summarize(accepted: readonly AcceptedItem[]): NotificationOutcome {
  const order = ['accepted', 'dead', 'duplicate'] as const;
  return order.find((outcome) => accepted.some((item) => item.outcome === outcome)) ?? 'ignored';
}

function describeAccepted({ id, outcome, arrivedLate }: AcceptedItem, item: AcceptItem | undefined): object {
  return {
    messageId: id,
    outcome,
    channel: item?.message?.channel,
    ...(item?.message ? describeContent(item.message.content) : {}),
    ...(arrivedLate ? { arrivedLate } : {}),
    ...(outcome === 'dead' && item?.kind === 'dead' ? { reason: item.reason, detail: item.detail } : {}),
  };
}

/** What kind it is of, never what it says. */
function describeContent(content: StoredMessage['content']): object {
  const type = unknownTypeOf(content);
  return { content: content.kind, ...(type === undefined ? {} : { type }) };
}

/** As many of each reason and webhook field: both come from closed lists. */
function countIgnored(ignored: readonly Ignored[]): Record<string, unknown> {
  if (ignored.length === 0) return {};
  const groups = [...Map.groupBy(ignored, ({ reason, field = '' }) => `${reason} ${field}`).values()];
  return {
    ignored: groups.flatMap((alike) =>
      alike.slice(0, 1).map(({ reason, field }) => ({ reason, field, count: alike.length })),
    ),
  };
}

function describeEnvelope({
  Type,
  MessageId,
  TopicArn,
  SignatureVersion,
}: SnsEnvelope): Record<string, unknown> {
  return { type: Type, snsMessageId: MessageId, topicArn: TopicArn, signatureVersion: SignatureVersion };
}

/** A commit that comes after the time-out is no harm: what SNS then sends again is a duplicate. */
async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new BridgeError('STORE_UNAVAILABLE', { detail: `No answer in ${STORE_TIMEOUT_MS} ms.` })),
    STORE_TIMEOUT_MS,
  );
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
