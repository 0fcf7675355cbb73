/** Posts notifications that it has signed in advance, over connections that stay open. */
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { generate } from 'selfsigned';
import { answerParent, machineClockMs } from './helper-process.ts';
import { makeRequest } from './signed-requests.ts';
import type { SigningKey } from './signed-requests.ts';

const CONNECTIONS = 32;
/** Requests signed at once: more than the thread pool has threads. */
const SIGNED_AT_ONCE = 16;

const requests: Buffer[] = [];
let key: SigningKey | undefined;
let steadyCounts = { accepted: 0, refused: 0 };

export interface LoadResult {
  readonly perSecond: number;
  /** In all, the warming up included. */
  readonly accepted: number;
  /** Answers other than 200, in all. */
  readonly refused: number;
  /** How busy this process was, 1 for a whole core: near to that, it is itself what was measured. */
  readonly busy: number;
}

const operations = {
  /** Signs messages until there are `count`, with a certificate in `certificateDirectory`; returns a body's length. */
  async prepare({
    count,
    certificateDirectory,
  }: {
    count: number;
    certificateDirectory: string;
  }): Promise<number> {
    key ??= await makeKey(certificateDirectory);
    while (requests.length < count) requests.push(...(await signNext(requests.length, key)));
    const [first] = requests;
    return first ? first.length - first.indexOf('\r\n\r\n') - 4 : 0;
  },

  /** The first `count` messages again and again, for `forMs`: a bridge knows all but the first of each. */
  async repeat({ port, count, forMs }: RepeatOptions): Promise<{ refused: number }> {
    const next = cycle(requests.slice(0, count));
    const { refused } = await postUntil(port, next, async () => delay(forMs));
    return { refused };
  },

  /**
   * As many as the service takes, from message `from` on: after `warmMs`, counts for `measureMs`. A bridge takes each
   * message once; what does not store them can be given all of them again and again (`isEndless`).
   */
  async load({ port, from = 0, warmMs, measureMs, isEndless }: LoadOptions): Promise<LoadResult> {
    const rest = requests.slice(from);
    let sent = 0;
    const next = isEndless ? cycle(rest) : () => rest[sent++];
    let measured = { perSecond: 0, busy: 0 };
    const counts = await postUntil(port, next, async (counts) => {
      await delay(warmMs);
      const before = { ...counts, at: performance.now(), cpu: process.cpuUsage() };
      await delay(measureMs);
      const elapsedMs = performance.now() - before.at;
      const { user, system } = process.cpuUsage(before.cpu);
      measured = {
        perSecond: ((counts.accepted - before.accepted) * 1_000) / elapsedMs,
        busy: (user + system) / 1_000 / elapsedMs,
      };
    });
    return { ...counts, ...measured };
  },

  /** One at a time, from message `from` on, with a pause after each; returns when each was sent (`machineClockMs`). */
  async trickle({ port, from, count, pauseMs }: TrickleOptions): Promise<readonly number[]> {
    const connection = await Connection.open(port);
    const sentAt: number[] = [];
    for (const request of requests.slice(from, from + count)) {
      sentAt.push(machineClockMs());
      if ((await connection.post(request)) !== 200) throw new Error('It was refused.');
      await delay(pauseMs);
    }
    connection.end();
    return sentAt;
  },

  /** `perSecond` for `durationMs`, each message signed shortly before; returns how many were accepted and refused. */
  async steady({
    port,
    perSecond,
    durationMs,
  }: SteadyOptions): Promise<{ accepted: number; refused: number }> {
    if (!key) throw new Error('There is no key yet.');
    const counts = { accepted: 0, refused: 0 };
    steadyCounts = counts;
    const idle = await connectAll(port);
    const endsAt = performance.now() + durationMs;
    const startedAt = performance.now();
    let sent = 0;
    const post = async (connection: Connection, request: Buffer): Promise<void> => {
      counts[(await connection.post(request)) === 200 ? 'accepted' : 'refused'] += 1;
      idle.push(connection);
    };
    const waiting: Buffer[] = [];
    while (performance.now() < endsAt) {
      const due = ((performance.now() - startedAt) * perSecond) / 1_000;
      while (sent < due) {
        if (waiting.length === 0) waiting.push(...(await signNext(SOAK_FROM + sent, key)));
        const connection = idle.pop();
        const request = connection && waiting.shift();
        if (!connection || !request) break;
        sent += 1;
        void post(connection, request);
      }
      await delay(1);
    }
    while (counts.accepted + counts.refused < sent) await delay(10);
    for (const connection of idle) connection.end();
    return counts;
  },

  /** So far, of what is under way by `steady`. */
  accepted: () => ({ accepted: steadyCounts.accepted }),
};
export type LoadOperations = typeof operations;

/** Far from the numbers of what was signed in advance. */
const SOAK_FROM = 10_000_000;

interface RepeatOptions {
  readonly port: number;
  readonly count: number;
  readonly forMs: number;
}

interface LoadOptions {
  readonly port: number;
  readonly from?: number;
  readonly warmMs: number;
  readonly measureMs: number;
  readonly isEndless: boolean;
}

interface TrickleOptions {
  readonly port: number;
  readonly from: number;
  readonly count: number;
  readonly pauseMs: number;
}

interface SteadyOptions {
  readonly port: number;
  readonly perSecond: number;
  readonly durationMs: number;
}

async function makeKey(directory: string): Promise<SigningKey> {
  const name = `SimpleNotificationService-${crypto.randomBytes(16).toString('hex')}.pem`;
  const { private: privateKeyPem, cert } = await generate(
    [{ name: 'commonName', value: 'sns.amazonaws.com' }],
    {
      keySize: 2048,
      algorithm: 'sha256',
    },
  );
  await fs.mkdir(directory, { recursive: true });
  await fs.writeFile(path.join(directory, name), cert);
  return { privateKeyPem, certificateUrl: `https://sns.us-east-1.amazonaws.com/${name}` };
}

function signNext(from: number, key: SigningKey): Promise<Buffer[]> {
  return Promise.all(Array.from({ length: SIGNED_AT_ONCE }, (_, index) => makeRequest(from + index, key)));
}

interface Counts {
  accepted: number;
  refused: number;
}

/** All connections post what `next` gives, until `work` is done; resolves to what came of them in all. */
async function postUntil(
  port: number,
  next: () => Buffer | undefined,
  work: (counts: Readonly<Counts>) => Promise<void>,
): Promise<Counts> {
  const counts: Counts = { accepted: 0, refused: 0 };
  const end = new AbortController();
  const connections = await connectAll(port);
  const posting = Promise.all(
    connections.map(async (connection) => {
      while (!end.signal.aborted) {
        const request = next();
        if (!request) throw new Error('Too few messages were signed.');
        const isAccepted = (await connection.post(request)) === 200;
        counts[isAccepted ? 'accepted' : 'refused'] += 1;
      }
    }),
  );
  try {
    await Promise.race([
      work(counts),
      posting.then(() => Promise.reject(new Error('The load ended early.'))),
    ]);
    return counts;
  } finally {
    end.abort();
    await posting.catch(() => {});
    for (const connection of connections) connection.end();
  }
}

function cycle(list: readonly Buffer[]): () => Buffer | undefined {
  let next = 0;
  return () => list[next++ % list.length];
}

function connectAll(port: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: CONNECTIONS }, () => Connection.open(port)));
}

const HEAD_END = '\r\n\r\n';

/**
 * One request at a time over one connection. Not `node:http`, whose client costs as much as the services that are
 * measured, on the same cores.
 */
class Connection {
  readonly #socket: net.Socket;
  #received = '';
  #answer: PromiseWithResolvers<number> | undefined;

  static async open(port: number): Promise<Connection> {
    const socket = net.connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new Connection(socket);
  }

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', (error) => this.#answer?.reject(error));
    socket.on('close', () => this.#answer?.reject(new Error('The connection was closed.')));
  }

  /** Resolves to the answer's status. */
  post(request: Buffer): Promise<number> {
    this.#answer = Promise.withResolvers<number>();
    this.#socket.write(request);
    return this.#answer.promise;
  }

  end(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const length = /content-length: (\d+)/i.exec(this.#received)?.[1];
    if (this.#received.length < headEnd + HEAD_END.length + Number(length)) return;
    const status = Number(this.#received.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
    this.#received = '';
    this.#answer?.resolve(status);
  }
}

answerParent(operations);
