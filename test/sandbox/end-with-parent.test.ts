import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';

const PRELOAD = new URL('../../src/sandbox/end-with-parent.ts', import.meta.url).href;

/** Runs `program` with a pipe as its standard input; resolves to its first output. */
async function startChild(program: string) {
  const child = spawn(process.execPath, ['--import', PRELOAD, '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return { child, exited };
}

it('ends with SIGTERM when its parent’s end of the pipe is gone', async () => {
  const { child, exited } = await startChild('console.log("ready"); setInterval(() => {}, 60_000)');
  child.stdin.destroy();
  expect(await exited).toEqual({ code: null, signal: 'SIGTERM' });
});

it('ends by itself when it has nothing more to do, worker threads or not', async () => {
  const { exited } = await startChild(
    'new (require("node:worker_threads").Worker)("1", { eval: true }).once("exit", () => console.log("worker gone"))',
  );
  expect(await exited).toEqual({ code: 0, signal: null });
});
