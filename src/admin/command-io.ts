import type { Environment } from '../config.ts';

/** What a command knows of the process that runs it: `process` itself, or a test's stand-in. */
export interface CommandIo {
  readonly env: Environment;
  readonly stdout: CommandOutput;
  readonly stderr: CommandOutput;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
}

export interface CommandOutput {
  write(text: string): unknown;
}
