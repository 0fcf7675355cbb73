import { Transform, pipeline } from 'node:stream';
import type { Readable } from 'node:stream';

/** AWS answers in a few hundred bytes, an error page of a proxy in a few thousand. */
const ANSWER_MAX_BYTES = 256 * 1024;

/** What of the SDK's clients is needed here. Each has a middleware type of its own commands; `never` fits them all. */
export interface AnsweringClient {
  readonly middlewareStack: {
    addRelativeTo(
      middleware: never,
      options: { readonly name: string; readonly relation: 'after'; readonly toMiddleware: string },
    ): void;
  };
}

/** Has the SDK read no answer without end into memory: it sets no limit of its own. The send then fails. */
export function limitAnswers(client: AnsweringClient): void {
  client.middlewareStack.addRelativeTo(limitAnswer as never, {
    name: 'limitAnswers',
    relation: 'after',
    toMiddleware: 'deserializerMiddleware',
  });
}

type SendRequest = (args: unknown) => Promise<{ readonly response: unknown }>;

function limitAnswer(next: SendRequest): SendRequest {
  return async (args) => {
    const result = await next(args);
    const response = result.response as { body?: unknown };
    if (isStream(response.body)) response.body = limit(response.body);
    return result;
  };
}

function isStream(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && 'pipe' in body;
}

function limit(body: Readable): Readable {
  let bytes = 0;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > ANSWER_MAX_BYTES) done(new Error(`The answer has more than ${ANSWER_MAX_BYTES} bytes.`));
      else done(null, chunk);
    },
  });
  // An error of either destroys both; the SDK hears of it as it reads.
  return pipeline(body, limited, () => undefined);
}
