import { describe, expect, it } from 'vitest';
import type { Claim } from '../../../src/queue/message-store.ts';
import type { PaceLimits } from '../../../src/queue/pace.ts';
import { DELIVERED, LEASE_MS, OTHER_DESTINATION, PACE_KEY, pauseUntil } from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

const ELSEWHERE = { destination: OTHER_DESTINATION, paceKey: '111122223333/eu-west-2' } as const;
/** A token a second, so that a test may skip milliseconds. */
const SLOW = { rate: 1, burst: 3 } as const;

/** One message each of `count` customers, due now. */
async function acceptOfMany(
  scene: StoreScene,
  count: number,
  place: { readonly destination?: string; readonly paceKey?: string } = {},
): Promise<void> {
  for (let customer = 0; customer < count; customer++) {
    await scene.accept({
      from: `+1425555${1_000 + customer}`,
      number: place.destination ?? 'here',
      ...place,
    });
  }
}

async function claimCount(scene: StoreScene, paceLimits: PaceLimits): Promise<number> {
  return (await scene.claim({ paceLimits })).claims.length;
}

async function claimFirst(scene: StoreScene, paceLimits: PaceLimits): Promise<Claim> {
  return scene.claimOne({ paceLimits, limit: 1 });
}

export function describePaces(getScene: () => StoreScene): void {
  describe('paced', () => {
    it('takes no more heads than tokens, of each pace its own', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 5);
      await acceptOfMany(scene, 5, ELSEWHERE);
      const { claims } = await scene.claim({ paceLimits: SLOW });
      expect(claims.filter(({ paceKey }) => paceKey === PACE_KEY)).toHaveLength(3);
      expect(claims.filter(({ paceKey }) => paceKey === ELSEWHERE.paceKey)).toHaveLength(3);
    });

    it('without tokens, holds up no other pace', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 4);
      expect(await claimCount(scene, SLOW)).toBe(3);
      await acceptOfMany(scene, 2, ELSEWHERE);
      const { claims } = await scene.claim({ paceLimits: SLOW });
      expect(claims.map(({ paceKey }) => paceKey)).toEqual([ELSEWHERE.paceKey, ELSEWHERE.paceKey]);
    });

    it('counts tokens over destinations that share a pace', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 3);
      await acceptOfMany(scene, 3, { destination: OTHER_DESTINATION });
      expect(await claimCount(scene, SLOW)).toBe(3);
    });

    it('has one bucket for all who claim at once', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 20);
      const counts = await Promise.all(
        Array.from({ length: 10 }, () => claimCount(scene, { rate: 1, burst: 7 })),
      );
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(7);
    });

    it('fills by its rate', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 6);
      const counts: number[] = [];
      for (const passMs of [0, 999, 1, 2_000]) {
        scene.now += passMs;
        counts.push(await claimCount(scene, SLOW));
      }
      expect(counts).toEqual([3, 0, 1, 2]);
    });

    it('says when the next token is there', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 4);
      expect((await scene.claim({ paceLimits: SLOW })).nextDueAt).toBe(scene.now + 1_000);
      scene.now += 400;
      expect(await scene.claim({ paceLimits: SLOW })).toEqual({ claims: [], nextDueAt: scene.now + 600 });
    });

    it('says when the hold ends, where that is later than the token', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 3);
      await scene.accept({ from: '+14255550143', holdMs: 60_000 });
      const dueAt = scene.now + 60_000;
      expect((await scene.claim({ paceLimits: SLOW })).nextDueAt).toBeLessThan(dueAt);
      scene.now += 20_000;
      for (const claim of (await scene.claim({ paceLimits: SLOW })).claims) await scene.record(claim);
      expect((await scene.claim({ paceLimits: SLOW })).nextDueAt).toBe(dueAt);
    });

    it('is a row: a restart brings no second burst', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 6);
      expect(await claimCount(scene, SLOW)).toBe(3);
      await scene.reopen();
      scene.now += 1_000;
      expect((await scene.claim({ paceLimits: SLOW, limit: 0 })).nextDueAt).toBeLessThanOrEqual(scene.now);
      expect(await claimCount(scene, SLOW)).toBe(1);
    });

    it('takes a token again for what a lost sender had taken one for', async () => {
      const scene = getScene();
      const paceLimits = { rate: 0.01, burst: 1 };
      await acceptOfMany(scene, 1);
      expect(await claimCount(scene, paceLimits)).toBe(1);
      scene.now += LEASE_MS;
      expect(await claimCount(scene, paceLimits)).toBe(0);
      expect((await scene.status()).books.possibleDuplicate).toBe(0);
      scene.now += 100_000;
      expect(await claimCount(scene, paceLimits)).toBe(1);
    });
  });

  describe('a token', () => {
    const limits = { rate: 0.01, burst: 2 };

    it.each([
      { name: 'that was used is gone', effect: undefined, expected: 1 },
      { name: 'that was not goes back', effect: 'unused', expected: 2 },
    ] as const)('$name', async ({ effect, expected }) => {
      const scene = getScene();
      await acceptOfMany(scene, 4);
      const claim = await claimFirst(scene, limits);
      await scene.record(claim, DELIVERED, effect ? { pace: { key: PACE_KEY, limits, effect } } : {});
      expect(await claimCount(scene, limits)).toBe(expected);
    });

    it('goes back even from an outcome that came too late', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 3);
      const late = await claimFirst(scene, limits);
      scene.now += LEASE_MS;
      const [retaken] = (await scene.claim({ paceLimits: limits, limit: 1 })).claims;
      expect(retaken).toBeDefined();
      expect(await claimCount(scene, limits)).toBe(0);
      await scene.record(late, DELIVERED, { pace: { key: PACE_KEY, limits, effect: 'unused' } });
      expect(await claimCount(scene, limits)).toBe(1);
    });

    it('never makes more than the burst', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 6);
      const claims = [await claimFirst(scene, limits), await claimFirst(scene, limits)];
      scene.now += 200_000;
      for (const claim of claims) {
        await scene.record(claim, DELIVERED, { pace: { key: PACE_KEY, limits, effect: 'unused' } });
      }
      expect(await claimCount(scene, limits)).toBe(2);
    });
  });

  describe('throttling', () => {
    const limits = { rate: 20, burst: 20 };

    async function throttle(scene: StoreScene, claim: Claim): Promise<void> {
      const returned = { verdict: 'returned', dueAt: scene.now + 60_000 } as const;
      await scene.record(claim, returned, { pace: { key: PACE_KEY, limits, effect: 'throttled' } });
    }

    it('empties the bucket and halves the rate', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 6);
      await throttle(scene, await claimFirst(scene, limits));
      expect((await scene.claim({ paceLimits: limits })).nextDueAt).toBe(scene.now + 100);
      const counts: number[] = [];
      for (const passMs of [99, 1, 300]) {
        scene.now += passMs;
        counts.push(await claimCount(scene, limits));
      }
      expect(counts).toEqual([0, 1, 3]);
    });

    it('of a whole burst halves once', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 6);
      const { claims } = await scene.claim({ paceLimits: limits, limit: 5 });
      for (const claim of claims) await throttle(scene, claim);
      expect((await scene.claim({ paceLimits: limits })).nextDueAt).toBe(scene.now + 100);
    });

    it('slows no other pace', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 2);
      await throttle(scene, await claimFirst(scene, limits));
      await acceptOfMany(scene, 2, ELSEWHERE);
      expect(await claimCount(scene, limits)).toBe(2);
    });

    it('is remembered over a restart, and over a pause', async () => {
      const scene = getScene();
      await acceptOfMany(scene, 3);
      const claim = await claimFirst(scene, limits);
      const pace = { key: PACE_KEY, limits, effect: 'throttled' } as const;
      const pause = pauseUntil(scene.now, claim.destination);
      await scene.record(claim, { verdict: 'returned', dueAt: scene.now }, { pace, pause });
      await scene.reopen();
      expect(await scene.claim({ paceLimits: limits })).toEqual({
        claims: [],
        nextDueAt: scene.now + 100,
      });
    });
  });
}
