/**
 * Time, as the rest of the code asks for it, so that a test can stand in for it.
 * `now` is the wall clock, epoch milliseconds; `monotonicMs` only ever grows and has no meaning but in differences.
 */
export interface Clock {
  now(): number;
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
