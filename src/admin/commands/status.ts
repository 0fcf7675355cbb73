import type { Books, PausedDestination, StoreStatus } from '../../queue/message-store.ts';
import type { CommandIo } from '../command-io.ts';
import { withStore } from '../command-store.ts';
import { formatInstant } from '../instants.ts';

/** Prints what is in the store: counts by state, paused destinations and chats that wait with what to do, the books. */
export async function status({ json }: { readonly json?: boolean }, io: CommandIo): Promise<number> {
  const facts = await withStore(io, (store) => store.status());
  io.stdout.write(json ? `${JSON.stringify(facts, undefined, 2)}\n` : describe(facts, Date.now()));
  return 0;
}

function describe(facts: StoreStatus, now: number): string {
  const { books, paused, oldestPendingAt } = facts;
  return [
    `Messages   ${describeMessages(facts)}`,
    `Oldest     ${oldestPendingAt === undefined ? 'none is waiting' : `waits since ${formatInstant(oldestPendingAt)} (${span(now - oldestPendingAt)})`}`,
    ...describePauses(paused, now),
    ...describeWaitingChats(facts),
    ...describeBooks(books),
    '',
  ].join('\n');
}

function describeMessages({ messages }: StoreStatus): string {
  const states = ['pending', 'sending', 'dead'] as const;
  return states
    .map((state) => {
      const ofState = messages.filter((message) => message.state === state);
      const total = ofState.reduce((sum, { count }) => sum + count, 0);
      const byChannel = ofState.map(({ channel, count }) => `${channel} ${count}`).join(', ');
      return `${state} ${total}${byChannel && ` (${byChannel})`}`;
    })
    .join(' · ');
}

function describePauses(paused: readonly PausedDestination[], now: number): string[] {
  if (paused.length === 0) return ['Paused     no destination'];
  return paused.flatMap(({ destination, code, reason, pausedAt, nextProbeAt }) => [
    `Paused     ${destination}`,
    `           since ${formatInstant(pausedAt)} (${span(now - pausedAt)}), next probe in ${span(Math.max(0, nextProbeAt - now))}`,
    `           ${code}: ${reason}`,
  ]);
}

/** The one error that makes chats wait is that there are too many, whatever AWS calls it. */
function describeWaitingChats({ waitingChats }: StoreStatus): string[] {
  return Object.entries(waitingChats).map(([code, count]) => {
    const conversations = count === 1 ? '1 conversation waits' : `${count} conversations wait`;
    return `Chats      ${conversations} for a chat (${code}): the instance has as many as it may; end some, or ask AWS for more`;
  });
}

function describeBooks(books: Books): string[] {
  const { received, delivered, duplicate, ignored, dead, discarded, pending } = books;
  return [
    `Books      received ${received} = delivered ${delivered} + duplicate ${duplicate} + ignored ${ignored} + dead ${dead} + discarded ${discarded} + pending ${pending}${books.isBalanced ? '' : '   NOT BALANCED: please report it'}`,
    `           possible duplicates ${books.possibleDuplicate}, arrived late ${books.arrivedLate}`,
    ...describeReasons('ignored', books.ignoredByReason),
    ...describeReasons('dead', books.deadByReason),
  ];
}

function describeReasons(title: string, reasons: Readonly<Record<string, number>>): string[] {
  const rows = Object.entries(reasons).map(([reason, count]) => `${reason} ${count}`);
  return rows.length > 0 ? [`           ${title}: ${rows.join(', ')}`] : [];
}

function span(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3_600)} h`;
}
