/** Chats as Connect keeps them: one open chat for each source, destination and subtype. */
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

/** A chat's details are those of the request that opened it: Connect ignores what later ones say. */
export interface Chat {
  readonly contactId: string;
  readonly number: number;
  readonly sourceId: string;
  readonly destinationId: string;
  readonly subtype: string;
  readonly displayName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A message, or an event, that Connect let into a chat. */
export interface ChatLine {
  readonly chat: Chat;
  readonly newChatCreated: boolean;
  readonly content: string;
  /** Its place in the chat, from 1. */
  readonly lineNumber: number;
  readonly takenAt: number;
  readonly request: ChatEventRequest;
}

export class Chats {
  /** Everything that was taken, in the order in which it was. */
  readonly lines: ChatLine[] = [];
  readonly #open = new Map<string, Chat>();
  readonly #linesOfSource = new Map<string, ChatLine[]>();
  readonly #lineCounts = new Map<string, number>();
  #opened = 0;

  take(request: ChatEventRequest): ChatLine {
    const key = chatKey(request.SourceId, request.DestinationId, request.Subtype);
    const existing = this.#open.get(key);
    const chat = existing ?? this.#openChat(key, request);
    const lineNumber = (this.#lineCounts.get(chat.contactId) ?? 0) + 1;
    this.#lineCounts.set(chat.contactId, lineNumber);
    const content = request.Event.Content ?? '';
    const line = { chat, newChatCreated: !existing, content, lineNumber, takenAt: Date.now(), request };
    this.lines.push(line);
    const ofSource = this.#linesOfSource.get(request.SourceId);
    if (ofSource) ofSource.push(line);
    else this.#linesOfSource.set(request.SourceId, [line]);
    if (request.Event.Type === 'DISCONNECT') this.#open.delete(key);
    return line;
  }

  /** The next message opens a new chat. */
  end(sourceId: string, destinationId: string, subtype: string): boolean {
    return this.#open.delete(chatKey(sourceId, destinationId, subtype));
  }

  /** What agents saw of a customer, over all chats, oldest first. */
  of(sourceId: string): readonly ChatLine[] {
    return this.#linesOfSource.get(sourceId) ?? [];
  }

  #openChat(key: string, request: ChatEventRequest): Chat {
    this.#opened += 1;
    const details = request.NewSessionDetails;
    const chat: Chat = {
      contactId: crypto.randomUUID(),
      number: this.#opened,
      sourceId: request.SourceId,
      destinationId: request.DestinationId,
      subtype: request.Subtype ?? '',
      displayName: details?.ParticipantDetails?.DisplayName ?? '',
      attributes: details?.Attributes ?? {},
    };
    this.#open.set(key, chat);
    return chat;
  }
}

function chatKey(sourceId: string, destinationId: string, subtype = ''): string {
  return JSON.stringify([sourceId, destinationId, subtype]);
}
