import { BridgeError } from '../../errors.ts';
import type { Database } from './database.ts';
import type { StoreCalls, StoreOptions, StoreRequest } from './protocol.ts';
import { openDatabase, serve } from './server.ts';
import { packFault, unpackFault } from './store-fault.ts';

/** What a store is asked for, carried out at once, one by one, by the thread that asks. */
export class DirectCalls implements StoreCalls {
  readonly #database: Database;
  readonly #end = Promise.withResolvers<unknown>();
  readonly ended = this.#end.promise;
  hasEnded = false;

  /** Throws a BridgeError. */
  constructor(options: StoreOptions) {
    try {
      this.#database = openDatabase(options);
    } catch (error) {
      throw unpackFault(packFault(error));
    }
  }

  async call(request: StoreRequest): Promise<unknown> {
    if (this.hasEnded) throw new BridgeError('STORE_UNAVAILABLE');
    if (request.operation === 'close') {
      this.hasEnded = true;
      this.#end.resolve(undefined);
    }
    const [reply] = [...serve(this.#database, [{ ...request, id: 0 }])].flat();
    if (reply && 'fault' in reply) throw unpackFault(reply.fault);
    return reply?.result;
  }
}
