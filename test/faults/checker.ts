/**
 * Judges a fault run by its history. Pure; a finding is a broken promise.
 *
 * - `accepted`: SNS gets a 200 for every notification in the end, and never an answer that makes it discard one.
 * - `known`, `whole`: what is in a chat was posted before, and stands in its customer's chat word for word.
 * - `delivered`: what was acknowledged is in its chat and `delivered` in the store; or, where Connect refuses it for
 *   good, in no chat and `dead`.
 * - `order`: the store's invariant is *if A's acceptance was committed before the claim of B's first attempt, and A was
 *   sent earlier, A ends before B*. Neither commit nor claim can be seen from outside, and a request reaches Connect
 *   some time after its claim: that A's 200 came before B's first request proves nothing. What does: a lane has one
 *   sender at a time, so B is first claimed after the outcome of the lane's request before that was recorded, which is
 *   after Connect decided on it. (If that request's sender was lost instead, its message was tried again first, and its
 *   last request is the one that counts. If B's own first claim was lost before its request left, B was begun, and no
 *   other message of the lane was requested in between.) A's 200 comes after A's commit. Therefore: *if A's 200 came
 *   before Connect decided on P, the lane's last request of another message before B's first, and every place that A
 *   can have is before every place of B's, then Connect has given A a conclusive answer (200 or 400) before B's first
 *   request, and A is not requested again after it.* A request that a frozen or killed sender had already let go may
 *   arrive late: one that arrives during an interruption is neither a P nor a broken order.
 *   The same goes for requests of a message whose sender waited for an answer in vain: Connect may come to see one, or
 *   have answered it, after its sender has sent another. `timeOuts` counts those messages; a run where they are many
 *   proves little.
 *   A conversation's first request has no P and proves nothing; `orderPairs` says how many pairs were held to the rule.
 * - `alone`: while Connect works on a request of a lane and then answers it, no other request of that lane arrives,
 *   unless an interruption or a time-out cut its sender off.
 * - `once`: a message that is in a chat is requested again only where its sender could not know: Connect's answer was
 *   unclear or came too late, or an interruption lies between the two requests.
 * - `counted`: each copy too many has an unclear attempt in its message's record, and the books' possible duplicates
 *   are no fewer than the copies too many.
 * - `chats`: a conversation's chat is opened only where it has none, or where the one before has ended.
 * - `copies`: of the method participant, whose requests bear tokens: no chat has two copies of a message. (A copy in the
 *   next chat is one too many as well, and counted.)
 * - `balanced`: the books balance, agree with the messages, and have received no less than was acknowledged and no more
 *   than was posted.
 * - `idle`: nothing is pending or being sent, and no lane is leased.
 */
import { isBefore, readTimeline } from './timeline.ts';
import type { MessageTimeline, Timeline } from './timeline.ts';
import type { History, ScriptedMessage, StoredMessage } from './history.ts';

export const RULES = [
  'accepted',
  'known',
  'whole',
  'delivered',
  'order',
  'alone',
  'once',
  'counted',
  'chats',
  'copies',
  'balanced',
  'idle',
] as const;
export type Rule = (typeof RULES)[number];

export interface Finding {
  readonly rule: Rule;
  readonly text: string;
}

export interface Verdict {
  readonly findings: readonly Finding[];
  /** Pairs of messages whose order the rule could judge. */
  readonly orderPairs: number;
  /** Copies in chats beyond each message's first. */
  readonly copiesTooMany: number;
  /** Messages that a sender gave up waiting for. */
  readonly timeOuts: number;
}

export function checkHistory(history: History): Verdict {
  const timedOut = new Set(
    history.store.messages.filter(({ hasTimedOut }) => hasTimedOut).map(({ message }) => message),
  );
  const timeline = readTimeline(history.events, timedOut);
  const stored = new Map(history.store.messages.map((message) => [message.message, message]));
  const order = checkOrder(history.messages, timeline);
  return {
    findings: [
      ...checkAccepted(history),
      ...checkTaken(history, timeline),
      ...history.messages.flatMap((message) => checkDelivered(message, timeline, stored)),
      ...order.findings,
      ...checkAlone(history.messages, timeline),
      ...history.messages.flatMap((message) => checkOnce(message, timeline)),
      ...checkCounted(history, timeline, stored),
      ...checkChats(history),
      ...checkCopies(history),
      ...checkBalanced(history, timeline),
      ...checkIdle(history),
    ],
    orderPairs: order.pairs,
    copiesTooMany: countCopiesTooMany(history.messages, timeline),
    timeOuts: timedOut.size,
  };
}

function checkAccepted({ messages, events }: History): Finding[] {
  const acknowledged = new Set<string>();
  const findings: Finding[] = [];
  for (const event of events) {
    if (event.kind === 'acknowledged') acknowledged.add(event.message);
    if (event.kind === 'rejected')
      findings.push(finding('accepted', `${event.message} was answered ${event.status}`));
    if (event.kind === 'abandoned')
      findings.push(finding('accepted', `a post of ${event.message} never got its 200`));
  }
  const missing = messages.filter(({ key }) => !acknowledged.has(key));
  return [...findings, ...missing.map(({ key }) => finding('accepted', `${key} was never acknowledged`))];
}

function checkTaken({ messages, events }: History, timeline: Timeline): Finding[] {
  const byKey = new Map(messages.map((message) => [message.key, message]));
  return events.flatMap((event, at) => {
    if (event.kind !== 'taken') return [];
    const message = byKey.get(event.message);
    const { postedAt } = timeline.of(event.message);
    if (!message || postedAt === undefined || postedAt > at)
      return [finding('known', `${event.message || 'something'} is in a chat, and nobody had sent it`)];
    const isRight =
      event.sourceId === message.sourceId &&
      event.destinationId === message.destinationId &&
      event.subtype === message.subtype;
    return [
      ...(isRight ? [] : [finding('whole', `${message.key} is in another chat than its customer’s`)]),
      ...(event.text === message.text ? [] : [finding('whole', `${message.key} is not word for word`)]),
    ];
  });
}

function checkDelivered(
  message: ScriptedMessage,
  timeline: Timeline,
  stored: ReadonlyMap<string, StoredMessage>,
): Finding[] {
  const { key, isRefused } = message;
  const { acknowledgedAt, taken } = timeline.of(key);
  const { state = 'not in the store', reason } = stored.get(key) ?? {};
  if (acknowledgedAt === undefined && state === 'not in the store') return [];
  const findings: Finding[] = [];
  if (isRefused && taken.length > 0)
    findings.push(finding('delivered', `${key} was refused, but is in a chat`));
  if (!isRefused && taken.length === 0) findings.push(finding('delivered', `${key} is in no chat`));
  if (isRefused ? state !== 'dead' || reason !== 'refused' : state !== 'delivered')
    findings.push(finding('delivered', `${key} is ${state}${reason ? ` (${reason})` : ''} in the store`));
  return findings;
}

function checkOrder(
  messages: readonly ScriptedMessage[],
  timeline: Timeline,
): { readonly findings: readonly Finding[]; readonly pairs: number } {
  const findings: Finding[] = [];
  let pairs = 0;
  for (const lane of lanesOf(messages)) {
    for (const later of lane) {
      const firstAt = timeline.of(later.key).requests[0]?.at;
      const provenAt = firstAt === undefined ? undefined : decidedBefore(lane, later, firstAt, timeline);
      if (firstAt === undefined || provenAt === undefined) continue;
      for (const earlier of lane) {
        const times = timeline.of(earlier.key);
        if (!isBefore(earlier.latest, later.earliest) || !((times.acknowledgedAt ?? Infinity) < provenAt))
          continue;
        pairs += 1;
        const problem = overtaking(times, firstAt, timeline);
        if (problem)
          findings.push(finding('order', `${earlier.key} was sent before ${later.key}, but ${problem}`));
      }
    }
  }
  return { findings, pairs };
}

/** When Connect decided on the lane's last request of another message before that. */
function decidedBefore(
  lane: readonly ScriptedMessage[],
  later: ScriptedMessage,
  firstAt: number,
  timeline: Timeline,
): number | undefined {
  const others = lane
    .filter(({ key }) => key !== later.key)
    .flatMap(({ key }) => timeline.of(key).requests)
    .filter(
      ({ at, decidedAt, mayBeLate }) =>
        decidedAt < firstAt && !mayBeLate && !timeline.isInterrupted(at, decidedAt),
    );
  const last = others.reduce((latest, { decidedAt }) => Math.max(latest, decidedAt), -1);
  return last < 0 ? undefined : last;
}

function overtaking({ requests }: MessageTimeline, firstAt: number, timeline: Timeline): string | undefined {
  const isConclusive = requests.some(({ fate, decidedAt }) => CONCLUSIVE.has(fate) && decidedAt < firstAt);
  if (!isConclusive) return 'had not ended when that one was first requested';
  const isLate = requests.some(
    ({ at, mayBeLate }) => at > firstAt && !mayBeLate && !timeline.isInterrupted(at, at),
  );
  return isLate ? 'was requested after that one' : undefined;
}

const CONCLUSIVE: ReadonlySet<string> = new Set(['taken', 'takenSlowly', 'refused']);

function checkAlone(messages: readonly ScriptedMessage[], timeline: Timeline): Finding[] {
  return lanesOf(messages).flatMap((lane) => {
    const requests = lane.flatMap(({ key }) => timeline.of(key).requests).sort((a, b) => a.at - b.at);
    return requests.flatMap((request, index) => {
      const next = requests[index + 1];
      const isOverlapped = next !== undefined && next.at < request.decidedAt;
      if (!isOverlapped || request.mayBeLate || next.mayBeLate) return [];
      if (timeline.isInterrupted(request.at, request.decidedAt)) return [];
      return [finding('alone', `${next.message} was requested while Connect worked on ${request.message}`)];
    });
  });
}

function checkOnce({ key }: ScriptedMessage, timeline: Timeline): Finding[] {
  const { requests } = timeline.of(key);
  return requests.flatMap((request, index) => {
    const next = requests[index + 1];
    const isClear = request.fate === 'taken' || request.fate === 'takenSlowly';
    if (!next || !isClear) return [];
    if (request.mayBeLate || timeline.isInterrupted(request.at, next.at)) return [];
    return [finding('once', `${key} was sent again although Connect had answered 200`)];
  });
}

function checkCounted(
  { messages, store }: History,
  timeline: Timeline,
  stored: ReadonlyMap<string, StoredMessage>,
): Finding[] {
  const findings = messages.flatMap(({ key }) => {
    const tooMany = timeline.of(key).taken.length - 1;
    const { unclearAttempts = 0 } = stored.get(key) ?? {};
    if (tooMany <= unclearAttempts) return [];
    return [
      finding('counted', `${key} has ${tooMany} copies too many, and ${unclearAttempts} unclear attempts`),
    ];
  });
  const tooMany = countCopiesTooMany(messages, timeline);
  const { possibleDuplicate } = store.books;
  if (tooMany > possibleDuplicate)
    findings.push(
      finding('counted', `${tooMany} copies too many, but ${possibleDuplicate} possible duplicates booked`),
    );
  return findings;
}

function checkChats({ events }: History): Finding[] {
  const openChats = new Map<string, string>();
  const ended = new Set<string>();
  return events.flatMap((event) => {
    if (event.kind === 'ended') ended.add(event.contactId);
    if (event.kind !== 'opened') return [];
    const before = openChats.get(event.conversation);
    openChats.set(event.conversation, event.contactId);
    if (before === undefined || ended.has(before)) return [];
    return [finding('chats', `${event.conversation} got another chat while the one before was open`)];
  });
}

function checkCopies({ method, events }: History): Finding[] {
  if (method !== 'participant') return [];
  const seen = new Set<string>();
  return events.flatMap((event) => {
    if (event.kind !== 'taken') return [];
    const copy = JSON.stringify([event.contactId, event.message]);
    if (seen.has(copy)) return [finding('copies', `${event.message} is in its chat twice`)];
    seen.add(copy);
    return [];
  });
}

function checkBalanced({ store, posts, events }: History, timeline: Timeline): Finding[] {
  const { books, messages } = store;
  const { received, delivered, duplicate, ignored, dead, discarded, pending } = books;
  const findings: Finding[] = [];
  const sum = delivered + duplicate + ignored + dead + discarded + pending;
  if (received !== sum || !books.isBalanced)
    findings.push(finding('balanced', `${received} received, but ${sum} accounted for`));
  for (const state of ['delivered', 'dead'] as const) {
    const count = messages.filter((message) => message.state === state).length;
    if (count !== books[state])
      findings.push(finding('balanced', `${books[state]} ${state} in the books, ${count} in the store`));
  }
  const acknowledged = events.filter(({ kind }) => kind === 'acknowledged').length;
  if (received < acknowledged || received > posts)
    findings.push(
      finding('balanced', `${received} received; ${acknowledged} acknowledged of ${posts} posted`),
    );
  const strangers = messages.filter(({ message }) => timeline.of(message).postedAt === undefined);
  return [
    ...findings,
    ...strangers.map(({ message }) => finding('known', `${message} is in the store, and nobody had sent it`)),
  ];
}

function checkIdle({ store }: History): Finding[] {
  const unfinished = store.messages.filter(({ state }) => state === 'pending' || state === 'sending');
  return [
    ...unfinished.map(({ message, state }) => finding('idle', `${message} is still ${state}`)),
    ...(store.books.pending === 0 ? [] : [finding('idle', `${store.books.pending} pending in the books`)]),
    ...(store.leasedLanes === 0 ? [] : [finding('idle', `${store.leasedLanes} lanes are still leased`)]),
  ];
}

function countCopiesTooMany(messages: readonly ScriptedMessage[], timeline: Timeline): number {
  return messages.reduce((sum, { key }) => sum + Math.max(0, timeline.of(key).taken.length - 1), 0);
}

function lanesOf(messages: readonly ScriptedMessage[]): readonly (readonly ScriptedMessage[])[] {
  return [...Map.groupBy(messages, ({ conversation }) => conversation).values()];
}

function finding(rule: Rule, text: string): Finding {
  return { rule, text };
}
