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

describe('operations of one destination', () => {
  it('fail each by itself, whatever the others take', () => {
    const health = new DestinationHealth();
    const fail = (laneIds: readonly number[]): boolean => {
      health.delivered(HERE, 1_000, 'SendMessage a');
      return laneIds.map((laneId) => health.failed(HERE, laneId, 'StartChatContact a')).at(-1) ?? false;
    };
    expect(fail(failuresOf(9, 3))).toBe(false);
    expect(health.delivering(HERE, 'StartChatContact a')).toBeUndefined();
    expect(fail([1])).toBe(true);
  });

  it('succeed without a delivery, which alone says that the destination takes messages', () => {
    const health = new DestinationHealth();
    for (let failures = 0; failures < 9; failures += 1) health.failed(HERE, failures, 'StartChatContact a');
    health.succeeded(HERE, 1_000, 'StartChatContact a');
    expect(health.failed(HERE, 10, 'StartChatContact a')).toBe(false);
    expect(health.isDelivering(HERE, 1_000)).toBe(false);
    health.delivered(HERE, 1_000, 'SendMessage a');
    expect([1_000, 601_000, 601_001].map((now) => health.isDelivering(HERE, now))).toEqual([
      true,
      true,
      false,
    ]);
    health.paused(HERE, 2_000);
    expect(health.isDelivering(HERE, 2_000)).toBe(false);
  });

  it('are forgotten together with a pause', () => {
    const health = new DestinationHealth();
    for (const operation of ['SendMessage a', 'StartChatContact a']) health.delivered(HERE, 1_000, operation);
    health.paused(HERE, 2_000);
    expect(health.delivering(HERE, 'SendMessage a')).toBeUndefined();
    expect(health.delivering(HERE, 'StartChatContact a')).toBeUndefined();
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
    health.paused(HERE, 2_000);
    expect(health.delivering(HERE)).toBeUndefined();
    health.delivered(HERE, 5_000);
    expect(health.delivering(HERE)).toEqual({ sinceAt: 5_000, lastAt: 5_000 });
  });
});

describe('a pause', () => {
  it('is the fault of what was under way when it began, and of nothing later or elsewhere', () => {
    const health = new DestinationHealth();
    health.paused(HERE, 2_000);
    expect([1_999, 2_000, 2_001].map((startedAt) => health.wasPausedSince(HERE, startedAt))).toEqual([
      true,
      true,
      false,
    ]);
    expect(health.wasPausedSince('destination-2', 1_000)).toBe(false);
    health.delivered(HERE, 3_000);
    expect(health.wasPausedSince(HERE, 1_000)).toBe(false);
  });
});
