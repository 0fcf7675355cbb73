import type { ChatParties } from '../../normalize/agent-reply.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Call, Reply } from '../../worker-calls.ts';
import type {
  AcceptedItem,
  AcceptRequest,
  ClaimedHeads,
  ClaimRequest,
  Erasure,
  MessageDetail,
  MessageFilter,
  MessagePage,
  MessageSummary,
  OutcomeReport,
  RedriveOutcome,
  RedriveRequest,
  StoreRole,
  StoreStatus,
} from '../message-store.ts';
import type { Aged } from './maintain.ts';
import type { StoreWaits } from './database.ts';

/** What a store in a SQLite file can be asked for: argument and result of each operation. */
export interface Operations {
  accept: { argument: AcceptRequest; result: readonly AcceptedItem[] };
  claimHeads: { argument: ClaimRequest; result: ClaimedHeads };
  recordOutcome: { argument: OutcomeReport; result: 'recorded' | 'superseded' };
  endAged: { argument: { readonly now: number; readonly retentionMs: number }; result: Aged };
  listMessages: {
    argument: { readonly filter: MessageFilter; readonly page: MessagePage };
    result: readonly MessageSummary[];
  };
  countMessages: { argument: MessageFilter; result: number };
  readMessage: { argument: number; result: MessageDetail | undefined };
  findChat: { argument: string; result: ChatParties | undefined };
  redrive: { argument: RedriveRequest; result: RedriveOutcome };
  discard: { argument: { readonly ids: readonly number[]; readonly now: number }; result: number };
  eraseCustomer: { argument: { readonly customerAddress: string; readonly now: number }; result: Erasure };
  /** Whether erased content is off the disk. */
  shrink: { argument: undefined; result: boolean };
  status: { argument: undefined; result: StoreStatus };
  ping: { argument: undefined; result: undefined };
  close: { argument: undefined; result: undefined };
}

export type OperationName = keyof Operations;

export interface StoreRequest<Name extends OperationName = OperationName> {
  readonly operation: Name;
  readonly argument: Operations[Name]['argument'];
}

/** Whoever carries it out. */
export interface StoreCalls {
  /** Rejects with a BridgeError where it could not be carried out. */
  call(request: StoreRequest): Promise<unknown>;
  readonly hasEnded: boolean;
  /** Resolves once nothing can be asked for any more, with the reason. */
  readonly ended: Promise<unknown>;
}

/** Errors cross the thread as their code and SQLite's own sentence, which names columns and never values. */
export interface StoreFault {
  readonly code: ErrorCode;
  readonly sentence: string;
}

export type StoreCall = Call<StoreRequest>;
export type StoreReply = Reply<StoreFault>;

export interface StoreOptions {
  readonly file: string;
  readonly role: StoreRole;
  readonly waits: StoreWaits;
}

/** The thread's first message, once the file is open; afterwards it sends a list of replies for each batch. */
export type WorkerGreeting = { readonly opened: true } | { readonly fault: StoreFault };
