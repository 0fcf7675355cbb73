/** From the start of an empty service to its first answer, in turns with the start of nothing at all. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Bench, Extent } from './bench.ts';
import type { Sample } from './figures.ts';

const SECOND_MS = 1_000;

export async function measureStart(
  { startBridge }: Bench,
  { startSamples }: Extent,
): Promise<{ start: Sample[] }> {
  {
    // What is compiled is kept when a process ends in order: after that, only a changed checkout starts without it.
    await using first = await startBridge();
    await first.stop();
  }
  const samples: Sample[] = [];
  for (let taken = 0; taken < startSamples; taken += 1) {
    const compared = await timeSeconds(async () => {
      await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
    });
    await using stack = new AsyncDisposableStack();
    const measured = await timeSeconds(async () => {
      stack.use(await startBridge());
    });
    samples.push({ measured, compared });
  }
  return { start: samples };
}

async function timeSeconds(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / SECOND_MS;
}
