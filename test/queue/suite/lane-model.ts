import type { AcceptedItem, Claim, Outcome, OutcomeReport } from '../../../src/queue/message-store.ts';

export interface ModelMessage {
  readonly id: number;
  readonly lane: string;
  readonly sentAt: number;
  readonly snsAt: number;
  readonly acceptedAtStep: number;
  claimedAtStep: number | undefined;
  partsDelivered: number;
  end: 'delivered' | 'dead' | 'discarded' | undefined;
}

interface ModelLease {
  readonly claim: Claim;
  readonly message: ModelMessage;
  leaseUntil: number;
}

/**
 * What a store must do, as plain lists: it knows who holds which lane, counts the books, and says what is wrong as
 * soon as the store breaks a rule of its contract.
 */
export class LaneModel {
  readonly problems: string[] = [];
  readonly books = {
    received: 0,
    delivered: 0,
    duplicate: 0,
    dead: 0,
    discarded: 0,
    pending: 0,
    possibleDuplicate: 0,
  };
  readonly #messages = new Map<number, ModelMessage>();
  readonly #externalIds = new Map<string, number>();
  /** The last claim of each lane, until its outcome is recorded. */
  readonly #leases = new Map<string, ModelLease>();
  #step = 0;

  accepted(
    externalId: string,
    message: Pick<ModelMessage, 'lane' | 'sentAt' | 'snsAt'>,
    answer: AcceptedItem,
  ): void {
    this.#step += 1;
    this.books.received += 1;
    const original = this.#externalIds.get(externalId);
    if (original !== undefined) {
      this.books.duplicate += 1;
      this.#expect(answer.outcome === 'duplicate' && answer.id === original, `${externalId} is a duplicate`);
      return;
    }
    this.books.pending += 1;
    this.#expect(answer.outcome === 'accepted', `${externalId} is new`);
    this.#externalIds.set(externalId, answer.id);
    const state = { acceptedAtStep: this.#step, claimedAtStep: undefined, partsDelivered: 0, end: undefined };
    this.#messages.set(answer.id, { id: answer.id, ...message, ...state });
  }

  claimed(claim: Claim, now: number, leaseMs: number): void {
    this.#step += 1;
    const message = this.#messages.get(claim.messageId);
    if (!message) {
      this.problems.push(`message ${claim.messageId} was never accepted`);
      return;
    }
    const lease = this.#leases.get(message.lane);
    this.#expect(!lease || lease.leaseUntil <= now, `lane ${message.lane} is leased to one sender`);
    this.#expect(!lease || lease.message === message, `lane ${message.lane} goes on with what was begun`);
    this.#expect(
      claim.followsLostAttempt === (lease !== undefined),
      'a lost attempt is one whose lease ran out',
    );
    const inParts = [...this.#messages.values()].find(
      ({ lane, partsDelivered, end }) => lane === message.lane && partsDelivered > 0 && end === undefined,
    );
    this.#expect(!inParts || inParts === message, `lane ${message.lane} goes on with the next part`);
    this.#expect(claim.partsDelivered === message.partsDelivered, `parts of ${message.id}`);
    this.#expect(message.end === undefined, `message ${message.id} has not ended`);
    if (lease) this.books.possibleDuplicate += 1;
    message.claimedAtStep ??= this.#step;
    this.#leases.set(message.lane, { claim, message, leaseUntil: now + leaseMs });
  }

  recorded(
    { claim, outcome }: Pick<OutcomeReport, 'claim' | 'outcome'>,
    answer: 'recorded' | 'superseded',
  ): void {
    this.#step += 1;
    const message = this.#messages.get(claim.messageId);
    const lease = message && this.#leases.get(message.lane);
    const isCurrent = lease?.claim.leaseToken === claim.leaseToken;
    this.#expect(
      answer === (isCurrent ? 'recorded' : 'superseded'),
      `outcome of ${claim.messageId}: ${answer}`,
    );
    if (!isCurrent || !message) return;
    this.#leases.delete(message.lane);
    this.#end(message, outcome);
  }

  #end(message: ModelMessage, outcome: Outcome): void {
    if ('isAmbiguous' in outcome && outcome.isAmbiguous) this.books.possibleDuplicate += 1;
    if (outcome.verdict === 'part_delivered') message.partsDelivered += 1;
    const { verdict } = outcome;
    if (verdict !== 'delivered' && verdict !== 'dead' && verdict !== 'discarded') return;
    message.end = verdict;
    this.books[verdict] += 1;
    this.books.pending -= 1;
    this.#checkOrder(message);
  }

  /** If A's acceptance was committed before the claim of B's first attempt, and A was sent earlier, A ends before B. */
  #checkOrder(b: ModelMessage): void {
    for (const a of this.#messages.values()) {
      if (a.lane !== b.lane || a.end !== undefined || !isSentEarlier(a, b)) continue;
      this.#expect(a.acceptedAtStep > (b.claimedAtStep ?? 0), `${a.id} ends before ${b.id}`);
    }
  }

  #expect(holds: boolean, rule: string): void {
    if (!holds) this.problems.push(`broken at step ${this.#step}: ${rule}`);
  }
}

function isSentEarlier(a: ModelMessage, b: ModelMessage): boolean {
  return a.sentAt < b.sentAt || (a.sentAt === b.sentAt && a.snsAt < b.snsAt);
}
