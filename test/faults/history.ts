/** What a fault run has seen, from outside: enough to judge it by, and nothing that has to be trusted from inside. */
import type { Books, DeadReason, MessageState } from '../../src/queue/message-store.ts';
import type { ConnectOperation } from '../../src/sandbox/connect-call.ts';
import type { ConnectMethod } from '../../src/send/route.ts';

/** What order goes by: the sent time, then SNS's Timestamp; epoch milliseconds. */
export type SentKey = readonly [sentAt: number, snsAt: number];

export interface ScriptedMessage {
  /** Its external id. */
  readonly key: string;
  /** Customer address, business address and channel: one lane. */
  readonly conversation: string;
  readonly sourceId: string;
  readonly destinationId: string;
  readonly subtype: string;
  readonly text: string;
  /** Connect refuses it for good, whenever it comes. */
  readonly isRefused: boolean;
  /** Which of its notifications is accepted first decides its place: these are the outermost places. */
  readonly earliest: SentKey;
  readonly latest: SentKey;
}

/**
 * What Connect does with a request. `taken`: into the chat, and 200. `takenSlowly`: the same a while later; its `taken`
 * event is that moment. `takenUnclearly`: into the chat, but the answer is an error or none. `unclear`: not into the
 * chat, but nobody can know (5xx, a broken connection, silence). `throttled`, `denied`: clearly not. `refused`: 400.
 */
export type RequestFate =
  | 'taken'
  | 'takenSlowly'
  | 'takenUnclearly'
  | 'unclear'
  | 'throttled'
  | 'denied'
  | 'refused';

/**
 * `acknowledged`: a 200 came. `rejected`: an answer that SNS takes as final. `abandoned`: SNS's retries are used up.
 * `interrupted`: from here to its `resumed` a sender, or all of them, can have lost what they knew of attempts under way.
 */
export type HistoryEvent =
  | { readonly kind: 'posted'; readonly message: string }
  | { readonly kind: 'acknowledged'; readonly message: string }
  | { readonly kind: 'rejected'; readonly message: string; readonly status: number }
  | { readonly kind: 'abandoned'; readonly message: string }
  | {
      readonly kind: 'requested';
      readonly request: number;
      readonly message: string;
      readonly fate: RequestFate;
    }
  | {
      readonly kind: 'taken';
      readonly request: number;
      readonly message: string;
      readonly sourceId: string;
      readonly destinationId: string;
      readonly subtype: string;
      readonly text: string;
      readonly contactId: string;
    }
  /** What became of a request that brought no copy, though it looked as if it would: known by its answer alone. */
  | { readonly kind: 'decided'; readonly request: number; readonly fate: RequestFate }
  /** A request on the way to a chat: it brings no message. */
  | { readonly kind: 'stepped'; readonly operation: ConnectOperation; readonly fate: RequestFate }
  | { readonly kind: 'opened'; readonly contactId: string; readonly conversation: string }
  | { readonly kind: 'ended'; readonly contactId: string }
  | { readonly kind: 'interrupted'; readonly id: number; readonly cause: InterruptionCause }
  | { readonly kind: 'resumed'; readonly id: number };

export type InterruptionCause = 'kill' | 'freeze' | 'outage';

/** A message as the store has it at the end. */
export interface StoredMessage {
  readonly message: string;
  readonly state: MessageState;
  readonly reason: DeadReason | undefined;
  /** Recorded attempts after which Connect could have had it: lost ones and retries. */
  readonly unclearAttempts: number;
  /** Some sender of it waited for its answer in vain: Connect may have seen that request, or answered it, too late. */
  readonly hasTimedOut: boolean;
}

export interface StoreAtEnd {
  readonly messages: readonly StoredMessage[];
  readonly books: Books;
  readonly leasedLanes: number;
}

export interface History {
  readonly method: ConnectMethod;
  readonly messages: readonly ScriptedMessage[];
  /** In the order in which they happened. */
  readonly events: readonly HistoryEvent[];
  /** Requests of SNS's that could have reached the store, answered or not. */
  readonly posts: number;
  readonly store: StoreAtEnd;
}
