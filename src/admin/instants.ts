import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../clock.ts';
import { BridgeError } from '../errors.ts';

/** An instant as people read it: UTC, to the second. */
export function formatInstant(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

const UNITS_MS = { s: SECOND_MS, m: MINUTE_MS, min: MINUTE_MS, h: HOUR_MS, d: DAY_MS } as const;
const SPAN = /^(\d{1,6})(s|m|min|h|d)$/;
const ISO = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * `--since`: a span before `now` (`90s`, `30min`, `2h`, `3d`) or an ISO instant, UTC where it names no zone. Epoch
 * milliseconds. Throws USAGE.
 */
export function parseSince(text: string, now: number): number {
  const [, count, unit] = SPAN.exec(text) ?? [];
  if (count !== undefined) return now - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
  const [, date, time = '00:00', zone = 'Z'] = ISO.exec(text) ?? [];
  const at = date === undefined ? NaN : Date.parse(`${date}T${time}${zone}`);
  // JavaScript takes the 31st of February for the 3rd of March.
  const isDate = date !== undefined && new Date(`${date}T00:00Z`).toJSON()?.startsWith(date);
  if (Number.isNaN(at) || !isDate) {
    throw new BridgeError('USAGE', {
      detail: `--since is neither a span such as 2h or 3d nor an instant such as 2026-11-22T09:00Z: ${text}`,
    });
  }
  return at;
}
