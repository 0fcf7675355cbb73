/**
 * `npm run test:faults -- [--seed N] [--messages N] [--conversations N] [--kills N] [--store sqlite|postgres] [--seconds N]
 * [--hangs N] [--method integration-event|participant] [--keep-logs]`: plays a script of faults and judges what it has
 * seen; without `--store` one run on each store, one after the other. Exits 0 only if every promise held.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { checkHistory } from './checker.ts';
import { playScript } from './fault-run.ts';
import { isInMountNamespace, runInMountNamespace } from './mount-namespace.ts';
import { CONNECT_METHODS } from '../../src/send/route.ts';
import type { RunOptions } from './script.ts';
import { describeRun } from './summary.ts';

const STORES = ['sqlite', 'postgres'] as const;

const DEFAULTS = {
  messages: '5000',
  conversations: '200',
  kills: '20',
  seconds: '100',
  hangs: '8',
} as const;
const SEED_MOST = 999_999;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * SEED_MOST)) },
    store: { type: 'string' },
    method: { type: 'string', default: 'integration-event' },
    messages: { type: 'string', default: DEFAULTS.messages },
    conversations: { type: 'string', default: DEFAULTS.conversations },
    kills: { type: 'string', default: DEFAULTS.kills },
    seconds: { type: 'string', default: DEFAULTS.seconds },
    hangs: { type: 'string', default: DEFAULTS.hangs },
    'keep-logs': { type: 'boolean', default: false },
  },
});
process.exitCode = values.store === undefined ? runEach() : await runOn(readOptions(values.store));

/** A process for each store, so that they share nothing but the seed. */
function runEach(): number {
  const codes = STORES.map((store) => {
    const given = [...process.argv.slice(1), '--seed', values.seed, '--store', store];
    return spawnSync(process.execPath, given, { stdio: 'inherit' }).status ?? 1;
  });
  return Math.max(...codes);
}

async function runOn(options: RunOptions): Promise<number> {
  const wantsNamespace = options.store === 'sqlite' && !isInMountNamespace();
  return (wantsNamespace ? await runInMountNamespace() : undefined) ?? (await run(options));
}

async function run(options: RunOptions): Promise<number> {
  const { seed, store, method, messages, conversations, kills, seconds } = options;
  process.stdout.write(
    `Seed ${seed}: ${messages} messages of ${conversations} conversations on ${store} by ${method}, ${kills} kills, ${seconds} s of faults.\n`,
  );
  const { record, verdict } = await playScript(options, (record) => {
    const verdict = checkHistory(record.history);
    const isSound = record.problems.length === 0 && verdict.findings.length === 0;
    return { result: { record, verdict }, keepsLogs: values['keep-logs'] || !isSound };
  });
  process.stdout.write(describeRun(record, verdict));
  return record.problems.length === 0 && verdict.findings.length === 0 ? 0 : 1;
}

function readOptions(given: string): RunOptions {
  const store = STORES.find((store) => store === given);
  if (!store) throw new Error('--store is sqlite or postgres.');
  const method = CONNECT_METHODS.find((method) => method === values.method);
  if (!method) throw new Error(`--method is one of ${CONNECT_METHODS.join(', ')}.`);
  return {
    seed: readCount('seed'),
    store,
    method,
    messages: readCount('messages'),
    conversations: readCount('conversations'),
    kills: readCount('kills'),
    seconds: readCount('seconds'),
    hangs: readCount('hangs'),
    canFillDisk: isInMountNamespace(),
  };
}

function readCount(name: Exclude<keyof typeof values, 'keep-logs' | 'store' | 'method'>): number {
  const text = values[name];
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} is a whole number.`);
  return Number(text);
}
