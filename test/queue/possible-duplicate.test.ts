import { expect, it } from 'vitest';
import type { Outcome } from '../../src/queue/message-store.ts';
import { isPossibleDuplicate } from '../../src/queue/possible-duplicate.ts';

const RETRY = { verdict: 'retry', retryAt: 0, error: 'e' } as const;
const DEAD = { verdict: 'dead', reason: 'too_old', error: 'e' } as const;
const RETURNED = { verdict: 'returned', dueAt: 0 } as const;

it.each<{ name: string; outcome: Outcome; expected: readonly [plain: boolean, idempotent: boolean] }>([
  { name: 'an ambiguous retry', outcome: { ...RETRY, isAmbiguous: true }, expected: [true, false] },
  {
    name: 'a retry of what was not sent',
    outcome: { ...RETRY, isAmbiguous: false },
    expected: [false, false],
  },
  { name: 'an ambiguous death', outcome: { ...DEAD, isAmbiguous: true }, expected: [true, false] },
  { name: 'a death', outcome: DEAD, expected: [false, false] },
  // Into another chat: its token is another.
  { name: 'an ambiguous return', outcome: { ...RETURNED, isAmbiguous: true }, expected: [true, true] },
  { name: 'a return', outcome: RETURNED, expected: [false, false] },
  { name: 'a delivery', outcome: { verdict: 'delivered' }, expected: [false, false] },
  {
    name: 'what is discarded',
    outcome: { verdict: 'discarded', reason: 'chat_ended' },
    expected: [false, false],
  },
])('$name is a possible duplicate: $expected (without and with a token)', ({ outcome, expected }) => {
  expect([isPossibleDuplicate(outcome, false), isPossibleDuplicate(outcome, true)]).toEqual(expected);
});
