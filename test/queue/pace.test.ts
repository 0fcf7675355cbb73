import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fillPace,
  limitsOf,
  newPace,
  returnToken,
  slowPace,
  takeTokens,
  tokenDueAt,
  wholeTokens,
} from '../../src/queue/pace.ts';

/** A bucket with a clock: every step fills it first, as the stores do. */
function startPace(rate: number, burst: number) {
  const limits = { rate, burst };
  let now = 1_000_000;
  let kept = newPace(limits, now);
  const filled = () => (kept = fillPace(kept, limits, now));
  const pace = {
    tokens: () => wholeTokens(filled()),
    rate: () => filled().rate,
    take: (count: number) => void (kept = takeTokens(filled(), count)),
    giveBack: () => void (kept = returnToken(filled(), limits)),
    slowDown: () => void (kept = slowPace(filled(), limits, now)),
    msUntilToken: () => tokenDueAt(filled()) - now,
  };
  return { pace, pass: (ms: number) => void (now += ms) };
}

describe('Pace', () => {
  it('starts with the burst, and never holds more', () => {
    const { pace, pass } = startPace(17, 26);
    expect(pace.tokens()).toBe(26);
    pass(60_000);
    expect(pace.tokens()).toBe(26);
  });

  it('fills by the rate', () => {
    const { pace, pass } = startPace(10, 5);
    pace.take(5);
    expect(pace.tokens()).toBe(0);
    pass(99);
    expect(pace.tokens()).toBe(0);
    pass(1);
    expect(pace.tokens()).toBe(1);
    pass(150);
    expect(pace.tokens()).toBe(2);
  });

  it('says when the next token is there', () => {
    const { pace, pass } = startPace(17, 1);
    expect(pace.msUntilToken()).toBe(0);
    pace.take(1);
    const wait = pace.msUntilToken();
    expect(wait).toBe(59);
    pass(wait - 1);
    expect(pace.tokens()).toBe(0);
    pass(1);
    expect(pace.tokens()).toBe(1);
    expect(pace.msUntilToken()).toBe(0);
  });

  it('takes back unused tokens, up to the burst', () => {
    const { pace } = startPace(1, 3);
    pace.take(3);
    pace.giveBack();
    pace.giveBack();
    expect(pace.tokens()).toBe(2);
    pace.giveBack();
    pace.giveBack();
    expect(pace.tokens()).toBe(3);
  });

  it('lets a claim go into debt, and works it off', () => {
    const { pace, pass } = startPace(1, 3);
    pace.slowDown();
    pace.take(2);
    expect(pace.tokens()).toBe(0);
    expect(pace.msUntilToken()).toBe(6_000); // three tokens at 0.5 a second
    pass(6_000);
    expect(pace.tokens()).toBeGreaterThanOrEqual(1);
  });
});

describe('a clock that was set back', () => {
  it('gives nothing, and keeps nobody waiting', () => {
    const { pace, pass } = startPace(10, 5);
    pace.take(5);
    pass(-3_600_000);
    expect(pace.tokens()).toBe(0);
    pass(100);
    expect(pace.tokens()).toBe(1);
  });
});

describe('limits that were lowered since', () => {
  it('hold at once', () => {
    const pace = fillPace(newPace({ rate: 100, burst: 50 }, 0), { rate: 2, burst: 3 }, 10);
    expect(pace.rate).toBe(2);
    expect(wholeTokens(pace)).toBe(3);
  });
});

describe('throttling', () => {
  it('empties the bucket and halves the rate', () => {
    const { pace } = startPace(20, 20);
    pace.slowDown();
    expect(pace.tokens()).toBe(0);
    expect(pace.rate()).toBe(10);
    expect(pace.msUntilToken()).toBe(100);
  });

  it('halves once a second, however many answers come', () => {
    const { pace, pass } = startPace(20, 20);
    for (let answer = 0; answer < 10; answer += 1) {
      pace.slowDown();
      pass(99);
    }
    expect(pace.rate()).toBe(10);
    pass(10);
    pace.slowDown();
    expect(pace.rate()).toBe(5);
  });

  it('never goes under a tenth', () => {
    const { pace, pass } = startPace(20, 20);
    for (let answer = 0; answer < 50; answer += 1) {
      pace.slowDown();
      pass(1_000 - 1);
      pace.slowDown(); // keeps the rate from rising in between
      pass(1);
    }
    expect(pace.rate()).toBe(2);
  });

  it('rises by a twentieth of the configured rate each second without throttling', () => {
    const { pace, pass } = startPace(20, 20);
    pace.slowDown();
    pass(999);
    expect(pace.rate()).toBe(10);
    pass(1);
    expect(pace.rate()).toBe(11);
    pass(3_000);
    expect(pace.rate()).toBe(14);
    pass(3_600_000);
    expect(pace.rate()).toBe(20);
  });

  it('fills by each rate for as long as it held', () => {
    const { pace, pass } = startPace(20, 100);
    pace.slowDown();
    pass(3_500);
    expect(pace.tokens()).toBe(39); // 10 + 11 + 12 + 13/2
  });
});

describe('the limits of a pace', () => {
  const other = { rate: 17, burst: 26 };
  const named = { rate: 5, burst: 8 };
  const paces = { default: other, byName: { StartChatContact: named } };

  it.each([
    { key: 'StartChatContact 111122223333/us-east-1', expected: named },
    { key: 'StartChatContact', expected: named },
    { key: 'StartChatContacts 111122223333/us-east-1', expected: other },
    { key: '111122223333/us-east-1', expected: other },
    { key: 'a StartChatContact', expected: other },
    { key: 'constructor a', expected: other },
    { key: '', expected: other },
  ])('are those of the first word of its key: $key', ({ key, expected }) => {
    expect(limitsOf(paces, key)).toBe(expected);
  });
});

it('whatever happens, no more goes out than burst and configured rate allow', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 5_000 }) }),
    fc.record({ kind: fc.constant('take' as const), most: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant('throttled' as const) }),
  );
  const property = fc.property(
    fc.integer({ min: 1, max: 50 }),
    fc.integer({ min: 1, max: 50 }),
    fc.array(step),
    (rate, burst, steps) => {
      const { pace, pass } = startPace(rate, burst);
      let taken = 0;
      let elapsedMs = 0;
      for (const step of steps) {
        if (step.kind === 'throttled') pace.slowDown();
        if (step.kind === 'pass') {
          pass(step.ms);
          elapsedMs += step.ms;
        }
        if (step.kind === 'take') {
          const count = Math.min(step.most, pace.tokens());
          pace.take(count);
          taken += count;
        }
        expect(taken).toBeLessThanOrEqual(burst + (rate * elapsedMs) / 1_000 + 1e-6);
      }
    },
  );
  fc.assert(property);
});
