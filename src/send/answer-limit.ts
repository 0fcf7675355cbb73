import type { Readable } from 'node:stream';

/** AWS answers in a few hundred bytes, an error page of a proxy in a few thousand. */
const ANSWER_MAX_BYTES = 256 * 1024;

/**
 * In place of the SDK's `streamCollector`, which has no limit: reads an answer's body, of at most ANSWER_MAX_BYTES. Rejects with
 * what broke it off; its connection is then gone, too.
 */
export function collectAnswer(body: Readable): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > ANSWER_MAX_BYTES)
        body.destroy(new Error(`The answer has more than ${ANSWER_MAX_BYTES} bytes.`));
    });
    body.once('end', () => resolve(Buffer.concat(chunks)));
    body.once('error', reject);
    body.once('close', () => reject(new Error('The answer was cut off.'))); // after its end it changes nothing
  });
}
