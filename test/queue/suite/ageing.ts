import { describe, expect, it } from 'vitest';
import { DELIVERED, pauseUntil, RETENTION_MS, textOf } from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

const DEAD = { verdict: 'dead', reason: 'refused', error: 'no' } as const;

export function describeAgeing(getScene: () => StoreScene): void {
  describe('after the retention', () => {
    it('what is still pending is dead, and the rest passes', async () => {
      const scene = getScene();
      const { id } = await scene.accept({ text: 'old' });
      const since = scene.now;
      scene.now += 5;
      await scene.accept({ text: 'younger' });
      await maintainAround(scene, since, async () => {
        expect((await scene.row(id)).state).toBe('pending');
      });
      expect(await scene.row(id)).toMatchObject({ state: 'dead', reason: 'too_old', raw: '{"raw":true}' });
      expect((await scene.status()).books).toMatchObject({ deadByReason: { too_old: 1 }, pending: 1 });
      expect(textOf(await scene.claimOne())).toBe('younger');
    });

    it('what waits behind a pause is dead, too', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      const since = scene.now;
      const returned = { verdict: 'returned', dueAt: scene.now } as const;
      await scene.record(await scene.claimOne(), returned, { pause: pauseUntil(scene.now + 1_000) });
      await maintainAround(scene, since, async () => {});
      expect(await scene.row(id)).toMatchObject({ state: 'dead', reason: 'too_old' });
    });

    it('what is being sent is left to its sender', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      const since = scene.now;
      const claim = await scene.claimOne();
      await maintainAround(scene, since, async () => {});
      expect((await scene.row(id)).state).toBe('sending');
      expect(await scene.record(claim, DELIVERED)).toBe('recorded');
    });

    it('a dead letter is discarded, from when it was dead', async () => {
      const scene = getScene();
      const { id } = await scene.accept({ text: 'sentinel-of-the-expired' });
      scene.now += 86_400_000;
      await scene.record(await scene.claimOne(), DEAD);
      await maintainAround(scene, scene.now, async () => {
        expect((await scene.row(id)).state).toBe('dead');
      });
      expect(await scene.inspect(id)).toBeUndefined();
      expect((await scene.status()).books).toMatchObject({ dead: 0, discarded: 1, received: 1 });
      expect(await scene.holds('sentinel-of-the-expired')).toBe(false);
    });

    it('what was delivered is forgotten: the same id is new again', async () => {
      const scene = getScene();
      const given = { externalId: 'external-1', snsMessageId: 'sns-1' };
      await scene.accept(given);
      await scene.record(await scene.claimOne());
      await maintainAround(scene, scene.now, async () => {
        expect((await scene.accept(given)).outcome).toBe('duplicate');
      });
      expect((await scene.accept(given)).outcome).toBe('accepted');
      expect((await scene.status()).books).toMatchObject({
        received: 3,
        duplicate: 1,
        delivered: 1,
        pending: 1,
      });
    });

    it('a lane goes on as new', async () => {
      const scene = getScene();
      await scene.accept({ text: 'old' });
      await scene.deliverAll();
      await maintainAround(scene, scene.now, async () => {});
      await scene.acceptTexts(['one', 'two']);
      expect(await scene.deliverAll()).toEqual(['one', 'two']);
    });

    it('many rows go, over as many transactions as it takes', async () => {
      const scene = getScene();
      const items = Array.from({ length: 1_200 }, (_, index) =>
        scene.messageItem({ from: `+1425555${String(index).padStart(4, '0')}` }, index),
      );
      await scene.store.accept(scene.request(items));
      await maintainAround(scene, scene.now, async () => {});
      expect((await scene.status()).books).toMatchObject({ deadByReason: { too_old: 1_200 }, pending: 0 });
      await maintainAround(scene, scene.now, async () => {});
      expect((await scene.status()).books).toMatchObject({ discarded: 1_200, dead: 0, received: 1_200 });
    });
  });
}

/** Ends what is aged once exactly the retention is over, and once it is over by a millisecond. */
async function maintainAround(scene: StoreScene, since: number, between: () => Promise<void>): Promise<void> {
  scene.now = since + RETENTION_MS;
  await scene.store.maintain(scene.now, RETENTION_MS);
  await between();
  scene.now += 1;
  await scene.store.maintain(scene.now, RETENTION_MS);
}
