import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '../src/config.ts';
import { ERRORS, errorEntry } from '../src/errors.ts';
import { createMetrics } from '../src/metrics.ts';
import type { ErrorCode } from '../src/errors.ts';
import { IGNORED_REASONS } from '../src/normalize/inbound-message.ts';
import { DEAD_REASONS } from '../src/queue/message-store.ts';
import { runCommand } from './admin/run-command.ts';

const ROOT = path.join(import.meta.dirname, '..');
const read = (file: string): string => fs.readFileSync(path.join(ROOT, file), 'utf8');

/** The rows of a Markdown table whose heading row starts with these cells. */
function tableRows(text: string, ...heading: readonly string[]): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => heading.every((cell, index) => cells(line)[index] === cell));
  expect(start, `a table headed ${heading.join(' | ')}`).toBeGreaterThanOrEqual(0);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map(cells);
}

const cells = (line: string): string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('README.md', () => {
  it('has the configuration as config.ts has it', () => {
    const expected = Object.entries(SETTINGS).map(([name, { fallback, meaning }]) => [
      `\`${name}\``,
      fallback ? `\`${fallback}\`` : '',
      meaning,
    ]);
    const shown = expected.map((row) => `| ${row.join(' | ')} |`).join('\n');
    expect(tableRows(read('README.md'), 'variable', 'default', 'meaning'), `should be:\n${shown}`).toEqual(
      expected,
    );
  });
});

describe('.env.example', () => {
  it('lists every variable', () => {
    const names = [...read('.env.example').matchAll(/^#? ?([A-Z][A-Z_]+)=/gm)].map((match) => match[1]);
    expect(names).toEqual(expect.arrayContaining(Object.keys(SETTINGS)));
  });
});

/** What a PromQL expression reads: its words without its own language, labels, texts and spans. */
function metricsIn(expression: string): string[] {
  const bare = expression
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, '')
    .replaceAll(/\boffset\s+\S+/g, '');
  const words = [...bare.matchAll(/[a-zA-Z_:][\w:]*/g)].map(([word]) => word);
  return words.filter((word) => !PROMQL.has(word));
}

const PROMQL = new Set(['sum', 'max', 'min', 'increase', 'rate', 'absent', 'vector', 'and', 'or', 'unless']);

/** A Markdown heading as GitHub makes an anchor of it. */
function anchorsIn(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('docs/alerts.yml', () => {
  /** The file is written by one scheme, a line for each key, so that it can be read without a YAML parser. */
  const rules = read('docs/alerts.yml')
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((rule) => ({
      name: /^\w+/.exec(rule)?.[0] ?? '',
      expression: /^ {8}expr: (.+)$/m.exec(rule)?.[1] ?? '',
      runbook: /^ {10}runbook: docs\/operations\.md#(\S+)$/m.exec(rule)?.[1] ?? '',
      isWhole: [/^ {8}labels: \{ severity: (?:page|ticket) \}$/m, /^ {10}summary: .+$/m].every((key) =>
        key.test(rule),
      ),
    }));

  it('warns of what somebody has to hear of', () => {
    expect(rules.map(({ name }) => name)).toEqual([
      'BridgeSilent',
      'BridgeStoreErrors',
      'BridgeMessagesWait',
      'BridgeDestinationPaused',
      'BridgeChatsWait',
      'BridgeDeadLetters',
      'BridgePossibleDuplicates',
      'BridgeNotificationsRefused',
      'BridgeHearsNothing',
    ]);
    expect(rules.filter(({ isWhole }) => !isWhole)).toEqual([]);
  });

  it.each(rules)('$name reads metrics that there are', async ({ expression }) => {
    const metrics = createMetrics(() => Promise.reject(new Error('It is not asked for its numbers')));
    const types = (await metrics.render(0)).matchAll(/^# TYPE (\S+) /gm);
    const known = new Set([...types].map(([, name]) => name));
    const read = metricsIn(expression);
    expect(read.length).toBeGreaterThan(0);
    expect(read.filter((name) => !known.has(name))).toEqual([]);
  });

  it('would find a metric that is not there', () => {
    expect(metricsIn('sum by (code) (increase(bridge_nothing_total{a="b"}[5m] offset 1w)) > 0')).toEqual([
      'bridge_nothing_total',
    ]);
  });

  it.each(rules)('$name leads to what to do', ({ runbook }) => {
    expect(anchorsIn(read('docs/operations.md'))).toContain(runbook);
  });
});

describe('docs/operations.md', () => {
  const text = read('docs/operations.md');

  it('leads to places that it has', () => {
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.length).toBeGreaterThan(8);
    expect(links.filter((anchor) => !anchorsIn(text).includes(anchor ?? ''))).toEqual([]);
  });

  it('names every reason of a dead letter, and codes that there are', () => {
    for (const reason of DEAD_REASONS) expect(text).toContain(`\`${reason}\``);
    const codes = [...text.matchAll(/`([A-Z]+_[A-Z_]+[A-Z])`/g)].map(([, code]) => code ?? '');
    const known = new Set([...Object.keys(ERRORS), ...Object.keys(SETTINGS)]);
    expect(codes.filter((code) => !known.has(code))).toEqual([]);
  });

  it('has commands as they are', async () => {
    const commands = [...text.matchAll(/bin\/bridge ([a-z-]+)((?: --[a-z-]+)*)/g)];
    expect(commands.length).toBeGreaterThan(10);
    for (const command of new Set(commands.map(([, name]) => name ?? ''))) {
      const { exitCode, stdout } = await runCommand([command, '--help']);
      expect({ command, exitCode }).toEqual({ command, exitCode: 0 });
      for (const line of text.matchAll(new RegExp(`bin/bridge ${command}\\b[^\`\\n#]*`, 'g'))) {
        for (const [option] of line[0].matchAll(/--[a-z-]+/g)) expect(stdout).toContain(option);
      }
    }
  });
});

describe('docs/errors.md', () => {
  const text = read('docs/errors.md');
  const answers = tableRows(text, 'code', 'answer');
  const exits = tableRows(text, 'code', 'exit');
  const codes = Object.keys(ERRORS) as ErrorCode[];

  it('has every code that answers SNS, with its answer and alert', () => {
    const expected = codes
      .filter((code) => errorEntry(code).answer)
      .map((code) => [`\`${code}\``, String(errorEntry(code).answer), errorEntry(code).alert ? 'yes' : '']);
    expect(new Set(answers.map((row) => row.slice(0, 3)))).toEqual(new Set(expected));
  });

  it('has every code that ends a command, with its exit code', () => {
    const expected = codes
      .filter((code) => errorEntry(code).exit)
      .map((code) => [`\`${code}\``, String(errorEntry(code).exit)]);
    expect(new Set(exits.map((row) => row.slice(0, 2)))).toEqual(new Set(expected));
  });

  it('has every reason of a dead letter and of what is ignored', () => {
    const reasons = [...text.matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1]);
    expect(reasons).toEqual([...DEAD_REASONS, ...IGNORED_REASONS]);
  });
});
