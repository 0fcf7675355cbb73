/** What an agent, a flow or a bot does in a chat. Everything of it is published, as Connect does. */
import type { ChatStreaming, ItemName, MessageVisibility, ParticipantRole } from './chat-streaming.ts';
import { SANDBOX_INSTANCE_ID } from './chat-streaming.ts';
import type { Chat, Chats } from './chats.ts';
import type { ParticipantChats } from './participant-chats.ts';

export interface ReplyOptions {
  /** `AGENT` unless given. */
  readonly role?: ParticipantRole;
  /** `ALL` unless given. */
  readonly visibility?: MessageVisibility;
  /** `MESSAGE` unless given. */
  readonly type?: 'MESSAGE' | 'EVENT' | 'ATTACHMENT';
  /** `text/plain` unless given; an attachment has none. */
  readonly contentType?: string;
  readonly content?: string;
  readonly attachments?: readonly Readonly<Record<string, string>>[];
}

const NAMES: Readonly<Record<ParticipantRole, string>> = {
  CUSTOMER: 'Customer',
  AGENT: 'Sam',
  SYSTEM: 'SYSTEM_MESSAGE',
  CUSTOM_BOT: 'BOT',
  SUPERVISOR: 'Alex',
};

export class AgentSide {
  readonly #chats: Chats;
  readonly #participants: ParticipantChats;
  readonly #streaming: ChatStreaming;
  /** Chats that an agent has come into. */
  readonly #joined = new Set<string>();

  constructor(chats: Chats, participants: ParticipantChats, streaming: ChatStreaming) {
    this.#chats = chats;
    this.#participants = participants;
    this.#streaming = streaming;
  }

  /**
   * Into the chat with that contact id, or the newest open one of that customer. An agent comes in before a first reply,
   * and types before each. Gives back the item's name. Throws where there is no open chat.
   */
  reply(to: string, reply: string | ReplyOptions): ItemName {
    const chat = this.#openChatOf(to);
    const options = typeof reply === 'string' ? { content: reply } : reply;
    const { role = 'AGENT', type = 'MESSAGE', contentType = 'text/plain', ...rest } = options;
    if (role === 'AGENT' && type !== 'EVENT') this.#announce(chat);
    return this.#streaming.publish(chat, this.#instanceOf(chat), {
      ...rest,
      ...(type === 'ATTACHMENT' ? {} : { contentType }),
      type,
      role,
      displayName: NAMES[role],
    });
  }

  /** The chat goes on under another ContactId, with another agent. Throws where there is no open chat. */
  transfer(to: string): void {
    const { contactId } = this.#openChatOf(to);
    this.#joined.delete(contactId);
    this.#streaming.transfer(contactId);
  }

  /** The newest of all open chats, or of a customer's. */
  newestChat(sourceId?: string): Chat | undefined {
    return this.#chats.running.findLast((chat) => sourceId === undefined || chat.sourceId === sourceId);
  }

  #openChatOf(to: string): Chat {
    const chat = this.#chats.running.find(({ contactId }) => contactId === to) ?? this.newestChat(to);
    if (!chat) throw new Error('There is no open chat of that customer or contact.');
    return chat;
  }

  #announce(chat: Chat): void {
    const event = (name: string): void => {
      const contentType = `application/vnd.amazonaws.connect.event.${name}`;
      const item = { type: 'EVENT', role: 'AGENT', displayName: NAMES.AGENT, contentType } as const;
      this.#streaming.publish(chat, this.#instanceOf(chat), item);
    };
    if (!this.#joined.has(chat.contactId)) event('participant.joined');
    this.#joined.add(chat.contactId);
    event('typing');
  }

  #instanceOf({ contactId }: Chat): string {
    return this.#participants.find(contactId)?.instanceId ?? SANDBOX_INSTANCE_ID;
  }
}
