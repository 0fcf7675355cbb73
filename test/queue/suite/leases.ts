import { describe, expect, it } from 'vitest';
import { DELIVERED, DESTINATION, LEASE_MS, NOON, pauseUntil, textOf, textsOf } from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

export function describeLeases(getScene: () => StoreScene): void {
  describe('a lease', () => {
    it('is on the lane: the next message waits for the outcome', async () => {
      const scene = getScene();
      await scene.acceptTexts(['one', 'two']);
      const claim = await scene.claimOne();
      expect(await scene.claim()).toEqual({ claims: [], nextDueAt: scene.now + LEASE_MS });
      await scene.accept({ text: 'three', sentAt: NOON - 5_000 });
      expect((await scene.claim()).claims).toEqual([]);
      await scene.record(claim);
      expect(await scene.deliverAll()).toEqual(['three', 'two']);
    });

    it('is one sender’s, of 10 who claim at once', async () => {
      const scene = getScene();
      for (let customer = 10; customer < 30; customer++)
        await scene.accept({ from: `+142555501${customer}` });
      const claimed = await Promise.all(Array.from({ length: 10 }, () => scene.claim({ limit: 5 })));
      const lanes = claimed.flatMap(({ claims }) => claims.map(({ laneId }) => laneId));
      expect(lanes).toHaveLength(20);
      expect(new Set(lanes).size).toBe(20);
    });

    it('runs out: the message goes again, with an attempt and a possible duplicate counted', async () => {
      const scene = getScene();
      await scene.accept();
      const first = await scene.claimOne();
      expect((await scene.claim({ now: scene.now + LEASE_MS - 1 })).claims).toEqual([]);
      scene.now += LEASE_MS;
      const second = await scene.claimOne();
      expect(second).toMatchObject({
        messageId: first.messageId,
        attempts: 1,
        followsLostAttempt: true,
        firstFailedAt: scene.now,
      });
      expect(second.leaseToken).not.toBe(first.leaseToken);
      expect((await scene.status()).books).toMatchObject({ possibleDuplicate: 1, pending: 1, received: 1 });
    });

    it('runs out again and again: each lost attempt counts', async () => {
      const scene = getScene();
      await scene.accept();
      const firstLostAt = scene.now + LEASE_MS;
      for (let lost = 0; lost < 4; lost++) {
        expect(await scene.claimOne()).toMatchObject({
          attempts: lost,
          followsLostAttempt: lost > 0,
          firstFailedAt: lost > 0 ? firstLostAt : undefined,
        });
        scene.now += LEASE_MS;
      }
      expect((await scene.status()).books.possibleDuplicate).toBe(3);
    });

    it('follows no lost attempt after a recorded one', async () => {
      const scene = getScene();
      await scene.accept();
      await scene.claimOne();
      scene.now += LEASE_MS;
      await scene.record(await scene.claimOne(), { verdict: 'returned', dueAt: scene.now });
      expect(await scene.claimOne()).toMatchObject({ attempts: 1, followsLostAttempt: false });
    });

    it('outlives its time for the outcome, as long as nobody else has the lane', async () => {
      const scene = getScene();
      await scene.accept();
      const claim = await scene.claimOne();
      scene.now += 10 * LEASE_MS;
      expect(await scene.record(claim)).toBe('recorded');
      expect((await scene.status()).books).toMatchObject({ delivered: 1, possibleDuplicate: 0 });
    });
  });

  describe('a superseded outcome', () => {
    it('changes nothing once somebody else has the lane', async () => {
      const scene = getScene();
      await scene.acceptTexts(['one', 'two']);
      const first = await scene.claimOne();
      scene.now += LEASE_MS;
      const second = await scene.claimOne();
      const before = [await scene.status(), await scene.row(first.messageId)];
      const placement = { destination: 'elsewhere', paceKey: 'elsewhere' };
      const reported = await scene.record(first, DELIVERED, {
        pause: pauseUntil(scene.now + 1_000),
        placement,
      });
      expect(reported).toBe('superseded');
      expect([await scene.status(), await scene.row(first.messageId)]).toEqual(before);
      expect((await scene.claim()).claims).toEqual([]);
      expect(await scene.record(second)).toBe('recorded');
      expect(await scene.claimOne()).toMatchObject({ destination: DESTINATION });
    });

    it('is the second of two for one claim', async () => {
      const scene = getScene();
      await scene.accept();
      const claim = await scene.claimOne();
      expect(await scene.record(claim)).toBe('recorded');
      expect(await scene.record(claim, { verdict: 'dead', reason: 'refused', error: 'no' })).toBe(
        'superseded',
      );
      expect((await scene.status()).books).toMatchObject({ delivered: 1, dead: 0 });
    });

    it('can’t end the lease of the lane’s next message', async () => {
      const scene = getScene();
      await scene.acceptTexts(['one', 'two']);
      const first = await scene.claimOne();
      await scene.record(first);
      expect(textOf(await scene.claimOne())).toBe('two');
      expect(await scene.record(first)).toBe('superseded');
      expect(textsOf(await scene.claim())).toEqual([]);
    });
  });
}
