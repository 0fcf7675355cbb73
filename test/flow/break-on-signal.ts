/**
 * Comes before the bridge's own modules (`NODE_OPTIONS=--import …`), and breaks the process from within when SIGUSR2 asks
 * for it, in the way that BREAK names. It says on standard output when the store's thread starts.
 */
import type { Worker } from 'node:worker_threads';

let storeThread: Worker | undefined;

process.on('worker', (worker) => {
  storeThread = worker;
  process.stdout.write('{"event":"thread.started"}\n');
});

const BREAKAGES: Readonly<Record<string, () => void>> = {
  thread: () => void storeThread?.terminate(),
  throw: () => {
    throw new Error('a customer’s words');
  },
  reject: () => void Promise.reject(new Error('a customer’s words')),
};

process.on('SIGUSR2', () => BREAKAGES[process.env['BREAK'] ?? '']?.());
