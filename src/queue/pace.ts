/**
 * A token bucket for one quota: a request takes a token, so that the bridge stays within the quota instead of running
 * into it. The quota is the account's and Region's, shared with every other caller there, so throttling is still
 * possible: then the rate halves, and rises again step by step.
 *
 * It is a value, and stores keep it as a row: several replicas on one database keep to it together, and a restart
 * brings no second burst. All instants are epoch milliseconds of the store's clock.
 */
import { SECOND_MS } from '../clock.ts';

/** Throttling never slows the pace below this part of the configured rate, … */
const SLOWEST_PART = 1 / 10;
/** … and each second without throttling gives this part of it back. */
const RISE_PART = 1 / 20;
const HALVING_EVERY_MS = SECOND_MS;
const RISE_EVERY_MS = SECOND_MS;
/** Sums of fractions fall short of a whole token by rounding alone. */
const ROUNDING = 1e-9;

export interface PaceLimits {
  /** Tokens per second. */
  readonly rate: number;
  /** Tokens at most, after a quiet time; 1 or more. */
  readonly burst: number;
}

/** Limits of each kind of pace, by the first word of its key; `default` for every other key. */
export interface PaceTable {
  readonly default: PaceLimits;
  readonly byName: Readonly<Record<string, PaceLimits>>;
}

export function limitsOf({ byName, default: other }: PaceTable, key: string): PaceLimits {
  const name = key.split(' ', 1)[0] ?? '';
  return Object.hasOwn(byName, name) ? (byName[name] ?? other) : other;
}

export interface Pace {
  /** Tokens per second at present. */
  readonly rate: number;
  /** May be less than nothing: what had been claimed when a throttling answer emptied the bucket goes out all the same. */
  readonly tokens: number;
  readonly filledAt: number;
  /** When the rate last rose, or was last kept from rising. */
  readonly steppedAt: number;
  readonly halvedAt: number;
}

export function newPace({ rate, burst }: PaceLimits, now: number): Pace {
  return { rate, tokens: burst, filledAt: now, steppedAt: now, halvedAt: 0 };
}

/** The bucket as it is now. Up to 18 steps lead from the slowest rate to the configured one; then it is one sum. */
export function fillPace(pace: Pace, limits: PaceLimits, now: number): Pace {
  // A clock that was set back gives nothing, and nothing has to be waited out.
  if (now < pace.filledAt) return { ...pace, filledAt: now, steppedAt: now };
  // The configuration may have been lowered since.
  let { rate, steppedAt } = { ...pace, rate: Math.min(pace.rate, limits.rate) };
  let { tokens, filledAt } = pace;
  const fillUntil = (instant: number): void => {
    tokens = Math.min(limits.burst, tokens + ((instant - filledAt) / SECOND_MS) * rate);
    filledAt = instant;
  };
  while (rate < limits.rate && now - steppedAt >= RISE_EVERY_MS) {
    steppedAt += RISE_EVERY_MS;
    fillUntil(Math.max(filledAt, steppedAt));
    rate = Math.min(limits.rate, rate + limits.rate * RISE_PART);
  }
  fillUntil(now);
  return { ...pace, rate, tokens, filledAt, steppedAt };
}

/** Whole tokens in hand. */
export function wholeTokens(pace: Pace): number {
  return Math.max(0, Math.floor(pace.tokens + ROUNDING));
}

export function takeTokens(pace: Pace, count: number): Pace {
  return { ...pace, tokens: pace.tokens - count };
}

/** Puts back what no request used. */
export function returnToken(pace: Pace, { burst }: PaceLimits): Pace {
  return { ...pace, tokens: Math.min(burst, pace.tokens + 1) };
}

/**
 * Connect throttled: its own bucket is empty, so ours is emptied too, or the rest of a burst would only be throttled as
 * well. Requests of one burst are all throttled at once, hence one halving a second.
 */
export function slowPace(pace: Pace, limits: PaceLimits, now: number): Pace {
  const emptied = { ...pace, tokens: Math.min(0, pace.tokens), steppedAt: now };
  if (now - pace.halvedAt < HALVING_EVERY_MS) return emptied;
  return { ...emptied, halvedAt: now, rate: Math.max(limits.rate * SLOWEST_PART, pace.rate / 2) };
}

/** When there is a whole token, at the present rate. */
export function tokenDueAt(pace: Pace): number {
  const missing = 1 - pace.tokens - ROUNDING;
  return missing <= 0 ? pace.filledAt : pace.filledAt + Math.ceil((missing / pace.rate) * SECOND_MS);
}
