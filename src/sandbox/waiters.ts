/** Those who wait for something to become true: they are asked again at each change, and never wait without end. */
export class Waiters {
  readonly #waiting = new Set<{ readonly isDone: () => boolean; readonly resolve: () => void }>();

  /** Resolves as soon as `isDone`; rejects after `timeoutMs` with what `describe` then says. */
  async until(isDone: () => boolean, timeoutMs: number, describe: () => string): Promise<void> {
    if (isDone()) return;
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        isDone,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        reject(new Error(`After ${timeoutMs} ms: ${describe()}`));
      }, timeoutMs);
      // What waits must not keep a process alive that is otherwise done.
      timer.unref();
      this.#waiting.add(waiter);
    });
  }

  changed(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.isDone()) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }
}

/** Whether it resolved within so many milliseconds; what comes later is of no account. */
export async function within(timeoutMs: number, happening: Promise<unknown>): Promise<boolean> {
  const { promise: over, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), timeoutMs);
  const happened = happening.then(
    () => true,
    () => false,
  );
  const isDone = await Promise.race([happened, over]);
  clearTimeout(timer);
  return isDone;
}
