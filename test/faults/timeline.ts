import type { HistoryEvent, RequestFate, SentKey } from './history.ts';

/** Instants are places in the history. */
export interface TimedRequest {
  readonly message: string;
  readonly at: number;
  /** When Connect decided on it: of a slow one, when that got into the chat. Infinity: never, its caller was gone. */
  readonly decidedAt: number;
  readonly fate: RequestFate;
  /** One of its message's senders gave up waiting: this request may have come, or have been answered, after that. */
  readonly mayBeLate: boolean;
}

export interface MessageTimeline {
  readonly postedAt: number | undefined;
  /** The first 200. */
  readonly acknowledgedAt: number | undefined;
  readonly requests: readonly TimedRequest[];
  /** One for each copy in a chat. */
  readonly taken: readonly number[];
}

export interface Timeline {
  of(message: string): MessageTimeline;
  /** Some interruption has a moment in common with the time from `from` to `to`. */
  isInterrupted(from: number, to: number): boolean;
}

const NOTHING: MessageTimeline = { postedAt: undefined, acknowledgedAt: undefined, requests: [], taken: [] };

export function readTimeline(events: readonly HistoryEvent[], timedOut: ReadonlySet<string>): Timeline {
  const placed = events.map((event, at) => ({ event, at }));
  const takenAt = new Map(
    placed.flatMap(({ event, at }) => (event.kind === 'taken' ? [[event.request, at] as const] : [])),
  );
  const decided = new Map(
    placed.flatMap(({ event, at }) =>
      event.kind === 'decided' ? [[event.request, { at, fate: event.fate }] as const] : [],
    ),
  );
  const groups = Map.groupBy(placed, ({ event }) => ('message' in event ? event.message : undefined));
  const timelines = new Map(
    [...groups].map(([message, group]) => [message, readMessage(group, { takenAt, decided }, timedOut)]),
  );
  const interruptions = readInterruptions(placed);
  return {
    of: (message) => timelines.get(message) ?? NOTHING,
    isInterrupted: (from, to) => interruptions.some((one) => one.from <= to && one.to >= from),
  };
}

/** By requests. */
interface Decisions {
  /** When a copy got into a chat. */
  readonly takenAt: ReadonlyMap<number, number>;
  readonly decided: ReadonlyMap<number, { readonly at: number; readonly fate: RequestFate }>;
}

interface Placed {
  readonly event: HistoryEvent;
  readonly at: number;
}

function readMessage(
  group: readonly Placed[],
  { takenAt, decided }: Decisions,
  timedOut: ReadonlySet<string>,
): MessageTimeline {
  const first = (kind: HistoryEvent['kind']): number | undefined =>
    group.find(({ event }) => event.kind === kind)?.at;
  return {
    postedAt: first('posted'),
    acknowledgedAt: first('acknowledged'),
    requests: group.flatMap(({ event, at }) => {
      if (event.kind !== 'requested') return [];
      const { message, request } = event;
      const later = decided.get(request);
      const fate = later?.fate ?? event.fate;
      const atOnce = event.fate === 'takenSlowly' ? (takenAt.get(request) ?? Infinity) : at;
      return [{ message, at, fate, decidedAt: later?.at ?? atOnce, mayBeLate: timedOut.has(message) }];
    }),
    taken: group.filter(({ event }) => event.kind === 'taken').map(({ at }) => at),
  };
}

function readInterruptions(placed: readonly Placed[]): { readonly from: number; readonly to: number }[] {
  const ends = new Map(
    placed.flatMap(({ event, at }) => (event.kind === 'resumed' ? [[event.id, at] as const] : [])),
  );
  return placed.flatMap(({ event, at }) =>
    event.kind === 'interrupted' ? [{ from: at, to: ends.get(event.id) ?? Infinity }] : [],
  );
}

/** Earlier in the order that conversations keep; equal ones have none from outside. */
export function isBefore([sentAt, snsAt]: SentKey, [otherSentAt, otherSnsAt]: SentKey): boolean {
  return sentAt < otherSentAt || (sentAt === otherSentAt && snsAt < otherSnsAt);
}
