/**
 * Markdown as plain text, for channels that show its marks as they are: emphasis goes, links keep their address, lists,
 * quotes and line breaks stay. What is no Markdown stays as it was written, HTML too.
 */
import { Lexer } from 'marked';
import type { MarkedToken, Token, Tokens } from 'marked';
import { isVisible } from '../normalize/visible-text.ts';

/** `breaks`: a line break is one, as in Connect's own chat. */
const OPTIONS = { gfm: true, breaks: true } as const;

/** Connect's own limit for Content. What is longer is no message, and the parser's time grows faster than its text. */
const MARKDOWN_MAX_CHARACTERS = 16_384;

/** Shows something wherever `markdown` does. Pure. */
export function markdownToText(markdown: string): string {
  if (markdown.length > MARKDOWN_MAX_CHARACTERS) return markdown;
  const text = render(markdown);
  return isVisible(text) ? text : markdown;
}

function render(markdown: string): string {
  try {
    return renderBlocks(new Lexer(OPTIONS).lex(markdown)).replace(/^\n+/, '').trimEnd();
  } catch {
    // Nested so deeply that the parser gives up: better read with its marks than not at all.
    return markdown;
  }
}

const BLANK_LINE_BEHIND = /\n[^\S\n]*\n\s*$/;

/** Each on lines of its own, with an empty line behind it where there was one. */
function renderBlocks(tokens: readonly Token[]): string {
  return tokens
    .flatMap((token) => {
      const lines = token.type === 'space' ? [] : [renderToken(token)];
      return BLANK_LINE_BEHIND.test(token.raw) ? lines.concat('') : lines;
    })
    .join('\n');
}

function renderInline(tokens: readonly Token[] | undefined): string {
  return (tokens ?? []).map(renderToken).join('');
}

function renderToken(token: Token): string {
  const known = token as MarkedToken;
  switch (known.type) {
    case 'text':
      return known.tokens ? renderInline(known.tokens) : decodeEntities(known.text);
    case 'paragraph':
    case 'heading':
    case 'strong':
    case 'em':
      return renderInline(known.tokens);
    // Words that were taken back would say the opposite without a mark.
    case 'del':
      return `~${renderInline(known.tokens)}~`;
    case 'br':
      return '\n';
    case 'html':
      return readHtml(known);
    case 'link':
      return withAddress(renderInline(known.tokens), known.href);
    case 'image':
      return withAddress(known.text, known.href);
    case 'escape':
    case 'code':
    case 'codespan':
      return known.text;
    case 'blockquote':
      return prefixLines(renderBlocks(known.tokens).trimEnd(), '> ');
    case 'list':
      return renderList(known);
    case 'table':
      return [known.header, ...known.rows]
        .map((cells) => cells.map((cell) => renderInline(cell.tokens)).join(' | '))
        .join('\n');
    case 'checkbox':
    case 'list_item':
    case 'space':
      return '';
    case 'def':
    case 'hr':
      return known.raw.trim();
    default:
      // A kind that a newer parser knows.
      return (known satisfies never as Token).raw;
  }
}

function readHtml({ text, block }: Tokens.HTML | Tokens.Tag): string {
  const broken = text.replaceAll(/<br\s*\/?>/gi, '\n');
  return block ? broken.trimEnd() : broken;
}

/** `words (address)`, unless the words are the address. */
function withAddress(words: string, address: string): string {
  if (words.trim() === '') return address;
  const isSame = words === address || `mailto:${words}` === address || `http://${words}` === address;
  return isSame || address === '' ? words : `${words} (${address})`;
}

/** `-` and not a bullet, which GSM's alphabet lacks: an SMS would take more than twice the parts. */
const BULLET = '- ';

function renderList({ items, ordered, start, loose }: Tokens.List): string {
  const texts = items.map(({ tokens, task, checked }, index) => {
    const marker = ordered ? `${Number(start) + index}. ` : BULLET;
    const box = task ? `[${checked ? 'x' : ' '}] ` : '';
    const text = renderBlocks(tokens.filter(({ type }) => type !== 'checkbox')).trimEnd();
    return `${marker}${box}${text.replaceAll(/\n(?!\n|$)/g, `\n${' '.repeat(BULLET.length)}`)}`;
  });
  return texts.join(loose ? '\n\n' : '\n');
}

function prefixLines(text: string, prefix: string): string {
  return text.replaceAll(/^/gm, prefix);
}

/** Those that editors write for characters which Markdown or HTML would read. */
const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&nbsp;': '\u00A0',
};

function decodeEntities(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt|quot|#39|nbsp);/g, (entity) => ENTITIES[entity] ?? entity);
}
