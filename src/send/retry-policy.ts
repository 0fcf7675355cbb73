/**
 * When a message is tried again, and when no more.
 *
 *     after failed attempt      1    2    3    4     5     6     7 and later
 *     waits at most             1 s  2 s  4 s  8 s   16 s  32 s  60 s
 *     so at most since the 1st  1 s  3 s  7 s  15 s  31 s  63 s  2 min, 3 min, …
 *
 * The wait is drawn between nothing and that ("full jitter"): lanes that failed together in an outage don't all come
 * back in one instant. The schedule has to outlive a failing connection (seconds), a deployment or fail-over on
 * Connect's side (minutes) and an outage of a Region (hours): a message is tried for RETRY_MAX_AGE_HOURS.
 *
 *     throttled                 0.5 to 2 s, as often as it takes; no attempt counts
 *     probe of a pause          1 s, 2 s, 4 s, … 256 s, 300 s, 300 s, …: exact, since one probe is no crowd
 *
 * Two ends:
 *     too_old   tried for RETRY_MAX_AGE_HOURS since acceptance, time paused not counted, and at least five times: a
 *               service that was down itself for a day gives each message its chances first
 *     gave_up   this message failed for ten minutes while its destination delivered others: the fault is the
 *               message's, and its lane has waited long enough
 *
 * All times are milliseconds; `random` is Math.random or a test's stand-in, from 0 to below 1.
 */
import { MINUTE_MS, SECOND_MS } from '../clock.ts';

const RETRY_FIRST_MS = SECOND_MS;
const RETRY_MOST_MS = 60 * SECOND_MS;
const THROTTLED_LEAST_MS = 500;
const THROTTLED_MOST_MS = 2 * SECOND_MS;
const PROBE_FIRST_MS = SECOND_MS;
const PROBE_MOST_MS = 5 * MINUTE_MS;
const ATTEMPTS_LEAST = 5;
const GIVE_UP_AFTER_MS = 10 * MINUTE_MS;

/** `attempts`: those that have failed, the last one counted; 1 or more. */
export function retryDelayMs(attempts: number, random: () => number): number {
  return Math.round(random() * doubled(RETRY_FIRST_MS, attempts - 1, RETRY_MOST_MS));
}

export function throttledDelayMs(random: () => number): number {
  return Math.round(THROTTLED_LEAST_MS + random() * (THROTTLED_MOST_MS - THROTTLED_LEAST_MS));
}

/** `probesSoFar`: probes of this pause that have failed; 0 when it begins. */
export function probeDelayMs(probesSoFar: number): number {
  return doubled(PROBE_FIRST_MS, probesSoFar, PROBE_MOST_MS);
}

/** `attempts`: those that have failed, the last one counted. `pausedMs`: how long its destination was paused since `acceptedAt`. */
export function isTooOld(age: {
  readonly acceptedAt: number;
  readonly now: number;
  readonly pausedMs: number;
  readonly attempts: number;
  readonly retryMaxAgeMs: number;
}): boolean {
  return age.attempts >= ATTEMPTS_LEAST && age.now - age.acceptedAt - age.pausedMs >= age.retryMaxAgeMs;
}

/**
 * `attempts`: those that have failed, the last one counted. What counts is the time for which the message failed while its
 * destination took others: an outage that both went through says nothing about the message.
 */
export function hasGivenUp(failing: {
  readonly firstFailedAt: number;
  readonly now: number;
  readonly attempts: number;
  readonly delivering: { readonly sinceAt: number; readonly lastAt: number } | undefined;
}): boolean {
  const { firstFailedAt, now, attempts, delivering } = failing;
  if (!delivering || attempts < ATTEMPTS_LEAST || now - delivering.lastAt >= GIVE_UP_AFTER_MS) return false;
  return now - Math.max(firstFailedAt, delivering.sinceAt) >= GIVE_UP_AFTER_MS;
}

function doubled(firstMs: number, times: number, mostMs: number): number {
  return Math.min(mostMs, firstMs * 2 ** Math.max(0, times));
}
