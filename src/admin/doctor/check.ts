/**
 * What `bridge doctor` is made of: checks, rows that are run in their order. A check answers with a finding or throws;
 * whatever it throws makes it `unknown`, so that one thing that can't be asked never hides what the others found.
 *
 *     verdict   means                                               what to do
 *     ok        holds                                               nothing
 *     wrong     messages will not come through, or will be lost     `mend` says how
 *     warning   works, but not as it should                         `mend` says how
 *     unknown   could not be looked at                              `mend` says what would be needed, where anything would
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND_MS } from '../../clock.ts';
import { describeFault } from './ask.ts';

export const VERDICTS = ['ok', 'wrong', 'warning', 'unknown'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Finding {
  readonly verdict: Verdict;
  readonly what: string;
  readonly mend?: string;
}

export interface Check {
  /** `area/subject/aspect`, for programs. */
  readonly id: string;
  readonly title: string;
  readonly run: () => Promise<Finding>;
  readonly timeoutMs?: number;
}

export type CheckResult = Pick<Check, 'id' | 'title'> & Finding;

/** More than any one call takes with its second attempt. */
const CHECK_TIMEOUT_MS = 20 * SECOND_MS;
/** Few, because the management APIs that are asked have quotas of two calls a second. */
const CHECKS_AT_ONCE = 4;

export function ok(what: string): Finding {
  return { verdict: 'ok', what };
}

export function wrong(what: string, mend: string): Finding {
  return { verdict: 'wrong', what, mend };
}

export function warning(what: string, mend: string): Finding {
  return { verdict: 'warning', what, mend };
}

export function unknown(what: string, mend?: string): Finding {
  return { verdict: 'unknown', what, ...(mend === undefined ? {} : { mend }) };
}

/** Yields the results in the checks' order, while those that follow run already. */
export async function* runChecks(checks: readonly Check[]): AsyncGenerator<CheckResult> {
  const running: Promise<CheckResult>[] = [];
  for (const check of checks) {
    running.push(runCheck(check));
    if (running.length >= CHECKS_AT_ONCE) yield running.shift()!;
  }
  yield* running;
}

async function runCheck({ id, title, run, timeoutMs = CHECK_TIMEOUT_MS }: Check): Promise<CheckResult> {
  const ended = new AbortController();
  try {
    const timedOut = sleep(timeoutMs, unknown(`no answer within ${timeoutMs / SECOND_MS} s`), {
      signal: ended.signal,
    });
    return { id, title, ...(await Promise.race([run(), timedOut])) };
  } catch (error) {
    return { id, title, ...describeFault(error) };
  } finally {
    ended.abort();
  }
}
