/** A small fault run; `npm run test:faults` plays the large one. */
import { expect, it } from 'vitest';
import { checkHistory } from './checker.ts';
import { playScript } from './fault-run.ts';
import { describeRun } from './summary.ts';

const SMALL = {
  store: 'sqlite',
  messages: 300,
  conversations: 24,
  kills: 2,
  seconds: 4,
  hangs: 0,
  // No file system is mounted where somebody only runs the tests.
  canFillDisk: false,
} as const;

it('keeps every promise while processes are killed, the store goes away and Connect fails', async () => {
  const seed = 7;
  const record = await playScript({ ...SMALL, seed }, (result) => ({ result, keepsLogs: false }));
  const verdict = checkHistory(record.history);
  expect([...record.problems, ...verdict.findings], describeRun(record, verdict)).toEqual([]);
  expect(verdict.orderPairs).toBeGreaterThan(SMALL.messages);
}, 60_000);
