import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVisible } from '../../src/normalize/visible-text.ts';
import { markdownToText } from '../../src/send/markdown-text.ts';

describe('markdownToText', () => {
  it.each<[name: string, markdown: string, text: string]>([
    ['plain text', 'Your order is on its way.', 'Your order is on its way.'],
    ['emphasis', '**Now** or _never_, *really*', 'Now or never, really'],
    [
      'what only looks like marks',
      '2 * 3 * 4 = 24, snake_case_name, 5 < 6 > 4, #5',
      '2 * 3 * 4 = 24, snake_case_name, 5 < 6 > 4, #5',
    ],
    ['a phone number', '+1 425 555 0182', '+1 425 555 0182'],
    ['escapes', String.raw`\*not\* 1\. this`, '*not* 1. this'],
    ['entities', 'Fish &amp; chips &lt;5', 'Fish & chips <5'],
    [
      'a link',
      'See [our page](https://x.example/a_b?c=1&d=2).',
      'See our page (https://x.example/a_b?c=1&d=2).',
    ],
    [
      'a link by reference',
      '[page][1]\n\n[1]: https://x.example',
      'page (https://x.example)\n\n[1]: https://x.example',
    ],
    [
      'a link that shows its address',
      '<https://x.example> [https://y.example](https://y.example)',
      'https://x.example https://y.example',
    ],
    [
      'addresses as they are',
      'www.x.example https://x.example/a_b_c me@x.example',
      'www.x.example https://x.example/a_b_c me@x.example',
    ],
    ['a picture', '![map](https://x.example/map.png)', 'map (https://x.example/map.png)'],
    ['line breaks and paragraphs', 'one\ntwo\n\nthree', 'one\ntwo\n\nthree'],
    ['a heading', '## Hours\n\nNine to five', 'Hours\n\nNine to five'],
    [
      'a list',
      'You need:\n\n- a card\n- a pen\n  - blue\n\nThanks',
      'You need:\n\n- a card\n- a pen\n  - blue\n\nThanks',
    ],
    ['a numbered list', '3. three\n4. **four**', '3. three\n4. four'],
    ['a list with room', '* one\n\n* two', '- one\n\n- two'],
    ['a list of tasks', '- [x] paid\n- [ ] sent', '- [x] paid\n- [ ] sent'],
    ['a quote', '> you wrote\n> this\n\nYes', '> you wrote\n> this\n\nYes'],
    ['code', '`a_b_c`\n\n    x = 1', 'a_b_c\n\nx = 1'],
    ['a table', '| a | b |\n|---|---|\n| 1 | **2** |', 'a | b\n1 | 2'],
    ['what was taken back', 'now ~~5~~ 6', 'now ~5~ 6'],
    ['HTML', 'a<br>b <b>c</b>\n\n<div>d</div>', 'a\nb <b>c</b>\n\n<div>d</div>'],
    ['nothing but marks', '**', '**'],
    ['a rule', 'a\n\n---\n\nb', 'a\n\n---\n\nb'],
    ['an empty link', '[](https://x.example)', 'https://x.example'],
  ])('%s', (_name, markdown, text) => {
    expect(markdownToText(markdown)).toBe(text);
  });

  it('leaves alone what is longer than any message, or nested beyond sense', () => {
    const long = '**a** '.repeat(5_000);
    expect(markdownToText(long)).toBe(long);
    const deep = '>'.repeat(16_000);
    expect(markdownToText(deep)).toBe(deep);
  });

  it('loses no word, and always shows what is to be seen', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 12 });
    const marks = fc.constantFrom(
      ' ',
      '\n',
      '\n\n',
      ' **',
      '** ',
      ' _',
      '_ ',
      '\n- ',
      '\n1. ',
      '\n> ',
      ' `',
      '\n# ',
      ' ~~',
      ' [',
      '](',
      ') ',
      ' <',
      '> ',
      '|',
      '\n    ',
    );
    fc.assert(
      fc.property(words, fc.array(marks, { minLength: 12, maxLength: 12 }), (list, between) => {
        const text = markdownToText(list.map((word, index) => word + (between[index] ?? '')).join(''));
        for (const word of list) expect(text).toContain(word);
      }),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (markdown) => {
        expect(isVisible(markdownToText(markdown))).toBe(isVisible(markdown));
      }),
      { numRuns: 1_000 },
    );
  });
});
