/** From the POST's sending to Connect's receipt, one message at a time, in turns with the bare SDK call. */
import { CONNECT_ANSWER_MS, UNLIMITED_PACE } from './bench.ts';
import type { Bench, Extent } from './bench.ts';
import type { Sample } from './figures.ts';
import { percentile } from './statistics.ts';

const TURNS = 5;
/** The first messages open connections and compile code. */
const WARM_UP = 100;
/** Until the outcome is recorded, and the service idle again. */
const PAUSE_MS = 10;

export async function measureLatency(
  bench: Bench,
  { latencySamples }: Extent,
): Promise<{ latencyHalf: readonly Sample[]; latencyMost: readonly Sample[] }> {
  const { connect, load, sdk, ports, startBridge } = bench;
  await connect.call('answer', { afterMs: CONNECT_ANSWER_MS });
  await using bridge = await startBridge({ ...UNLIMITED_PACE, ORDER_HOLD_MS: '0' });
  const count = Math.ceil(latencySamples / TURNS);
  const through = (from: number, count: number): Promise<readonly number[]> =>
    load.call('trickle', { port: bridge.port, from, count, pauseMs: PAUSE_MS });
  const bare = (from: number, count: number): Promise<readonly number[]> =>
    sdk.call('trickle', { port: ports.connect, from, count, pauseMs: PAUSE_MS });
  const spans = { through: new Array<number>(), bare: new Array<number>() };
  await timeReceipts(bench, 0, WARM_UP, through);
  await timeReceipts(bench, 0, WARM_UP, bare);
  for (let turn = 0; turn < TURNS; turn += 1) {
    const from = WARM_UP + turn * count;
    spans.through.push(...(await timeReceipts(bench, from, count, through)));
    spans.bare.push(...(await timeReceipts(bench, from, count, bare)));
  }
  const at = (part: number): readonly Sample[] => [
    { measured: percentile(spans.through, part), compared: percentile(spans.bare, part) },
  ];
  return { latencyHalf: at(0.5), latencyMost: at(0.99) };
}

async function timeReceipts(
  { connect }: Bench,
  from: number,
  count: number,
  trickle: (from: number, count: number) => Promise<readonly number[]>,
): Promise<number[]> {
  await connect.call('keepReceipts');
  const sentAt = await trickle(from, count);
  const receiptsAt = await connect.call('takeReceipts');
  return sentAt.map((at, index) => {
    const receiptAt = receiptsAt[from + index];
    if (receiptAt === undefined) throw new Error(`Message ${from + index} has not come to Connect.`);
    return receiptAt - at;
  });
}
