/**
 * Calls to a worker thread: each is answered once, in whatever order, and none waits for a thread that has ended. The thread
 * gets and gives lists.
 */
import type { Worker } from 'node:worker_threads';

export type Call<Request> = Request & { readonly id: number };

export type Reply<Fault> =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly fault: Fault };

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface WorkerCallsOptions<Fault> {
  /** As it stands in a sentence: `The store’s thread`. */
  readonly thread: string;
  /** What a call whose work failed rejects with. */
  readonly toError: (fault: Fault) => unknown;
  /** What a call that the thread's end has cut off rejects with. */
  readonly toLoss: (end: unknown) => unknown;
}

/** `Fault` is what an error becomes on its way: structured cloning keeps neither an error's class nor its properties. */
export class WorkerCalls<Request extends object, Fault> {
  readonly #worker: Worker;
  readonly #options: WorkerCallsOptions<Fault>;
  readonly #waiters = new Map<number, Waiter>();
  /** Resolves once the thread has ended, with the reason. */
  readonly ended: Promise<unknown>;
  #posting: Call<Request>[] = [];
  #lastId = 0;
  #end: unknown;

  /** From now on the thread's messages are lists of replies. */
  constructor(worker: Worker, options: WorkerCallsOptions<Fault>) {
    this.#worker = worker;
    this.#options = options;
    worker.on('message', (message: unknown) => {
      // Under `node --watch`, Node posts what a thread imports to its parent, too.
      if (Array.isArray(message)) this.#settle(message as readonly Reply<Fault>[]);
    });
    worker.on('error', (error) => this.#fail(error));
    this.ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#fail(new Error(`${options.thread} has ended.`));
        resolve(this.#end);
      });
    });
  }

  /** Rejects by `toError` or `toLoss`, or with why its request can't be cloned (which fails what is posted with it, too). */
  call(request: Request): Promise<unknown> {
    if (this.hasEnded) return Promise.reject(this.#options.toLoss(this.#end));
    const call: Call<Request> = { ...request, id: ++this.#lastId };
    return new Promise((resolve, reject) => {
      this.#waiters.set(call.id, { resolve, reject });
      if (this.#posting.push(call) === 1) queueMicrotask(() => this.#post());
    });
  }

  /** What one callback has asked for goes together: a thread that is woken for each does less in the same time. */
  #post(): void {
    const calls = this.#posting;
    this.#posting = [];
    try {
      this.#worker.postMessage(calls);
    } catch (error) {
      for (const { id } of calls) {
        this.#waiters.get(id)?.reject(error);
        this.#waiters.delete(id);
      }
    }
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  #settle(replies: readonly Reply<Fault>[]): void {
    for (const reply of replies) {
      const waiter = this.#waiters.get(reply.id);
      this.#waiters.delete(reply.id);
      if ('fault' in reply) waiter?.reject(this.#options.toError(reply.fault));
      else waiter?.resolve(reply.result);
    }
  }

  #fail(error: unknown): void {
    this.#end ??= error;
    for (const { reject } of this.#waiters.values()) reject(this.#options.toLoss(this.#end));
    this.#waiters.clear();
  }
}
