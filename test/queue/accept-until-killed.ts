/**
 * A process that dies in the middle: opens the store at argv[2], accepts two messages, claims one of them, says so on
 * standard output, and then goes on accepting until it is killed.
 */
import { SqliteStore } from '../../src/queue/sqlite-store.ts';
import { StoreScene } from './suite/store-scene.ts';

const store = await SqliteStore.open(process.argv[2] ?? '', 'service');
const scene = new StoreScene({
  store,
  reopen: () => Promise.reject(new Error('It is killed')),
  inspect: () => Promise.resolve(undefined),
  holds: () => Promise.resolve(false),
  dispose: () => store.close(),
});
await scene.accept({ from: '+14255550111', text: 'claimed' });
await scene.claimOne();
await scene.accept({ from: '+14255550122', text: 'pending' });
process.stdout.write('accepted\n');
for (;;) await scene.accept({ from: '+14255550133', text: 'more' });
