/**
 * The store's contract: what makes a message durable, unique and ordered. Every implementation keeps all of it.
 *
 * Safe. `accept` resolves only when everything of its notification is committed and synced; it rejects with
 * STORE_UNAVAILABLE when that is not sure, and then SNS sends the notification again. What it calls a duplicate is
 * already as durable as that. A crash before the commit leaves nothing; a crash after it leaves all.
 *
 * Unique. Two unique indexes inside the accept transaction, on SNS MessageId + index and on the dedup key (a
 * hash of direction, channel and external id), decide what is a duplicate. Nothing answers "duplicate" before a commit.
 *
 * Ordered. A conversation (direction, channel, customer address, business address) has one lane, a row of its own,
 * and the lease is on the lane, never on a message: two senders never work in one lane. The head is the begun message
 * if there is one, else the earliest by (sent time, SNS Timestamp, acceptance, index). Invariant: if A's acceptance was
 * committed before the claim of B's first attempt, and A was sent earlier, A ends before B. A message that is
 * accepted after a later-sent one of its lane has been tried goes next and counts as `arrived_late`.
 *
 * Awake. `accept`, `recordOutcome` and a redrive set the lane's due time from the head it then has: the end of the
 * head's hold or its next attempt, whichever is later, but not before the lane's last attempt ended, so that lanes take
 * turns. No wake-up is lost; the due time needs no timer to survive.
 *
 * In parts. A text that Connect does not take at once goes in parts, each by a claim of its own, so that each has its
 * token and a fresh lease, and lanes take turns between parts too. The first attempt's report fixes the parts' texts;
 * `part_delivered` moves on to the next, and the message stays begun, so nothing overtakes it. A crash or a failure
 * resumes at the part that it met.
 *
 * Leased. `claimHeads` commits before it resolves, so a request leaves only for what the store knows to be `sending`.
 * A lease that runs out makes the lane due again. If its message was still `sending`, nobody knows whether Connect has
 * it: the next claim counts a `possible_duplicate` and an attempt. `recordOutcome` counts only while the lease token is
 * still the lane's, even past its time; afterwards it answers `superseded` and changes nothing, because the claim that
 * took the lane over has already counted the possible duplicate.
 *
 * Paused. A pause is a row (destination, code, reason, next probe). Claims pass over a paused destination, but for one
 * probe when that is due: the head of the lane that was probed longest ago. Only a probe's outcome moves a pause; what
 * was sent before the pause began may fail at any time after it, and changes nothing.
 *
 * Paced. Each quota has a token bucket, a row (pace.ts). A claim takes a token for each head in its own transaction, so
 * however many claim at once, no more goes out than the quota lets through. An outcome says what becomes of the token:
 * used, given back (nothing was sent), or throttled, which slows the bucket down.
 *
 * Chats. A conversation whose chat the bridge opens, or answers, has a session (ChatSession), which a claim brings and an
 * outcome moves on in its own transaction. It goes by generations: a session counts for the last one, or begins the next
 * where that one has its contact; any other came too late and changes nothing. So a step that is taken again, by whomever,
 * is the same step. A chat that is told to have ended gives way to the next generation. What an outcome has to tell the
 * agent (a notice) is accepted with it, or not at all.
 *
 * Private. A message's text and its raw notification are erased in the transaction that records its delivery; what stays
 * for RETENTION_DAYS are hashes for deduplication, addresses, times, Connect's contact ids, and, for eight days at least,
 * the sessions of chats. Erasing a customer takes those, too. Implementations make the erasure reach the disk
 * (secure_delete, truncating checkpoints).
 *
 * Booked. Counters per UTC day are written in the same transaction as what they count. Unit: one message, or one
 * notification that yields none. received = delivered + duplicate + ignored + dead + discarded + pending.
 */
import type { AgentReply, ChatParties, Choice } from '../normalize/agent-reply.ts';
import type { Channel, Direction } from '../normalize/channel.ts';
import type { PaceLimits, PaceTable } from './pace.ts';
import type { IgnoredReason, InboundMessage } from '../normalize/inbound-message.ts';

/**
 * `pending`: waits for its lane's turn. `sending`: claimed; moves to `delivered`, back to `pending`, or to `dead`.
 * `delivered`: Connect took it, or of a reply End User Messaging. `dead`: given up, kept with its raw notification until redriven, discarded or
 * RETENTION_DAYS old. `discarded`: given up for good; its content is gone, its ids stay until RETENTION_DAYS.
 */
export type MessageState = 'pending' | 'sending' | 'delivered' | 'dead' | 'discarded';

/** Why a message is dead. A closed list: `docs/errors.md` explains each. */
export const DEAD_REASONS = ['no_route', 'not_understood', 'refused', 'too_old', 'gave_up'] as const;
export type DeadReason = (typeof DEAD_REASONS)[number];

/** Where a conversation goes, as resolved last, and the quota that its next request draws on. */
export interface Placement {
  /** DestinationId; of a chat of the bridge's own its instance and flow; of replies our number. What a pause is for. */
  readonly destination: string;
  readonly paceKey: string;
  /** Its requests bear a token, so that one that is sent twice has one effect: no lost attempt is a possible duplicate. */
  readonly isIdempotent?: boolean;
}

/**
 * A chat that the bridge opened: its conversation's, until it is found ended. Then the next generation takes its place,
 * which has no contact yet. Conversation, generation and `seed` make the tokens of the steps that open it, so that a step
 * that is taken again, for whatever message, opens no second chat, and none ever gives back a chat that has ended.
 * Instants are AWS's or the sender's own, epoch milliseconds.
 */
export interface ChatSession {
  /** A UUID of the conversation's first generation. It sets apart what another store, or an erased customer, had. */
  readonly seed: string;
  /** From 1. */
  readonly generation: number;
  readonly parties: ChatParties;
  /** Connect's InitialContactId, once the chat is opened. */
  readonly contactId?: string;
  readonly openedAt?: number;
  readonly participantToken?: string;
  readonly streamingId?: string;
  readonly connectionToken?: string;
  readonly connectionExpiresAt?: number;
  /**
   * A message has got into it: from then on a refusal means that it has ended, and so does Connect's word. One that never
   * took any is not followed by another at once: a flow that ends every chat would open chats in a loop.
   */
  readonly hasDelivered?: boolean;
  /** How many chats before it, one after the other, never took a message. */
  readonly unusedBefore?: number;
  /** How often the Participant Service has refused a message of it since the last one that it took. */
  readonly refusals?: number;
  /** Why it is not opened yet: the error's name (LimitExceededException: too many chats at once). */
  readonly waitsFor?: string;
}

/** What the store holds: a customer's message, or, of the direction `outbound`, an agent's reply. */
export type StoredMessage = InboundMessage | AgentReply;

/** `index`: which part of the notification it is. */
export type AcceptItem =
  | {
      readonly kind: 'message';
      readonly index: number;
      readonly message: StoredMessage;
      readonly raw: string;
      readonly placement: Placement;
    }
  | {
      readonly kind: 'dead';
      readonly index: number;
      readonly reason: DeadReason;
      readonly detail: string;
      readonly raw: string;
      readonly message?: StoredMessage;
    };

/** One verified notification. Instants are epoch milliseconds. */
export interface AcceptRequest {
  readonly snsMessageId: string;
  readonly snsTimestamp: number;
  readonly acceptedAt: number;
  /** How long a message waits for earlier-sent ones, milliseconds. */
  readonly holdMs: number;
  /** Of all its items; `inbound` unless given. */
  readonly direction?: Direction;
  readonly items: readonly AcceptItem[];
  /** Contacts whose chats have ended: their conversations' next message opens a new one. */
  readonly endedContacts?: readonly string[];
  /** One for each unit that is ignored. With neither items nor these, the notification is one: `no_messages`. */
  readonly ignored?: readonly IgnoredReason[];
}

/** One for each item of the request, in its order. `id` is that of the stored message, for a duplicate the original's. */
export interface AcceptedItem {
  readonly id: number;
  readonly outcome: 'accepted' | 'duplicate' | 'dead';
  readonly arrivedLate: boolean;
}

export interface ClaimRequest {
  readonly now: number;
  readonly leaseMs: number;
  /** Heads at most, over all destinations. */
  readonly limit: number;
  /** Heads at most of one destination; `inFlight` of the caller counts towards it. */
  readonly limitPerDestination: number;
  readonly inFlight: Readonly<Record<string, number>>;
  readonly paces: PaceTable;
}

/** A leased head. The lease is the lane's. */
export type Claim = ClaimFacts &
  (
    | { readonly direction: 'inbound'; readonly message: InboundMessage }
    | { readonly direction: 'outbound'; readonly message: AgentReply }
  );

interface ClaimFacts extends Placement {
  readonly messageId: number;
  readonly laneId: number;
  readonly leaseToken: string;
  /** The destination is paused, and this is the one message that finds out whether it still has to be. */
  readonly isProbe: boolean;
  /** Of a probe: why the destination is paused (`Pause.code`). */
  readonly pauseCode: string | undefined;
  /** Probes that this pause has seen refused. */
  readonly probesBefore: number;
  readonly snsMessageId: string;
  /** The conversation's chat, where the bridge opened or opens one. Of an inbound claim. */
  readonly session: ChatSession | undefined;
  /** What the customer was last offered to choose from, and has not answered yet. Of an inbound claim. */
  readonly choices: readonly Choice[] | undefined;
  /** The texts of a message in parts, once its first attempt has fixed them. */
  readonly parts: readonly string[] | undefined;
  /** How many of them Connect has: the next one is what this claim is for. */
  readonly partsDelivered: number;
  readonly acceptedAt: number;
  /** Attempts of this part that ended in a retry or were lost with their sender; the one that this claim is for not counted. */
  readonly attempts: number;
  /** Those of them after which nobody knew whether it had been taken. */
  readonly unclearAttempts: number;
  /** The last one was lost with its sender: Connect may have the message. */
  readonly followsLostAttempt: boolean;
  /** When the first of those failed. */
  readonly firstFailedAt: number | undefined;
  /** Probes of it that were refused with a dead verdict. */
  readonly probeRefusals: number;
  /** How long its destination has been paused since its acceptance, milliseconds. */
  readonly pausedMs: number;
}

export interface ClaimedHeads {
  readonly claims: readonly Claim[];
  /**
   * When the next unclaimed lane may go: it is due, its destination is not paused or its probe is due, and its pace has a
   * token. In the past where only the claim's limits kept it back. Undefined: nothing waits.
   */
  readonly nextDueAt: number | undefined;
}

export interface Pause {
  readonly destination: string;
  /** The error's name, as a metric label and for programs. */
  readonly code: string;
  /** What to do, in words. */
  readonly reason: string;
  readonly nextProbeAt: number;
}

/** Connect, or of a reply End User Messaging, has the message, or its part. */
export interface Delivery {
  readonly verdict: 'delivered' | 'part_delivered';
  readonly contactId?: string;
  /** Of a message in parts, the store keeps whether any of them began the chat. */
  readonly newChatCreated?: boolean;
}

/**
 * What became of an attempt. `retry` counts an attempt and, where Connect may have taken the message all the same, a
 * possible duplicate (not where requests are idempotent: then the next one shows no second copy). `returned` puts the head
 * back unharmed (a step taken, throttled, paused, a lease too short): no attempt counts. `part_delivered` puts it back for
 * its next part, which begins anew: its failures are none. `discarded` is for what there is no use in any more: its content
 * is erased, and the books count it by the reason.
 */
export type Outcome =
  | Delivery
  | {
      readonly verdict: 'retry';
      readonly retryAt: number;
      readonly error: string;
      readonly isAmbiguous: boolean;
    }
  | {
      readonly verdict: 'returned';
      readonly dueAt: number;
      readonly error?: string;
      readonly isProbeRefusal?: boolean;
      /** The message goes into a new chat, though the one before may have it. */
      readonly isAmbiguous?: boolean;
    }
  | {
      readonly verdict: 'dead';
      readonly reason: DeadReason;
      readonly error: string;
      readonly isAmbiguous?: boolean;
    }
  | { readonly verdict: 'discarded'; readonly reason: string };

/** One try to send, as `show` tells of it. Its error's words are in the outcome. */
export interface Attempt {
  readonly verdict: 'delivered' | 'step' | 'retry' | 'throttled' | 'pause' | 'dead' | 'lost';
  /** The error's name; of a step on the way, the operation's. None of one that was delivered. */
  readonly code?: string;
  /** AWS's id of the request, which its support asks for. */
  readonly requestId?: string;
  readonly startedAt: number;
  readonly durationMs: number;
}

export interface OutcomeReport {
  readonly claim: Pick<Claim, 'messageId' | 'laneId' | 'leaseToken' | 'isProbe'>;
  readonly now: number;
  readonly outcome: Outcome;
  /** The texts of a message in parts: the first report that has them fixes them. Absent for one that is sent at once. */
  readonly parts?: readonly string[];
  /** Absent where nothing was sent. */
  readonly attempt?: Attempt;
  /** What becomes of the token that the claim took, if it was not simply used. */
  readonly pace?: {
    readonly key: string;
    readonly limits: PaceLimits;
    readonly effect: 'unused' | 'throttled';
  };
  /** The destination and pace that this attempt resolved to, kept as the lane's. Time paused at the old one still counts. */
  readonly placement?: Placement;
  /** Pause the destination, or, of a probe, move its next one, in the same transaction. */
  readonly pause?: Pause;
  /**
   * What the chat of the claim's conversation is now. It counts for the generation that is the conversation's last, or the
   * one after it where that one has a contact: what is about an earlier one came too late.
   */
  readonly session?: ChatSession;
  /** Of a delivered reply: what it offers the customer to choose from, in its chat; none where it offers nothing. */
  readonly offers?: { readonly contactId: string; readonly choices: readonly Choice[] };
  /** The customer has chosen. */
  readonly isChoiceMade?: boolean;
  /** Tells the agent of a reply that did not get through: accepted with this outcome, once (by its external id). */
  readonly notice?: {
    readonly item: Extract<AcceptItem, { kind: 'message' }>;
    readonly snsMessageId: string;
  };
  /** A probe has found that the destination takes messages again: end its pause. */
  readonly resume?: string;
  /** The probe said nothing about the pause (it was throttled, or never sent): the next one may go then. */
  readonly nextProbe?: Pick<Pause, 'destination' | 'nextProbeAt'> & {
    /** It goes on with another step: it stays the one that probes. */
    readonly isSameLane?: boolean;
  };
}

/** The books: totals since the store began, and what is in it now. */
export interface Books {
  readonly received: number;
  readonly delivered: number;
  readonly duplicate: number;
  readonly ignored: number;
  readonly discarded: number;
  readonly dead: number;
  readonly pending: number;
  readonly isBalanced: boolean;
  /** Outside the balance. */
  readonly possibleDuplicate: number;
  readonly arrivedLate: number;
  readonly ignoredByReason: Readonly<Record<string, number>>;
  readonly deadByReason: Readonly<Record<string, number>>;
}

export interface PausedDestination extends Pause {
  readonly pausedAt: number;
}

export interface StoreStatus {
  readonly books: Books;
  /** What is unfinished or dead now, by channel (`unknown`: a dead letter that was not understood). */
  readonly messages: readonly {
    readonly channel: Channel | 'unknown';
    readonly state: 'pending' | 'sending' | 'dead';
    readonly count: number;
  }[];
  readonly oldestPendingAt: number | undefined;
  /** Conversations whose chat can't be opened for now, by the error's name. */
  readonly waitingChats: Readonly<Record<string, number>>;
  readonly paused: readonly PausedDestination[];
}

export interface Maintenance {
  /** What waited behind a pause for all of the retention: dead letters now. */
  readonly tooOld: readonly {
    readonly id: number;
    readonly direction: Direction;
    readonly channel: Channel;
  }[];
  /** Dead letters that were kept for all of it: discarded now. */
  readonly expired: number;
  /** False: somebody's long read keeps erased content on the disk for the time being. */
  readonly isErasureDone: boolean;
}

/** Which messages; what is not given does not matter. */
export interface MessageFilter {
  readonly ids?: readonly number[];
  readonly state?: MessageState;
  readonly reason?: DeadReason;
  /** Accepted at or after, epoch milliseconds. */
  readonly since?: number;
}

export interface MessagePage {
  readonly limit: number;
  readonly beforeId?: number;
}

/** A message as operators see it. Addresses are those of its lane, or of the dead letter that never had one. */
export interface MessageSummary {
  readonly id: number;
  readonly state: MessageState;
  readonly reason: DeadReason | undefined;
  readonly direction: Direction;
  readonly channel: Channel | undefined;
  readonly customerAddress: string | undefined;
  readonly businessAddress: string | undefined;
  readonly destination: string | undefined;
  readonly snsMessageId: string;
  readonly sentAt: number;
  readonly acceptedAt: number;
  /** When it was delivered, died or was discarded. */
  readonly endedAt: number | undefined;
  /** When it is tried next; of a message that waits. */
  readonly dueAt: number | undefined;
  readonly attempts: number;
  readonly contactId: string | undefined;
  /** Of a message in parts, how many Connect has. 0 for one that is sent at once. */
  readonly partsDelivered: number;
}

export interface RecordedAttempt extends Attempt {
  readonly error: string | undefined;
}

export interface MessageDetail extends MessageSummary {
  /** Why it is dead or waits, in AWS's words or ours; may quote the customer. */
  readonly lastError: string | undefined;
  /** The last ATTEMPTS_KEPT, oldest first. */
  readonly recordedAttempts: readonly RecordedAttempt[];
  /** Of a message in parts, how many it has. Gone with its content. */
  readonly partCount: number | undefined;
  /** Gone once it is delivered, discarded or erased. */
  readonly message: StoredMessage | undefined;
  readonly raw: string | undefined;
}

/** Attempts that are kept of a message: the last ones tell why it does not go. */
export const ATTEMPTS_KEPT = 50;

/**
 * What a dead letter has become now that its raw notification was normalized again. One that Connect has parts of goes on
 * where it stopped, with the parts that were fixed: then `items` is that message as it was.
 */
export interface RedriveRequest {
  readonly id: number;
  readonly now: number;
  readonly holdMs: number;
  /** The first takes the dead letter's place and id, the others are received anew. Without any it is ignored. */
  readonly items: readonly AcceptItem[];
  /** One for each unit that is ignored. Without items the first is the dead letter; the others are received anew. */
  readonly ignored?: readonly IgnoredReason[];
}

/** `unchanged`: it was no dead letter any more. */
export type RedriveOutcome = AcceptedItem['outcome'] | 'ignored' | 'unchanged';

export interface Erasure {
  /** One of the customer's messages is being sent right now: nothing has been erased. */
  readonly isBusy: boolean;
  /** Messages whose content, addresses and errors are gone, by the state that they were in. */
  readonly erased: Readonly<Partial<Record<MessageState, number>>>;
}

/**
 * `service` brings the schema up to date, and holds a SQLite file for itself. `command` works beside a running service and
 * creates nothing.
 */
export type StoreRole = 'service' | 'command';

/** All methods reject with STORE_UNAVAILABLE when the store can't answer. */
export interface MessageStore {
  /** Resolves, with the reason, if the store can never answer again: then the service has to be started anew. */
  readonly lost: Promise<unknown>;
  /** Rejects with OVERLOADED while too much waits for its commit already. */
  accept(request: AcceptRequest): Promise<readonly AcceptedItem[]>;
  claimHeads(request: ClaimRequest): Promise<ClaimedHeads>;
  recordOutcome(report: OutcomeReport): Promise<'recorded' | 'superseded'>;
  /** Now and then: ends what is older than `retentionMs`, and makes erasures reach the disk. */
  maintain(now: number, retentionMs: number): Promise<Maintenance>;
  status(): Promise<StoreStatus>;
  /** Newest first, at most `limit`, with ids below `beforeId`. */
  listMessages(filter: MessageFilter, page: MessagePage): Promise<readonly MessageSummary[]>;
  countMessages(filter: MessageFilter): Promise<number>;
  readMessage(id: number): Promise<MessageDetail | undefined>;
  /** Whose chat it is; undefined: none that the bridge opened (or not any more: the customer was erased, or it is long ago). */
  findChat(contactId: string): Promise<ChatParties | undefined>;
  /** A dead letter is put back, under what its notification is understood as now. */
  redrive(request: RedriveRequest): Promise<RedriveOutcome>;
  /** Gives up on dead letters: their content is erased, their ids stay known. Resolves to how many it were. */
  discard(ids: readonly number[], now: number): Promise<number>;
  /**
   * Erases whatever holds the customer's address: content, raw notifications, errors, lanes. What is unfinished or dead
   * becomes discarded (`erased`). Hashes stay, so that a redelivery does not bring it back.
   */
  eraseCustomer(customerAddress: string, now: number): Promise<Erasure>;
  /** Resolves if a write could be committed now. */
  ping(): Promise<void>;
  /** Waits for what is under way, then lets go of the store. */
  close(): Promise<void>;
}
