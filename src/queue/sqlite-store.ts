import { Worker } from 'node:worker_threads';
import { BridgeError } from '../errors.ts';
import type {
  AcceptedItem,
  AcceptRequest,
  ClaimedHeads,
  ClaimRequest,
  MessageStore,
  OutcomeReport,
  StoreStatus,
} from './message-store.ts';
import { STORE_WAITS } from './sqlite/database.ts';
import type { StoreRole } from './sqlite/database.ts';
import type {
  OperationName,
  Operations,
  StoreCall,
  StoreFault,
  StoreReply,
  WorkerGreeting,
  WorkerOptions,
} from './sqlite/protocol.ts';

/** Batches of aged rows that one maintenance ends at most; the rest waits for the next. */
const MAX_MAINTENANCE_BATCHES = 20;

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The message store in one SQLite file, whose work is done by a thread of its own (see sqlite/worker.ts). */
export class SqliteStore implements MessageStore {
  readonly #worker: Worker;
  readonly #waiters = new Map<number, Waiter>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  /** Why the thread is gone, once it is. */
  #end: unknown;

  /** Throws STORE_MISSING, STORE_IN_USE, STORE_TOO_NEW, STORE_TOO_OLD or STORE_UNAVAILABLE. */
  static async open(file: string, role: StoreRole, waits = STORE_WAITS): Promise<SqliteStore> {
    const options: WorkerOptions = { file, role, waits };
    const worker = new Worker(new URL('./sqlite/worker.ts', import.meta.url), { workerData: options });
    const greeting = await new Promise<WorkerGreeting>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    if ('fault' in greeting) throw toError(greeting.fault);
    return new SqliteStore(worker);
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (replies: readonly StoreReply[]) => this.#settle(replies));
    worker.on('error', (error) => this.#fail(error));
    this.#exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#fail(new Error('The store is closed.'));
        resolve();
      });
    });
  }

  accept(request: AcceptRequest): Promise<readonly AcceptedItem[]> {
    return this.#call('accept', request);
  }

  claimHeads(request: ClaimRequest): Promise<ClaimedHeads> {
    return this.#call('claimHeads', request);
  }

  recordOutcome(report: OutcomeReport): Promise<'recorded' | 'superseded'> {
    return this.#call('recordOutcome', report);
  }

  async maintain(now: number, retentionMs: number): Promise<void> {
    for (let batch = 0; batch < MAX_MAINTENANCE_BATCHES; batch++) {
      if (await this.#call('endAged', { now, retentionMs })) break;
    }
    await this.#call('shrink', undefined);
  }

  status(): Promise<StoreStatus> {
    return this.#call('status', undefined);
  }

  async ping(): Promise<void> {
    await this.#call('ping', undefined);
  }

  async close(): Promise<void> {
    if (this.#end === undefined) await this.#call('close', undefined);
    await this.#exited;
  }

  #call<Name extends OperationName>(
    operation: Name,
    argument: Operations[Name]['argument'],
  ): Promise<Operations[Name]['result']> {
    if (this.#end !== undefined)
      return Promise.reject(new BridgeError('STORE_UNAVAILABLE', { cause: this.#end }));
    const call: StoreCall<Name> = { id: ++this.#lastId, operation, argument };
    return new Promise((resolve, reject) => {
      this.#waiters.set(call.id, { resolve: resolve as (result: unknown) => void, reject });
      this.#worker.postMessage(call);
    });
  }

  #settle(replies: readonly StoreReply[]): void {
    for (const reply of replies) {
      const waiter = this.#waiters.get(reply.id);
      this.#waiters.delete(reply.id);
      if ('fault' in reply) waiter?.reject(toError(reply.fault));
      else waiter?.resolve(reply.result);
    }
  }

  #fail(error: unknown): void {
    this.#end ??= error;
    for (const waiter of this.#waiters.values()) {
      waiter.reject(new BridgeError('STORE_UNAVAILABLE', { cause: this.#end }));
    }
    this.#waiters.clear();
  }
}

function toError({ code, sentence }: StoreFault): BridgeError {
  return new BridgeError(code, sentence ? { detail: sentence } : {});
}
