import { expect } from 'vitest';
import type {
  AcceptedItem,
  AcceptItem,
  AcceptRequest,
  Claim,
  ClaimedHeads,
  ClaimRequest,
  DeadReason,
  MessageState,
  MessageStore,
  Outcome,
  OutcomeReport,
  Pause,
  StoreStatus,
} from '../../../src/queue/message-store.ts';
import type { InboundMessage } from '../../../src/normalize/inbound-message.ts';
import type { PaceLimits } from '../../../src/queue/pace.ts';

/** A store, and what a test needs to look behind its contract. */
export interface StoreUnderTest {
  /** The one that is open now. */
  readonly store: MessageStore;
  /** Closes it and opens it again on what it kept. */
  reopen(): Promise<void>;
  /** The stored row of a message; undefined: there is none (any more). */
  inspect(messageId: number): Promise<StoredMessage | undefined>;
  /** Whether the text is anywhere in what the store keeps, freed space and logs included. */
  holds(text: string): Promise<boolean>;
  /** Closes the store, and removes what it kept. */
  dispose(): Promise<void>;
}

export interface StoredMessage {
  readonly state: MessageState;
  readonly attempts: number;
  readonly reason: DeadReason | null;
  readonly lastError: string | null;
  readonly message: string | null;
  readonly raw: string | null;
  /** SQLite has numbers for booleans. */
  readonly newChatCreated: number | boolean | null;
}

/** A message to accept; what is left out is a plain SMS of one customer, sent and accepted now, without a hold. */
export interface Given {
  readonly channel?: InboundMessage['channel'];
  readonly from?: string;
  readonly number?: string;
  readonly text?: string;
  readonly externalId?: string;
  readonly snsMessageId?: string;
  readonly sentAt?: number;
  readonly snsAt?: number;
  readonly holdMs?: number;
  readonly destination?: string;
  readonly paceKey?: string;
  readonly raw?: string;
}

export const NOON = Date.UTC(2026, 4, 4, 12);
export const LEASE_MS = 12_000;
export const RETENTION_MS = 14 * 86_400_000;
export const DESTINATION = 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1';
export const OTHER_DESTINATION = 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-2';
export const PACE_KEY = '111122223333/us-east-1';
/** More than any test claims, unless it is about the pace. */
export const PACE_LIMITS: PaceLimits = { rate: 1_000, burst: 1_000 };

export const DELIVERED: Outcome = { verdict: 'delivered', contactId: 'contact-1', newChatCreated: true };

/** `paceLimits`: of every pace. */
export interface Claiming extends Partial<ClaimRequest> {
  readonly paceLimits?: PaceLimits;
}

/** A store in use at an instant of the test's own, which only the test moves. */
export class StoreScene {
  now = NOON;
  readonly #under: StoreUnderTest;
  #lastNumber = 0;

  constructor(under: StoreUnderTest) {
    this.#under = under;
  }

  get store(): MessageStore {
    return this.#under.store;
  }

  reopen(): Promise<void> {
    return this.#under.reopen();
  }

  holds(text: string): Promise<boolean> {
    return this.#under.holds(text);
  }

  inspect(messageId: number): Promise<StoredMessage | undefined> {
    return this.#under.inspect(messageId);
  }

  /** The row of a message that must be there. */
  async row(messageId: number): Promise<StoredMessage> {
    const row = await this.inspect(messageId);
    if (!row) throw new Error(`There is no message ${messageId}`);
    return row;
  }

  status(): Promise<StoreStatus> {
    return this.store.status();
  }

  /** Its books balance whatever the test did. */
  async end(): Promise<void> {
    try {
      const { books } = await this.status();
      expect(books, 'the books').toMatchObject({ isBalanced: true });
    } finally {
      await this.#under.dispose();
    }
  }

  messageItem(given: Given = {}, index = 0): Extract<AcceptItem, { kind: 'message' }> {
    const { destination = DESTINATION, paceKey = PACE_KEY } = given;
    return {
      kind: 'message',
      index,
      message: this.message(given),
      raw: given.raw ?? '{"raw":true}',
      placement: { destination, paceKey },
    };
  }

  message(given: Given = {}): InboundMessage {
    return {
      channel: given.channel ?? 'sms',
      customerAddress: given.from ?? '+14255550182',
      customerAddressKind: 'phone',
      businessAddress: given.number ?? '+12065550100',
      externalId: given.externalId ?? `an-external-id-${(this.#lastNumber += 1)}`,
      sentAt: given.sentAt ?? this.now,
      content: { kind: 'text', text: given.text ?? 'hello' },
    };
  }

  request(items: readonly AcceptItem[], given: Given = {}): AcceptRequest {
    return {
      snsMessageId: given.snsMessageId ?? `a-notification-${(this.#lastNumber += 1)}`,
      snsTimestamp: given.snsAt ?? this.now,
      acceptedAt: this.now,
      holdMs: given.holdMs ?? 0,
      items,
    };
  }

  async accept(given: Given = {}): Promise<AcceptedItem> {
    const [item] = await this.store.accept(this.request([this.messageItem(given)], given));
    if (!item) throw new Error('The store answered nothing for the item');
    return item;
  }

  /** One SMS for each text, a millisecond apart. */
  async acceptTexts(texts: readonly string[], given: Given = {}): Promise<void> {
    for (const text of texts) {
      this.now += 1;
      await this.accept({ ...given, text });
    }
  }

  claim({ paceLimits = PACE_LIMITS, ...over }: Claiming = {}): Promise<ClaimedHeads> {
    return this.store.claimHeads({
      now: this.now,
      leaseMs: LEASE_MS,
      limit: 64,
      limitPerDestination: 64,
      inFlight: {},
      paces: { default: paceLimits, byName: {} },
      ...over,
    });
  }

  /** The only head that may go now. */
  async claimOne(over: Claiming = {}): Promise<Claim> {
    const { claims } = await this.claim(over);
    const [claim] = claims;
    if (!claim || claims.length > 1) throw new Error(`${claims.length} heads were claimed, not one`);
    return claim;
  }

  record(
    claim: Claim,
    outcome: Outcome = DELIVERED,
    over: Partial<OutcomeReport> = {},
  ): Promise<'recorded' | 'superseded'> {
    return this.store.recordOutcome({ claim, now: this.now, outcome, ...over });
  }

  /** Claims and delivers until nothing is due now; returns the texts in the order in which they went. */
  async deliverAll(): Promise<string[]> {
    const texts: string[] = [];
    for (;;) {
      const { claims } = await this.claim();
      if (claims.length === 0) return texts;
      for (const claim of claims) {
        texts.push(textOf(claim));
        await this.record(claim, DELIVERED, claim.isProbe ? { resume: claim.destination } : {});
      }
    }
  }
}

export function textOf({ message }: Claim): string {
  return message.content.kind === 'text' ? message.content.text : '';
}

export function textsOf({ claims }: ClaimedHeads): string[] {
  return claims.map(textOf);
}

export function retryAt(instant: number, isAmbiguous = false): Outcome {
  return { verdict: 'retry', retryAt: instant, error: 'InternalServiceException (HTTP 500)', isAmbiguous };
}

export function pauseUntil(nextProbeAt: number, destination = DESTINATION): Pause {
  return { destination, code: 'AccessDeniedException', reason: 'Allow it.', nextProbeAt };
}
