/** Ten minutes at half of what it can: whether memory or the lag of deliveries grows. */
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMb } from './backlog.ts';
import { CONNECT_ANSWER_MS, UNLIMITED_PACE } from './bench.ts';
import type { Bench } from './bench.ts';
import type { Sample } from './figures.ts';
import { slope } from './statistics.ts';

const SOAK_MS = 600_000;
const LOOK_EVERY_MS = 5_000;
/** Heaps grow to what they need first. */
const SETTLE_MS = 120_000;
const MINUTE_MS = 60_000;

type Point = readonly [minutes: number, value: number];

export async function soak(
  { load, connect, startBridge }: Bench,
  maximumPerSecond: number,
  say: (line: string) => void,
): Promise<{ soakMemory: Sample[]; soakLag: Sample[] }> {
  const perSecond = Math.floor(maximumPerSecond / 2);
  await connect.call('answer', { afterMs: CONNECT_ANSWER_MS });
  await using bridge = await startBridge(UNLIMITED_PACE);
  const before = await connect.call('counts');
  const startedAt = performance.now();
  const steady = load.call('steady', { port: bridge.port, perSecond, durationMs: SOAK_MS });
  const memory: Point[] = [];
  const lag: Point[] = [];
  while (performance.now() - startedAt < SOAK_MS - LOOK_EVERY_MS) {
    await sleep(LOOK_EVERY_MS);
    const elapsedMs = performance.now() - startedAt;
    const minutes = elapsedMs / MINUTE_MS;
    const { answered } = await connect.call('counts');
    const { accepted } = await load.call('accepted');
    memory.push([minutes, residentMb(bridge.pid)]);
    lag.push([minutes, accepted - (answered - before.answered)]);
    say(`soak, minute ${minutes.toFixed(1)}: ${lag.at(-1)?.[1]} behind, ${memory.at(-1)?.[1].toFixed(0)} MB`);
  }
  const { refused } = await steady;
  if (refused > 0) throw new Error(`The bridge refused ${refused} messages.`);
  const growth = (points: readonly Point[]): Sample[] => {
    const settled = points.filter(([minutes]) => minutes * MINUTE_MS > SETTLE_MS);
    return [{ measured: slope(settled), compared: 0 }];
  };
  return { soakMemory: growth(memory), soakLag: growth(lag) };
}
