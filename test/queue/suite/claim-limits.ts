import { describe, expect, it } from 'vitest';
import type { ClaimRequest } from '../../../src/queue/message-store.ts';
import { DESTINATION, OTHER_DESTINATION, PACE_KEY } from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

const OTHER_PACE_KEY = '111122223333/eu-west-2';

/** Five lanes of one destination, then five of the other, each with one message that is due. */
async function fillTwoDestinations(scene: StoreScene): Promise<void> {
  for (let customer = 10; customer < 20; customer++) {
    const place =
      customer < 15
        ? { destination: DESTINATION, paceKey: PACE_KEY }
        : { destination: OTHER_DESTINATION, paceKey: OTHER_PACE_KEY };
    await scene.accept({ from: `+142555501${customer}`, ...place });
    scene.now += 1;
  }
}

export function describeClaimLimits(getScene: () => StoreScene): void {
  describe('a claim', () => {
    it.each<{ name: string; over: Partial<ClaimRequest>; expected: readonly [number, number] }>([
      { name: 'everything, without limits', over: {}, expected: [5, 5] },
      { name: 'no more than the limit, the longest due first', over: { limit: 6 }, expected: [5, 1] },
      { name: 'nothing with a limit of none', over: { limit: 0 }, expected: [0, 0] },
      { name: 'no more of a destination than its limit', over: { limitPerDestination: 3 }, expected: [3, 3] },
      {
        name: 'less of a destination that has some in flight',
        over: { limitPerDestination: 4, inFlight: { [DESTINATION]: 3 } },
        expected: [1, 4],
      },
      {
        name: 'nothing of a destination with more in flight than its limit',
        over: { limitPerDestination: 4, inFlight: { [DESTINATION]: 6 } },
        expected: [0, 4],
      },
    ])('takes $name', async ({ over, expected }) => {
      const scene = getScene();
      await fillTwoDestinations(scene);
      const { claims } = await scene.claim(over);
      const count = (of: string): number => claims.filter(({ destination }) => destination === of).length;
      expect([count(DESTINATION), count(OTHER_DESTINATION)]).toEqual(expected);
    });

    it('takes what is left the next time', async () => {
      const scene = getScene();
      await fillTwoDestinations(scene);
      const counts: number[] = [];
      for (let claim = 0; claim < 4; claim++) counts.push((await scene.claim({ limit: 4 })).claims.length);
      expect(counts).toEqual([4, 4, 2, 0]);
    });

    it('names its lane’s destination and pace', async () => {
      const scene = getScene();
      await scene.accept({ destination: OTHER_DESTINATION, paceKey: OTHER_PACE_KEY });
      expect(await scene.claimOne()).toMatchObject({
        destination: OTHER_DESTINATION,
        paceKey: OTHER_PACE_KEY,
      });
    });

    it('is for the destination that was resolved last', async () => {
      const scene = getScene();
      await scene.accept();
      await scene.accept({ destination: OTHER_DESTINATION });
      expect(await scene.claimOne()).toMatchObject({ destination: OTHER_DESTINATION });
    });

    it('says when the next lane is due, the earliest of all destinations', async () => {
      const scene = getScene();
      await scene.accept({ from: '+14255550111', holdMs: 900 });
      await scene.accept({ from: '+14255550122', holdMs: 300, destination: OTHER_DESTINATION });
      await scene.accept({ from: '+14255550133', holdMs: 600 });
      expect((await scene.claim()).nextDueAt).toBe(scene.now + 300);
    });

    it('says so of what is due, but could not be taken', async () => {
      const scene = getScene();
      await scene.accept();
      const { claims, nextDueAt } = await scene.claim({ limit: 0 });
      expect(claims).toEqual([]);
      expect(nextDueAt).toBeLessThanOrEqual(scene.now);
    });
  });
}
