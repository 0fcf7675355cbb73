import { balanceBooks, bookDay } from '../books.ts';
import type { BookCounter, BookTotal, DeadTotal } from '../books.ts';
import type { Books, PausedDestination, StoreStatus } from '../message-store.ts';
import { countWaitingChats } from './chats.ts';
import type { Database } from './database.ts';

/** Adds to a day's counter, in the transaction of what it counts. */
export function book(db: Database, now: number, counter: BookCounter, label: string, count = 1): void {
  db.run(
    `INSERT INTO books (day, counter, label, count) VALUES (:day, :counter, :label, :count)
     ON CONFLICT DO UPDATE SET count = count + excluded.count`,
    { day: bookDay(now), counter, label, count },
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
    `SELECT min(accepted_at) AS oldestPendingAt FROM messages
     WHERE ${IS_KEPT} AND state IN ('pending', 'sending')`,
  );
  const paused = db.all<PausedDestination>(
    `SELECT destination, code, reason, paused_at AS pausedAt, next_probe_at AS nextProbeAt FROM pauses
     WHERE resumed_at IS NULL ORDER BY destination`,
  );
  return {
    books: readBooks(db, messages),
    messages,
    oldestPendingAt: oldestPendingAt ?? undefined,
    waitingChats: countWaitingChats(db),
    paused,
  };
}

function readBooks(db: Database, messages: StoreStatus['messages']): Books {
  const totals = db.all<BookTotal>(
    'SELECT counter, label, sum(count) AS count FROM books GROUP BY counter, label',
  );
  const dead = db.all<DeadTotal>(
    `SELECT reason, count(*) AS count FROM messages WHERE ${IS_KEPT} AND state = 'dead' GROUP BY reason`,
  );
  return balanceBooks(totals, dead, messages);
}
