/** The real bridge as a process of its own, started as `npm start` starts it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Environment } from '../config.ts';
import { BridgeError } from '../errors.ts';
import type { ConnectMethod } from '../send/route.ts';
import { SANDBOX_CONTACT_FLOW_ID, SANDBOX_INSTANCE_ID } from './chat-streaming.ts';
import { SMS_NUMBER, SMS_NUMBER_ARN, SANDBOX_ACCOUNT, SANDBOX_REGION } from './end-user-messaging.ts';
import { findFreePort } from './local-server.ts';

const MAIN = path.join(import.meta.dirname, '..', 'main.ts');

const END_WITH_PARENT = new URL('end-with-parent.ts', import.meta.url).href;

const HEALTHY_TIMEOUT_MS = 60_000;
const HEALTH_POLL_MS = 20;
/** The bridge promises to be gone ten seconds after SIGTERM; then it is made to. */
const STOP_TIMEOUT_MS = 12_000;
const COMMAND_TIMEOUT_MS = 45_000;

export const SANDBOX_TOPIC_ARN = `arn:aws:sns:${SANDBOX_REGION}:${SANDBOX_ACCOUNT}:inbound-messages`;
/** Connect's chat streaming. */
export const SANDBOX_REPLY_TOPIC_ARN = `arn:aws:sns:${SANDBOX_REGION}:${SANDBOX_ACCOUNT}:agents-replies`;

export interface BridgeEnvironmentOptions {
  /** Holds `bridge.db` and `certs/`. */
  readonly directory: string;
  readonly connectUrl: string;
  readonly snsUrl: string;
  /** Where replies go. */
  readonly eumUrl?: string;
  /** `integration-event` unless given. */
  readonly method?: ConnectMethod;
}

const CHAT_PLACE = { instanceId: SANDBOX_INSTANCE_ID, contactFlowId: SANDBOX_CONTACT_FLOW_ID };

/** What each method needs to be told. */
const METHOD_ENVIRONMENTS = {
  'integration-event': {
    ROUTES: JSON.stringify({
      routes: [{ channel: 'sms', number: SMS_NUMBER, destinationId: SMS_NUMBER_ARN }],
    }),
  },
  participant: {
    CONNECT_METHOD: 'participant',
    REPLY_TOPIC_ARNS: SANDBOX_REPLY_TOPIC_ARN,
    ROUTES: JSON.stringify({
      routes: [
        { channel: 'sms', number: '*', destinationId: SMS_NUMBER_ARN, ...CHAT_PLACE },
        { channel: 'whatsapp', number: '*', ...CHAT_PLACE },
      ],
    }),
  },
} as const satisfies Record<ConnectMethod, Readonly<Record<string, string>>>;

/**
 * The bridge's whole environment, from scratch: nothing of the caller's own AWS set-up (profiles, endpoints, proxies)
 * gets in, so that no call can leave this machine.
 */
export async function makeBridgeEnvironment(
  options: BridgeEnvironmentOptions,
): Promise<Record<string, string>> {
  const { directory, connectUrl, snsUrl, method = 'integration-event' } = options;
  // One that is not there refuses what comes, and nothing leaves this machine.
  const eumUrl = options.eumUrl ?? connectUrl;
  const nowhere = path.join(directory, 'no-such-file');
  return {
    PATH: process.env['PATH'] ?? '',
    TOPIC_ARNS: SANDBOX_TOPIC_ARN,
    ...METHOD_ENVIRONMENTS[method],
    STORE_URL: `sqlite:${path.join(directory, 'bridge.db')}`,
    SNS_CERT_DIR: path.join(directory, 'certs'),
    HOST: '127.0.0.1',
    PORT: String(await findFreePort()),
    ADMIN_HOST: '127.0.0.1',
    ADMIN_PORT: String(await findFreePort()),
    AWS_REGION: SANDBOX_REGION,
    AWS_ENDPOINT_URL_CONNECT: connectUrl,
    AWS_ENDPOINT_URL_CONNECTPARTICIPANT: connectUrl,
    AWS_ENDPOINT_URL_SNS: snsUrl,
    AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2: eumUrl,
    AWS_ENDPOINT_URL_SOCIALMESSAGING: eumUrl,
    AWS_ACCESS_KEY_ID: 'SANDBOX',
    AWS_SECRET_ACCESS_KEY: 'not-a-secret',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: nowhere,
    AWS_SHARED_CREDENTIALS_FILE: nowhere,
    LOG_LEVEL: 'info',
  };
}

/** `code` is null where a signal ended it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class BridgeChild {
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly logPath: string;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #environment: Environment;
  #exit: Exit | undefined;

  private constructor(environment: Environment, logPath: string) {
    this.#environment = environment;
    this.logPath = logPath;
    this.publicUrl = `http://127.0.0.1:${environment['PORT']}`;
    this.adminUrl = `http://127.0.0.1:${environment['ADMIN_PORT']}`;
    const log = fs.openSync(logPath, 'a', 0o600);
    try {
      this.#child = spawn(process.execPath, ['--import', END_WITH_PARENT, MAIN, 'start'], {
        env: { ...environment },
        stdio: ['pipe', log, log],
        // A process group of its own: Ctrl-C in the terminal must not reach it before the sandbox stops it in order.
        detached: true,
      });
    } finally {
      fs.closeSync(log);
    }
    this.exited = new Promise((resolve) => {
      const end = (exit: Exit): void => {
        this.#exit ??= exit;
        resolve(this.#exit);
      };
      this.#child.once('error', () => end({ code: 71, signal: null }));
      this.#child.once('exit', (code, signal) => end({ code, signal }));
    });
  }

  /** Resolves once the bridge answers `GET /healthz`; rejects, with the end of its log, if it ends or takes too long. */
  static async start(environment: Environment, logPath: string): Promise<BridgeChild> {
    const child = new BridgeChild(environment, logPath);
    const giveUpAt = performance.now() + HEALTHY_TIMEOUT_MS;
    while (!(await child.#isHealthy())) {
      if (child.#exit || performance.now() > giveUpAt) {
        child.kill();
        const what = child.#exit ? `ended with ${describeExit(child.#exit)}` : 'did not become healthy';
        const detail = `The bridge ${what}. The end of its log:\n${child.logTail()}`;
        throw new BridgeError('INTERNAL', { detail });
      }
      await delay(HEALTH_POLL_MS);
    }
    return child;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  log(): string {
    return fs.readFileSync(this.logPath, 'utf8');
  }

  logTail(): string {
    return this.log().trimEnd().split('\n').slice(-10).join('\n');
  }

  /** Lets the bridge drain. */
  async stop(): Promise<Exit> {
    if (!this.#exit) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_TIMEOUT_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** `kill -9`: no draining, no goodbye. */
  kill(): void {
    if (!this.#exit) this.#child.kill('SIGKILL');
  }

  /** Runs another command of the bridge's beside it, in the same environment; standard output is its result. */
  async runCommand(...words: string[]): Promise<string> {
    return runBridgeCommand(this.#environment, words);
  }

  async #isHealthy(): Promise<boolean> {
    try {
      const response = await fetch(`${this.publicUrl}/healthz`, { signal: AbortSignal.timeout(1_000) });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}

export async function runBridgeCommand(environment: Environment, words: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: { ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: COMMAND_TIMEOUT_MS,
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (code !== 0) throw new Error(`bridge ${words.join(' ')} ended with ${code}: ${output.stderr}`);
  return output.stdout;
}

export function describeExit({ code, signal }: Exit): string {
  return signal ? `signal ${signal}` : `exit code ${code}`;
}
