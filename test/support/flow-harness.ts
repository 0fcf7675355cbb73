/**
 * The whole service over real HTTP, between the sandbox's stand-ins. Beside what a test asserts itself, each flow test
 * holds when it ends: nothing personal in any log line (level trace) or metric; no rule of Connect's API broken; no
 * programmed fault left over; no lane still leased; no unforeseen error; balanced books.
 */
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough } from 'node:stream';
import { afterAll } from 'vitest';
import { status } from '../../src/admin/commands/status.ts';
import type { Environment } from '../../src/config.ts';
import type { Books } from '../../src/queue/message-store.ts';
import { SANDBOX_TOPIC_ARN, makeBridgeEnvironment } from '../../src/sandbox/bridge-child.ts';
import { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import type { ConnectStandInOptions } from '../../src/sandbox/connect-stand-in.ts';
import { EumStandIn } from '../../src/sandbox/eum-stand-in.ts';
import { Publications } from '../../src/sandbox/publications.ts';
import type { ConnectMethod } from '../../src/send/route.ts';
import { makeWamid, smsPayload, whatsAppPayload } from '../../src/sandbox/end-user-messaging.ts';
import type { SmsSample, WhatsAppSample } from '../../src/sandbox/end-user-messaging.ts';
import { createSnsSigner } from '../../src/sandbox/sns-signer.ts';
import type { SnsSigner } from '../../src/sandbox/sns-signer.ts';
import { SnsStandIn } from '../../src/sandbox/sns-stand-in.ts';
import type { Delivery, PublishOptions } from '../../src/sandbox/sns-stand-in.ts';
import { startBridgeInProcess } from './bridge-in-process.ts';
import { LogCheck } from './log-check.ts';
import { LogMemory } from './log-memory.ts';
import type { PostgresSchema } from './postgres.ts';

/** One run of the bridge, in this process or in one of its own. */
export interface RunningBridge {
  readonly publicUrl: string;
  readonly adminUrl: string;
  stop(): Promise<void>;
  logLines(): readonly string[];
}

export type StartBridge = (
  environment: Environment,
  directory: string,
  log: LogMemory,
) => Promise<RunningBridge>;

export interface FlowOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** SNS's waits before each retry; none unless given. */
  readonly retryDelaysMs?: readonly number[];
  readonly startBridge?: StartBridge;
  /** `integration-event` unless given. */
  readonly method?: ConnectMethod;
  readonly connect?: ConnectStandInOptions;
  /** The store, in place of a SQLite file. */
  readonly schema?: PostgresSchema;
}

/** Fast, and with waits only where a test is about them. */
const FLOW_ENVIRONMENT = {
  ORDER_HOLD_MS: '0',
  CONNECT_RATE: '5000',
  CONNECT_BURST: '5000',
  LOG_LEVEL: 'trace',
};

const PROBLEMS_SHOWN = 5;

const LEASED_LANES = 'SELECT id FROM lanes WHERE lease_token IS NOT NULL';

/** Runs `body` and closes everything; the invariants are checked where the body itself did not fail. */
export async function withFlow(options: FlowOptions, body: (flow: Flow) => Promise<void>): Promise<void> {
  const flow = await Flow.start(options);
  try {
    await body(flow);
    await flow.checkInvariants();
  } finally {
    await flow.close();
  }
}

export class Flow {
  readonly directory: string;
  readonly connect: ConnectStandIn;
  readonly sns: SnsStandIn;
  readonly eum: EumStandIn;
  /** What Connect streams of chats that the bridge opens, on its way to the bridge. */
  readonly publications: Publications;
  readonly signer: SnsSigner;
  environment: Environment;
  readonly log = new LogMemory();
  readonly logCheck = new LogCheck();
  readonly #startBridge: StartBridge;
  readonly #schema: PostgresSchema | undefined;
  /** Beside the one that SNS calls. */
  readonly #replicas: RunningBridge[] = [];
  readonly #earlierLogLines: string[] = [];
  #bridge: RunningBridge | undefined;

  private constructor(parts: {
    readonly directory: string;
    readonly connect: ConnectStandIn;
    readonly sns: SnsStandIn;
    readonly eum: EumStandIn;
    readonly signer: SnsSigner;
    readonly environment: Environment;
    readonly startBridge: StartBridge;
    readonly schema: PostgresSchema | undefined;
  }) {
    this.directory = parts.directory;
    this.connect = parts.connect;
    this.sns = parts.sns;
    this.eum = parts.eum;
    this.publications = new Publications(parts.sns);
    parts.connect.onItem = (publication) => this.publications.publish(publication);
    this.signer = parts.signer;
    this.environment = parts.environment;
    this.#startBridge = parts.startBridge;
    this.#schema = parts.schema;
  }

  static async start(options: FlowOptions): Promise<Flow> {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-flow-'));
    const signer = await sharedSigner();
    const connect = await ConnectStandIn.start(options.connect);
    const eum = await EumStandIn.start();
    const { retryDelaysMs = [], method = 'integration-event' } = options;
    const sns = await SnsStandIn.start({ signer, topicArn: SANDBOX_TOPIC_ARN, retryDelaysMs });
    const urls = { directory, connectUrl: connect.url, snsUrl: sns.url, eumUrl: eum.url, method };
    const environment = {
      ...(await makeBridgeEnvironment(urls)),
      ...FLOW_ENVIRONMENT,
      SNS_CERT_DIR: signer.directory,
      ...(options.schema ? { STORE_URL: options.schema.url } : {}),
      ...options.env,
    };
    const { startBridge = startBridgeInProcess, schema } = options;
    const flow = new Flow({ directory, connect, sns, eum, signer, environment, startBridge, schema });
    try {
      await flow.startBridge();
    } catch (error) {
      await flow.close();
      throw error;
    }
    return flow;
  }

  get bridge(): RunningBridge {
    if (!this.#bridge) throw new Error('The bridge is not running.');
    return this.#bridge;
  }

  async startBridge(): Promise<void> {
    this.#bridge = await this.#startBridge(this.environment, this.directory, this.log);
    this.sns.subscribe(`${this.bridge.publicUrl}/sns`);
  }

  /** As after an operator changed the configuration. */
  async restartWith(env: Readonly<Record<string, string>>): Promise<void> {
    await this.stopBridge();
    this.environment = { ...this.environment, ...env };
    await this.startBridge();
  }

  /** One more on the same store. SNS calls it once the ones before have ended. */
  async startReplica(): Promise<RunningBridge> {
    const replica = await this.#startBridge(this.environment, this.directory, this.log);
    this.#replicas.push(replica);
    return replica;
  }

  /** All that run. */
  async stopBridge(): Promise<void> {
    for (; this.#bridge; this.forgetBridge()) await this.#bridge.stop();
  }

  /** The one that SNS called has ended, by whatever means; its log still counts. */
  forgetBridge(): void {
    this.#earlierLogLines.push(...(this.#bridge?.logLines() ?? []));
    this.#bridge = this.#replicas.shift();
    if (this.#bridge) this.sns.subscribe(`${this.#bridge.publicUrl}/sns`);
  }

  /** An SMS as SNS publishes it. A text of undefined leaves the body out. */
  async sms(sample: SmsSample, options: PublishOptions = {}): Promise<Delivery> {
    const payload = smsPayload(sample);
    this.addPersonal({ number: sample.from, externalId: payload['inboundMessageId'], text: sample.text });
    return this.sns.publish(JSON.stringify(payload), options);
  }

  /** One notification with all these WhatsApp texts in it. */
  async whatsApp(samples: readonly WhatsAppSample[], options: PublishOptions = {}): Promise<Delivery> {
    const full = samples.map((sample) => ({ ...sample, id: sample.id ?? makeWamid(sample.from) }));
    for (const { from, id, text } of full) this.addPersonal({ number: from, externalId: id, text });
    return this.sns.publish(JSON.stringify(whatsAppPayload(full)), options);
  }

  /** From here on, none of these may be in a log line or a metric. */
  addPersonal(facts: {
    readonly number?: string | undefined;
    readonly externalId?: string | undefined;
    readonly text?: string | undefined;
  }): void {
    if (facts.number) this.logCheck.addNumber(facts.number);
    if (facts.externalId) this.logCheck.addExternalId(facts.externalId);
    if (facts.text) this.logCheck.addText(facts.text);
  }

  /** Any body at all. */
  async post(body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return send(`${this.bridge.publicUrl}/sns`, 'POST', headers, body);
  }

  /** Sends these bytes and no more; resolves to what comes back until the connection ends. `isEnded`: says that it was all. */
  async postRaw(text: string, { isEnded = false } = {}): Promise<string> {
    const { port } = new URL(this.bridge.publicUrl);
    const socket = net.connect(Number(port), '127.0.0.1');
    if (isEnded) socket.end(text);
    else socket.write(text);
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  async get(url: string): Promise<Answer> {
    return send(url, 'GET');
  }

  async metrics(): Promise<string> {
    return (await this.get(`${this.bridge.adminUrl}/metrics`)).body;
  }

  async readiness(): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const { status, body } = await this.get(`${this.bridge.adminUrl}/readyz`);
    return { status, body: JSON.parse(body) as Record<string, unknown> };
  }

  /** The books, as `bridge status --json` shows them. */
  async books(): Promise<Books> {
    let stdout = '';
    const write = (text: string): void => void (stdout += text);
    const io = { env: this.environment, stdout: { write }, stderr: { write }, stdin: new PassThrough() };
    await status({ json: true }, io);
    return (JSON.parse(stdout) as { books: Books }).books;
  }

  async checkInvariants(): Promise<void> {
    await this.publications.delivered();
    const metrics = this.#bridge ? (await this.metrics()).split('\n') : [];
    const books = await this.books();
    await this.stopBridge();
    const problems = [
      ...this.logCheck.problemsIn('the log', this.#earlierLogLines),
      ...this.logCheck.problemsIn('the metrics', metrics),
      ...this.#earlierLogLines
        .filter((line) => line.includes('"INTERNAL"'))
        .map((line) => `unforeseen error: ${line}`),
      ...this.connect.ruleProblems.map((problem) => `Connect's API rules: ${problem}`),
      ...this.eum.ruleProblems.map((problem) => `End User Messaging's API rules: ${problem}`),
      ...(this.eum.unusedFaults > 0
        ? [`${this.eum.unusedFaults} faults of End User Messaging's were not used`]
        : []),
      ...(this.connect.unusedFaults > 0
        ? [`${this.connect.unusedFaults} faults of Connect's were not used`]
        : []),
      ...(this.sns.unusedFaults > 0 ? [`${this.sns.unusedFaults} faults of SNS's API were not used`] : []),
      ...(await this.#leasedLanes()).map((lane) => `lane ${String(lane)} is still leased`),
      ...describeImbalance(books),
    ];
    const shown = problems.slice(0, PROBLEMS_SHOWN).join('\n');
    if (problems.length > 0) throw new Error(`${problems.length} broken invariants:\n${shown}`);
  }

  /** For a test that shares one flow with others: the invariants, then the end. */
  async end(): Promise<void> {
    try {
      await this.checkInvariants();
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.connect.close();
    await Promise.all([this.#bridge, ...this.#replicas].map(async (bridge) => bridge?.stop()));
    await this.sns.close();
    await this.eum.close();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  async #leasedLanes(): Promise<readonly unknown[]> {
    const rows = this.#schema ? await this.#schema.query(LEASED_LANES) : this.#queryFile(LEASED_LANES);
    return rows.map((row) => row['id']);
  }

  #queryFile(sql: string): readonly Record<string, unknown>[] {
    const database = new DatabaseSync(path.join(this.directory, 'bridge.db'), { readOnly: true });
    const rows = database.prepare(sql).all();
    database.close();
    return rows;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

async function send(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

let signerPromise: Promise<SnsSigner & { readonly directory: string }> | undefined;

/** Registered before any test file's own hooks, and so the last to run. */
afterAll(async () => {
  if (signerPromise) fs.rmSync((await signerPromise).directory, { recursive: true });
});

/** One key for all tests of a file: making one takes longer than most tests. */
async function sharedSigner(): Promise<SnsSigner & { readonly directory: string }> {
  signerPromise ??= (async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-flow-certs-'));
    return { ...(await createSnsSigner({ directory })), directory };
  })();
  return signerPromise;
}

function describeImbalance(books: Books): string[] {
  const { received, delivered, duplicate, ignored, dead, discarded, pending } = books;
  const sum = delivered + duplicate + ignored + dead + discarded + pending;
  return received === sum && books.isBalanced ? [] : [`the books don’t balance: ${JSON.stringify(books)}`];
}
