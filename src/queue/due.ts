import { MINUTE_MS } from '../clock.ts';

/** Longer than any hold, lease, retry or throttling asks for: only a clock that has been set back is further ahead. */
export const MAX_WAIT_MS = 2 * MINUTE_MS;
/** The same, of probes, which are 5 minutes apart at most. */
export const MAX_PROBE_WAIT_MS = 10 * MINUTE_MS;

export function isDue(dueAt: number, now: number): boolean {
  return dueAt <= now || dueAt > now + MAX_WAIT_MS;
}
