import { describe, expect, it } from 'vitest';
import { describeRows, FIGURES, judge } from './figures.ts';
import type { FigureName, Sample, Verdict } from './figures.ts';

function verdictOf(name: FigureName, samples: readonly Sample[]): Verdict | undefined {
  return judge({ [name]: samples }).find(({ figure }) => figure === FIGURES[name])?.judgement?.verdict;
}

describe('judge', () => {
  it.each<[name: FigureName, measured: number, compared: number, verdict: Verdict]>([
    ['acceptedFloor', 80, 100, 'aim'],
    ['acceptedFloor', 79, 100, 'at least'],
    ['acceptedFloor', 39, 100, 'missed'],
    ['backlogClaim', 11, 10, 'aim'],
    ['backlogClaim', 15, 10, 'at least'],
    ['backlogClaim', 16, 10, 'missed'],
    ['latencyHalf', 2.5, 1, 'aim'],
    ['latencyHalf', 4, 1, 'at least'],
    ['latencyHalf', 4.1, 1, 'missed'],
  ])('of %s, %s beside %s: %s', (name, measured, compared, verdict) => {
    expect(verdictOf(name, [{ measured, compared }])).toBe(verdict);
  });

  it('takes the median of the pairs, not the pair of the medians', () => {
    const samples = [
      { measured: 50, compared: 100 },
      { measured: 5, compared: 50 },
      { measured: 90, compared: 300 },
    ];
    const row = judge({ acceptedFloor: samples }).find(({ figure }) => figure === FIGURES.acceptedFloor);
    expect(row?.judgement).toEqual({ measured: 50, compared: 100, result: 0.3, verdict: 'missed' });
  });
});

describe('describeRows', () => {
  it('has a row for every figure, measured or not', () => {
    const lines = describeRows(judge({ start: [{ measured: 1, compared: 0.5 }] }))
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(2 + Object.keys(FIGURES).length);
    expect(lines.filter((line) => !line.includes('not measured')).slice(2)).toEqual([
      expect.stringContaining('+0.50 s'),
    ]);
    expect(lines.find((line) => line.startsWith('| soak: growth of memory'))).toContain('takes --soak');
  });
});
