/**
 * A reply as the customer reads it, in plain text, and what the customer's answer means where there was something to
 * choose from.
 */
import type { Attachment, Choice, ChoicesContent, ReplyContent } from '../normalize/agent-reply.ts';
import { markdownToText } from './markdown-text.ts';
import { bracket, lines, sendableLine, sendableText, words } from './sendable-text.ts';
import type { TextLimits } from './text-parts.ts';

/**
 * The longest text of one message: SendTextMessage's MessageBody (service model), and Meta's `text.body` (Cloud API, "Text
 * messages").
 */
export const REPLY_TEXT_LIMITS: TextLimits = { sms: 1_600, whatsapp: 4_096 };

/** What the customer reads besides the agent's own words. */
const LABELS = { attachment: 'Attachment', empty: 'Empty message' } as const;

/** Something of it can be seen: no channel takes a text that shows nothing. Pure. */
export function renderReply(content: ReplyContent): string {
  return sendableText(renderContent(content)) ?? bracket(LABELS.empty);
}

function renderContent(content: ReplyContent): string {
  switch (content.kind) {
    case 'text':
      return content.text;
    case 'markdown':
      return markdownToText(content.text);
    case 'choices':
      return renderChoices(content);
    case 'attachments':
      return lines(...content.attachments.map(renderAttachment));
  }
}

/** Titles may be Markdown (administrator guide, "Rich formatting for titles and subtitles"). */
function renderChoices({ lines: above, choices }: ChoicesContent): string {
  return lines(...above.map(markdownToText), ...choices.map(renderChoice));
}

/** `2. Title - description`. A hyphen, because a dash is none of GSM's alphabet: an SMS would take twice the parts. */
function renderChoice({ title, description }: Choice, index: number): string {
  const more = description && shownLine(description);
  return words(`${index + 1}.`, shownLine(title), more && `- ${more}`);
}

function shownLine(markdown: string): string | undefined {
  return sendableLine(markdownToText(markdown));
}

function renderAttachment({ name, contentType }: Attachment): string {
  return bracket(LABELS.attachment, name, contentType);
}

/** `2`, `2.`, `2)`, `(2)`, `#2`. */
const NUMBER_PATTERN = /^[(#]?\s*(\d{1,3})\s*[.):]?$/;

/**
 * What Connect expects back for the customer's words, where they are a choice: its words, else its number as it was shown.
 * Case, spaces around and between, and full-width or emoji digits don't matter. Undefined: they mean something else. Pure.
 */
export function chosenTitle(text: string, choices: readonly Choice[]): string | undefined {
  const wanted = spell(text);
  if (wanted === '') return undefined;
  const chosen = choices.find((choice, index) => spellingsOf(choice, index).includes(wanted)) ?? byNumber();
  return chosen && (chosen.answer ?? chosen.title);

  function byNumber(): Choice | undefined {
    const [, number] = NUMBER_PATTERN.exec(wanted) ?? [];
    return number === undefined ? undefined : choices[Number(number) - 1];
  }
}

/** The title as it came and as it was shown, and the whole line, which some copy. */
function spellingsOf(choice: Choice, index: number): readonly string[] {
  const title = shownLine(choice.title) ?? '';
  return [choice.title, title, `${index + 1}. ${title}`, renderChoice(choice, index)].map(spell);
}

/** Variation selectors and the frame of keycap emojis. */
const FRAMES = /[\uFE0E\uFE0F\u20E3]/g;

function spell(text: string): string {
  return text.normalize('NFKC').replaceAll(FRAMES, '').replaceAll(/\s+/g, ' ').trim().toLowerCase();
}
