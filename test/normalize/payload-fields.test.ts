import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asList,
  isJsonObject,
  parseJson,
  readIdentifier,
  readText,
} from '../../src/normalize/payload-fields.ts';

// One seed, so that a run that passed passes again.
fc.configureGlobal({ seed: 20_260_304 });

describe('numbers', () => {
  const spellings = [
    '0',
    '-0',
    '-0.0',
    '12.50',
    '12.5',
    '100',
    '1.0',
    '47.620506300000000001',
    '-122.34927740',
    '0.0000001',
    '0.000001',
    '1e5',
    '1E+05',
    '1e400',
    '123456789012345',
    '9007199254740993',
    '12345678901234567890',
    '-12345678901234567890.10',
  ];

  it.each(spellings)('%s keeps its digits', (spelling) => {
    for (const text of [
      `{"n":${spelling}}`,
      `{"n": ${spelling} }`,
      `{"l":[1,\n${spelling}],"n":${spelling}}`,
    ]) {
      const value = parseJson(text);
      const { n } = value as { n: unknown };
      expect(readText(n)).toBe(spelling);
      expect(isJsonObject(n)).toBe(false);
      expect(parseJson(JSON.stringify(value))).toEqual(value);
      expect(JSON.stringify(value)).toContain(`"n":${spelling}`);
    }
  });

  it('keep their digits, whatever they are', () => {
    const number = fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,24})?([eE][+-]?\d{1,3})?$/);
    fc.assert(
      fc.property(number, (spelling) => {
        const { n } = parseJson(`{"n":${spelling}}`) as { n: unknown };
        expect(readText(n)).toBe(spelling);
      }),
      { numRuns: 2_000 },
    );
  });

  it('in texts are texts', () => {
    const text = '{"a":"x, 12.50","b":{"rawJSON":"12.50"},"c":[1.50]}';
    const value = parseJson(text) as Record<string, unknown>;
    expect(value['a']).toBe('x, 12.50');
    expect(isJsonObject(value['b'])).toBe(true);
    expect(readText(value['b'])).toBeUndefined();
    expect(JSON.stringify(value)).toBe(text);
  });

  it('that nest too deeply are rounded rather than not understood', () => {
    const text = `{"n":12.50,"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(readText((parseJson(text) as { n: unknown }).n)).toBe('12.5');
  });
});

describe('parseJson', () => {
  it('gives what JSON.parse gives, apart from the spelling of numbers', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
        expect(JSON.parse(JSON.stringify(parseJson(text)))).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each(['', '{', '{"a":12.50', 'undefined', '[1.50,]'])('gives undefined for %j', (text) => {
    expect(parseJson(text)).toBeUndefined();
  });
});

describe('readText', () => {
  it.each<[value: unknown, text: string | undefined]>([
    ['a', 'a'],
    [' a ', ' a '],
    ['a\ud800', 'a\ufffd'],
    ['', undefined],
    [' \n\u00a0', undefined],
    [5, '5'],
    [true, undefined],
    [null, undefined],
    [undefined, undefined],
    [[], undefined],
    [{}, undefined],
    [['a'], undefined],
  ])('of %j is %j', (value, text) => {
    expect(readText(value)).toBe(text);
  });
});

describe('readIdentifier', () => {
  it.each<[value: unknown, text: string | undefined]>([
    [' wamid.1 ', 'wamid.1'],
    [14_255_550_182, '14255550182'],
    ['12345678901', '12345678901'],
    ['123456789012345678901', undefined],
    ['', undefined],
    [' ', undefined],
    ['a\nb', undefined],
    ['a\ud800', undefined],
    [null, undefined],
    [{}, undefined],
  ])('of %j is %j', (value, text) => {
    expect(readIdentifier(value, 20)).toBe(text);
  });
});

describe('asList', () => {
  it('is empty for what is no list', () => {
    expect([[1], {}, null, 'ab'].map(asList)).toEqual([[1], [], [], []]);
  });
});
