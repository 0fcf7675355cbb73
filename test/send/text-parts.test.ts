import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVisible } from '../../src/normalize/visible-text.ts';
import { CONTENT_MAX_BYTES, splitText } from '../../src/send/text-parts.ts';

const FAMILY = '👩‍👩‍👧';
const FLAG = '🇮🇱';
/** Invisible, each two code units and a grapheme of its own. */
const MUSICAL_CONTROLS = '\u{1D173}\u{1D174}';
const LONG_GRAPHEME = `e${'\u0301'.repeat(8)}`;

describe('splitText', () => {
  it.each<[string, string, number, readonly string[]]>([
    ['what fits stays', 'x'.repeat(20), 20, ['x'.repeat(20)]],
    ['white space that fits stays', ' \n ', 10, [' \n ']],
    ['nothing', '', 10, ['']],
    ['after a paragraph', 'One. Two.\nThree four five', 20, ['One. Two.\n', 'Three four five']],
    ['after all of its breaks', 'One two\r\n\r\n\nThree four', 20, ['One two\r\n\r\n\n', 'Three four']],
    [
      'after the last paragraph that fits',
      'One\ntwo\nthree\nfour five six',
      20,
      ['One\ntwo\nthree\n', 'four five six'],
    ],
    [
      'breaks that go on behind the limit',
      `${'x'.repeat(18)}\n\n\n\nyy`,
      20,
      [`${'x'.repeat(18)}\n\n`, '\n\nyy'],
    ],
    ['else after a sentence', 'One two. Three four five six', 20, ['One two. ', 'Three four five six']],
    ['else after white space', 'One two three four five', 20, ['One two three four ', 'five']],
    [
      'not at a space that holds together',
      'A price of 10\u00A0000 ILS',
      16,
      ['A price of ', '10\u00A0000 ILS'],
    ],
    ['else after a word, in Chinese', '我们今天下午去公园散步吧', 10, ['我们今天下午去公园', '散步吧']],
    ['in Thai', 'ขอบคุณสำหรับความช่วยเหลือ', 20, ['ขอบคุณสำหรับความช่วย', 'เหลือ']],
    ['else anywhere', 'x'.repeat(25), 10, ['x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5)]],
    ['no crumb of a paragraph', `Hi\n${'x'.repeat(30)}`, 20, [`Hi\n${'x'.repeat(17)}`, 'x'.repeat(13)]],
    ['a quarter is none', `1234\n${'x'.repeat(20)}`, 20, ['1234\n', 'x'.repeat(20)]],
    ['a poorer boundary before a crumb', 'Hi\nthree four five si', 20, ['Hi\nthree four five ', 'si']],
    ['no surrogate pair is cut', `${'x'.repeat(9)}😀😀`, 10, ['x'.repeat(9), '😀😀']],
    ['no CRLF', `${'x'.repeat(9)}\r\n${'y'.repeat(9)}`, 10, ['x'.repeat(9), `\r\n${'y'.repeat(8)}`, 'y']],
    ['no emoji sequence', `xxx${FAMILY}${FAMILY}`, 18, [`xxx${FAMILY}`, FAMILY]],
    ['no flag', `x${FLAG.repeat(5)}`, 12, [`x${FLAG.repeat(2)}`, FLAG.repeat(3)]],
    ['no combining mark', 'e\u0301'.repeat(8), 11, ['e\u0301'.repeat(5), 'e\u0301'.repeat(3)]],
    ['no space that an accent stands on', `${'x'.repeat(9)} \u0301yyy`, 10, ['x'.repeat(9), ' \u0301yyy']],
    [
      'a grapheme that is longer is cut at a code point',
      `e${'\u0301'.repeat(24)}`,
      10,
      [`e${'\u0301'.repeat(9)}`, '\u0301'.repeat(10), '\u0301'.repeat(5)],
    ],
    ['and one that its white space leaves no room for', `   ${FAMILY}xx`, 10, ['   👩‍👩‍', '👧xx']],
    ['a crumb before a grapheme that would be cut', `ab${LONG_GRAPHEME}`, 10, ['ab', LONG_GRAPHEME]],
    [
      'invisible characters at the end stay with what is seen',
      `${'x'.repeat(10)}${MUSICAL_CONTROLS}`,
      10,
      ['x'.repeat(9), `x${MUSICAL_CONTROLS}`],
    ],
    [
      'runs too long by their bytes leave room for what is seen',
      `${'\u00A0'.repeat(5_000)}x${'\u00A0'.repeat(5_000)}`,
      16_384,
      [`${'\u00A0'.repeat(4_095)}x${'\u00A0'.repeat(4_095)}`],
    ],
    ['white space at the end stays with what is seen', 'xxxxxxxxxx    ', 10, ['xxxxxxxxx', 'x    ']],
    ['white space at the start too', `    ${'x'.repeat(10)}`, 10, [`    xxxxxx`, 'xxxx']],
    ['a long run is shared by its neighbours', `xx${' '.repeat(9)}yy`, 10, [`xx${' '.repeat(8)}`, ' yy']],
    [
      'what comes before it leaves a character for it',
      `${'x'.repeat(10)}${' '.repeat(18)}y`,
      10,
      ['x'.repeat(9), `x${' '.repeat(9)}`, `${' '.repeat(9)}y`],
    ],
    [
      'an emoji sequence behind it stays whole',
      `hello${' '.repeat(8)}${FAMILY}`,
      10,
      ['hell', `o${' '.repeat(8)}`, FAMILY],
    ],
    ['a run too long to stay is shortened', `xx${' '.repeat(50)}yy`, 10, [`xx    yy`]],
    ['as are all', `xx${' '.repeat(50)}yy${'\n'.repeat(50)}zz`, 10, ['xx    yy\n\n', '\n\nzz']],
    ['a shortened run keeps its CRLFs whole', `x${'\r\n'.repeat(50)}y`, 12, ['x\r\n\r\ny']],
    ['a text that shows nothing', ' '.repeat(50), 10, ['    ']],
  ])('%s', (_name, text, limit, parts) => {
    expect(splitText(text, limit)).toEqual(parts);
  });
});

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
const fits = (text: string, limit: number): boolean =>
  text.length <= limit && Buffer.byteLength(text) <= CONTENT_MAX_BYTES;

/** Whether there are parts that fit, show something and are the text, cut at the ends of `pieces` of it. Quadratic. */
function canBeCut(pieces: readonly string[], limit: number): boolean {
  const isPossibleFrom = pieces.map(() => false).concat(true);
  for (let start = pieces.length - 1; start >= 0; start -= 1) {
    let part = '';
    for (let end = start; end < pieces.length && fits(part + pieces[end], limit); end += 1) {
      part += pieces[end];
      if (isPossibleFrom[end + 1] && isVisible(part)) isPossibleFrom[start] = true;
    }
  }
  return isPossibleFrom[0] ?? true;
}

const charactersOf = (text: string): string[] => text.match(/\r\n|./gsu) ?? [];
const graphemesOf = (text: string): string[] => Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);

/** By the rule as it is stated, written otherwise: half a part, less a character. */
function shortened(text: string, limit: number): string {
  const [units, bytes] = [Math.floor(limit / 2) - 1, CONTENT_MAX_BYTES / 2 - 2];
  return text.replaceAll(/[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}]+/gu, (run) => {
    let kept = '';
    for (const character of run.match(/\r\n|./gsu) ?? []) {
      const more = kept + character;
      if (more.length > units || Buffer.byteLength(more) > bytes) break;
      kept = more;
    }
    return kept;
  });
}

/** Graphemes that are cut although they fit into a part together with the white space that has to go with them. */
function findNeedlessCuts(parts: readonly string[], limit: number): string[] {
  const text = parts.join('');
  const starts = parts.map((_part, index) => parts.slice(0, index).join('').length);
  return [...GRAPHEMES.segment(text)].flatMap(({ segment, index }) => {
    const end = index + segment.length;
    if (!starts.some((start) => start > index && start < end)) return [];
    const before = text.slice(starts.findLast((start) => start <= index) ?? 0, index);
    const behind = text.slice(end);
    const needed = [before, behind].map((blank) => (isVisible(blank) ? '' : blank)).join(segment);
    return fits(needed, limit) ? [segment] : [];
  });
}

const anyCharacter = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'Z', '7', '.', '!', ',', '-', '\u0627', 'é', 'ß') },
  { weight: 4, arbitrary: fc.constantFrom(' ', '\n', '\r\n', '\r', '\t', '\u00A0', '\u3000', '\u2028') },
  { weight: 2, arbitrary: fc.constantFrom('\u200D', '\u200B', '\uFE0F', '\uFEFF', '\u202E', '\u{E0041}') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('\u0301', '\u0E31', '\u{1F3FD}', '\u0600', '\u094D', '\u1100', '\u1161'),
  },
  { weight: 2, arbitrary: fc.constantFrom('😀', FAMILY, FLAG, '🇦', '👍🏽', '❤️', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'e\u0301', 'क्षि') },
  { weight: 2, arbitrary: fc.constantFrom('我', '散步', 'ขอบคุณ', 'שלום', 'مرحبا') },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }) },
);
const anyPiece = fc.oneof(
  { weight: 6, arbitrary: anyCharacter },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyCharacter, fc.integer({ min: 1, max: 60 }))
      .map(([one, times]) => one.repeat(times)),
  },
);
const anyText = fc.array(anyPiece, { maxLength: 60 }).map((pieces) => pieces.join('').toWellFormed());

function checkSplit(text: string, limit: number): void {
  const parts = splitText(text, limit);
  if (fits(text, limit)) expect(parts).toEqual([text]);
  expect(parts.filter((part) => !fits(part, limit))).toEqual([]);
  const isWhole = parts.join('') === text;
  if (!isWhole) expect(parts.join('')).toBe(shortened(text, limit));
  if (isVisible(text)) expect(parts.filter((part) => !isVisible(part))).toEqual([]);
  expect(parts.filter((part) => !part.isWellFormed())).toEqual([]);
  if (!isWhole || shortened(text, limit) === text) expect(findNeedlessCuts(parts, limit)).toEqual([]);
}

/** Where a text can be kept whole it is, and its graphemes with it. For short texts. */
function checkKept(text: string, limit: number): void {
  const parts = splitText(text, limit);
  if (canBeCut(charactersOf(text), limit)) expect(parts.join('')).toBe(text);
  if (canBeCut(graphemesOf(text), limit)) expect(graphemesOf(text)).toEqual(parts.flatMap(graphemesOf));
}

describe('splitText, whatever the text', () => {
  it('keeps its promises at small limits', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 10, max: 50 }), (text, limit) => {
        checkSplit(text, limit);
        checkKept(text, limit);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the text and its graphemes wherever that is possible', () => {
    const anyRun = fc
      .tuple(fc.constantFrom(' ', '\n', '\r\n', '\u200B'), fc.integer({ min: 1, max: 25 }))
      .map(([blank, times]) => blank.repeat(times));
    const anyRuns = fc.array(fc.oneof(anyRun, anyCharacter), { maxLength: 12 });
    fc.assert(
      fc.property(anyRuns, fc.integer({ min: 10, max: 20 }), (pieces, limit) => {
        const text = pieces.join('').toWellFormed();
        checkSplit(text, limit);
        checkKept(text, limit);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([1_024, 4_096, 16_384])('keeps them at %d', (limit) => {
    const anyLongText = fc
      .array(fc.tuple(anyText, fc.integer({ min: 1, max: 300 })), { minLength: 1, maxLength: 4 })
      .map((pieces) =>
        pieces
          .map(([text, times]) => text.repeat(times))
          .join('')
          .slice(0, 40_000)
          .toWellFormed(),
      );
    fc.assert(
      fc.property(anyLongText, (text) => checkSplit(text, limit)),
      { numRuns: 10 },
    );
  });
});
