import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '../src/config.ts';
import { ERRORS, errorEntry } from '../src/errors.ts';
import type { ErrorCode } from '../src/errors.ts';
import { IGNORED_REASONS } from '../src/normalize/inbound-message.ts';
import { DEAD_REASONS } from '../src/queue/message-store.ts';

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
