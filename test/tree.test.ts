import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = path.join(import.meta.dirname, '..', 'src');

/** In the order of the flow: a stage imports from itself and from the stages before it. */
const STAGES = ['ingest', 'normalize', 'queue', 'send'];
/** Root files that a stage may use: they know no stage. */
const FOUNDATION = new Set([
  'arn.ts',
  'clock.ts',
  'errors.ts',
  'log.ts',
  'schema-problems.ts',
  'worker-calls.ts',
]);
/** The two that conduct (the dispatcher has its recorder beside it), and what each may import beyond the rule. */
const CONDUCTORS: Readonly<Record<string, readonly string[]>> = {
  'ingest/sns-route.ts': ['normalize', 'queue', 'send', 'metrics.ts'],
  'send/dispatcher.ts': ['metrics.ts'],
  'send/outcome-recorder.ts': ['metrics.ts'],
};
/** Off the path: nothing on it knows them. */
const ASIDE = ['admin', 'sandbox'];

interface Import {
  readonly from: string;
  readonly to: string;
}

function listImports(): Import[] {
  const files = fs
    .readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'));
  return files.flatMap((from) => {
    const text = fs.readFileSync(path.join(SRC, from), 'utf8');
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(
      (match) => match[1] ?? '',
    );
    return specifiers.map((specifier) => ({ from, to: path.join(path.dirname(from), specifier) }));
  });
}

const roomOf = (file: string): string => file.split(path.sep)[0] ?? '';

function isAllowed({ from, to }: Import): boolean {
  const [room, target] = [roomOf(from), roomOf(to)];
  if (room === target) return true;
  if (CONDUCTORS[from]?.includes(target)) return true;
  if (FOUNDATION.has(from)) return FOUNDATION.has(target);
  if (STAGES.includes(room)) {
    return (
      FOUNDATION.has(target) || (STAGES.includes(target) && STAGES.indexOf(target) < STAGES.indexOf(room))
    );
  }
  return !(ASIDE.includes(target) && ![...ASIDE, 'app.ts', 'main.ts'].includes(room));
}

describe('the layers', () => {
  const imports = listImports();

  it('are found at all', () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(imports).toContainEqual({ from: 'send/dispatcher.ts', to: 'metrics.ts' });
  });

  it('import backwards only', () => {
    expect(imports.filter((one) => !isAllowed(one))).toEqual([]);
  });

  it.each([
    { from: 'normalize/sms.ts', to: 'queue/message-store.ts' },
    { from: 'ingest/sns-signature.ts', to: 'normalize/sms.ts' },
    { from: 'queue/sqlite-store.ts', to: 'send/dispatcher.ts' },
    { from: 'send/route.ts', to: 'sandbox/connect-stand-in.ts' },
    { from: 'errors.ts', to: 'config.ts' },
  ])('would find $from importing $to', (forbidden) => {
    expect(isAllowed(forbidden)).toBe(false);
  });

  it('run as they are: every relative import names its .ts file', () => {
    expect(imports.filter(({ to }) => !to.endsWith('.ts') || !fs.existsSync(path.join(SRC, to)))).toEqual([]);
  });
});
