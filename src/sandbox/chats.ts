/**
 * Chats as Connect keeps them. SendChatIntegrationEvent's: one open chat for each source, destination and subtype.
 * StartChatContact's: one for each call, whoever the customer is.
 */
import crypto from 'node:crypto';

/** The members of SendChatIntegrationEvent's request that a chat is made of. */
export interface ChatEventRequest {
  readonly SourceId: string;
  readonly DestinationId: string;
  readonly Subtype?: string;
  readonly Event: { readonly Type: string; readonly ContentType?: string; readonly Content?: string };
  readonly NewSessionDetails?: {
    readonly ParticipantDetails?: { readonly DisplayName: string };
    readonly Attributes?: Readonly<Record<string, string>>;
    readonly SupportedMessagingContentTypes?: readonly string[];
    readonly StreamingConfiguration?: { readonly StreamingEndpointArn: string };
  };
}

/** The Participant Service's SendMessage. */
export interface SendMessageRequest {
  readonly ContentType: string;
  readonly Content: string;
  readonly ClientToken?: string | undefined;
}

/** A chat's details are those of the request that opened it: Connect ignores what later ones say. */
export interface Chat {
  /** Connect's InitialContactId. */
  readonly contactId: string;
  readonly number: number;
  /** Of one that StartChatContact opened: its attribute `customerAddress`. */
  readonly sourceId: string;
  /** Of one that StartChatContact opened: `placeOf` its instance and flow. */
  readonly destinationId: string;
  readonly subtype: string;
  readonly displayName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export type ChatDetails = Omit<Chat, 'contactId' | 'number'>;

/** A message of the customer's, or an event, that Connect let into a chat. */
export interface ChatLine {
  readonly chat: Chat;
  /** It is the first one. */
  readonly newChatCreated: boolean;
  readonly content: string;
  /** Its place in the chat, from 1. */
  readonly lineNumber: number;
  readonly takenAt: number;
  readonly request: ChatEventRequest | SendMessageRequest;
}

/** What stands for SendChatIntegrationEvent's DestinationId where chats are opened by StartChatContact. */
export function placeOf(instanceId: string, contactFlowId: string): string {
  return `instance/${instanceId}/contact-flow/${contactFlowId}`;
}

export class Chats {
  /** Hears of each message as it gets into a chat. */
  onLine: ((line: ChatLine) => void) | undefined;
  onOpened: ((chat: Chat) => void) | undefined;
  onEnded: ((chat: Chat) => void) | undefined;
  /** Everything that was taken, in the order in which it was. */
  readonly lines: ChatLine[] = [];
  /** Every chat that was ever opened, in that order. */
  readonly opened: Chat[] = [];
  readonly #open = new Map<string, Chat>();
  readonly #ofParties = new Map<string, Chat>();
  readonly #linesOfSource = new Map<string, ChatLine[]>();
  readonly #lineCounts = new Map<string, number>();

  /** SendChatIntegrationEvent: into the parties' chat; without one, into a new one. */
  take(request: ChatEventRequest): ChatLine {
    const key = partiesKey(request.SourceId, request.DestinationId, request.Subtype);
    const existing = this.#ofParties.get(key);
    const chat = existing ?? this.open(detailsOf(request));
    this.#ofParties.set(key, chat);
    const line = this.add(chat, request.Event.Content ?? '', request);
    if (request.Event.Type === 'DISCONNECT') this.endContact(chat.contactId);
    return line;
  }

  open(details: ChatDetails): Chat {
    const chat = { ...details, contactId: crypto.randomUUID(), number: this.opened.length + 1 };
    this.opened.push(chat);
    this.#open.set(chat.contactId, chat);
    this.onOpened?.(chat);
    return chat;
  }

  add(chat: Chat, content: string, request: ChatLine['request']): ChatLine {
    const lineNumber = (this.#lineCounts.get(chat.contactId) ?? 0) + 1;
    this.#lineCounts.set(chat.contactId, lineNumber);
    const takenAt = Date.now();
    const line = { chat, newChatCreated: lineNumber === 1, content, lineNumber, takenAt, request };
    this.lines.push(line);
    const ofSource = this.#linesOfSource.get(chat.sourceId);
    if (ofSource) ofSource.push(line);
    else this.#linesOfSource.set(chat.sourceId, [line]);
    this.onLine?.(line);
    return line;
  }

  /** The next message opens a new chat. */
  end(sourceId: string, destinationId: string, subtype: string): boolean {
    const chat = this.#ofParties.get(partiesKey(sourceId, destinationId, subtype));
    return chat !== undefined && this.endContact(chat.contactId);
  }

  /** False: it has ended already, or there never was one. */
  endContact(contactId: string): boolean {
    const chat = this.#open.get(contactId);
    if (!chat) return false;
    const key = partiesKey(chat.sourceId, chat.destinationId, chat.subtype);
    if (this.#ofParties.get(key) === chat) this.#ofParties.delete(key);
    this.#open.delete(contactId);
    this.onEnded?.(chat);
    return true;
  }

  isOpen(contactId: string): boolean {
    return this.#open.has(contactId);
  }

  /** Those that are open, oldest first. */
  get running(): readonly Chat[] {
    return [...this.#open.values()];
  }

  /** Those of them that a message has got into. */
  get begun(): readonly Chat[] {
    return this.running.filter(({ contactId }) => this.#lineCounts.has(contactId));
  }

  /** What agents saw of a customer, over all chats, oldest first. */
  of(sourceId: string): readonly ChatLine[] {
    return this.#linesOfSource.get(sourceId) ?? [];
  }
}

function detailsOf(request: ChatEventRequest): ChatDetails {
  const details = request.NewSessionDetails;
  return {
    sourceId: request.SourceId,
    destinationId: request.DestinationId,
    subtype: request.Subtype ?? '',
    displayName: details?.ParticipantDetails?.DisplayName ?? '',
    attributes: details?.Attributes ?? {},
  };
}

function partiesKey(sourceId: string, destinationId: string, subtype = ''): string {
  return JSON.stringify([sourceId, destinationId, subtype]);
}
