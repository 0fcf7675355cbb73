/** Rounds of what is accepted and delivered per second, each figure beside what it is compared with. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_IN_FLIGHT } from '../../src/send/dispatcher.ts';
import { CONNECT_ANSWER_MS, UNLIMITED_PACE } from './bench.ts';
import type { Bench, Extent } from './bench.ts';
import type { Sample } from './figures.ts';
import type { LoadResult } from './load-process.ts';

export interface Throughput {
  readonly acceptedFloor: readonly Sample[];
  readonly acceptedPeer: readonly Sample[];
  readonly acceptedDelivering: readonly Sample[];
  readonly delivered: readonly Sample[];
  /** How busy the load's process was at most: near to 1, it is itself what was measured. */
  readonly loadBusy: number;
}

export async function measureThroughput(bench: Bench, extent: Extent): Promise<Throughput> {
  const rounds = [];
  for (let round = 0; round < extent.rounds; round += 1) rounds.push(await measureRound(bench, extent));
  return {
    acceptedFloor: rounds.map(({ holding, floor }) => pair(holding, floor)),
    acceptedPeer: rounds.map(({ holding, peer }) => pair(holding, peer)),
    acceptedDelivering: rounds.map(({ delivering, floor }) => pair(delivering, floor)),
    delivered: rounds.map(({ delivered, sdkLoop }) => ({ measured: delivered, compared: sdkLoop })),
    loadBusy: Math.max(
      ...rounds.flatMap(({ holding, floor, peer }) => [holding, floor, peer].map(({ busy }) => busy)),
    ),
  };
}

const pair = (measured: LoadResult, compared: LoadResult): Sample => ({
  measured: measured.perSecond,
  compared: compared.perSecond,
});

interface Round {
  readonly floor: LoadResult;
  readonly peer: LoadResult;
  readonly holding: LoadResult;
  readonly delivering: LoadResult;
  readonly delivered: number;
  readonly sdkLoop: number;
}

async function measureRound(bench: Bench, extent: Extent): Promise<Round> {
  const { load, ports } = bench;
  const times = { repeatMs: extent.repeatMs, warmMs: extent.warmMs, measureMs: extent.measureMs };
  const floor = await load.call('load', { port: ports.floor, ...times, isEndless: true });
  const { holding, delivered } = await measureHolding(bench, times);
  const sdkLoop = await measureSdkLoop(bench, times);
  const delivering = await measureDelivering(bench, times);
  const peer = await load.call('load', { port: ports.peer, ...times, isEndless: true });
  return { floor, peer, holding, delivering, delivered, sdkLoop };
}

interface Times {
  readonly repeatMs: number;
  readonly warmMs: number;
  readonly measureMs: number;
}

/** Of the messages that a bridge is warmed with. */
const REPEATED_MESSAGES = 2_000;

/**
 * What the service takes in. What it is compared with goes on from sample to sample, its code compiled long since; a
 * bridge is new for each. So it gets as warm first, by what SNS sends again: that adds no more to its store.
 */
async function measureAccepting(load: Bench['load'], port: number, times: Times): Promise<LoadResult> {
  notRefused(await load.call('repeat', { port, count: REPEATED_MESSAGES, forMs: times.repeatMs }));
  return notRefused(await load.call('load', { port, ...times, from: REPEATED_MESSAGES, isEndless: false }));
}

/** Connect holds what it is sent while a backlog is taken in; then it answers, and the backlog is delivered. */
async function measureHolding(
  { load, connect, startBridge }: Bench,
  times: Times,
): Promise<{ holding: LoadResult; delivered: number }> {
  await connect.call('answer', 'hold');
  const start = await connect.call('counts');
  await using bridge = await startBridge(UNLIMITED_PACE);
  const holding = await measureAccepting(load, bridge.port, times);
  await connect.call('answer', { afterMs: CONNECT_ANSWER_MS });
  await sleep(times.warmMs);
  const before = await connect.call('counts');
  await sleep(times.measureMs);
  const after = await connect.call('counts');
  if (after.answered - start.answered >= holding.accepted)
    throw new Error('All was delivered while it was measured.');
  return { holding, delivered: ((after.answered - before.answered) * 1_000) / (after.at - before.at) };
}

async function measureDelivering({ load, connect, startBridge }: Bench, times: Times): Promise<LoadResult> {
  await connect.call('answer', { afterMs: CONNECT_ANSWER_MS });
  await using bridge = await startBridge(UNLIMITED_PACE);
  return await measureAccepting(load, bridge.port, times);
}

async function measureSdkLoop({ sdk, connect, ports }: Bench, times: Times): Promise<number> {
  await connect.call('answer', { afterMs: CONNECT_ANSWER_MS });
  return sdk.call('loop', { port: ports.connect, concurrency: MAX_IN_FLIGHT, ...times });
}

/** What is refused is quick, and would pass for speed. */
function notRefused<Result extends { readonly refused: number }>(result: Result): Result {
  if (result.refused > 0) throw new Error(`The bridge refused ${result.refused} messages.`);
  return result;
}
