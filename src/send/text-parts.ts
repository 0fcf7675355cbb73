/**
 * A text in the parts that Connect takes one at a time. What it promises, for any text that shows something:
 *
 * - Every part keeps both limits and shows something: Connect may refuse a part of mere white space.
 * - Joined, the parts are the text. One exception: where runs of white space and invisible characters are so long that
 *   the parts can't all show something, those longer than half the limit (less a character) are shortened to that.
 * - A part ends at the best boundary that fits: after a paragraph (a line), else a sentence, else white space, else a
 *   word (for scripts without spaces), else a grapheme. A boundary that leaves three quarters of the part empty doesn't
 *   count, unless it is the last kind: it would make crumbs.
 * - A grapheme (CRLF, an emoji sequence, a letter with its marks) is cut only where it doesn't fit into one part, or not
 *   with the white space that has to go with it; then between code points, never through a surrogate pair.
 *
 * Work for each part is bounded by the limit: the segmenters see a part and a little more. Only a text with a run longer
 * than half the limit is looked at as a whole first.
 */
import type { Channel } from '../normalize/channel.ts';
import { BLANK_RUN, VISIBLE, isVisible } from '../normalize/visible-text.ts';

/** The longest text that Connect takes of a channel, in UTF-16 code units. */
export type TextLimits = Readonly<Record<Channel, number>>;

/** Connect's own limit for a message's Content, in bytes of UTF-8 (API reference of SendMessage). */
export const CONTENT_MAX_BYTES = 16_384;

/** The parts in which `text` goes to Connect, one where it fits. `limit`: UTF-16 code units, 10 at least. Pure. */
export function splitText(text: string, limit: number): readonly string[] {
  const room: Room = { units: limit, bytes: CONTENT_MAX_BYTES };
  if (fits(text, room)) return [text];
  const shortened = shortenBlanks(text, room);
  if (shortened === text) return cutIntoParts(text, room);
  const safeEnds = findSafeEnds(text, room);
  return safeEnds ? cutIntoParts(text, room, safeEnds) : cutIntoParts(shortened, room);
}

/** With `safeEnds`, at those alone. */
function cutIntoParts(text: string, room: Room, safeEnds?: ReadonlySet<number>): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  let rest = text;
  while (!fits(rest, room)) {
    const partStart = start;
    const end = findEnd(rest, room, (at) => safeEnds?.has(partStart + at) ?? true);
    parts.push(rest.slice(0, end));
    rest = rest.slice(end);
    start += end;
  }
  return [...parts, rest];
}

/** UTF-16 code units, and bytes of UTF-8. */
interface Room {
  readonly units: number;
  readonly bytes: number;
}

function fits(text: string, { units, bytes }: Room): boolean {
  return text.length <= units && Buffer.byteLength(text) <= bytes;
}

/** Of one code point. */
const LONGEST_CHARACTER: Room = { units: 2, bytes: 4 };

/** Afterwards any visible character fits into one part with the run before it and the run behind it. */
function shortenBlanks(text: string, { units, bytes }: Room): string {
  const half: Room = {
    units: Math.floor((units - LONGEST_CHARACTER.units) / 2),
    bytes: Math.floor((bytes - LONGEST_CHARACTER.bytes) / 2),
  };
  return text.replaceAll(BLANK_RUN, (run) => run.slice(0, findLargestFit(run, half)));
}

/** Of a code unit: a surrogate pair has 4 bytes for its two. */
const UTF8_MAX_BYTES = 3;
const ENCODER = new TextEncoder();

/** How much of the text fits, in code units, without a surrogate pair or CRLF cut through. */
function findLargestFit(text: string, { units, bytes }: Room): number {
  const most = Math.min(text.length, units);
  const end =
    most * UTF8_MAX_BYTES <= bytes
      ? most
      : ENCODER.encodeInto(text.slice(0, most), new Uint8Array(bytes)).read;
  return isCharacter(text.slice(end - 1, end + 1)) ? end - 1 : end;
}

/** So that a segmenter sees what comes behind the last place that it may cut at. */
const LOOKAHEAD_UNITS = 64;

/** Where the part ends that `text` begins with: it, and what is left, show something. */
function findEnd(text: string, room: Room, isSafe: (end: number) => boolean): number {
  const largestFit = findLargestFit(text, room);
  const least = endOfFirstVisible(text);
  const most = Math.min(largestFit, startOfLastVisible(text));
  const worthwhile = Math.max(least, Math.ceil(largestFit / 4));
  const window = text.slice(0, largestFit + LOOKAHEAD_UNITS);
  const graphemes = SEGMENTERS.grapheme.segment(window);
  for (const { ends, isLastResort } of BOUNDARIES) {
    for (const end of ends(window, most)) {
      if (end < (isLastResort ? least : worthwhile)) break;
      // The other rules of Unicode know boundaries that are none of a grapheme: a space with an accent.
      if (graphemes.containing(end)?.index === end && isSafe(end)) return end;
    }
  }
  let end = most;
  while (end > least && !isSafe(end)) end -= 1;
  return end;
}

interface Boundary {
  /** Every such boundary in `text` at or before `most`, the last first. */
  readonly ends: (text: string, most: number) => Iterable<number>;
  readonly isLastResort?: true;
}

/** One language for all: the rules of Unicode hardly differ by language, and the same text gives the same parts anywhere. */
const LANGUAGE = 'en';
const SEGMENTERS = {
  sentence: new Intl.Segmenter(LANGUAGE, { granularity: 'sentence' }),
  word: new Intl.Segmenter(LANGUAGE, { granularity: 'word' }),
  grapheme: new Intl.Segmenter(LANGUAGE, { granularity: 'grapheme' }),
};

const LINE_BREAK = /[\n\v\f\r\u0085\u2028\u2029]/;
/** All but those that hold together what they stand between. */
const BREAKING_SPACE = /[^\S\u00A0\u2007\u202F\uFEFF]/;

/** In order of preference. */
const BOUNDARIES: readonly Boundary[] = [
  { ends: (text, most) => endsAfter(text, most, LINE_BREAK) },
  { ends: (text, most) => endsOfSegments(text, most, SEGMENTERS.sentence) },
  { ends: (text, most) => endsAfter(text, most, BREAKING_SPACE) },
  { ends: (text, most) => endsOfSegments(text, most, SEGMENTERS.word) },
  { ends: (text, most) => endsOfSegments(text, most, SEGMENTERS.grapheme), isLastResort: true },
];

function* endsAfter(text: string, most: number, character: RegExp): Generator<number, void> {
  for (let end = most; end > 0; end -= 1) {
    if (character.test(text.charAt(end - 1))) yield end;
  }
}

function* endsOfSegments(text: string, most: number, segmenter: Intl.Segmenter): Generator<number, void> {
  const segments = segmenter.segment(text);
  let end = segments.containing(most)?.index ?? 0;
  while (end > 0) {
    yield end;
    end = segments.containing(end - 1)?.index ?? 0;
  }
}

/**
 * Where a text with long runs of blanks can be cut so that all parts fit and show something: a part before a run has to
 * leave a character for it. Between graphemes, else between characters. Undefined: nowhere.
 */
function findSafeEnds(text: string, room: Room): ReadonlySet<number> | undefined {
  const graphemes = Array.from(SEGMENTERS.grapheme.segment(text), ({ segment }) => segment);
  return findSafeEndsOf(graphemes, room) ?? findSafeEndsOf(text.match(CHARACTERS) ?? [], room);
}

const CHARACTERS = /\r\n|./gsu;

/** Cut at the ends of `pieces`, from the last: an end is safe if a part from there can end at a safe one. */
function findSafeEndsOf(pieces: readonly string[], room: Room): ReadonlySet<number> | undefined {
  const safe = new Set<number>();
  const safeIndexes = [pieces.length];
  let farthest = 0;
  let start = pieces.reduce((length, piece) => length + piece.length, 0);
  let [last, units, bytes] = [pieces.length, 0, 0];
  let firstVisible = Number.POSITIVE_INFINITY;
  safe.add(start);
  for (let index = pieces.length - 1; index >= 0; index -= 1) {
    const piece = pieces[index] ?? '';
    start -= piece.length;
    units += piece.length;
    bytes += Buffer.byteLength(piece);
    for (; units > room.units || bytes > room.bytes; last -= 1) {
      units -= pieces[last - 1]?.length ?? 0;
      bytes -= Buffer.byteLength(pieces[last - 1] ?? '');
      if (safeIndexes[farthest] === last) farthest += 1;
    }
    if (isVisible(piece)) firstVisible = index;
    // The last safe end that the room reaches, if there is something to see before it.
    if ((safeIndexes[farthest] ?? 0) <= firstVisible) continue;
    safe.add(start);
    safeIndexes.push(index);
  }
  return safe.has(0) ? safe : undefined;
}

function endOfFirstVisible(text: string): number {
  const { 0: character, index } = VISIBLE.exec(text) ?? { 0: '', index: 0 };
  return index + character.length;
}

/** Goes back over no more than a run of blanks. */
function startOfLastVisible(text: string): number {
  let start = text.length;
  do {
    start -= isCharacter(text.slice(Math.max(start - 2, 0), start)) ? 2 : 1;
  } while (start > 0 && !isVisible(String.fromCodePoint(text.codePointAt(start) ?? 0)));
  return start;
}

/** Two code units that stand for one character. */
function isCharacter(units: string): boolean {
  return units === '\r\n' || /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(units);
}
