/** The processes that a run keeps from its beginning to its end, and how a bridge is started for a sample. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BridgeChild, makeBridgeEnvironment } from '../../src/sandbox/bridge-child.ts';
import type { ComparisonOperations } from './comparison-process.ts';
import type { ConnectOperations } from './connect-process.ts';
import { Helper } from './helper-process.ts';
import type { LoadOperations } from './load-process.ts';
import type { SdkOperations } from './sdk-process.ts';

/** What Connect takes for an answer where deliveries are counted. */
export const CONNECT_ANSWER_MS = 5;

/** How long samples are and how often they are taken. */
export interface Extent {
  readonly rounds: number;
  /** Of what a new bridge is warmed with. */
  readonly repeatMs: number;
  readonly warmMs: number;
  readonly measureMs: number;
  /** Messages signed in advance: each bridge takes them from the first. */
  readonly signed: number;
  readonly latencySamples: number;
  readonly startSamples: number;
  readonly backlog: {
    readonly messages: number;
    readonly conversations: number;
    /** How long a service works on it before its memory is looked at. */
    readonly workMs: number;
  };
}

export interface Bench extends AsyncDisposable {
  readonly directory: string;
  readonly load: Helper<LoadOperations>;
  readonly connect: Helper<ConnectOperations>;
  readonly sdk: Helper<SdkOperations>;
  readonly ports: { readonly connect: number; readonly floor: number; readonly peer: number };
  /** With an empty store of its own, unless `changes` say otherwise. */
  readonly startBridge: (changes?: Readonly<Record<string, string>>) => Promise<StartedBridge>;
}

export interface StartedBridge extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly adminUrl: string;
  /** In order: disposing of it is a kill. */
  stop(): Promise<unknown>;
}

/** More than any machine sends. */
export const UNLIMITED_PACE = { CONNECT_RATE: '1000000', CONNECT_BURST: '1000000' } as const;

export async function startBench(extent: Extent): Promise<Bench> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-bench-'));
  const certificateDirectory = path.join(directory, 'certs');
  using helpers = new DisposableStack();
  const load = helpers.use(new Helper<LoadOperations>('load-process.ts'));
  const connect = helpers.use(new Helper<ConnectOperations>('connect-process.ts'));
  const sdk = helpers.use(new Helper<SdkOperations>('sdk-process.ts'));
  const floor = helpers.use(new Helper<ComparisonOperations>('comparison-process.ts', ['floor']));
  const peer = helpers.use(new Helper<ComparisonOperations>('comparison-process.ts', ['peer']));
  await load.call('prepare', { count: extent.signed, certificateDirectory });
  const ports = {
    connect: await connect.call('listen'),
    floor: await floor.call('listen', { certificateDirectory }),
    peer: await peer.call('listen', { certificateDirectory }),
  };
  const kept = helpers.move();
  return {
    directory,
    load,
    connect,
    sdk,
    ports,
    startBridge: (changes) => startBridge(directory, ports.connect, changes),
    [Symbol.asyncDispose]: async () => {
      kept.dispose();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function startBridge(
  benchDirectory: string,
  connectPort: number,
  changes: Readonly<Record<string, string>> = {},
): Promise<StartedBridge> {
  const directory = fs.mkdtempSync(path.join(benchDirectory, 'bridge-'));
  const connectUrl = `http://127.0.0.1:${connectPort}`;
  const environment: Record<string, string> = {
    ...(await makeBridgeEnvironment({ directory, connectUrl, snsUrl: connectUrl })),
    SNS_CERT_DIR: path.join(benchDirectory, 'certs'),
    ...changes,
  };
  const child = await BridgeChild.start(environment, path.join(directory, 'bridge.log'));
  return {
    port: Number(environment['PORT']),
    pid: child.pid ?? 0,
    adminUrl: child.adminUrl,
    stop: () => child.stop(),
    // Its store goes with it: nothing has to be drained.
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await child.exited;
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}
