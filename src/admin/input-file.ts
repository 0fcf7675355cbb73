import fs from 'node:fs';
import { BridgeError } from '../errors.ts';
import type { CommandIo } from './command-io.ts';

/** What the file holds, `-` being standard input. Throws INPUT_MISSING. */
export async function* openInput(file: string, io: CommandIo): AsyncGenerator<string | Uint8Array> {
  if (file === '-') {
    yield* io.stdin as AsyncIterable<string | Uint8Array>;
    return;
  }
  try {
    yield* fs.createReadStream(file) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new BridgeError('INPUT_MISSING', { detail: file, cause: error });
  }
}
