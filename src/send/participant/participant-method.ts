/**
 * Inbound messages by a chat that the bridge opens: for accounts that may not call SendChatIntegrationEvent.
 *
 * The session (one a conversation, in the store) says which request is next; each claim makes one:
 *
 *   StartChatContact → StartContactStreaming → CreateParticipantConnection → SendMessage, SendMessage, …
 *
 * - Each request that takes a ClientToken has one that is the same whenever the step is taken again (chat-tokens.ts). So a
 *   crash or a time-out anywhere, even if another message comes next, makes neither a second chat nor a second copy.
 * - A session is stored before its first request leaves: its seed is what makes the tokens.
 * - A connection is renewed before it expires, and when a message is refused. A chat has ended when that is refused, too, or
 *   messages by one renewed connection after the other: then the next generation opens a new chat, with other tokens. It
 *   can't be followed by another before it has its contact (the store sees to it).
 * - A chat that never took a message is tried again for a while before another one is opened in its place, and longer each
 *   time: so a denied permission, or a flow that ends every chat at once, opens no chats in a loop. Its refusal pauses the
 *   destination, unless that takes other conversations' messages: then this conversation waits alone.
 */
import { randomUUID } from 'node:crypto';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../clock.ts';
import type { InboundMessage } from '../../normalize/inbound-message.ts';
import { nextGeneration } from '../../queue/chats.ts';
import type { ChatSession, Claim } from '../../queue/message-store.ts';
import type { ChatOperation } from '../api-quotas.ts';
import { renderParts } from '../chat-event.ts';
import { partiesOf } from '../chat-parties.ts';
import type { Answer, NextStep } from '../delivery-method.ts';
import { partAt } from '../next-part.ts';
import { placeChat } from '../route.ts';
import type { ChatPlace, Destination } from '../route.ts';
import { classifySendError } from '../send-outcome.ts';
import type { TextLimits } from '../text-parts.ts';
import { buildChatRequest } from './chat-request.ts';
import { messageToken, openingToken } from './chat-tokens.ts';
import type { ParticipantSender } from './participant-client.ts';
import { isChatRefused, isLimitOfChats, judgeParticipantError } from './participant-errors.ts';

/** A connection is renewed so long before it ends: longer than a send may take. */
const RENEW_BEFORE_MS = 5 * MINUTE_MS;
/** And is used for as long, whatever the two clocks say of its end: renewing it at once would have no end. */
const CONNECTION_LEAST_MS = 2 * RENEW_BEFORE_MS;
/**
 * For how long a chat that refuses its first message is tried again before another one is opened: by how many before it
 * ended like that. It may have been ended by an agent or an error, which the next one won't be; or like every chat of its
 * flow, where each one costs and may tell the customer that nobody is there.
 */
const REOPEN_AFTER_MS = [30 * SECOND_MS, 5 * MINUTE_MS, 50 * MINUTE_MS] as const;
const REOPEN_AFTER_MOST_MS = HOUR_MS;
/**
 * A refused message is the token's fault as often as a connection can be renewed after it: an ended chat should not get one.
 * But that is not documented, so the next refusal is taken for the end.
 */
const REFUSALS_DOUBTED = 2;
/** Too many chats at once: that ends with somebody's chat, and not within a second. With jitter, so that lanes take turns. */
const LIMIT_WAIT_MS = 5 * SECOND_MS;

export interface ParticipantOptions {
  readonly sender: ParticipantSender;
  readonly textLimits: TextLimits;
  readonly random: () => number;
}

interface Situation {
  readonly claim: Claim;
  readonly message: InboundMessage;
  readonly destination: Destination;
  readonly chat: ChatPlace;
  readonly now: number;
}

export function nextParticipantStep(situation: Situation, options: ParticipantOptions): NextStep {
  const { claim, message, chat, now } = situation;
  const { session } = claim;
  if (!session || isOfAnotherMethod(session)) {
    const begun = session
      ? nextGeneration(session)
      : { seed: randomUUID(), generation: 1, parties: partiesOf(message) };
    return { kind: 'begin', session: begun, placement: placeChat(chat, 'StartChatContact') };
  }
  const step = stepOf(session, now);
  const parts = claim.parts ?? renderParts(message, options.textLimits, now);
  const isNew = session.hasDelivered !== true;
  return {
    kind: 'request',
    placement: placeChat(chat, step),
    ...(isNew && isParticipants(step) ? { countedAs: 'a chat’s first message' } : {}),
    parts,
    send: () => take(step, situation, session, parts, options),
    classify(error) {
      const raised = classifySendError(error);
      const failure = judgeParticipantError(step, raised);
      return isNew && isChatRefused(step, raised) ? { ...failure, isPerhapsTheChats: true } : failure;
    },
  };
}

/** SendChatIntegrationEvent opened it, before the method was changed: there is no token to be connected to it with. */
function isOfAnotherMethod({ contactId, participantToken }: ChatSession): boolean {
  return contactId !== undefined && participantToken === undefined;
}

/** New chats that refuse say nothing of those that are open, nor the other way round. */
function isParticipants(step: ChatOperation): boolean {
  return step === 'CreateParticipantConnection' || step === 'SendMessage';
}

/** What the session lacks first. */
function stepOf(
  { contactId, streamingId, connectionToken, connectionExpiresAt = 0 }: ChatSession,
  now: number,
): ChatOperation {
  if (contactId === undefined) return 'StartChatContact';
  if (streamingId === undefined) return 'StartContactStreaming';
  if (connectionToken === undefined || connectionExpiresAt - now < RENEW_BEFORE_MS)
    return 'CreateParticipantConnection';
  return 'SendMessage';
}

function take(
  step: ChatOperation,
  situation: Situation,
  session: ChatSession,
  parts: readonly string[],
  options: ParticipantOptions,
): Promise<Answer> {
  switch (step) {
    case 'StartChatContact':
      return startChat(situation, session, options);
    case 'StartContactStreaming':
      return startStreaming(situation, session, options);
    case 'CreateParticipantConnection':
      return connect(situation, session, options);
    case 'SendMessage':
      return sendMessage(situation, session, parts, options);
  }
}

async function startChat(
  { message, destination, chat, now }: Situation,
  session: ChatSession,
  { sender, random }: ParticipantOptions,
): Promise<Answer> {
  const { request, droppedAttributes } = buildChatRequest(message, destination, chat);
  const clientToken = openingToken(session, 'StartChatContact');
  try {
    const opened = await sender.startChat({ ...request, ClientToken: clientToken }, destination);
    const { contactId, participantToken, requestId } = opened;
    const { waitsFor: _, ...waited } = session;
    return {
      kind: 'step',
      code: 'StartChatContact',
      session: { ...waited, contactId, participantToken, openedAt: now },
      placement: placeChat(chat, 'StartContactStreaming'),
      droppedAttributes,
      ...requested(requestId),
    };
  } catch (error) {
    const failure = classifySendError(error);
    if (!isLimitOfChats(failure)) throw error;
    return {
      kind: 'wait',
      code: failure.code,
      sentence: failure.sentence,
      waitMs: Math.round(LIMIT_WAIT_MS * (1 + random())),
      session: { ...session, waitsFor: failure.code },
      ...requested(failure.requestId),
    };
  }
}

async function startStreaming(
  situation: Situation,
  session: ChatSession,
  { sender }: ParticipantOptions,
): Promise<Answer> {
  const { destination, chat } = situation;
  try {
    const { streamingId, requestId } = await sender.startStreaming(
      {
        instanceId: chat.instanceId,
        contactId: session.contactId ?? '',
        streamingEndpointArn: chat.streamingEndpointArn,
        clientToken: openingToken(session, 'StartContactStreaming'),
      },
      destination,
    );
    return {
      kind: 'step',
      code: 'StartContactStreaming',
      session: { ...session, streamingId },
      placement: placeChat(chat, 'CreateParticipantConnection'),
      ...requested(requestId),
    };
  } catch (error) {
    if (isChatRefused('StartContactStreaming', classifySendError(error)) && hasEnded(session, situation))
      return openNext(situation, session);
    throw error;
  }
}

async function connect(
  situation: Situation,
  session: ChatSession,
  { sender }: ParticipantOptions,
): Promise<Answer> {
  const { chat, destination, now } = situation;
  try {
    const connected = await sender.connect(session.participantToken ?? '', destination);
    const { connectionToken, expiresAt, requestId } = connected;
    return {
      kind: 'step',
      code: 'CreateParticipantConnection',
      session: {
        ...session,
        connectionToken,
        connectionExpiresAt: Math.max(expiresAt, now + CONNECTION_LEAST_MS),
      },
      placement: placeChat(chat, 'SendMessage'),
      ...requested(requestId),
    };
  } catch (error) {
    if (
      isChatRefused('CreateParticipantConnection', classifySendError(error)) &&
      hasEnded(session, situation)
    )
      return openNext(situation, session);
    throw error;
  }
}

async function sendMessage(
  situation: Situation,
  session: ChatSession,
  parts: readonly string[],
  { sender }: ParticipantOptions,
): Promise<Answer> {
  const { claim, destination } = situation;
  try {
    const { requestId } = await sender.sendMessage(
      {
        connectionToken: session.connectionToken ?? '',
        content: partAt(parts, claim.partsDelivered),
        clientToken: messageToken(session, claim),
      },
      destination,
    );
    const isSettled = session.hasDelivered === true && session.refusals === undefined;
    const { refusals: _, unusedBefore: __, ...sure } = session;
    return {
      kind: 'delivered',
      ...(session.contactId === undefined ? {} : { contactId: session.contactId }),
      newChatCreated: session.hasDelivered !== true,
      ...(isSettled ? {} : { session: { ...sure, hasDelivered: true } }),
      ...requested(requestId),
    };
  } catch (error) {
    if (!isChatRefused('SendMessage', classifySendError(error))) throw error;
    if ((session.refusals ?? 0) < REFUSALS_DOUBTED) return reconnect(situation, session);
    if (hasEnded(session, situation)) return openNext(situation, session);
    throw error;
  }
}

function reconnect({ chat }: Situation, session: ChatSession): Answer {
  const { connectionToken: _token, connectionExpiresAt: _expiry, refusals = 0, ...rest } = session;
  return {
    kind: 'step',
    code: 'ConnectionRefused',
    session: { ...rest, refusals: refusals + 1 },
    placement: placeChat(chat, 'CreateParticipantConnection'),
  };
}

/** A chat that took a message has ended once it refuses one; one that never did is given up after a while. */
function hasEnded(
  { hasDelivered, openedAt = 0, unusedBefore = 0 }: ChatSession,
  { now }: Situation,
): boolean {
  return hasDelivered === true || now - openedAt > (REOPEN_AFTER_MS[unusedBefore] ?? REOPEN_AFTER_MOST_MS);
}

/** What this message's earlier attempts may have put into the ended chat, its next one puts into the new chat too. */
function openNext({ claim, chat }: Situation, session: ChatSession): Answer {
  return {
    kind: 'step',
    code: 'ChatEnded',
    session: nextGeneration(session),
    placement: placeChat(chat, 'StartChatContact'),
    ...(claim.unclearAttempts > 0 ? { isAmbiguous: true } : {}),
  };
}

function requested(requestId: string | undefined): { readonly requestId?: string } {
  return requestId === undefined ? {} : { requestId };
}
