/**
 * Connect's chat streaming: every item of a chat goes to its topics as it happens (Connect administrator guide, "Enable
 * real-time chat message streaming"). The SNS message is the item as JSON; what routes it is in message attributes.
 */
import crypto from 'node:crypto';
import type { Chat } from './chats.ts';
import { SANDBOX_ACCOUNT } from './end-user-messaging.ts';
import type { MessageAttributes } from './sns-stand-in.ts';

export const SANDBOX_INSTANCE_ID = '8a1c7d3e-55f0-4b1e-9d52-2f4f6a0c1b7d';
export const SANDBOX_CONTACT_FLOW_ID = '3e0b9c52-7a14-4c8f-b6d1-90f2e5a7c344';

export type ParticipantRole = 'CUSTOMER' | 'AGENT' | 'SYSTEM' | 'CUSTOM_BOT' | 'SUPERVISOR';
/** `missing`: the message attribute is left out. */
export type MessageVisibility = 'ALL' | 'CUSTOMER' | 'AGENT' | 'missing';

export interface ChatItem {
  readonly type: 'MESSAGE' | 'EVENT' | 'ATTACHMENT';
  readonly role: ParticipantRole;
  readonly displayName: string;
  readonly contentType?: string;
  readonly content?: string;
  readonly attachments?: readonly Readonly<Record<string, string>>[];
  /** `ALL` unless given. */
  readonly visibility?: MessageVisibility;
}

/** What Connect publishes: wire it to a stand-in SNS. */
export interface Publication {
  readonly topicArn: string;
  readonly chat: Chat;
  /** InitialContactId. */
  readonly contactId: string;
  /** The item's. */
  readonly id: string;
  readonly item: ChatItem;
  readonly message: string;
  readonly messageAttributes: MessageAttributes;
}

/** A publication's item, as the API's answers name it too. */
export interface ItemName {
  readonly Id: string;
  readonly AbsoluteTime: string;
}

/** StartContactStreaming's limit. */
export const TOPICS_PER_CHAT = 2;

interface StreamedChat {
  readonly topicArns: string[];
  readonly participantIds: Map<ParticipantRole, string>;
  /** ContactId: another one after a transfer. */
  currentContactId: string;
  lastItemAt: number;
}

export class ChatStreaming {
  onPublication: ((publication: Publication) => void) | undefined;
  readonly #chats = new Map<string, StreamedChat>();

  addTopic({ contactId }: Chat, topicArn: string): void {
    this.#of(contactId).topicArns.push(topicArn);
  }

  topicsOf(contactId: string): readonly string[] {
    return this.#of(contactId).topicArns;
  }

  setParticipantId(contactId: string, role: ParticipantRole, participantId: string): void {
    this.#of(contactId).participantIds.set(role, participantId);
  }

  /** To another agent or queue: items have another ContactId from now on, and the InitialContactId they had. */
  transfer(contactId: string): void {
    this.#of(contactId).currentContactId = crypto.randomUUID();
  }

  /** To each of the chat's topics; what happens before there is one is never published. */
  publish(chat: Chat, instanceId: string, item: ChatItem): ItemName {
    const streamed = this.#of(chat.contactId);
    const name = nameItem(streamed);
    const publication = {
      chat,
      contactId: chat.contactId,
      id: name.Id,
      item,
      message: JSON.stringify(itemBody(chat.contactId, streamed, name, item)),
      messageAttributes: itemAttributes(chat.contactId, streamed, instanceId, item),
    };
    for (const topicArn of streamed.topicArns) this.onPublication?.({ ...publication, topicArn });
    return name;
  }

  #of(contactId: string): StreamedChat {
    const existing = this.#chats.get(contactId);
    const streamed = existing ?? {
      topicArns: [],
      participantIds: new Map(),
      currentContactId: contactId,
      lastItemAt: 0,
    };
    this.#chats.set(contactId, streamed);
    return streamed;
  }
}

/** No two items of a chat at the same instant, so that their order is certain. */
function nameItem(streamed: StreamedChat): ItemName {
  streamed.lastItemAt = Math.max(Date.now(), streamed.lastItemAt + 1);
  return { Id: crypto.randomUUID(), AbsoluteTime: new Date(streamed.lastItemAt).toISOString() };
}

function itemBody(
  contactId: string,
  streamed: StreamedChat,
  { Id, AbsoluteTime }: ItemName,
  item: ChatItem,
): Readonly<Record<string, unknown>> {
  const participantId = streamed.participantIds.get(item.role) ?? crypto.randomUUID();
  streamed.participantIds.set(item.role, participantId);
  return {
    AbsoluteTime,
    ...(item.content === undefined ? {} : { Content: item.content }),
    ...(item.contentType === undefined ? {} : { ContentType: item.contentType }),
    ...(item.attachments === undefined ? {} : { Attachments: item.attachments }),
    Id,
    Type: item.type,
    ParticipantId: participantId,
    DisplayName: item.displayName,
    ParticipantRole: item.role,
    InitialContactId: contactId,
    ContactId: streamed.currentContactId,
  };
}

function itemAttributes(
  contactId: string,
  { currentContactId }: StreamedChat,
  instanceId: string,
  { type, role, contentType, visibility = 'ALL' }: ChatItem,
): MessageAttributes {
  const values = {
    InitialContactId: contactId,
    ContactId: currentContactId,
    MessageVisibility: visibility === 'missing' ? undefined : visibility,
    Type: type,
    ContentType: contentType,
    ParticipantRole: role,
    InstanceId: instanceId,
    AccountId: SANDBOX_ACCOUNT,
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, Value]) =>
      Value === undefined ? [] : [[name, { Type: 'String', Value }] as const],
    ),
  );
}
