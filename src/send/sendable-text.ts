/** What of a text Connect and the customers' channels can take, and how values become lines of it. */
import { isVisible } from '../normalize/visible-text.ts';

/** Control characters other than tab and line breaks, and lone surrogates (which have no UTF-8), become U+FFFD. */
export function replaceUnsendable(text: string): string {
  return text.toWellFormed().replaceAll(UNSENDABLE, '\uFFFD');
}

// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const UNSENDABLE = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/g;

/** A person's text with all its lines, fit to be sent. Undefined where it shows nothing. */
export function sendableText(text: string | undefined): string | undefined {
  return text !== undefined && isVisible(text) ? replaceUnsendable(text) : undefined;
}

/** A name, id or number on one line, fit to be sent. Undefined where it shows nothing. */
export function sendableLine(text: string | undefined): string | undefined {
  return sendableText(text?.replaceAll(/\s+/g, (space) => (LINE_BREAK.test(space) ? ' ' : space)).trim());
}

const LINE_BREAK = /[\n\v\f\r\u2028\u2029]/;

/** What is not there is left out. */
type Maybe = string | false | undefined;

function isShown(text: Maybe): text is string {
  return text !== undefined && text !== false && text !== '';
}

export function lines(...texts: readonly Maybe[]): string {
  return texts.filter(isShown).join('\n');
}

export function words(...texts: readonly Maybe[]): string {
  return texts.filter(isShown).join(' ');
}

/** `[label: detail, detail]`, on one line, without the details that there are not. */
export function bracket(label: string, ...details: readonly Maybe[]): string {
  const shown = details.filter(isShown).map(sendableLine).filter(isShown);
  return `[${sendableLine(label) ?? ''}${shown.length > 0 ? `: ${shown.join(', ')}` : ''}]`;
}

/** `label: text`, the text with all its lines. */
export function labelled(label: string, text: string | undefined): string | undefined {
  const shown = sendableText(text);
  return shown && `${sendableLine(label) ?? ''}: ${shown}`;
}
