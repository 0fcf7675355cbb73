import { describe, expect, it } from 'vitest';
import { readUnknown, describeErrors } from '../../../src/normalize/whatsapp/unknown.ts';

type Fields = Readonly<Record<string, unknown>>;

const COMMON = {
  from: '14255550182',
  from_user_id: 'US.13491208655302741918',
  id: 'wamid.X',
  timestamp: '1772600760',
  context: { id: 'wamid.Q' },
  referral: { headline: 'Boots' },
  group_id: 'G',
};

describe('readUnknown', () => {
  it.each<[name: string, message: Fields, expected: Fields]>([
    ['no body', { type: 'gift' }, { type: 'gift', fields: [] }],
    [
      'a text as body',
      { type: 'gift', gift: 'a book' },
      { type: 'gift', fields: [{ name: 'gift', text: 'a book' }] },
    ],
    ['a text for the text', { type: 'text', text: 'hello' }, { type: 'text', text: 'hello', fields: [] }],
    [
      'a number for the text’s body',
      { type: 'text', text: { body: 5 } },
      { type: 'text', text: '5', fields: [] },
    ],
    [
      'a caption',
      { type: 'gif', gif: { caption: 'Ha', width: 3 } },
      { type: 'gif', text: 'Ha', fields: [{ name: 'width', text: '3' }] },
    ],
    [
      'its own body and another’s',
      { type: 'gift', gift: { title: 'Book' }, wrapping: { colour: 'red' } },
      {
        type: 'gift',
        fields: [
          { name: 'title', text: 'Book' },
          { name: 'wrapping.colour', text: 'red' },
        ],
      },
    ],
    [
      'lists of objects',
      { type: 'poll', poll: { options: [{ name: 'A' }, null, { name: 'B' }] } },
      {
        type: 'poll',
        fields: [
          { name: 'options.1.name', text: 'A' },
          { name: 'options.3.name', text: 'B' },
        ],
      },
    ],
    [
      'machine data',
      { type: 'gift', gift: { sha256: 'abc', nested: { hash: 'd', media_key: 'e' }, empty: '', none: null } },
      { type: 'gift', fields: [] },
    ],
    ['a body that has a common field’s name', { type: 'from' }, { type: 'from', fields: [] }],
    [
      'no type',
      { location: { name: 'Home' } },
      { type: 'none', fields: [{ name: 'location.name', text: 'Home' }] },
    ],
    ['a type that is a number', { type: 7 }, { type: '7', fields: [] }],
    ['a type that is an object', { type: { a: 1 } }, { type: 'none', fields: [] }],
    ['an endless type', { type: 'a'.repeat(1_000) }, { type: 'a'.repeat(64), fields: [] }],
    [
      'an interactive body that is none',
      { type: 'interactive', interactive: [1] },
      { type: 'interactive', fields: [{ name: 'interactive', text: '1' }] },
    ],
    [
      'an inner type that is none',
      { type: 'interactive', interactive: { title: 'x' }, text: { body: 'y' } },
      { type: 'interactive/none', text: 'y', fields: [{ name: 'title', text: 'x' }] },
    ],
    [
      'errors',
      { type: 'gift', errors: [{ title: 'No' }], gift: { title: 'Book' } },
      {
        type: 'gift',
        fields: [
          { name: 'error', text: 'No' },
          { name: 'title', text: 'Book' },
        ],
      },
    ],
  ])('shows of a message with %s', (_name, message, expected) => {
    expect(readUnknown({ ...COMMON, ...message })).toEqual({ kind: 'unknown', ...expected });
  });

  it('shows no more than a person would read', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, index]));
    const { fields } = readUnknown({ type: 'gift', gift: many });
    expect(fields).toHaveLength(50 + 1);
    expect(fields.at(-1)).toEqual({ name: '', text: '…' });
    const deep = JSON.parse(`${'{"a":'.repeat(10_000)}"here"${'}'.repeat(10_000)}`) as unknown;
    expect(readUnknown({ type: 'gift', gift: deep }).fields).toEqual([{ name: 'a.a.a.a.a.a', text: '…' }]);
    const hollow = { a: { b: { c: { d: { e: { f: {}, g: [] } } } } } };
    expect(readUnknown({ type: 'gift', gift: hollow }).fields).toEqual([]);
  });
});

describe('describeErrors', () => {
  it.each<[name: string, errors: unknown, texts: readonly string[]]>([
    ['none', undefined, []],
    ['no list', { title: 'x' }, []],
    ['title, message and details', [{ title: 'A', message: 'B', error_data: { details: 'C' } }], ['A: B: C']],
    ['each word once', [{ title: 'A', message: 'A', details: 'C', error_data: { details: 'C' } }], ['A: C']],
    ['each error once', [{ title: 'A' }, { title: 'A' }, { title: 'B' }], ['A', 'B']],
    ['texts and what says nothing', ['A', null, { code: 1 }, []], ['A']],
  ])('of %s', (_name, errors, texts) => {
    expect(describeErrors(errors)).toEqual(texts);
  });

  it('gives ten at most', () => {
    expect(describeErrors(Array.from({ length: 99 }, (_, index) => `error ${index}`))).toHaveLength(10);
  });
});
