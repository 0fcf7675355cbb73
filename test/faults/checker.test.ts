/** The checker on small histories of our own: sound ones, and for each rule some that break it. */
import { describe, expect, it } from 'vitest';
import type { Books } from '../../src/queue/message-store.ts';
import { RULES, checkHistory } from './checker.ts';
import type { Rule } from './checker.ts';
import type { History, HistoryEvent, RequestFate, ScriptedMessage, StoredMessage } from './history.ts';

/** Three messages of one customer, in the order of their letters, and one of another's. */
const MESSAGES: readonly ScriptedMessage[] = [
  message('a', '+14255550182', 1),
  message('b', '+14255550182', 2),
  message('c', '+14255550182', 3),
  message('x', '+14255550143', 1),
];

const REFUSED: readonly ScriptedMessage[] = MESSAGES.map((one) => ({ ...one, isRefused: one.key === 'a' }));

/** `a+`: posted; `a`: its 200; `a:taken`: a request and its fate; `a!`: a slow one gets into the chat; `[` and `]`: an interruption. */
const SOUND = 'a+ a b+ b c+ c x+ x a:taken b:taken x:taken c:taken';

interface Case {
  readonly name: string;
  readonly script?: string;
  readonly change?: (history: History) => History;
}

describe('finds nothing wrong with', () => {
  it.each<Case>([
    { name: 'each message in its turn' },
    {
      name: 'a second copy after an unclear answer, which is counted',
      script: SOUND.replace('b:taken', 'b:takenUnclearly b:taken'),
      change: unclear('b', 1),
    },
    {
      name: 'a second copy after a kill, which is counted',
      script: SOUND.replace('b:taken', 'b:taken [ ] b:taken'),
      change: unclear('b', 1),
    },
    {
      name: 'a request that the killed process had let go before the kill was over',
      script: SOUND.replace('b:taken', '[ b:taken ] b:taken'),
      change: unclear('b', 1),
    },
    {
      name: 'a request that Connect saw after its sender had given up waiting',
      script: `${SOUND.replace('b:taken', 'b:taken b:taken')} b:taken`,
      change: (history) => changeStored(unclear('b', 2)(history), 'b', { hasTimedOut: true }),
    },
    { name: 'throttling and pauses', script: SOUND.replace('b:taken', 'b:throttled b:denied b:taken') },
    {
      name: 'an answer that took its time',
      script: 'a+ a b+ b c+ c x+ x a:taken b:takenSlowly x:taken b! c:taken',
    },
    {
      name: 'a slow request cut off by a kill',
      script: SOUND.replace('b:taken', 'b:takenSlowly [ ] b:taken b!'),
      change: unclear('b', 1),
    },
    {
      name: 'an earlier-sent message whose 200 came after the later one may have been claimed',
      script: 'b+ b c+ c x+ x b:taken a+ a c:taken x:taken a:taken',
    },
    {
      name: 'a first request that nothing is known about',
      script: 'a+ a b+ b c+ c x+ x b:taken a:taken c:taken x:taken',
    },
    {
      name: 'messages whose places nobody can tell apart',
      script: 'a+ a b+ b c+ c x+ x a:taken c:taken b:taken x:taken',
      change: (history) => ({
        ...history,
        messages: history.messages.map((one) =>
          one.key === 'c' ? { ...one, earliest: [2, 1] as const } : one,
        ),
      }),
    },
    {
      name: 'a repeated token, which brings no copy',
      script: SOUND.replace('b:taken', 'b:takenUnclearly b:takenSlowly'),
      change: (history) => ({ ...decide('b', 'takenSlowly')(history), method: 'participant' }),
    },
    {
      name: 'a request that its chat’s end overtook',
      script: SOUND.replace('b:taken', 'b:takenSlowly b:taken'),
      change: decide('b', 'denied'),
    },
    {
      name: 'a copy in the next chat, where nobody could know, which is counted',
      script: SOUND.replace('b:taken', 'b:takenUnclearly b:taken'),
      change: (history) => ({
        ...inNextChat('b')(unclear('b', 1)(history)),
        method: 'participant',
      }),
    },
    {
      name: 'a chat after the one before has ended',
      change: prepend(opened('1'), ended('1'), opened('2')),
    },
    {
      name: 'a message that Connect refuses, which is dead',
      script: SOUND.replace('a:taken', 'a:refused a:refused'),
      change: (history) =>
        changeStored({ ...history, messages: REFUSED }, 'a', { state: 'dead', reason: 'refused' }),
    },
  ])('$name', ({ script = SOUND, change = same }) => {
    expect(checkHistory(change(readHistory(script))).findings).toEqual([]);
  });
});

const BROKEN: Readonly<Record<Rule, readonly Case[]>> = {
  accepted: [
    { name: 'no 200', script: SOUND.replace('a+ a ', 'a+ ') },
    {
      name: 'an answer that makes SNS discard it',
      change: append({ kind: 'rejected', message: 'a', status: 403 }),
    },
    { name: 'no answer until SNS gave up', change: append({ kind: 'abandoned', message: 'a' }) },
  ],
  known: [
    { name: 'a message that nobody wrote', script: `${SOUND} z:taken` },
    {
      name: 'a message in a chat before it was posted',
      script: SOUND.replace('x+ x', '').replace('x:taken', 'x:taken x+ x'),
    },
    {
      name: 'a message in the store that nobody wrote',
      change: (history) =>
        addStored(history, {
          message: 'z',
          state: 'delivered',
          reason: undefined,
          unclearAttempts: 0,
          hasTimedOut: false,
        }),
    },
  ],
  whole: [
    { name: 'a text cut short', change: changeTaken('b', { text: 'text of' }) },
    { name: 'another customer’s chat', change: changeTaken('b', { sourceId: '+14255550143' }) },
    { name: 'another number’s chat', change: changeTaken('b', { destinationId: 'arn:of-another' }) },
    { name: 'another channel’s chat', change: changeTaken('b', { subtype: 'connect:WhatsApp' }) },
  ],
  delivered: [
    { name: 'an acknowledged message in no chat', script: SOUND.replace(' c:taken', '') },
    { name: 'a dead letter that Connect would have taken', change: dead('c', 'too_old') },
    { name: 'a delivered message that is not in the store', change: forgetStored('c') },
    {
      name: 'a refused message that is delivered',
      script: SOUND.replace('a:taken', 'a:refused'),
      change: (history) => ({ ...history, messages: REFUSED }),
    },
    {
      name: 'a refused message in a chat',
      change: (history) => dead('a', 'refused')({ ...history, messages: REFUSED }),
    },
  ],
  order: [
    {
      name: 'a later one first',
      script: SOUND.replace('b:taken x:taken c:taken', 'c:taken x:taken b:taken'),
    },
    {
      name: 'a later one while the earlier one waits for its retry',
      script: SOUND.replace('b:taken x:taken c:taken', 'b:unclear c:taken x:taken b:taken'),
    },
    {
      name: 'an earlier one sent again after a later one, although nobody was interrupted then',
      script: SOUND.replace('b:taken x:taken', 'b:taken [ ] x:taken').concat(' b:taken'),
      change: unclear('b', 1),
    },
  ],
  alone: [
    {
      name: 'two requests of one lane at once',
      script: SOUND.replace('a:taken b:taken', 'a:throttled a:takenSlowly b:throttled a! b:taken'),
    },
  ],
  once: [
    {
      name: 'a second copy although the answer was clear',
      script: SOUND.replace('b:taken', 'b:taken b:taken'),
      change: unclear('b', 1),
    },
    {
      name: 'a second copy long after a kill',
      script: SOUND.replace('b:taken', '[ ] b:taken b:taken'),
      change: unclear('b', 1),
    },
  ],
  counted: [
    {
      name: 'a copy too many that its message does not know of',
      script: SOUND.replace('b:taken', 'b:takenUnclearly b:taken'),
      change: (history) => changeBooks(history, { possibleDuplicate: 1 }),
    },
    {
      name: 'a copy too many that is not in the books',
      script: SOUND.replace('b:taken', 'b:takenUnclearly b:taken'),
      change: (history) => changeStored(history, 'b', { unclearAttempts: 1 }),
    },
  ],
  chats: [
    { name: 'a second chat while the first is open', change: prepend(opened('1'), opened('2')) },
    {
      name: 'two chats after one has ended',
      change: prepend(opened('1'), ended('1'), opened('2'), opened('3')),
    },
  ],
  copies: [
    {
      name: 'a second copy in a chat of the method participant, even where nobody could know',
      script: SOUND.replace('b:taken', 'b:takenUnclearly b:taken'),
      change: (history) => ({ ...unclear('b', 1)(history), method: 'participant' }),
    },
  ],
  balanced: [
    { name: 'one received that is nowhere', change: (history) => changeBooks(history, { received: 5 }) },
    {
      name: 'books that say so themselves',
      change: (history) => changeBooks(history, { isBalanced: false }),
    },
    {
      name: 'more delivered than there are',
      change: (history) => changeBooks(history, { received: 5, delivered: 5 }),
    },
    { name: 'more dead than there are', change: (history) => changeBooks(history, { received: 5, dead: 1 }) },
    { name: 'fewer received than acknowledged', change: append({ kind: 'acknowledged', message: 'a' }) },
    { name: 'more received than posted', change: (history) => ({ ...history, posts: 3 }) },
  ],
  idle: [
    {
      name: 'a lane that is still leased',
      change: (history) => ({ ...history, store: { ...history.store, leasedLanes: 1 } }),
    },
    {
      name: 'something pending in the books',
      change: (history) => changeBooks(history, { pending: 1, received: 5 }),
    },
    {
      name: 'a message that is still being sent',
      change: (history) =>
        addStored(history, {
          message: 'x',
          state: 'sending',
          reason: undefined,
          unclearAttempts: 0,
          hasTimedOut: false,
        }),
    },
  ],
};

describe.each(RULES)('the rule %s', (rule) => {
  it.each(BROKEN[rule])('is broken by $name', ({ script = SOUND, change = same }) => {
    const { findings } = checkHistory(change(readHistory(script)));
    expect(findings.map((finding) => finding.rule)).toContain(rule);
  });
});

it('says how many pairs it judged, and how many copies were too many', () => {
  const { orderPairs, copiesTooMany, timeOuts } = checkHistory(
    readHistory(SOUND.replace('b:taken', 'b:takenUnclearly b:taken')),
  );
  // a before b, a before c, b before c; the first of each lane proves nothing.
  expect({ orderPairs, copiesTooMany, timeOuts }).toEqual({ orderPairs: 3, copiesTooMany: 1, timeOuts: 0 });
});

function message(key: string, customer: string, sentAt: number): ScriptedMessage {
  return {
    key,
    conversation: `sms ${customer}`,
    sourceId: customer,
    destinationId: 'arn:of-ours',
    subtype: 'connect:SMS',
    text: `text of ${key}`,
    isRefused: false,
    earliest: [sentAt, sentAt],
    latest: [sentAt, sentAt],
  };
}

function readHistory(script: string): History {
  const events: HistoryEvent[] = [];
  const slow = new Map<string, number>();
  let requests = 0;
  for (const word of script.split(' ')) {
    const [key = '', fate] = word.replace(/[+!]$/, '').split(':');
    if (word === '[') events.push({ kind: 'interrupted', id: events.length, cause: 'kill' });
    else if (word === ']') events.push({ kind: 'resumed', id: lastInterruption(events) });
    else if (word.endsWith('+')) events.push({ kind: 'posted', message: key });
    else if (word.endsWith('!')) events.push(taken(key, slow.get(key) ?? 0));
    else if (fate === undefined) events.push({ kind: 'acknowledged', message: key });
    else {
      requests += 1;
      events.push({ kind: 'requested', request: requests, message: key, fate: fate as RequestFate });
      if (fate === 'takenSlowly') slow.set(key, requests);
      if (fate === 'taken' || fate === 'takenUnclearly') events.push(taken(key, requests));
    }
  }
  return {
    method: 'integration-event',
    messages: MESSAGES,
    events,
    posts: MESSAGES.length,
    store: {
      messages: MESSAGES.map(({ key }) => ({
        message: key,
        state: 'delivered',
        reason: undefined,
        unclearAttempts: 0,
        hasTimedOut: false,
      })),
      books: { ...EMPTY_BOOKS, received: MESSAGES.length, delivered: MESSAGES.length },
      leasedLanes: 0,
    },
  };
}

const EMPTY_BOOKS: Books = {
  received: 0,
  delivered: 0,
  duplicate: 0,
  ignored: 0,
  discarded: 0,
  dead: 0,
  pending: 0,
  isBalanced: true,
  possibleDuplicate: 0,
  arrivedLate: 0,
  ignoredByReason: {},
  deadByReason: {},
};

function lastInterruption(events: readonly HistoryEvent[]): number {
  return events.findLastIndex(({ kind }) => kind === 'interrupted');
}

function taken(key: string, request: number): HistoryEvent {
  const {
    sourceId = '',
    destinationId = '',
    subtype = '',
    text = '',
  } = MESSAGES.find((one) => one.key === key) ?? {};
  const contactId = `chat of ${sourceId}`;
  return { kind: 'taken', request, message: key, sourceId, destinationId, subtype, text, contactId };
}

function same(history: History): History {
  return history;
}

function append(event: HistoryEvent): (history: History) => History {
  return (history) => ({ ...history, events: [...history.events, event] });
}

function prepend(...events: readonly HistoryEvent[]): (history: History) => History {
  return (history) => ({ ...history, events: [...events, ...history.events] });
}

function opened(contactId: string): HistoryEvent {
  return { kind: 'opened', contactId, conversation: 'sms +14255550182' };
}

function ended(contactId: string): HistoryEvent {
  return { kind: 'ended', contactId };
}

/** The answer to that message's slow request, right after it. */
function decide(key: string, fate: RequestFate): (history: History) => History {
  return (history) => ({
    ...history,
    events: history.events.flatMap((event) =>
      event.kind === 'requested' && event.message === key && event.fate === 'takenSlowly'
        ? [event, { kind: 'decided', request: event.request, fate } as const]
        : [event],
    ),
  });
}

/** Its last copy. */
function inNextChat(key: string): (history: History) => History {
  return (history) => {
    const last = history.events.findLastIndex((event) => event.kind === 'taken' && event.message === key);
    const events = history.events.map((event, index) =>
      index === last ? { ...event, contactId: 'the next chat' } : event,
    );
    return { ...history, events };
  };
}

function changeTaken(
  key: string,
  changes: Partial<Extract<HistoryEvent, { kind: 'taken' }>>,
): (history: History) => History {
  return (history) => ({
    ...history,
    events: history.events.map((event) =>
      event.kind === 'taken' && event.message === key ? { ...event, ...changes } : event,
    ),
  });
}

function changeStored(history: History, key: string, changes: Partial<StoredMessage>): History {
  const messages = history.store.messages.map((one) => (one.message === key ? { ...one, ...changes } : one));
  const countOf = (state: string): number => messages.filter((one) => one.state === state).length;
  const changed = { ...history, store: { ...history.store, messages } };
  return changeBooks(changed, { delivered: countOf('delivered'), dead: countOf('dead') });
}

function addStored(history: History, message: StoredMessage): History {
  return { ...history, store: { ...history.store, messages: [...history.store.messages, message] } };
}

function forgetStored(key: string): (history: History) => History {
  return (history) => {
    const messages = history.store.messages.filter((one) => one.message !== key);
    return { ...history, store: { ...history.store, messages } };
  };
}

function changeBooks(history: History, changes: Partial<Books>): History {
  return { ...history, store: { ...history.store, books: { ...history.store.books, ...changes } } };
}

function dead(key: string, reason: StoredMessage['reason']): (history: History) => History {
  return (history) => changeStored(history, key, { state: 'dead', reason });
}

function unclear(key: string, unclearAttempts: number): (history: History) => History {
  return (history) =>
    changeBooks(changeStored(history, key, { unclearAttempts }), { possibleDuplicate: unclearAttempts });
}
