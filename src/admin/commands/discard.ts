import type { MessageStore } from '../../queue/message-store.ts';
import type { CommandIo } from '../command-io.ts';
import { withStore } from '../command-store.ts';
import { EXIT_NOT_CONFIRMED, isConfirmed } from '../confirmation.ts';
import { listLetterIds, selectDeadLetters } from '../dead-letters.ts';
import type { DeadLetterOptions } from '../dead-letters.ts';

export interface DiscardOptions extends DeadLetterOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Of one transaction, so that acceptances are never held up for long. */
const BATCH_LETTERS = 200;

/** Gives up on dead letters for good: their content is erased. Resolves to 1 if it was not confirmed. Throws USAGE. */
export async function discard(
  ids: readonly string[],
  options: DiscardOptions,
  io: CommandIo,
): Promise<number> {
  const filter = selectDeadLetters(ids, options, Date.now());
  return withStore(io, async (store) => {
    const letterIds = await listLetterIds(store, filter);
    const letters = letterIds.length;
    if (!options.json) {
      io.stdout.write(
        letters === 0 ? 'No dead letter is among those asked for.\n' : `Dead letters: ${letters}.\n`,
      );
    }
    const question = `Discard ${letters} dead letters, and erase their content for good?`;
    const isDone = letters > 0 && (await isConfirmed(question, options, io));
    const discarded = isDone ? await discardAll(store, letterIds) : 0;
    if (options.json) io.stdout.write(`${JSON.stringify({ letters, isDone, discarded }, undefined, 2)}\n`);
    else if (isDone) io.stdout.write(`${discarded} discarded\n`);
    return isDone || letters === 0 ? 0 : EXIT_NOT_CONFIRMED;
  });
}

async function discardAll(store: MessageStore, ids: readonly number[]): Promise<number> {
  let discarded = 0;
  for (let start = 0; start < ids.length; start += BATCH_LETTERS) {
    discarded += await store.discard(ids.slice(start, start + BATCH_LETTERS), Date.now());
  }
  return discarded;
}
