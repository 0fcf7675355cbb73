import { balanceBooks } from '../books.ts';
import type { BookTotal, DeadTotal } from '../books.ts';
import type { Books, PausedDestination, StoreStatus } from '../message-store.ts';
import { countWaitingChats } from './chats.ts';
import type { Row } from './statement.ts';
import type { Transaction } from './transaction.ts';

/** Rows of one counter, so that transactions that count side by side seldom meet. */
const SHARDS = 16;

/** In the order of the key, so that two transactions never wait for each other. */
export const BOOK_ENTRIES = `
  INSERT INTO books (day, counter, label, shard, count)
  SELECT day, counter, label, :shard::int, count
  FROM unnest(:days::text[], :counters::text[], :labels::text[], :counts::bigint[]) AS entry (day, counter, label, count)
  ORDER BY day COLLATE "C", counter COLLATE "C", label COLLATE "C"
  ON CONFLICT (day, counter, label, shard) DO UPDATE SET count = books.count + excluded.count`;

/** `entries`: counts by day, counter and label, as a JSON array. */
export function toBookRow(entries: ReadonlyMap<string, number>): Row {
  const keys = [...entries.keys()].map((key) => JSON.parse(key) as [string, string, string]);
  return {
    shard: Math.floor(Math.random() * SHARDS),
    days: keys.map(([day]) => day),
    counters: keys.map(([, counter]) => counter),
    labels: keys.map(([, , label]) => label),
    counts: [...entries.values()],
  };
}

export async function readStatus(db: Transaction): Promise<StoreStatus> {
  const messages = await db.all<StoreStatus['messages'][number]>(
    `SELECT coalesce(channel, 'unknown') AS channel, state, count(*) AS count FROM messages
     WHERE state IN ('pending', 'sending', 'dead') GROUP BY state, channel`,
  );
  const { oldestPendingAt } = await db.one<{ oldestPendingAt: number | null }>(
    `SELECT min(accepted_at) AS "oldestPendingAt" FROM messages WHERE state IN ('pending', 'sending')`,
  );
  const paused = await db.all<PausedDestination>(
    `SELECT destination, code, reason, paused_at AS "pausedAt", next_probe_at AS "nextProbeAt" FROM pauses
     WHERE resumed_at IS NULL ORDER BY destination`,
  );
  return {
    books: await readBooks(db, messages),
    messages,
    oldestPendingAt: oldestPendingAt ?? undefined,
    waitingChats: await countWaitingChats(db),
    paused,
  };
}

async function readBooks(db: Transaction, messages: StoreStatus['messages']): Promise<Books> {
  const totals = await db.all<BookTotal>(
    'SELECT counter, label, sum(count)::bigint AS count FROM books GROUP BY counter, label',
  );
  const dead = await db.all<DeadTotal>(
    `SELECT reason, count(*) AS count FROM messages WHERE state = 'dead' GROUP BY reason`,
  );
  return balanceBooks(totals, dead, messages);
}
