import { describe, expect, it } from 'vitest';
import { median, percentile, slope } from './statistics.ts';

describe('percentile', () => {
  it.each([
    { values: [7], part: 0.99, is: 7 },
    { values: [3, 1, 2], part: 0.5, is: 2 },
    { values: [1, 10], part: 0.5, is: 5.5 },
    { values: [10, 9, 100], part: 0, is: 9 },
    { values: [10, 9, 100], part: 1, is: 100 },
    { values: Array.from({ length: 101 }, (_, index) => index), part: 0.99, is: 99 },
  ])('of $part of $values.length values is $is', ({ values, part, is }) => {
    expect(percentile(values, part)).toBeCloseTo(is);
  });

  it('leaves its values in their order', () => {
    const values = [3, 1, 2];
    expect(median(values)).toBe(2);
    expect(values).toEqual([3, 1, 2]);
  });

  it('says nothing about nothing', () => {
    expect(() => median([])).toThrow('no values');
  });
});

describe('slope', () => {
  it.each([
    { what: 'a line', points: [[0, 1], [1, 3], [2, 5]] as const, is: 2 }, // prettier-ignore
    { what: 'noise around a level', points: [[0, 4], [1, 6], [2, 6], [3, 4]] as const, is: 0 }, // prettier-ignore
    { what: 'a line that falls', points: [[10, 5], [20, 0]] as const, is: -0.5 }, // prettier-ignore
  ])('of $what is $is', ({ points, is }) => {
    expect(slope(points)).toBeCloseTo(is);
  });

  it('needs two places', () => {
    expect(() => slope([[1, 1], [1, 2]])).toThrow('two places'); // prettier-ignore
  });
});
