import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/queue/message-store.ts';
import { DELIVERED, OTHER_DESTINATION, RETENTION_MS, retryAt } from './store-scene.ts';
import type { StoredMessage, StoreScene } from './store-scene.ts';

const KEPT = { message: expect.any(String), raw: '{"raw":true}' };
const ERASED = { message: null, raw: null };

export function describeOutcomes(getScene: () => StoreScene): void {
  describe('an outcome', () => {
    it.each<{
      name: string;
      outcome: (now: number) => Outcome;
      row: Partial<StoredMessage>;
      books: Record<string, unknown>;
      dueInMs: number | undefined;
    }>([
      {
        name: 'delivered',
        outcome: () => DELIVERED,
        row: { state: 'delivered', attempts: 0, lastError: null, ...ERASED },
        books: { delivered: 1, pending: 0, possibleDuplicate: 0 },
        dueInMs: undefined,
      },
      {
        name: 'delivered, without a contact',
        outcome: () => ({ verdict: 'delivered' }),
        row: { state: 'delivered', ...ERASED },
        books: { delivered: 1 },
        dueInMs: undefined,
      },
      {
        name: 'retry',
        outcome: (now) => retryAt(now + 700),
        row: { state: 'pending', attempts: 1, lastError: 'InternalServiceException (HTTP 500)', ...KEPT },
        books: { pending: 1, possibleDuplicate: 0 },
        dueInMs: 700,
      },
      {
        name: 'retry, ambiguous',
        outcome: (now) => retryAt(now + 700, true),
        row: { state: 'pending', attempts: 1 },
        books: { pending: 1, possibleDuplicate: 1 },
        dueInMs: 700,
      },
      {
        name: 'returned',
        outcome: (now) => ({ verdict: 'returned', dueAt: now + 500, error: 'slow down' }),
        row: { state: 'pending', attempts: 0, lastError: 'slow down', ...KEPT },
        books: { pending: 1, possibleDuplicate: 0 },
        dueInMs: 500,
      },
      {
        name: 'returned for now',
        outcome: (now) => ({ verdict: 'returned', dueAt: now }),
        row: { state: 'pending', attempts: 0, lastError: null },
        books: { pending: 1 },
        dueInMs: 0,
      },
      {
        name: 'dead',
        outcome: () => ({ verdict: 'dead', reason: 'refused', error: 'not valid' }),
        row: { state: 'dead', reason: 'refused', lastError: 'not valid', ...KEPT },
        books: { dead: 1, deadByReason: { refused: 1 }, possibleDuplicate: 0 },
        dueInMs: undefined,
      },
      {
        name: 'dead, ambiguous',
        outcome: () => ({ verdict: 'dead', reason: 'too_old', error: 'HTTP 500', isAmbiguous: true }),
        row: { state: 'dead', reason: 'too_old' },
        books: { dead: 1, deadByReason: { too_old: 1 }, possibleDuplicate: 1 },
        dueInMs: undefined,
      },
    ])('$name', async ({ outcome, row, books, dueInMs }) => {
      const scene = getScene();
      const { id } = await scene.accept();
      const claim = await scene.claimOne();
      expect((await scene.row(id)).state).toBe('sending');
      scene.now += 50;
      expect(await scene.record(claim, outcome(scene.now))).toBe('recorded');
      expect(await scene.row(id)).toMatchObject(row);
      expect((await scene.status()).books).toMatchObject({ received: 1, ...books });
      const { nextDueAt } = await scene.claim({ limit: 0 });
      expect(nextDueAt).toBe(dueInMs === undefined ? undefined : scene.now + dueInMs);
      if (dueInMs === undefined) return;
      expect((await scene.claim({ now: scene.now + dueInMs - 1 })).claims).toEqual([]);
      expect((await scene.claim({ now: scene.now + dueInMs })).claims).toHaveLength(1);
    });

    it('counts attempts, and remembers when the first one failed and what was said last', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      const firstFailedAt = scene.now;
      for (let attempts = 0; attempts < 3; attempts++) {
        const claim = await scene.claimOne();
        expect(claim.attempts).toBe(attempts);
        await scene.record(claim, { ...retryAt(scene.now), error: `failure ${attempts}` } as Outcome);
        scene.now += 1_000;
      }
      expect(await scene.claimOne()).toMatchObject({ attempts: 3, firstFailedAt });
      expect(await scene.row(id)).toMatchObject({ lastError: 'failure 2' });
    });

    it('keeps what was said last where a return says nothing', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await scene.record(await scene.claimOne(), retryAt(scene.now));
      await scene.record(await scene.claimOne(), { verdict: 'returned', dueAt: scene.now });
      expect((await scene.row(id)).lastError).toBe('InternalServiceException (HTTP 500)');
    });

    it('moves the lane where the message now goes', async () => {
      const scene = getScene();
      await scene.accept();
      const placement = { destination: OTHER_DESTINATION, paceKey: '111122223333/eu-west-2' };
      await scene.record(await scene.claimOne(), { verdict: 'returned', dueAt: scene.now }, { placement });
      expect(await scene.claimOne()).toMatchObject(placement);
    });

    it('leaves other lanes alone', async () => {
      const scene = getScene();
      await scene.accept({ from: '+14255550111' });
      await scene.accept({ from: '+14255550122' });
      const [one, other] = (await scene.claim()).claims;
      if (!one || !other) throw new Error('Both lanes are due');
      await scene.record(one, retryAt(scene.now + 60_000));
      expect(await scene.row(other.messageId)).toMatchObject({ state: 'sending', attempts: 0 });
      expect(await scene.record(other)).toBe('recorded');
    });
  });

  describe('private', () => {
    it.each([
      { name: 'a short text', padding: '' },
      { name: 'a long one', padding: 'x'.repeat(300_000) },
    ])(
      'erases text, external id, raw notification and errors of what is delivered, from the disk too: $name',
      async ({ padding }) => {
        const scene = getScene();
        const [text, externalId] = ['sentinel-of-the-text', 'sentinel-of-the-id'] as const;
        const [raw, error] = ['sentinel-of-the-raw', 'sentinel-of-the-error'] as const;
        const secrets = [text, externalId, raw, error];
        await scene.accept({ text: text + padding, externalId, raw: JSON.stringify(raw + padding) });
        await scene.acceptTexts(['a neighbour', 'another']);
        const retry = { verdict: 'retry', retryAt: scene.now, error, isAmbiguous: false } as const;
        await scene.record(await scene.claimOne(), retry);
        for (const secret of secrets) expect(await scene.holds(secret), secret).toBe(true);
        await scene.record(await scene.claimOne());
        await scene.store.maintain(scene.now, RETENTION_MS);
        for (const secret of secrets) expect(await scene.holds(secret), secret).toBe(false);
        expect(await scene.holds('a neighbour')).toBe(true);
      },
    );

    it('keeps the text of a dead letter', async () => {
      const scene = getScene();
      await scene.accept({ text: 'sentinel-of-the-dead' });
      await scene.record(await scene.claimOne(), { verdict: 'dead', reason: 'refused', error: 'no' });
      await scene.store.maintain(scene.now, RETENTION_MS);
      expect(await scene.holds('sentinel-of-the-dead')).toBe(true);
    });
  });
}
