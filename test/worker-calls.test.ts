import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { WorkerCalls } from '../src/worker-calls.ts';

interface Sum {
  readonly what: 'add' | 'fail' | 'die' | 'wait';
  readonly numbers?: readonly number[];
}

/** Answers what it is asked, says how many came at once, and dies when it is told to. */
const CODE = `
  const { parentPort } = require('node:worker_threads');
  parentPort.postMessage({ 'watch:import': ['Node itself says so under --watch'] });
  parentPort.on('message', (calls) => {
    const replies = [];
    for (const { id, what, numbers = [] } of calls) {
      if (what === 'die') throw new Error('told to die');
      if (what === 'add') replies.unshift({ id, result: { sum: numbers.reduce((a, b) => a + b, 0), of: calls.length } });
      if (what === 'fail') replies.unshift({ id, fault: 'told to fail' });
    }
    parentPort.postMessage(replies);
  });`;

function startCalls() {
  const worker = new Worker(CODE, { eval: true });
  const calls = new WorkerCalls<Sum, string>(worker, {
    thread: 'The test’s thread',
    toError: (fault) => new Error(fault),
    toLoss: (end) => new Error('lost', { cause: end }),
  });
  return { calls, worker };
}

it('gives each call its own answer, in whatever order they come, and posts what is asked at once together', async () => {
  const { calls, worker } = startCalls();
  const answers = await Promise.allSettled([
    calls.call({ what: 'add', numbers: [1, 2] }),
    calls.call({ what: 'fail' }),
    calls.call({ what: 'add', numbers: [3, 4] }),
  ]);
  expect(answers).toEqual([
    { status: 'fulfilled', value: { sum: 3, of: 3 } },
    { status: 'rejected', reason: new Error('told to fail') },
    { status: 'fulfilled', value: { sum: 7, of: 3 } },
  ]);
  expect(await calls.call({ what: 'add' })).toEqual({ sum: 0, of: 1 });
  await worker.terminate();
});

it('rejects what can’t be posted, and posts what comes after it', async () => {
  const { calls, worker } = startCalls();
  const request = { what: 'add', numbers: [1], more: () => {} } as const;
  await expect(calls.call(request)).rejects.toMatchObject({ name: 'DataCloneError' });
  expect(await calls.call({ what: 'add', numbers: [2] })).toEqual({ sum: 2, of: 1 });
  await worker.terminate();
});

it('rejects what a thread that dies leaves unanswered, and what comes after it, and says why', async () => {
  const { calls } = startCalls();
  const cutOff = calls.call({ what: 'wait' }).catch((error: unknown) => error);
  await calls.call({ what: 'add' });
  void calls.call({ what: 'die' }).catch(() => {});
  expect(await cutOff).toMatchObject({ message: 'lost', cause: { message: 'told to die' } });
  expect(await calls.ended).toMatchObject({ message: 'told to die' });
  expect(calls.hasEnded).toBe(true);
  await expect(calls.call({ what: 'add' })).rejects.toMatchObject({ cause: { message: 'told to die' } });
});

it('rejects what is cut off by an end without an error', async () => {
  const { calls, worker } = startCalls();
  const cutOff = calls.call({ what: 'wait' }).catch((error: unknown) => error);
  await worker.terminate();
  expect(await cutOff).toMatchObject({ message: 'lost', cause: { message: 'The test’s thread has ended.' } });
});
