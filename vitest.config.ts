import { defineConfig } from 'vitest/config';

/** Where .ci/run reads the counts from. */
const report = process.env['VITEST_REPORT'];

/** Functions of their arguments, in files that leave nothing behind: they share a worker, and load each module once. */
const PURE = ['test/normalize/**/*.test.ts', 'test/ingest/**/*.test.ts', 'test/send/**/*.test.ts'];

export default defineConfig({
  test: {
    // A bound, not a wait: on a busy machine a process may take seconds to start.
    testTimeout: 60_000,
    // Most tests wait for other processes and threads, so files run side by side even on few cores.
    maxWorkers: 4,
    maxConcurrency: 8,
    // A service in a test's process starts two threads, which load their modules anew each time.
    env: { NODE_COMPILE_CACHE: 'node_modules/.cache/node-compile' },
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } },
      { extends: true, test: { name: 'whole', include: ['test/**/*.test.ts'], exclude: PURE } },
    ],
  },
});
