/**
 * Posts SNS envelopes into the bridge that runs on this machine, for example out of the subscription's dead-letter
 * queue. The bridge verifies them as if SNS had sent them, and knows what it has had already.
 */
import http from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND_MS } from '../../clock.ts';
import { loadSetting } from '../../config.ts';
import { BridgeError } from '../../errors.ts';
import type { CommandIo } from '../command-io.ts';
import { openInput } from '../input-file.ts';
import { splitJsonObjects } from '../json-objects.ts';

export interface ReplayOptions {
  readonly json?: boolean;
}

/** The bridge answers SNS within 15 s. */
const POST_TIMEOUT_MS = 20 * SECOND_MS;
const POST_TRIES = 5;
const RETRY_FIRST_MS = 250;
const RETRY_AFTER_MOST_S = 5;
const EXIT_NOT_TAKEN = 1;

/** What the bridge said of an envelope. */
interface Posted {
  readonly snsMessageId: string | undefined;
  readonly status: number;
  /** `accepted`, `duplicate`, …, or an error's code. */
  readonly answer: string;
  readonly tries: number;
}

/** Resolves to 1 if some were not taken. Throws INPUT_MISSING, INPUT_INVALID, BRIDGE_UNAVAILABLE. */
export async function replay(file: string, { json }: ReplayOptions, io: CommandIo): Promise<number> {
  const url = `http://127.0.0.1:${loadSetting(io.env, 'PORT')}/sns`;
  let total = 0;
  let taken = 0;
  for await (const body of readEnvelopes(openInput(file, io))) {
    const posted = await post(url, body);
    total += 1;
    if (posted.status === 200) taken += 1;
    io.stdout.write(json ? `${JSON.stringify({ index: total, ...posted })}\n` : describe(total, posted));
  }
  io.stdout.write(json ? `${JSON.stringify({ total, taken })}\n` : `${taken} of ${total} envelopes taken\n`);
  return taken === total ? 0 : EXIT_NOT_TAKEN;
}

/** An envelope as it is written, or, in what SQS's receive-message prints, as each message's body. */
async function* readEnvelopes(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<string> {
  for await (const text of splitJsonObjects(chunks)) {
    const object = parseObject(text);
    if (Array.isArray(object['Messages'])) {
      for (const message of object['Messages'] as unknown[]) yield bodyOf(message);
    } else yield typeof object['Body'] === 'string' ? object['Body'] : text;
  }
}

function bodyOf(message: unknown): string {
  const body: unknown = (message as Record<string, unknown> | null)?.['Body'];
  if (typeof body === 'string') return body;
  throw new BridgeError('INPUT_INVALID', { detail: 'A message of the queue has no Body.' });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    // No cause: the parser's message quotes what it read.
    throw new BridgeError('INPUT_INVALID', { detail: 'An object in it is no JSON.' });
  }
}

async function post(url: string, body: string): Promise<Posted> {
  for (let tries = 1; ; tries += 1) {
    const response = await send(url, body);
    if (response.status !== 503 || tries >= POST_TRIES) {
      return { snsMessageId: messageIdOf(body), status: response.status, answer: response.answer, tries };
    }
    await sleep(Math.max(RETRY_FIRST_MS * 2 ** (tries - 1), response.retryAfterMs));
  }
}

interface Answer {
  readonly status: number;
  readonly answer: string;
  readonly retryAfterMs: number;
}

/** Not through a proxy, whatever the environment says: what customers wrote stays on this machine. */
const DIRECT = new http.Agent({ keepAlive: false });

async function send(url: string, body: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const request = http.request(
    url,
    {
      method: 'POST',
      agent: DIRECT,
      headers: { 'content-type': 'text/plain; charset=UTF-8', 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(POST_TIMEOUT_MS),
    },
    resolve,
  );
  request.on('error', reject);
  request.end(body);
  try {
    const response = await promise;
    const retryAfterS = Number(response.headers['retry-after'] ?? 0) || 0;
    return {
      status: response.statusCode ?? 0,
      answer: answerOf(await readText(response)),
      retryAfterMs: Math.min(retryAfterS, RETRY_AFTER_MOST_S) * SECOND_MS,
    };
  } catch (error) {
    throw new BridgeError('BRIDGE_UNAVAILABLE', { detail: url, cause: error });
  }
}

function answerOf(text: string): string {
  try {
    const { code, outcome } = JSON.parse(text) as { code?: string; outcome?: string };
    return code ?? outcome ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

function messageIdOf(body: string): string | undefined {
  try {
    const id = (JSON.parse(body) as { MessageId?: unknown } | null)?.MessageId;
    return typeof id === 'string' && /^[\x21-\x7e]{1,100}$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

function describe(index: number, { snsMessageId = 'no MessageId', status, answer, tries }: Posted): string {
  return `${index}  ${snsMessageId}  ${status} ${answer}${tries > 1 ? ` (try ${tries})` : ''}\n`;
}
