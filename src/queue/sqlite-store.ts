import { Worker } from 'node:worker_threads';
import { BridgeError } from '../errors.ts';
import type { ChatParties } from '../normalize/agent-reply.ts';
import { WorkerCalls } from '../worker-calls.ts';
import type {
  AcceptedItem,
  AcceptRequest,
  ClaimedHeads,
  ClaimRequest,
  Erasure,
  MessageDetail,
  MessageFilter,
  MessagePage,
  Maintenance,
  MessageStore,
  MessageSummary,
  OutcomeReport,
  RedriveOutcome,
  RedriveRequest,
  StoreRole,
  StoreStatus,
} from './message-store.ts';
import { STORE_WAITS } from './sqlite/database.ts';
import type { StoreWaits } from './sqlite/database.ts';
import type { Aged } from './sqlite/maintain.ts';
import type {
  OperationName,
  Operations,
  StoreCalls,
  StoreFault,
  StoreOptions,
  StoreRequest,
  WorkerGreeting,
} from './sqlite/protocol.ts';
import { unpackFault } from './sqlite/store-fault.ts';

/** For ending aged rows, batch by batch, in one maintenance; the rest waits for the next. */
const MAINTENANCE_MAX_MS = 20_000;

/** Raw notifications that wait for their commit at most, characters. */
const MAX_ACCEPTING_SIZE = 64 * 1024 * 1024;

export interface SqliteStoreOptions {
  readonly waits?: StoreWaits;
  /** By default a service's is, and a command's is not. */
  readonly isThreaded?: boolean;
}

/** The message store in one SQLite file. */
export class SqliteStore implements MessageStore {
  readonly #calls: StoreCalls;
  readonly lost: Promise<unknown>;
  /** Of what is being accepted, characters. */
  #acceptingSize = 0;
  #isClosing = false;

  /**
   * A service's work is done by a thread of its own (see sqlite/worker.ts). A command has nothing to do meanwhile: to it a
   * thread would only be a later start.
   * Throws STORE_MISSING, STORE_IN_USE, STORE_TOO_NEW, STORE_TOO_OLD or STORE_UNAVAILABLE.
   */
  static async open(
    file: string,
    role: StoreRole,
    { waits = STORE_WAITS[role], isThreaded = role === 'service' }: SqliteStoreOptions = {},
  ): Promise<SqliteStore> {
    const options: StoreOptions = { file, role, waits };
    if (isThreaded) return new SqliteStore(await startThread(options));
    // A service's own thread has no use for SQLite.
    const { DirectCalls } = await import('./sqlite/direct-calls.ts');
    return new SqliteStore(new DirectCalls(options));
  }

  private constructor(calls: StoreCalls) {
    this.#calls = calls;
    this.lost = new Promise((resolve) => {
      void calls.ended.then((end) => !this.#isClosing && resolve(end));
    });
  }

  /** Rejects with OVERLOADED while more waits for the disk than may: a request that gave up waiting still does. */
  async accept(request: AcceptRequest): Promise<readonly AcceptedItem[]> {
    const size = request.items.reduce((sum, { raw }) => sum + raw.length, 0);
    if (this.#acceptingSize + size > MAX_ACCEPTING_SIZE) throw new BridgeError('OVERLOADED');
    this.#acceptingSize += size;
    try {
      return await this.#call('accept', request);
    } finally {
      this.#acceptingSize -= size;
    }
  }

  claimHeads(request: ClaimRequest): Promise<ClaimedHeads> {
    return this.#call('claimHeads', request);
  }

  recordOutcome(report: OutcomeReport): Promise<'recorded' | 'superseded'> {
    return this.#call('recordOutcome', report);
  }

  async maintain(now: number, retentionMs: number): Promise<Maintenance> {
    const batches: Aged[] = [];
    const endsAt = performance.now() + MAINTENANCE_MAX_MS;
    do {
      batches.push(await this.#call('endAged', { now, retentionMs }));
    } while (batches.at(-1)?.hasMore && performance.now() < endsAt);
    return {
      tooOld: batches.flatMap(({ tooOld }) => tooOld),
      expired: batches.reduce((sum, { expired }) => sum + expired, 0),
      isErasureDone: await this.#call('shrink', undefined),
    };
  }

  status(): Promise<StoreStatus> {
    return this.#call('status', undefined);
  }

  listMessages(filter: MessageFilter, page: MessagePage): Promise<readonly MessageSummary[]> {
    return this.#call('listMessages', { filter, page });
  }

  countMessages(filter: MessageFilter): Promise<number> {
    return this.#call('countMessages', filter);
  }

  readMessage(id: number): Promise<MessageDetail | undefined> {
    return this.#call('readMessage', id);
  }

  findChat(contactId: string): Promise<ChatParties | undefined> {
    return this.#call('findChat', contactId);
  }

  redrive(request: RedriveRequest): Promise<RedriveOutcome> {
    return this.#call('redrive', request);
  }

  discard(ids: readonly number[], now: number): Promise<number> {
    return this.#call('discard', { ids, now });
  }

  async eraseCustomer(customerAddress: string, now: number): Promise<Erasure> {
    const erasure = await this.#call('eraseCustomer', { customerAddress, now });
    // What is erased is still in the WAL.
    if (!erasure.isBusy) await this.#call('shrink', undefined);
    return erasure;
  }

  async ping(): Promise<void> {
    await this.#call('ping', undefined);
  }

  async close(): Promise<void> {
    const isFirst = !this.#isClosing;
    this.#isClosing = true;
    if (isFirst && !this.#calls.hasEnded) await this.#call('close', undefined);
    await this.#calls.ended;
  }

  #call<Name extends OperationName>(
    operation: Name,
    argument: Operations[Name]['argument'],
  ): Promise<Operations[Name]['result']> {
    return this.#calls.call({ operation, argument }) as Promise<Operations[Name]['result']>;
  }
}

async function startThread(options: StoreOptions): Promise<StoreCalls> {
  const worker = new Worker(new URL('./sqlite/worker.ts', import.meta.url), { workerData: options });
  const greeting = await new Promise<WorkerGreeting>((resolve, reject) => {
    const greet = (message: WorkerGreeting | object): void => {
      // Under `node --watch`, Node's own messages come before it.
      if (!('opened' in message || 'fault' in message)) return;
      worker.off('message', greet);
      resolve(message);
    };
    worker.on('message', greet);
    worker.once('error', reject);
    worker.once('exit', () => reject(new BridgeError('STORE_UNAVAILABLE', { detail: 'Its thread ended.' })));
  });
  if ('fault' in greeting) throw unpackFault(greeting.fault);
  return new WorkerCalls<StoreRequest, StoreFault>(worker, {
    thread: 'The store’s thread',
    toError: unpackFault,
    toLoss: (end) => new BridgeError('STORE_UNAVAILABLE', { cause: end }),
  });
}
