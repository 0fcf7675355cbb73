import { createInterface } from 'node:readline';
import type { CommandIo } from './command-io.ts';

/** When the answer was no, or nobody was there to give one. */
export const EXIT_NOT_CONFIRMED = 1;

/** Whether to go on: `--yes`, or a yes of the person at the terminal. Without either it says what to give. */
export async function isConfirmed(
  question: string,
  { yes }: { readonly yes?: boolean },
  io: CommandIo,
): Promise<boolean> {
  if (yes) return true;
  if (!io.stdin.isTTY) {
    io.stderr.write('Nothing was done: give --yes to do it.\n');
    return false;
  }
  io.stderr.write(`${question} [y/N] `);
  if (/^y(es)?$/i.test((await readLine(io)).trim())) return true;
  io.stderr.write('Nothing was done.\n');
  return false;
}

/** The end of the input is an empty answer. */
async function readLine(io: CommandIo): Promise<string> {
  const reader = createInterface({ input: io.stdin });
  try {
    for await (const line of reader) return line;
    return '';
  } finally {
    reader.close(); // lets go of stdin, which would keep the process alive
  }
}
