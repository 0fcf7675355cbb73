/**
 * Comes before the bridge's own modules (`NODE_OPTIONS=--import …`), and breaks the process from within when SIGUSR2 asks
 * for it, in the way that BREAK names. It says on standard output when a thread starts.
 */
import type { Worker } from 'node:worker_threads';

/** In the order in which they start: the store's, the AWS clients'. */
const threads: Worker[] = [];

process.on('worker', (worker) => {
  threads.push(worker);
  process.stdout.write('{"event":"thread.started"}\n');
});

const BREAKAGES: Readonly<Record<string, () => void>> = {
  store: () => void threads[0]?.terminate(),
  aws: () => void threads[1]?.terminate(),
  throw: () => {
    throw new Error('a customer’s words');
  },
  reject: () => void Promise.reject(new Error('a customer’s words')),
};

process.on('SIGUSR2', () => BREAKAGES[process.env['BREAK'] ?? '']?.());
