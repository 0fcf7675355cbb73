import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/clock.ts';
import {
  hasGivenUp,
  isTooOld,
  probeDelayMs,
  retryDelayMs,
  throttledDelayMs,
} from '../../src/send/retry-policy.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

describe('retryDelayMs', () => {
  it.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [6, 32_000],
    [7, 60_000],
    [8, 60_000],
    [5_000, 60_000],
  ])('after attempt %i: anything up to %i ms', (attempts, mostMs) => {
    expect(retryDelayMs(attempts, () => 0)).toBe(0);
    expect(retryDelayMs(attempts, () => 0.5)).toBe(mostMs / 2);
    expect(retryDelayMs(attempts, () => ALMOST_ONE)).toBe(mostMs);
  });
});

it('throttledDelayMs is 0.5 to 2 s', () => {
  expect(throttledDelayMs(() => 0)).toBe(500);
  expect(throttledDelayMs(() => ALMOST_ONE)).toBe(2_000);
});

it('probeDelayMs doubles from 1 s to 5 min', () => {
  const delays = Array.from({ length: 11 }, (_, probes) => probeDelayMs(probes) / 1_000);
  expect(delays).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
});

describe('isTooOld', () => {
  const old = {
    acceptedAt: 1_000,
    now: 1_000 + 24 * HOUR_MS,
    pausedMs: 0,
    attempts: 5,
    retryMaxAgeMs: 24 * HOUR_MS,
  };
  it.each([
    ['of the age, with five attempts', {}, true],
    ['a millisecond younger', { now: old.now - 1 }, false],
    ['with four attempts', { attempts: 4 }, false],
    ['paused for a while', { pausedMs: 1 }, false],
    ['paused for a while, and older by it', { pausedMs: HOUR_MS, now: old.now + HOUR_MS }, true],
  ])('%s', (_name, change, expected) => {
    expect(isTooOld({ ...old, ...change })).toBe(expected);
  });
});

describe('hasGivenUp', () => {
  const now = 100 * MINUTE_MS;
  const failing = {
    firstFailedAt: now - 10 * MINUTE_MS,
    now,
    attempts: 5,
    delivering: { sinceAt: 0, lastAt: now - MINUTE_MS },
  };
  it.each([
    ['fails for ten minutes while others are delivered', {}, true],
    ['fails for less', { firstFailedAt: failing.firstFailedAt + 1 }, false],
    ['has had four attempts', { attempts: 4 }, false],
    ['nothing was delivered', { delivering: undefined }, false],
    [
      'the last delivery is ten minutes ago',
      { delivering: { sinceAt: 0, lastAt: now - 10 * MINUTE_MS } },
      false,
    ],
    [
      'fails for hours, through an outage that has just ended',
      {
        firstFailedAt: 0,
        delivering: { sinceAt: now - 10 * MINUTE_MS + 1, lastAt: now },
      },
      false,
    ],
    [
      'fails for hours, the last ten minutes after the outage',
      {
        firstFailedAt: 0,
        delivering: { sinceAt: now - 10 * MINUTE_MS, lastAt: now },
      },
      true,
    ],
  ])('%s', (_name, change, expected) => {
    expect(hasGivenUp({ ...failing, ...change })).toBe(expected);
  });
});
