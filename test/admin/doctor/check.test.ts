import { describe, expect, it } from 'vitest';
import { AskError, NothingToCheck } from '../../../src/admin/doctor/ask.ts';
import { ok, runChecks, wrong } from '../../../src/admin/doctor/check.ts';
import type { Check, CheckResult } from '../../../src/admin/doctor/check.ts';

async function results(checks: readonly Check[]): Promise<readonly CheckResult[]> {
  const all: CheckResult[] = [];
  for await (const result of runChecks(checks)) all.push(result);
  return all;
}

const named = (id: string, run: Check['run'], more: Partial<Check> = {}): Check => ({
  id,
  title: id,
  run,
  ...more,
});

describe('runChecks', () => {
  it('yields in the checks’ order, whichever ends first, and runs few at once', async () => {
    const ends = Array.from({ length: 10 }, () => Promise.withResolvers<void>());
    let running = 0;
    let most = 0;
    const checks = ends.map(({ promise }, index) =>
      named(String(index), async () => {
        running += 1;
        most = Math.max(most, running);
        await promise;
        running -= 1;
        return ok('holds');
      }),
    );
    const all = results(checks);
    for (const { resolve } of ends.toReversed()) {
      await Promise.resolve();
      resolve();
    }
    expect((await all).map(({ id }) => id)).toEqual(checks.map(({ id }) => id));
    expect(most).toBe(4);
  });

  it('a check without an end is unknown once its time is up', async () => {
    const endless = named('endless', () => new Promise(() => {}), { timeoutMs: 20 });
    expect(await results([endless, named('next', async () => wrong('is not', 'mend'))])).toEqual([
      { id: 'endless', title: 'endless', verdict: 'unknown', what: 'no answer within 0.02 s' },
      { id: 'next', title: 'next', verdict: 'wrong', what: 'is not', mend: 'mend' },
    ]);
  });

  it.each([
    [
      'a missing permission',
      new AskError('denied', 'sns:GetTopicAttributes', new Error('no')),
      'sns:GetTopicAttributes',
    ],
    [
      'missing credentials',
      new AskError('credentials', 'sts:AssumeRole', new Error('none')),
      'no valid credentials',
    ],
    [
      'a failure',
      new AskError('failed', 'sqs:GetQueueAttributes', new Error('reset')),
      'sqs:GetQueueAttributes was not answered: Error: reset',
    ],
    ['nothing there', new NothingToCheck('there is no such topic'), 'there is no such topic'],
    ['an error that nobody foresaw', new TypeError('x is undefined'), 'TypeError: x is undefined'],
    ['what is no error', 'oops', 'oops'],
  ])('%s makes a check unknown', async (_name, thrown, words) => {
    const [result] = await results([named('one', () => Promise.reject(thrown))]);
    expect(result?.verdict).toBe('unknown');
    expect(result?.what).toContain(words);
  });
});
