/** The bench's own processes: each answers calls of the one that started it, and ends with it. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import path from 'node:path';

// A call's argument is whatever the operation says; only `never` lets every one of them in.
type OperationTable = Readonly<Record<string, (argument: never) => unknown>>;

interface Call {
  readonly id: number;
  readonly operation: string;
  readonly argument: unknown;
}

type Reply = { readonly id: number } & ({ readonly result: unknown } | { readonly fault: string });

/** In the helper: answers what it is asked until its parent is gone. */
export function answerParent(operations: OperationTable): void {
  process.on('message', ({ id, operation, argument }: Call) => {
    const work = operations[operation] as ((argument: unknown) => unknown) | undefined;
    Promise.resolve()
      .then(() => work?.(argument))
      .then(
        (result) => process.send?.({ id, result } satisfies Reply),
        (error: unknown) => process.send?.({ id, fault: String(error) } satisfies Reply),
      );
  });
  process.once('disconnect', () => process.exit());
}

/** In the parent: a helper that runs one of this folder's files. */
export class Helper<Operations extends OperationTable> implements Disposable {
  readonly #child: ChildProcess;
  readonly #waiters = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  constructor(file: string, words: readonly string[] = []) {
    this.#child = fork(path.join(import.meta.dirname, file), words);
    this.#child.on('message', (reply: Reply) => {
      const waiter = this.#waiters.get(reply.id);
      this.#waiters.delete(reply.id);
      if ('fault' in reply) waiter?.reject(new Error(`${file}: ${reply.fault}`));
      else waiter?.resolve(reply.result);
    });
    this.#child.once('exit', () => {
      for (const { reject } of this.#waiters.values()) reject(new Error(`${file} has ended.`));
    });
  }

  call<Name extends keyof Operations & string>(
    operation: Name,
    ...[argument]: Parameters<Operations[Name]>
  ): Promise<Awaited<ReturnType<Operations[Name]>>> {
    const waiter = Promise.withResolvers<unknown>();
    this.#lastId += 1;
    this.#waiters.set(this.#lastId, waiter);
    this.#child.send({ id: this.#lastId, operation, argument } satisfies Call);
    return waiter.promise as Promise<Awaited<ReturnType<Operations[Name]>>>;
  }

  [Symbol.dispose](): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

/** The same clock in every process of a machine, milliseconds. */
export function machineClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
