import { describe, expect, it } from 'vitest';
import { formatInstant, parseSince } from '../../src/admin/instants.ts';

const NOW = Date.UTC(2026, 10, 22, 12);

describe('parseSince', () => {
  it.each([
    ['90s', NOW - 90_000],
    ['30m', NOW - 1_800_000],
    ['30min', NOW - 1_800_000],
    ['2h', NOW - 7_200_000],
    ['3d', NOW - 3 * 86_400_000],
    ['2026-11-22', Date.UTC(2026, 10, 22)],
    ['2026-11-22T09:10', Date.UTC(2026, 10, 22, 9, 10)],
    ['2026-11-22T09:10:11Z', Date.UTC(2026, 10, 22, 9, 10, 11)],
    ['2026-11-22T09:10:11.5Z', Date.UTC(2026, 10, 22, 9, 10, 11, 500)],
    ['2026-11-22T09:10+02:00', Date.UTC(2026, 10, 22, 7, 10)],
  ])('%s', (text, expected) => {
    expect(parseSince(text, NOW)).toBe(expected);
  });

  it.each([
    '',
    'yesterday',
    '2',
    '2 h',
    '-2h',
    '2w',
    '2026',
    '2026-13-01',
    '2026-02-31',
    '22.11.2026',
    '2026-11-22 09:10',
  ])('refuses "%s"', (text) => {
    expect(() => parseSince(text, NOW)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

it('formatInstant is UTC, to the second', () => {
  expect(formatInstant(Date.UTC(2026, 10, 22, 9, 10, 11, 999))).toBe('2026-11-22T09:10:11Z');
});
