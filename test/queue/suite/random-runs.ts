import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Claim, Outcome } from '../../../src/queue/message-store.ts';
import { LaneModel } from './lane-model.ts';
import { LEASE_MS, retryAt } from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

const RUNS = 100;
const STEPS_MAX = 40;
const CUSTOMERS = 3;
/** More than a run has steps. */
const PARTS = Array.from({ length: STEPS_MAX + 1 }, (_, index) => `part ${index}`);

type Step =
  | {
      readonly kind: 'accept';
      readonly customer: number;
      readonly sentAgoMs: number;
      readonly holdMs: number;
    }
  | { readonly kind: 'acceptAgain'; readonly which: number }
  | { readonly kind: 'claim'; readonly limit: number }
  | {
      readonly kind: 'record';
      readonly which: number;
      readonly outcome: Outcome['verdict'];
      readonly waitMs: number;
    }
  | { readonly kind: 'pass'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('accept'),
      customer: fc.nat({ max: CUSTOMERS - 1 }),
      sentAgoMs: fc.nat({ max: 5 }),
      holdMs: fc.constantFrom(0, 0, 250),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('acceptAgain'), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim'), limit: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('record'),
      which: fc.nat(),
      outcome: fc.constantFrom('delivered', 'part_delivered', 'retry', 'returned', 'dead', 'discarded'),
      waitMs: fc.constantFrom(0, 100),
    }),
  },
  // 12 s let a lease run out.
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.constantFrom(1, 100, LEASE_MS) }) },
);

export function describeRandomRuns(getScene: () => StoreScene): void {
  describe('random runs', () => {
    it('keep the order, the leases and the books', async () => {
      const scene = getScene();
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: STEPS_MAX }), async (steps) => {
          const before = (await scene.status()).books;
          const model = await new Run(scene, (run += 1)).play(steps);
          const { books } = await scene.status();
          expect(model.problems).toEqual([]);
          for (const counter of [
            'received',
            'delivered',
            'duplicate',
            'dead',
            'discarded',
            'possibleDuplicate',
          ] as const) {
            expect(books[counter] - before[counter], counter).toBe(model.books[counter]);
          }
          expect([books.pending, model.books.pending]).toEqual([0, 0]);
          expect(books.isBalanced).toBe(true);
        }),
        { numRuns: RUNS },
      );
    });

    it('would be found out if they did not', async () => {
      const scene = getScene();
      const model = new LaneModel();
      const accept = async (externalId: string, sentAt: number): Promise<void> => {
        const answer = await scene.accept({ externalId, sentAt });
        model.accepted(externalId, { lane: 'a', sentAt, snsAt: scene.now }, answer);
      };
      await accept('earlier', scene.now - 1);
      await accept('later', scene.now);
      const claim = await scene.claimOne();
      const overtaking = { ...claim, messageId: claim.messageId + 1 };
      model.claimed(overtaking, scene.now, LEASE_MS);
      model.claimed(claim, scene.now, LEASE_MS);
      model.recorded({ claim: overtaking, outcome: { verdict: 'delivered' } }, 'recorded');
      expect(model.problems).toEqual([
        'broken at step 4: lane a is leased to one sender',
        'broken at step 4: lane a goes on with what was begun',
        'broken at step 4: a lost attempt is one whose lease ran out',
        'broken at step 5: 1 ends before 2',
      ]);
    });
  });
}

/** One run, with customers of its own, so that the runs before it don't matter. Ends with everything ended. */
class Run {
  readonly #scene: StoreScene;
  readonly #number: number;
  readonly #model = new LaneModel();
  readonly #accepted: { readonly externalId: string; readonly customer: number }[] = [];
  /** Claims whose outcome has not been reported, be their leases still theirs or not. */
  readonly #claims: Claim[] = [];

  constructor(scene: StoreScene, number: number) {
    this.#scene = scene;
    this.#number = number;
  }

  async play(steps: readonly Step[]): Promise<LaneModel> {
    for (const step of steps) await this.#take(step);
    await this.#finish();
    return this.#model;
  }

  async #take(step: Step): Promise<void> {
    const scene = this.#scene;
    switch (step.kind) {
      case 'accept':
        return this.#accept(`${this.#number}-${this.#accepted.length}`, step);
      case 'acceptAgain': {
        const original = this.#accepted[step.which % this.#accepted.length];
        return original && this.#accept(original.externalId, { ...original, sentAgoMs: 0, holdMs: 0 });
      }
      case 'claim':
        await this.#claim(step.limit);
        return;
      case 'record': {
        const [claim] = this.#claims.splice(step.which % this.#claims.length, 1);
        return claim && this.#record(claim, outcomeOf(step, scene.now));
      }
      case 'pass':
        scene.now += step.ms;
    }
  }

  async #accept(
    externalId: string,
    { customer, sentAgoMs, holdMs }: { customer: number; sentAgoMs: number; holdMs: number },
  ): Promise<void> {
    const scene = this.#scene;
    const message = { lane: `${customer}`, sentAt: scene.now - sentAgoMs, snsAt: scene.now };
    const from = `+1425555${this.#number}${customer}`;
    const answer = await scene.accept({ ...message, from, externalId, holdMs });
    this.#accepted.push({ externalId, customer });
    this.#model.accepted(externalId, message, answer);
  }

  async #claim(limit: number): Promise<number> {
    const scene = this.#scene;
    const { claims } = await scene.claim({ limit });
    for (const claim of claims) {
      this.#model.claimed(claim, scene.now, LEASE_MS);
      this.#claims.push(claim);
    }
    return claims.length;
  }

  async #record(claim: Claim, outcome: Outcome): Promise<void> {
    const report = outcome.verdict === 'part_delivered' ? { parts: PARTS } : {};
    this.#model.recorded({ claim, outcome }, await this.#scene.record(claim, outcome, report));
  }

  /** Time passes until nothing is left. */
  async #finish(): Promise<void> {
    do {
      for (const claim of this.#claims.splice(0)) await this.#record(claim, { verdict: 'delivered' });
      this.#scene.now += LEASE_MS;
    } while ((await this.#claim(CUSTOMERS)) > 0);
  }
}

function outcomeOf({ outcome, waitMs }: Extract<Step, { kind: 'record' }>, now: number): Outcome {
  switch (outcome) {
    case 'delivered':
    case 'part_delivered':
      return { verdict: outcome };
    case 'retry':
      return retryAt(now + waitMs, waitMs > 0);
    case 'returned':
      return { verdict: 'returned', dueAt: now + waitMs };
    case 'discarded':
      return { verdict: 'discarded', reason: 'chat_ended' };
    case 'dead':
      return { verdict: 'dead', reason: 'refused', error: 'no' };
  }
}
