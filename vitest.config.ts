import { defineConfig } from 'vitest/config';

/** Where .ci/run reads the counts from. */
const report = process.env['VITEST_REPORT'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A bound, not a wait: on a busy machine a process may take seconds to start.
    testTimeout: 60_000,
    // Most tests wait for other processes and threads, so files run side by side even on few cores.
    maxWorkers: 3,
    maxConcurrency: 8,
    // Opening a store starts a thread, which loads its modules anew each time.
    env: { NODE_COMPILE_CACHE: 'node_modules/.cache/node-compile' },
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});
