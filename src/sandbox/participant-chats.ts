/**
 * Chats that callers open themselves (StartChatContact), as Connect keeps them. A repeated ClientToken gets the first
 * answer again and has no other effect; StartChatContact's even after that chat has ended. A participant token is good as
 * long as its chat, a connection token for a day at most. Whoever comes with a token that is not, or not any more, gets
 * "Access denied", whatever the reason.
 */
import crypto from 'node:crypto';
import { DAY_MS, MINUTE_MS } from '../clock.ts';
import { accepted, refusal } from './aws-answer.ts';
import type { AwsAnswer } from './aws-answer.ts';
import type { ChatStreaming } from './chat-streaming.ts';
import { TOPICS_PER_CHAT } from './chat-streaming.ts';
import { placeOf } from './chats.ts';
import type { Chat, Chats, SendMessageRequest } from './chats.ts';
import type {
  CreateParticipantConnectionRequest,
  StartChatContactRequest,
  StartContactStreamingRequest,
} from './participant-rules.ts';

/** StartChatContact's default: 25 hours. */
const DEFAULT_DURATION_MS = 25 * 60 * MINUTE_MS;
/** A customer who has not connected by then has gone away. */
const CONNECT_WITHIN_MS = 5 * MINUTE_MS;

export interface ParticipantOptions {
  /** Of connection tokens: a day unless given. */
  readonly connectionLifeMs?: number;
  /** Open chats at once in an instance, those of SendChatIntegrationEvent included: 500 unless given. */
  readonly concurrentChats?: number;
}

export interface ParticipantChat {
  readonly chat: Chat;
  readonly instanceId: string;
  readonly participantId: string;
  readonly contentTypes: readonly string[];
  readonly endsAt: number;
  readonly connectBy: number;
  /** CreateParticipantConnection has been called with ConnectParticipant. */
  isConnected: boolean;
}

interface Connection {
  readonly opened: ParticipantChat;
  expiresAt: number;
}

export class ParticipantChats {
  readonly #chats: Chats;
  readonly #streaming: ChatStreaming;
  readonly #options: Required<ParticipantOptions>;
  readonly #byContact = new Map<string, ParticipantChat>();
  readonly #byParticipantToken = new Map<string, ParticipantChat>();
  readonly #connections = new Map<string, Connection>();
  /** By operation and ClientToken (SendMessage's: of a chat). */
  readonly #answers = new Map<string, AwsAnswer>();

  constructor(chats: Chats, streaming: ChatStreaming, options: ParticipantOptions) {
    this.#chats = chats;
    this.#streaming = streaming;
    this.#options = { connectionLifeMs: DAY_MS, concurrentChats: 500, ...options };
  }

  find(contactId: string): ParticipantChat | undefined {
    return this.#byContact.get(contactId);
  }

  /** Whose token it is, be it good or not. */
  holderOf(token: string): ParticipantChat | undefined {
    return this.#byParticipantToken.get(token) ?? this.#connections.get(token)?.opened;
  }

  /** Undefined: access denied. */
  admitParticipant(token: string): ParticipantChat | undefined {
    const opened = this.#byParticipantToken.get(token);
    return opened && this.#isOpen(opened) ? opened : undefined;
  }

  /** Undefined: access denied. */
  admitConnection(token: string): ParticipantChat | undefined {
    const connection = this.#connections.get(token);
    if (!connection || connection.expiresAt <= Date.now()) return undefined;
    return this.#isOpen(connection.opened) ? connection.opened : undefined;
  }

  start(request: StartChatContactRequest): AwsAnswer {
    return this.#once('StartChatContact', request.ClientToken, () => {
      this.#endOverdue();
      if (this.#chats.running.length >= this.#options.concurrentChats)
        return refusal(429, 'LimitExceededException', 'The limit of concurrent active chats is reached.');
      const opened = this.#open(request);
      const participantToken = makeToken();
      this.#byParticipantToken.set(participantToken, opened);
      return accepted({
        ContactId: opened.chat.contactId,
        ParticipantId: opened.participantId,
        ParticipantToken: participantToken,
      });
    });
  }

  stream(request: StartContactStreamingRequest): AwsAnswer {
    const { ContactId, InstanceId, ChatStreamingConfiguration, ClientToken } = request;
    return this.#once(`StartContactStreaming ${ContactId}`, ClientToken, () => {
      const opened = this.#byContact.get(ContactId);
      if (!opened || opened.instanceId !== InstanceId || !this.#isOpen(opened))
        return refusal(404, 'ResourceNotFoundException', 'The contact is not active in this instance.');
      if (this.#streaming.topicsOf(ContactId).length >= TOPICS_PER_CHAT)
        return refusal(429, 'LimitExceededException', `A contact has at most ${TOPICS_PER_CHAT} topics.`);
      this.#streaming.addTopic(opened.chat, ChatStreamingConfiguration.StreamingEndpointArn);
      return accepted({ StreamingId: crypto.randomUUID() });
    });
  }

  connect(opened: ParticipantChat, request: CreateParticipantConnectionRequest): AwsAnswer {
    const expiresAt = Date.now() + this.#options.connectionLifeMs;
    const connectionToken = makeToken();
    this.#connections.set(connectionToken, { opened, expiresAt });
    if (request.ConnectParticipant && !opened.isConnected) {
      opened.isConnected = true;
      this.#publishEvent(opened, 'participant.joined');
    }
    const Expiry = new Date(expiresAt).toISOString();
    return accepted({
      ...(request.Type.includes('CONNECTION_CREDENTIALS')
        ? { ConnectionCredentials: { ConnectionToken: connectionToken, Expiry } }
        : {}),
      ...(request.Type.includes('WEBSOCKET')
        ? { Websocket: { Url: 'wss://participant.connect.invalid/', ConnectionExpiry: Expiry } }
        : {}),
    });
  }

  send(opened: ParticipantChat, request: SendMessageRequest): AwsAnswer {
    const { chat } = opened;
    return this.#once(`SendMessage ${chat.contactId}`, request.ClientToken, () => {
      const { ContentType: contentType, Content: content } = request;
      this.#chats.add(chat, content, request);
      return accepted(
        this.#streaming.publish(chat, opened.instanceId, {
          type: 'MESSAGE',
          role: 'CUSTOMER',
          displayName: chat.displayName,
          contentType,
          content,
        }),
      );
    });
  }

  /** The customer leaves, which ends the chat. */
  disconnect(opened: ParticipantChat): AwsAnswer {
    this.#publishEvent(opened, 'participant.left');
    this.end(opened.chat.contactId);
    return accepted({});
  }

  /** As an agent, a flow or the time does it. False: it has ended already, or there never was one. */
  end(contactId: string): boolean {
    const opened = this.#byContact.get(contactId);
    if (!opened || !this.#chats.endContact(contactId)) return false;
    this.#publishEvent(opened, 'chat.ended');
    return true;
  }

  /** Its connection tokens are good no longer. */
  expireConnections(contactId: string): void {
    for (const connection of this.#connections.values())
      if (connection.opened.chat.contactId === contactId) connection.expiresAt = 0;
  }

  #open(request: StartChatContactRequest): ParticipantChat {
    const { InstanceId, ContactFlowId, ParticipantDetails, Attributes = {} } = request;
    const chat = this.#chats.open({
      sourceId: Attributes['customerAddress'] ?? '',
      destinationId: placeOf(InstanceId, ContactFlowId),
      subtype: 'connect:Chat',
      displayName: ParticipantDetails.DisplayName,
      attributes: Attributes,
    });
    const durationMs = (request.ChatDurationInMinutes ?? 0) * MINUTE_MS || DEFAULT_DURATION_MS;
    const opened = {
      chat,
      instanceId: InstanceId,
      participantId: crypto.randomUUID(),
      contentTypes: request.SupportedMessagingContentTypes ?? ['text/plain'],
      endsAt: Date.now() + durationMs,
      connectBy: Date.now() + CONNECT_WITHIN_MS,
      isConnected: false,
    };
    this.#byContact.set(chat.contactId, opened);
    this.#streaming.setParticipantId(chat.contactId, 'CUSTOMER', opened.participantId);
    return opened;
  }

  #isOpen(opened: ParticipantChat): boolean {
    if (isOverdue(opened)) this.end(opened.chat.contactId);
    return this.#chats.isOpen(opened.chat.contactId);
  }

  #endOverdue(): void {
    for (const { contactId } of this.#chats.running) {
      const opened = this.#byContact.get(contactId);
      if (opened) this.#isOpen(opened);
    }
  }

  #publishEvent({ chat, instanceId }: ParticipantChat, event: string): void {
    this.#streaming.publish(chat, instanceId, {
      type: 'EVENT',
      role: 'CUSTOMER',
      displayName: chat.displayName,
      contentType: `application/vnd.amazonaws.connect.event.${event}`,
    });
  }

  /** What is refused is not remembered: the same token may try again. */
  #once(scope: string, token: string | undefined, carryOut: () => AwsAnswer): AwsAnswer {
    if (token === undefined) return carryOut();
    const key = JSON.stringify([scope, token]);
    const answer = this.#answers.get(key) ?? carryOut();
    if (answer.status === 200) this.#answers.set(key, answer);
    return answer;
  }
}

function isOverdue({ endsAt, connectBy, isConnected }: ParticipantChat): boolean {
  return Date.now() >= (isConnected ? endsAt : Math.min(endsAt, connectBy));
}

function makeToken(): string {
  return crypto.randomBytes(96).toString('base64url');
}
