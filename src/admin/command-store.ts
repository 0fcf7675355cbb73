import { loadSetting } from '../config.ts';
import type { MessageStore } from '../queue/message-store.ts';
import { openStore } from '../queue/open-store.ts';
import type { CommandIo } from './command-io.ts';

/** Does `work` with the store at STORE_URL, beside a service that may run, and closes it. */
export async function withStore<Result>(
  io: CommandIo,
  work: (store: MessageStore) => Promise<Result>,
): Promise<Result> {
  const store = await openStore(loadSetting(io.env, 'STORE_URL'), 'command');
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
