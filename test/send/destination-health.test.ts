import { describe, expect, it } from 'vitest';
import { DestinationHealth } from '../../src/send/destination-health.ts';

const HERE = 'destination-1';

/** Whether the last of these failures, each of a lane, pauses the destination. */
function failAll(health: DestinationHealth, laneIds: readonly number[], destination = HERE): boolean {
  return laneIds.map((laneId) => health.failed(destination, laneId)).at(-1) ?? false;
}

/** `count` failures, of `lanes` lanes in turn. */
function failuresOf(count: number, lanes: number): number[] {
  return Array.from({ length: count }, (_, index) => index % lanes);
}

describe('DestinationHealth', () => {
  it.each([
    { name: 'nine failures of three lanes', failures: failuresOf(9, 3), expected: false },
    { name: 'ten failures of three lanes', failures: failuresOf(10, 3), expected: true },
    { name: 'ten failures of ten lanes', failures: failuresOf(10, 10), expected: true },
    { name: 'a hundred failures of two lanes', failures: failuresOf(100, 2), expected: false },
    { name: 'a third lane after many of two', failures: [...failuresOf(20, 2), 7], expected: true },
    { name: 'the eleventh', failures: failuresOf(11, 3), expected: true },
  ])('after $name: to be paused is $expected', ({ failures, expected }) => {
    expect(failAll(new DestinationHealth(), failures)).toBe(expected);
  });

  it('begins anew with a success', () => {
    const health = new DestinationHealth();
    failAll(health, failuresOf(9, 3));
    health.delivered(HERE, 1_000);
    expect(failAll(health, failuresOf(9, 3))).toBe(false);
    expect(failAll(health, [1])).toBe(true);
  });

  it('keeps destinations apart', () => {
    const health = new DestinationHealth();
    failAll(health, failuresOf(9, 3));
    health.delivered('destination-2', 1_000);
    expect(failAll(health, [1], 'destination-2')).toBe(false);
    expect(failAll(health, [1])).toBe(true);
  });
});

describe('what a destination takes', () => {
  const MINUTE_MS = 60_000;

  it('is nothing before the first delivery', () => {
    const health = new DestinationHealth();
    expect(health.delivering(HERE)).toBeUndefined();
    health.failed(HERE, 1);
    expect(health.delivering(HERE)).toBeUndefined();
  });

  it.each([
    { name: 'one delivery', at: [1_000], expected: { sinceAt: 1_000, lastAt: 1_000 } },
    { name: 'several', at: [1_000, 2_000, 3_000], expected: { sinceAt: 1_000, lastAt: 3_000 } },
    {
      name: 'ten minutes without one',
      at: [1_000, 1_000 + 10 * MINUTE_MS],
      expected: { sinceAt: 1_000, lastAt: 1_000 + 10 * MINUTE_MS },
    },
    {
      name: 'more than that: it may have been an outage',
      at: [1_000, 1_001 + 10 * MINUTE_MS],
      expected: { sinceAt: 1_001 + 10 * MINUTE_MS, lastAt: 1_001 + 10 * MINUTE_MS },
    },
  ])('goes by $name', ({ at, expected }) => {
    const health = new DestinationHealth();
    for (const now of at) health.delivered(HERE, now);
    expect(health.delivering(HERE)).toEqual(expected);
  });

  it('is remembered through failures, and forgotten with a pause', () => {
    const health = new DestinationHealth();
    health.delivered(HERE, 1_000);
    health.failed(HERE, 1);
    expect(health.delivering(HERE)).toEqual({ sinceAt: 1_000, lastAt: 1_000 });
    health.paused(HERE);
    expect(health.delivering(HERE)).toBeUndefined();
    health.delivered(HERE, 5_000);
    expect(health.delivering(HERE)).toEqual({ sinceAt: 5_000, lastAt: 5_000 });
  });
});
