/** The bridge's processes, as a supervisor and a load balancer treat them. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../../src/config.ts';
import { BridgeChild } from '../../src/sandbox/bridge-child.ts';
import type { Exit } from '../../src/sandbox/bridge-child.ts';
import { findFreePort } from '../../src/sandbox/local-server.ts';
import type { Recorder } from './recorder.ts';

const START_TRIES = 60;
const START_RETRY_MS = 250;
/** What a process that is gone had sent may still wait for this one's event loop: until that has kept time for a while. */
const STRAY_TURN_MS = 20;
const STRAY_TURN_LATE_MS = 60;
const STRAY_TURNS = 10;
const STRAY_TURNS_MOST = 250;
/** The same, of one that goes on after it was frozen. */
const THAW_MS = 1_000;

export interface FleetOptions {
  readonly environment: Environment;
  readonly size: number;
  readonly logDirectory: string;
  readonly recorder: Recorder;
}

interface Replica {
  readonly name: string;
  child: BridgeChild | undefined;
  isFrozen: boolean;
  isBusy: boolean;
}

export class Fleet {
  /** Starts that failed, for a store that was away: the supervisor tried again. */
  failedStarts = 0;
  /** Processes that ended without being told to. */
  readonly ownEnds: Exit[] = [];
  readonly #options: FleetOptions;
  readonly #replicas: readonly Replica[];
  readonly #logs: string[] = [];
  #turn = 0;
  #isStopping = false;

  private constructor(options: FleetOptions) {
    this.#options = options;
    this.#replicas = Array.from({ length: options.size }, (_, index) => ({
      name: `replica-${index + 1}`,
      child: undefined,
      isFrozen: false,
      isBusy: false,
    }));
  }

  /** All of them at once. */
  static async start(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    await Promise.all(fleet.#replicas.map((replica) => fleet.#start(replica)));
    return fleet;
  }

  /** The logs of all processes that ever ran. */
  get logs(): readonly string[] {
    return this.#logs;
  }

  /** The next one in turn that is up; where none is, the last that was. */
  nextUrl(): string | undefined {
    const up = this.#replicas.filter(({ child, isFrozen }) => child && !isFrozen);
    this.#turn += 1;
    return up[this.#turn % up.length]?.child?.publicUrl;
  }

  /** `kill -9`, and a new start `forMs` later. */
  async kill(pick: number, forMs: number): Promise<void> {
    const replica = await this.#take(pick);
    if (!replica?.child) return;
    const resume = this.#options.recorder.interrupt('kill');
    const { child } = replica;
    replica.child = undefined;
    child.kill();
    await child.exited;
    await strayRequestsSeen();
    resume();
    await sleep(forMs);
    await this.#start(replica);
    replica.isBusy = false;
  }

  /** SIGSTOP, and SIGCONT `forMs` later. */
  async freeze(pick: number, forMs: number): Promise<void> {
    const replica = await this.#take(pick);
    if (!replica?.child) return;
    const { child } = replica;
    const resume = this.#options.recorder.interrupt('freeze');
    if (child.pid) process.kill(child.pid, 'SIGSTOP');
    replica.isFrozen = true;
    await sleep(forMs);
    if (child.pid) process.kill(child.pid, 'SIGCONT');
    replica.isFrozen = false;
    await sleep(THAW_MS);
    resume();
    replica.isBusy = false;
  }

  /** SIGTERM to all; how each ended. */
  async stop(): Promise<readonly Exit[]> {
    this.#isStopping = true;
    return Promise.all(this.#replicas.flatMap(({ child }) => child?.stop() ?? []));
  }

  /** One that is up and not being killed or frozen already; waits for it. */
  async #take(pick: number): Promise<Replica | undefined> {
    for (let tries = 0; tries < START_TRIES; tries += 1) {
      const free = this.#replicas.filter(({ child, isBusy }) => child && !isBusy);
      const replica = free[pick % free.length];
      if (replica) {
        replica.isBusy = true;
        return replica;
      }
      await sleep(START_RETRY_MS);
    }
    return undefined;
  }

  async #start(replica: Replica): Promise<void> {
    const log = path.join(this.#options.logDirectory, `${replica.name}-${this.#logs.length + 1}.log`);
    this.#logs.push(log);
    for (let tries = 1; !this.#isStopping; tries += 1) {
      // Ports of its own at each start: SNS's connections to the one before can't reach it.
      const ports = { PORT: String(await findFreePort()), ADMIN_PORT: String(await findFreePort()) };
      try {
        const child = await BridgeChild.start({ ...this.#options.environment, ...ports }, log);
        replica.child = child;
        void child.exited.then((exit) => this.#afterExit(replica, child, exit));
        return;
      } catch (error) {
        this.failedStarts += 1;
        if (tries >= START_TRIES) throw error;
        await sleep(START_RETRY_MS);
      }
    }
  }

  async #afterExit(replica: Replica, child: BridgeChild, exit: Exit): Promise<void> {
    if (replica.child !== child || this.#isStopping) return;
    replica.child = undefined;
    this.ownEnds.push(exit);
    this.#options.recorder.interrupt('kill')();
    await this.#start(replica);
  }
}

async function strayRequestsSeen(): Promise<void> {
  let inTime = 0;
  for (let turn = 0; turn < STRAY_TURNS_MOST && inTime < STRAY_TURNS; turn += 1) {
    const startedAtMs = performance.now();
    await sleep(STRAY_TURN_MS);
    inTime = performance.now() - startedAtMs < STRAY_TURN_LATE_MS ? inTime + 1 : 0;
  }
}
