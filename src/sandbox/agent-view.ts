/** What an agent would see, printed as it happens: each chat's head, then its lines. */
import type { Chat, ChatLine } from './chats.ts';

const CHANNEL_OF_SUBTYPE: Readonly<Record<string, string>> = {
  'connect:SMS': 'SMS',
  'connect:WhatsApp': 'WhatsApp',
};
/** By the attribute `channel`: a chat that StartChatContact opened is of no channel to Connect. */
const CHANNEL_NAMES: Readonly<Record<string, string>> = { sms: 'SMS', whatsapp: 'WhatsApp' };

export class AgentView {
  readonly #write: (text: string) => void;
  #shown: Chat | undefined;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  show(line: ChatLine): void {
    this.#showIn(line.chat, line.newChatCreated, formatLine(line));
  }

  /** What was written to the customer. */
  showReply(chat: Chat, name: string, text: string): void {
    this.#showIn(chat, false, formatText(new Date(), `${name}: ${text}`));
  }

  /** Something else was printed: the next line gets its chat's head again. */
  interrupt(): void {
    this.#shown = undefined;
  }

  #showIn(chat: Chat, isNew: boolean, text: string): void {
    if (chat !== this.#shown) this.#write(`\n${chatHead(chat, isNew)}\n`);
    this.#shown = chat;
    this.#write(`${text}\n`);
  }
}

export function formatLine(line: ChatLine): string {
  return formatText(new Date(line.takenAt), describe(line));
}

/** `bridge send-event` sends more than messages. */
function describe({ content, request }: ChatLine): string {
  if (!('Event' in request)) return content;
  const { Type, ContentType } = request.Event;
  return Type === 'MESSAGE' ? content : `(${[Type, ContentType].filter(Boolean).join(' ')})`;
}

function formatText(at: Date, text: string): string {
  return `    ${at.toTimeString().slice(0, 8)}  ${text.replaceAll('\n', `\n${' '.repeat(14)}`)}`;
}

export function chatHead(chat: Chat, isNew: boolean): string {
  const { customerAddress = chat.sourceId, businessAddress = chat.destinationId } = chat.attributes;
  const name = chat.displayName && chat.displayName !== customerAddress ? `${chat.displayName}, ` : '';
  const state = isNew ? 'new chat' : 'continued';
  return `  Chat ${chat.number} · ${channelOf(chat)} · ${name}${customerAddress} → ${businessAddress} · ${state}`;
}

function channelOf({ subtype, attributes }: Chat): string {
  return CHANNEL_OF_SUBTYPE[subtype] ?? channelName(attributes['channel'] ?? (subtype || 'no subtype'));
}

/** For people to read. */
export function channelName(channel: string): string {
  return CHANNEL_NAMES[channel] ?? channel;
}
