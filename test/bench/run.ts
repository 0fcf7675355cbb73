/**
 * `npm run bench [-- --quick] [-- --soak]`: measures everything of figures.ts in one run, side by side, and prints a table.
 * Exits 1 where something could not be measured. A figure that misses what is asked of it is no failure of the run:
 * machines differ, and are busy. docs/performance.md says how to read it.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { measureBacklog } from './backlog.ts';
import { startBench } from './bench.ts';
import type { Extent } from './bench.ts';
import { describeRows, judge } from './figures.ts';
import { measureLatency } from './latency.ts';
import { soak } from './soak.ts';
import { measureStart } from './start-time.ts';
import { median } from './statistics.ts';
import { measureThroughput } from './throughput.ts';

const EXTENTS = {
  full: {
    rounds: 5,
    repeatMs: 4_000,
    warmMs: 2_000,
    measureMs: 4_000,
    signed: 60_000,
    latencySamples: 1_000,
    startSamples: 9,
    backlog: { messages: 1_000_000, conversations: 100_000, workMs: 4_000 },
  },
  quick: {
    rounds: 3,
    repeatMs: 3_000,
    warmMs: 800,
    measureMs: 1_500,
    signed: 24_000,
    latencySamples: 200,
    startSamples: 3,
    backlog: { messages: 100_000, conversations: 10_000, workMs: 2_000 },
  },
} as const satisfies Record<string, Extent>;

/** The load's process has one thread. */
const LOAD_BUSY_MAX = 0.95;

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, soak: { type: 'boolean', default: false } },
});

const startedAt = performance.now();
const say = (line: string): void =>
  void process.stderr.write(
    `${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${line}\n`,
  );

process.exitCode = await run(EXTENTS[values.quick ? 'quick' : 'full']);

async function run(extent: Extent): Promise<number> {
  const { messages, conversations } = extent.backlog;
  const failed: string[] = [];
  /** What can't be measured is missing from the table, and the others are measured all the same. */
  const step = async <Measured extends object>(
    name: string,
    measure: () => Promise<Measured>,
  ): Promise<Partial<Measured>> => {
    say(name);
    try {
      return await measure();
    } catch (error) {
      failed.push(`NOT MEASURED: ${name}: ${String(error)}`);
      return {};
    }
  };

  say(`Signing ${extent.signed} messages.`);
  await using bench = await startBench(extent);
  const start = await step('Start', () => measureStart(bench, extent));
  const latency = await step('Latency', () => measureLatency(bench, extent));
  const { loadBusy = 0, ...throughput } = await step('Accepting and delivering', () =>
    measureThroughput(bench, extent),
  );
  const backlog = await step(`A backlog of ${messages} messages in ${conversations} conversations`, () =>
    measureBacklog(bench, extent),
  );
  const delivered = (throughput.delivered ?? []).map(({ measured }) => measured);
  const soaked = values.soak ? await step('Ten minutes', () => soak(bench, median(delivered), say)) : {};
  say('Done.');

  process.stdout.write(describeRows(judge({ ...throughput, ...latency, ...backlog, ...start, ...soaked })));
  const cpus = os.cpus();
  const notes = [
    `${cpus.length} × ${cpus[0]?.model ?? 'unknown processor'}, Node ${process.version}; medians of ${extent.rounds} rounds, ratios of what ran side by side.`,
    `The backlog had ${messages} messages in ${conversations} conversations${values.quick ? ', not the million that a whole run has' : ''}.`,
    ...(loadBusy > LOAD_BUSY_MAX
      ? [`The load’s own process was ${Math.round(loadBusy * 100)} % busy: what it measured may be itself.`]
      : []),
    ...failed,
  ];
  process.stdout.write(`\n${notes.join('\n')}\n`);
  return failed.length > 0 ? 1 : 0;
}
