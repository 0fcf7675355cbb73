import { SECOND_MS } from '../../src/clock.ts';
import type { Verdict } from './checker.ts';
import type { RunRecord } from './fault-run.ts';

const FINDINGS_SHOWN = 20;

/** A fault run in a few lines: what was done, what was seen, and whether every promise held. */
export function describeRun({ script, history, facts, problems }: RunRecord, verdict: Verdict): string {
  const { books } = history.store;
  const { findings, orderPairs, copiesTooMany, timeOuts } = verdict;
  const fates = count(history.events.flatMap((event) => (event.kind === 'requested' ? [event.fate] : [])));
  const weather = count(script.weather.map(({ kind }) => kind));
  const chats = history.events.filter(({ kind }) => kind === 'opened').length;
  const ended = history.events.filter(({ kind }) => kind === 'ended').length;
  const steps = count(history.events.flatMap((event) => (event.kind === 'stepped' ? [event.fate] : [])));
  const isSound = findings.length === 0 && problems.length === 0;
  const lines = [
    `seed              ${script.options.seed}`,
    `method            ${script.options.method}`,
    `took              ${seconds(facts.durationMs)}`,
    `messages          ${script.messages.length}, posted ${script.posts.length} times; ${facts.postsRetried} posts had to be retried`,
    `processes         ${facts.kills} kills, ${facts.freezes} freezes, ${facts.failedStarts} starts that failed`,
    `store             ${list(facts.storeFaults)}${script.options.canFillDisk || script.options.store !== 'sqlite' ? '' : ' (nothing can be mounted here: the disk was never full)'}`,
    `Connect was       ${list(weather)}`,
    `Connect’s answers ${list(fates)}`,
    `chats             ${chats} opened, ${ended} ended${chats > 0 && list(steps) ? `; on the way to them: ${list(steps)}` : ''}`,
    `books             ${books.received} received, ${books.delivered} delivered, ${books.duplicate} duplicate, ${books.dead} dead, ${books.pending} pending; ${books.arrivedLate} arrived late`,
    `copies too many   ${copiesTooMany} seen, ${books.possibleDuplicate} possible ones counted`,
    `order             ${orderPairs} pairs of messages could be judged; ${timeOuts} timed out; Connect was silent to ${script.hangs.size}`,
    `longest delivery  ${seconds(facts.longestDeliveryMs)}`,
    ...[...problems, ...findings.map(({ rule, text }) => `${rule}: ${text}`)]
      .slice(0, FINDINGS_SHOWN)
      .map((text) => `  ✗ ${text}`),
    isSound
      ? '✓ Every promise held.'
      : `✗ ${findings.length + problems.length} broken promises. The logs: ${facts.logDirectory}`,
  ];
  return `${lines.join('\n')}\n`;
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, times]) => `${times} ${name}`)
    .join(', ');
}

function seconds(ms: number): string {
  return `${(ms / SECOND_MS).toFixed(1)} s`;
}
