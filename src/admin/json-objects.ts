import { TextDecoder } from 'node:util';
import { BridgeError } from '../errors.ts';

/** `aws sqs receive-message` gives ten messages of 1 MiB at most, which JSON's escapes may double. */
const OBJECT_MAX_CHARACTERS = 32 * 1024 * 1024;

/**
 * The JSON objects of a text, one after the other, each as it is written: one object, an array of them, one a line, or
 * several such one after the other. No more than one object is held at a time. Throws INPUT_INVALID, which quotes
 * nothing.
 */
export async function* splitJsonObjects(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<string> {
  const scanner = new ObjectScanner();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of chunks) {
    yield* scanner.scan(typeof chunk === 'string' ? chunk : decode(decoder, chunk));
  }
  yield* scanner.scan(decode(decoder)); // throws if a character was cut off
  scanner.end();
}

/** Without a chunk: the end. */
function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined });
  } catch {
    throw new BridgeError('INPUT_INVALID', { detail: 'It is not UTF-8.' });
  }
}

/** Between objects: whitespace, and what holds an array together. */
const BETWEEN = /[\s,[\]]/;

class ObjectScanner {
  /** Of the object that has begun, what earlier chunks held. */
  #parts: string[] = [];
  #length = 0;
  #depth = 0;
  #brackets = 0;
  #isInString = false;
  #isEscaped = false;
  #objects = 0;

  *scan(chunk: string): Generator<string> {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const character = chunk[at] ?? '';
      if (this.#depth === 0 && character !== '{') {
        if (!BETWEEN.test(character) && character !== '\uFEFF')
          throw this.#invalid('something else than an object');
        if (character === '[') this.#brackets += 1;
        if (character === ']') this.#brackets -= 1;
        continue;
      }
      if (this.#depth === 0) start = at;
      this.#read(character);
      if (this.#depth > 0) continue;
      this.#keep(chunk.slice(start, at + 1));
      yield this.#take();
    }
    if (this.#depth > 0) this.#keep(chunk.slice(start));
  }

  end(): void {
    if (this.#brackets !== 0) throw this.#invalid('a bracket without its other');
    if (this.#depth > 0) throw this.#invalid('an object that does not end');
  }

  #read(character: string): void {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (character === '\\') this.#isEscaped = true;
      else if (character === '"') this.#isInString = false;
    } else if (character === '"') this.#isInString = true;
    else if (character === '{') this.#depth += 1;
    else if (character === '}') this.#depth -= 1;
  }

  #keep(part: string): void {
    this.#length += part.length;
    if (this.#length > OBJECT_MAX_CHARACTERS) throw this.#invalid('an object that is too long');
    this.#parts.push(part);
  }

  #take(): string {
    const object = this.#parts.join('');
    this.#parts = [];
    this.#length = 0;
    this.#objects += 1;
    return object;
  }

  #invalid(what: string): BridgeError {
    return new BridgeError('INPUT_INVALID', { detail: `After ${this.#objects} objects comes ${what}.` });
  }
}
