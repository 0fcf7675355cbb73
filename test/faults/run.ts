/**
 * `npm run test:faults -- [--seed N] [--messages N] [--conversations N] [--kills N] [--store sqlite|postgres] [--seconds N]
 * [--hangs N] [--keep-logs]`: plays a script of faults and judges what it has seen. Exits 0 only if every promise held.
 */
import { parseArgs } from 'node:util';
import { checkHistory } from './checker.ts';
import { playScript } from './fault-run.ts';
import { isInMountNamespace, runInMountNamespace } from './mount-namespace.ts';
import type { RunOptions } from './script.ts';
import { describeRun } from './summary.ts';

const DEFAULTS = {
  store: 'sqlite',
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
    store: { type: 'string', default: DEFAULTS.store },
    messages: { type: 'string', default: DEFAULTS.messages },
    conversations: { type: 'string', default: DEFAULTS.conversations },
    kills: { type: 'string', default: DEFAULTS.kills },
    seconds: { type: 'string', default: DEFAULTS.seconds },
    hangs: { type: 'string', default: DEFAULTS.hangs },
    'keep-logs': { type: 'boolean', default: false },
  },
});
const options = readOptions();
const wantsNamespace = options.store === 'sqlite' && !isInMountNamespace();
process.exitCode = (wantsNamespace ? await runInMountNamespace() : undefined) ?? (await run());

async function run(): Promise<number> {
  const { seed, store, messages, conversations, kills, seconds } = options;
  process.stdout.write(
    `Seed ${seed}: ${messages} messages of ${conversations} conversations on ${store}, ${kills} kills, ${seconds} s of faults.\n`,
  );
  const { record, verdict } = await playScript(options, (record) => {
    const verdict = checkHistory(record.history);
    const isSound = record.problems.length === 0 && verdict.findings.length === 0;
    return { result: { record, verdict }, keepsLogs: values['keep-logs'] || !isSound };
  });
  process.stdout.write(describeRun(record, verdict));
  return record.problems.length === 0 && verdict.findings.length === 0 ? 0 : 1;
}

function readOptions(): RunOptions {
  const { store } = values;
  if (store !== 'sqlite' && store !== 'postgres') throw new Error('--store is sqlite or postgres.');
  return {
    seed: readCount('seed'),
    store,
    messages: readCount('messages'),
    conversations: readCount('conversations'),
    kills: readCount('kills'),
    seconds: readCount('seconds'),
    hangs: readCount('hangs'),
    canFillDisk: isInMountNamespace(),
  };
}

function readCount(name: Exclude<keyof typeof values, 'keep-logs'>): number {
  const text = values[name];
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} is a whole number.`);
  return Number(text);
}
