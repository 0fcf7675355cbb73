/** What an agent would see, printed as it happens: each chat's head, then its lines. */
import type { Chat, ChatLine } from './chats.ts';

const CHANNEL_OF_SUBTYPE: Readonly<Record<string, string>> = {
  'connect:SMS': 'SMS',
  'connect:WhatsApp': 'WhatsApp',
};

export class AgentView {
  readonly #write: (text: string) => void;
  #shown: Chat | undefined;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  show(line: ChatLine): void {
    if (line.chat !== this.#shown) this.#write(`\n${chatHead(line)}\n`);
    this.#shown = line.chat;
    this.#write(`${formatLine(line)}\n`);
  }

  /** Something else was printed: the next line gets its chat's head again. */
  interrupt(): void {
    this.#shown = undefined;
  }
}

export function formatLine(line: ChatLine): string {
  const time = new Date(line.takenAt).toTimeString().slice(0, 8);
  return `    ${time}  ${describe(line).replaceAll('\n', `\n${' '.repeat(14)}`)}`;
}

/** `bridge send-event` sends more than messages. */
function describe({ content, request }: ChatLine): string {
  const { Type, ContentType } = request.Event;
  return Type === 'MESSAGE' ? content : `(${[Type, ContentType].filter(Boolean).join(' ')})`;
}

export function chatHead({ chat, newChatCreated }: ChatLine): string {
  const { customerAddress = chat.sourceId, businessAddress = chat.destinationId } = chat.attributes;
  const channel = CHANNEL_OF_SUBTYPE[chat.subtype] ?? (chat.subtype || 'no subtype');
  const name = chat.displayName && chat.displayName !== customerAddress ? `${chat.displayName}, ` : '';
  const state = newChatCreated ? 'new chat' : 'continued';
  return `  Chat ${chat.number} · ${channel} · ${name}${customerAddress} → ${businessAddress} · ${state}`;
}
