/** A small fault run; `npm run test:faults` plays the large one. */
import { expect, it } from 'vitest';
import { checkHistory } from './checker.ts';
import { playScript } from './fault-run.ts';
import { describeRun } from './summary.ts';

const SMALL = {
  messages: 200,
  conversations: 8,
  kills: 2,
  seconds: 3,
  hangs: 0,
  // No file system is mounted where somebody only runs the tests.
  canFillDisk: false,
} as const;

/** Each store and each method once; the large run plays all four. */
const RUNS = [
  { store: 'postgres', method: 'integration-event' },
  { store: 'sqlite', method: 'participant' },
] as const;

// Side by side: much of a run is waiting for the next attempt.
it.concurrent.each(RUNS)(
  'keeps every promise while processes are killed, the store goes away and Connect fails: $method, $store',
  async ({ store, method }) => {
    const options = { ...SMALL, store, method, seed: 7 };
    const record = await playScript(options, (result) => ({ result, keepsLogs: false }));
    const verdict = checkHistory(record.history);
    expect([...record.problems, ...verdict.findings], describeRun(record, verdict)).toEqual([]);
    expect(verdict.orderPairs).toBeGreaterThan(SMALL.messages);
    // A run in which nothing went wrong would show nothing.
    const fates = new Set(
      record.history.events.flatMap((event) =>
        event.kind === 'requested' || event.kind === 'stepped' ? [event.fate] : [],
      ),
    );
    expect([...fates]).toEqual(expect.arrayContaining(['throttled', 'unclear', 'denied']));
    expect(record.facts.kills).toBe(SMALL.kills);
  },
  120_000,
);
