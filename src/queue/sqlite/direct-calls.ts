import { setTimeout as delay } from 'node:timers/promises';
import { BridgeError } from '../../errors.ts';
import type { Database } from './database.ts';
import type { StoreCalls, StoreOptions, StoreRequest } from './protocol.ts';
import { isWrite, openDatabase, serve } from './server.ts';
import { toBridgeError, unpackFault } from './store-fault.ts';

/** The longest that SQLite sleeps before it looks again whether a file is free. */
const OTHERS_TURN_MAX_MS = 100;

/** What a store is asked for, carried out at once, one by one, by the thread that asks. */
export class DirectCalls implements StoreCalls {
  readonly #database: Database;
  readonly #end = Promise.withResolvers<void>();
  readonly ended = this.#end.promise;
  #hasEnded = false;
  /** Over when others have had the file for as long as the last write took, or for OTHERS_TURN_MAX_MS. */
  #othersTurn: Promise<void> = Promise.resolve();

  /** Throws a BridgeError. */
  constructor(options: StoreOptions) {
    try {
      this.#database = openDatabase(options);
    } catch (error) {
      throw toBridgeError(error);
    }
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  async call(request: StoreRequest): Promise<unknown> {
    if (this.#hasEnded) throw new BridgeError('STORE_UNAVAILABLE');
    if (request.operation === 'close') {
      this.#hasEnded = true;
      this.#end.resolve();
    }
    await this.#othersTurn;
    const startedAt = performance.now();
    const [reply] = [...serve(this.#database, [{ ...request, id: 0 }])].flat();
    if (this.#database.role === 'command' && isWrite(request)) {
      // A service that waits for the file looks now and then whether it is free: between two writes at once it never is.
      this.#othersTurn = delay(Math.min(performance.now() - startedAt, OTHERS_TURN_MAX_MS));
    }
    if (reply && 'fault' in reply) throw unpackFault(reply.fault);
    return reply?.result;
  }
}
