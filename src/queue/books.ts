/** What the books are made of, whatever store holds them. */
import type { Books, DeadReason, StoreStatus } from './message-store.ts';

/** Counters of the books; a label is a channel or a reason. `dead` and `pending` are counted where they lie. */
export type BookCounter =
  | 'received'
  | 'delivered'
  | 'duplicate'
  | 'ignored'
  | 'discarded'
  | 'possible_duplicate'
  | 'arrived_late';

/** A counter over all its days. */
export interface BookTotal {
  readonly counter: BookCounter;
  readonly label: string;
  readonly count: number;
}

export interface DeadTotal {
  readonly reason: DeadReason;
  readonly count: number;
}

/** The UTC day that a counter belongs to. */
export function bookDay(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}

/** The balance; all three have to be of one state of the store. */
export function balanceBooks(
  totals: readonly BookTotal[],
  dead: readonly DeadTotal[],
  messages: StoreStatus['messages'],
): Books {
  const ofCounter = (counter: BookCounter): Record<string, number> =>
    Object.fromEntries(
      totals.filter((total) => total.counter === counter).map(({ label, count }) => [label, count]),
    );
  const total = (counter: BookCounter): number => sum(Object.values(ofCounter(counter)));
  const counted = {
    received: total('received'),
    delivered: total('delivered'),
    duplicate: total('duplicate'),
    ignored: total('ignored'),
    discarded: total('discarded'),
    dead: sum(dead.map(({ count }) => count)),
    pending: sum(messages.filter(({ state }) => state !== 'dead').map(({ count }) => count)),
  };
  const { received, ...ends } = counted;
  return {
    ...counted,
    isBalanced: received === sum(Object.values(ends)),
    possibleDuplicate: total('possible_duplicate'),
    arrivedLate: total('arrived_late'),
    ignoredByReason: ofCounter('ignored'),
    deadByReason: Object.fromEntries(dead.map(({ reason, count }) => [reason, count])),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
