import { Readable } from 'node:stream';
import { runCli } from '../../src/admin/cli.ts';

export interface CommandRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What somebody at a terminal types; undefined: no terminal. */
  readonly typed?: string;
}

/** Runs `bridge ARGV…` in this process. */
export async function runCommand(
  argv: readonly string[],
  { env = {}, typed }: RunOptions = {},
): Promise<CommandRun> {
  const written = { stdout: '', stderr: '' };
  const stdin = Object.assign(Readable.from(typed === undefined ? [] : [typed]), {
    isTTY: typed !== undefined,
  });
  const exitCode = await runCli(argv, {
    env,
    stdin,
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
  });
  return { exitCode, ...written };
}
