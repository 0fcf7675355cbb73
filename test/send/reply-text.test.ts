import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Choice, ReplyContent } from '../../src/normalize/agent-reply.ts';
import { isVisible } from '../../src/normalize/visible-text.ts';
import { REPLY_TEXT_LIMITS, chosenTitle, renderReply } from '../../src/send/reply-text.ts';
import { splitText } from '../../src/send/text-parts.ts';

const CHOICES: readonly Choice[] = [
  { title: 'Apple', description: '$1.00' },
  { title: '**Pear**' },
  { title: 'Flights: Book', answer: '{"listTitle":"Flights","selectionText":"Book"}' },
  { title: '10' },
];

describe('renderReply', () => {
  it.each<[name: string, content: ReplyContent, text: string]>([
    ['text as it is', { kind: 'text', text: ' *Hello*\n_Ana_ ' }, ' *Hello*\n_Ana_ '],
    ['text without what can’t be sent', { kind: 'text', text: 'a\u0000b' }, 'a\uFFFDb'],
    [
      'Markdown as text',
      { kind: 'markdown', text: '**Hello** [Ana](https://x.example)' },
      'Hello Ana (https://x.example)',
    ],
    [
      'choices by number',
      { kind: 'choices', lines: ['**Which** fruit?', 'Tap one'], choices: CHOICES },
      'Which fruit?\nTap one\n1. Apple - $1.00\n2. Pear\n3. Flights: Book\n4. 10',
    ],
    [
      'choices on a line each',
      { kind: 'choices', lines: [], choices: [{ title: 'a\nb', description: 'c\n\nd' }] },
      '1. a b - c d',
    ],
    [
      'attachments',
      {
        kind: 'attachments',
        attachments: [{ name: 'bill.pdf', contentType: 'application/pdf' }, { name: 'a.bin' }, {}],
      },
      '[Attachment: bill.pdf, application/pdf]\n[Attachment: a.bin]\n[Attachment]',
    ],
    ['nothing', { kind: 'text', text: ' \u200B' }, '[Empty message]'],
  ])('%s', (_name, content, text) => {
    expect(renderReply(content)).toBe(text);
  });

  it('always shows something, and goes in parts that each channel takes', () => {
    const texts = fc.string({ unit: 'binary' });
    const contents = fc.oneof<fc.Arbitrary<ReplyContent>[]>(
      fc.record({ kind: fc.constant('text' as const), text: texts }),
      fc.record({ kind: fc.constant('markdown' as const), text: texts }),
      fc.record({
        kind: fc.constant('choices' as const),
        lines: fc.array(texts),
        choices: fc.array(fc.record({ title: texts, description: texts })),
      }),
    );
    fc.assert(
      fc.property(contents, fc.constantFrom(1, 200), (content, times) => {
        const text = renderReply(content).repeat(times);
        for (const limit of Object.values(REPLY_TEXT_LIMITS)) {
          for (const part of splitText(text, limit)) {
            expect(part).toSatisfy(isVisible);
            expect(part.length).toBeLessThanOrEqual(limit);
          }
        }
      }),
    );
  });
});

describe('chosenTitle', () => {
  it.each<[text: string, title: string]>([
    ['1', 'Apple'],
    [' 1. ', 'Apple'],
    ['1)', 'Apple'],
    ['(1)', 'Apple'],
    ['#1', 'Apple'],
    ['１', 'Apple'],
    ['1️⃣', 'Apple'],
    ['apple', 'Apple'],
    ['  APPLE\n', 'Apple'],
    ['1. Apple', 'Apple'],
    ['1. apple - $1.00', 'Apple'],
    ['2', '**Pear**'],
    ['pear', '**Pear**'],
    ['**Pear**', '**Pear**'],
    ['3', '{"listTitle":"Flights","selectionText":"Book"}'],
    ['flights:  book', '{"listTitle":"Flights","selectionText":"Book"}'],
    // Its words go before its number.
    ['10', '10'],
    ['4', '10'],
  ])('%j means %s', (text, title) => {
    expect(chosenTitle(text, CHOICES)).toBe(title);
  });

  it.each(['', ' ', '0', '5', '99999', '1 please', 'apples', '1.5', '-1', '2 pears', 'toString'])(
    '%j means nothing of it',
    (text) => {
      expect(chosenTitle(text, CHOICES)).toBeUndefined();
    },
  );

  it('has nothing to choose from', () => {
    expect(chosenTitle('1', [])).toBeUndefined();
  });

  it('knows every choice by the number that it was shown with', () => {
    const titles = fc.uniqueArray(fc.stringMatching(/^[a-z ]{1,9}[a-z]$/), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(titles, (list) => {
        const choices = list.map((title) => ({ title }));
        for (const [index, title] of list.entries()) expect(chosenTitle(`${index + 1}`, choices)).toBe(title);
      }),
    );
  });
});
