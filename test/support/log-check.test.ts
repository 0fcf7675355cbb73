import { describe, expect, it } from 'vitest';
import { makeWamid } from '../../src/sandbox/end-user-messaging.ts';
import { LogCheck } from './log-check.ts';

const WAMID = makeWamid('+14255550182');
const UUID = '5f1c2a60-7e0b-4f7e-9a51-0c8f1b7a2d11';

function problemsOf(line: string): number {
  const check = new LogCheck();
  check.addNumber('+14255550182');
  check.addExternalId(WAMID);
  check.addExternalId(UUID);
  check.addText('The door code is "4711"\nplease');
  check.addText('ok');
  return check.problemsIn('the log', [line]).length;
}

describe('finds', () => {
  it.each([
    { name: 'a number', line: '+14255550182' },
    { name: 'a number without country', line: '"4255550182"' },
    { name: 'all of a number but its last two digits', line: '+142555501**' },
    { name: 'a wamid', line: `{"id":"${WAMID}"}` },
    { name: 'a wamid without its prefix', line: WAMID.slice(6) },
    { name: 'a wamid cut short', line: WAMID.slice(0, 26) },
    { name: 'the end of an id', line: UUID.slice(-12) },
    { name: 'an inboundMessageId', line: UUID },
    { name: 'the words, in JSON', line: JSON.stringify({ text: 'The door code is "4711"\nplease' }) },
    { name: 'the words’ beginning', line: 'The door code is' },
    ...[0, 1, 2, 3].map((offset) => ({
      name: `a number in base64, ${offset} bytes in`,
      line: Buffer.from(`${'x'.repeat(offset)}14255550182 and more`).toString('base64'),
    })),
  ])('$name', ({ line }) => {
    expect(problemsOf(line)).toBeGreaterThan(0);
  });
});

it.each(['***82', 'ok', 'the door', '2026-11-22T10:05:30.000Z'])('lets %s pass', (line) => {
  expect(problemsOf(line)).toBe(0);
});
