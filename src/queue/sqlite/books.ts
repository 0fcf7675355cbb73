import type { Books, DeadReason, PausedDestination, StoreStatus } from '../message-store.ts';
import type { Database } from './database.ts';

/** Counters of the books; a label is a channel or a reason. `dead` and `pending` are counted where they lie. */
export type BookCounter =
  | 'received'
  | 'delivered'
  | 'duplicate'
  | 'ignored'
  | 'discarded'
  | 'possible_duplicate'
  | 'arrived_late';

/** Adds to a day's counter, in the transaction of what it counts. */
export function book(db: Database, now: number, counter: BookCounter, label: string, count = 1): void {
  db.run(
    `INSERT INTO books (day, counter, label, count) VALUES (:day, :counter, :label, :count)
     ON CONFLICT DO UPDATE SET count = count + excluded.count`,
    { day: new Date(now).toISOString().slice(0, 10), counter, label, count },
  );
}

/**
 * The condition of the index messages_kept, word for word: SQLite takes a partial index only for a query that has its
 * condition among its own. Without it, what looks for a state looks at everything that was ever delivered.
 */
export const IS_KEPT = `state IN ('pending', 'sending', 'dead')`;

export function readStatus(db: Database): StoreStatus {
  const messages = db.all<StoreStatus['messages'][number]>(
    `SELECT coalesce(channel, 'unknown') AS channel, state, count(*) AS count FROM messages
     WHERE ${IS_KEPT} GROUP BY state, channel`,
  );
  const { oldestPendingAt } = db.one<{ oldestPendingAt: number | null }>(
    `SELECT min(accepted_at) AS oldestPendingAt FROM messages WHERE state IN ('pending', 'sending')`,
  );
  const paused = db.all<PausedDestination>(
    `SELECT destination, code, reason, paused_at AS pausedAt, next_probe_at AS nextProbeAt FROM pauses
     WHERE resumed_at IS NULL ORDER BY destination`,
  );
  return {
    books: readBooks(db, messages),
    messages,
    oldestPendingAt: oldestPendingAt ?? undefined,
    paused,
  };
}

interface BookTotal {
  readonly counter: BookCounter;
  readonly label: string;
  readonly count: number;
}

function readBooks(db: Database, messages: StoreStatus['messages']): Books {
  const totals = new Map<BookCounter, Record<string, number>>();
  for (const row of db.all<BookTotal>(
    'SELECT counter, label, sum(count) AS count FROM books GROUP BY counter, label',
  )) {
    totals.set(row.counter, { ...totals.get(row.counter), [row.label]: row.count });
  }
  const total = (counter: BookCounter): number => sum(Object.values(totals.get(counter) ?? {}));
  const dead = db.all<{ reason: DeadReason; count: number }>(
    `SELECT reason, count(*) AS count FROM messages WHERE ${IS_KEPT} AND state = 'dead' GROUP BY reason`,
  );
  const deadByReason = Object.fromEntries(dead.map(({ reason, count }) => [reason, count]));
  const counted = {
    received: total('received'),
    delivered: total('delivered'),
    duplicate: total('duplicate'),
    ignored: total('ignored'),
    discarded: total('discarded'),
    dead: sum(Object.values(deadByReason)),
    pending: sum(messages.filter(({ state }) => state !== 'dead').map(({ count }) => count)),
  };
  const { received, ...ends } = counted;
  return {
    ...counted,
    isBalanced: received === sum(Object.values(ends)),
    possibleDuplicate: total('possible_duplicate'),
    arrivedLate: total('arrived_late'),
    ignoredByReason: totals.get('ignored') ?? {},
    deadByReason,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
