/**
 * A service's store is a thread of its own, so that no disk ever blocks the event loop. Whatever has been posted while the
 * last batch was synced is served together, and nobody waits for company. Replies leave after the commit.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { StoreCall, StoreOptions } from './protocol.ts';
import { MAX_BATCH, openDatabase, serve } from './server.ts';
import { packFault } from './store-fault.ts';

if (!parentPort) throw new Error('The store’s thread is started by SqliteStore.');
const port = parentPort;

try {
  const db = openDatabase(workerData as StoreOptions);
  port.on('message', (first: readonly StoreCall[]) => {
    const calls = takeWaiting(first);
    for (const replies of serve(db, calls)) port.postMessage(replies);
    if (calls.some(({ operation }) => operation === 'close')) port.close();
  });
  port.postMessage({ opened: true });
} catch (error) {
  port.postMessage({ fault: packFault(error) });
  port.close();
}

/** What has been posted, up to a full batch, and the rest of what came with its last. */
function takeWaiting(first: readonly StoreCall[]): readonly StoreCall[] {
  const calls = [...first];
  while (calls.length < MAX_BATCH) {
    const next = receiveMessageOnPort(port);
    if (!next) break;
    calls.push(...next.message);
  }
  return calls;
}
