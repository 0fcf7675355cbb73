import type { MessageStore, MessageSummary, RecordedAttempt } from '../../src/queue/message-store.ts';
import { SEND_ERRORS } from '../../src/send/send-outcome.ts';
import type { StoreAtEnd } from './history.ts';
import type { Script } from './script.ts';

const PAGE = 500;
const TIME_OUTS: ReadonlySet<string> = new Set(['AbortError', 'TimeoutError', 'ConnectionTimeout']);

/** What the store says of each message, and its books. */
export async function readStoreAtEnd(
  store: MessageStore,
  script: Script,
  leasedLanes: number,
): Promise<StoreAtEnd> {
  const keys = new Map(script.posts.map(({ snsMessageId, message }) => [snsMessageId, message]));
  const messages = [];
  for (const { id, snsMessageId, state, reason } of await listAll(store)) {
    const { recordedAttempts = [] } = (await store.readMessage(id)) ?? {};
    const unclearAttempts = recordedAttempts.filter(isUnclear).length;
    const hasTimedOut = recordedAttempts.some(({ code = '' }) => TIME_OUTS.has(code));
    const message = keys.get(snsMessageId) ?? snsMessageId;
    messages.push({ message, state, reason, unclearAttempts, hasTimedOut });
  }
  const { books } = await store.status();
  return { messages, books, leasedLanes };
}

async function listAll(store: MessageStore): Promise<readonly MessageSummary[]> {
  const all: MessageSummary[] = [];
  for (;;) {
    const last = all.at(-1);
    const page = await store.listMessages({}, { limit: PAGE, ...(last ? { beforeId: last.id } : {}) });
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}

/** Connect may have had the message: a lost attempt, or a retry after one of the errors that the table calls ambiguous. */
function isUnclear({ verdict, code: named = '' }: RecordedAttempt): boolean {
  if (verdict !== 'retry') return verdict === 'lost';
  // A participant's code says which operation it was.
  const code = named.split('.').at(-1) ?? '';
  if (/^HTTP_[25]\d\d$/.test(code)) return true;
  return isListed(code) && 'isAmbiguous' in SEND_ERRORS[code];
}

function isListed(code: string): code is keyof typeof SEND_ERRORS {
  return Object.hasOwn(SEND_ERRORS, code);
}
