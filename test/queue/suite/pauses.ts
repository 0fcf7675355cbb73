import { describe, expect, it } from 'vitest';
import {
  DELIVERED,
  DESTINATION,
  LEASE_MS,
  OTHER_DESTINATION,
  pauseUntil,
  retryAt,
  textOf,
  textsOf,
} from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

const CUSTOMERS = ['+14255550111', '+14255550122', '+14255550133'] as const;

/** One message of each customer; the first one's attempt pauses the destination, until a second later. */
async function pauseDestination(scene: StoreScene): Promise<void> {
  for (const from of CUSTOMERS) await scene.accept({ from, text: from });
  const claim = await scene.claimOne({ limit: 1 });
  await scene.record(
    claim,
    { verdict: 'returned', dueAt: scene.now },
    { pause: pauseUntil(scene.now + 1_000) },
  );
}

export function describePauses(getScene: () => StoreScene): void {
  describe('a pause', () => {
    it('keeps everything for its destination back, and nothing else', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      await scene.accept({ number: '+12065550199', destination: OTHER_DESTINATION, text: 'elsewhere' });
      expect(textsOf(await scene.claim())).toEqual(['elsewhere']);
    });

    it('is a row: shown, and there after a restart', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      const paused = [{ ...pauseUntil(scene.now + 1_000), pausedAt: scene.now }];
      expect((await scene.status()).paused).toEqual(paused);
      await scene.reopen();
      expect((await scene.status()).paused).toEqual(paused);
      expect((await scene.claim()).claims).toEqual([]);
    });

    it('ends when a probe says so, and everything goes out', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      scene.now += 1_000;
      await scene.record(await scene.claimOne(), DELIVERED, { resume: DESTINATION });
      expect((await scene.status()).paused).toEqual([]);
      expect(textsOf(await scene.claim())).toHaveLength(2);
    });

    it('can begin anew', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      scene.now += 1_000;
      await scene.record(await scene.claimOne(), DELIVERED, { resume: DESTINATION });
      const claim = await scene.claimOne({ limit: 1 });
      await scene.record(claim, retryAt(scene.now), { pause: pauseUntil(scene.now + 1_000) });
      scene.now += 1_000;
      expect(await scene.claimOne()).toMatchObject({ isProbe: true, probesBefore: 0 });
    });

    it('ends with a day in which nothing waited behind it', async () => {
      const scene = getScene();
      await scene.accept();
      const pause = pauseUntil(scene.now + 1_000);
      await scene.record(
        await scene.claimOne(),
        { verdict: 'dead', reason: 'refused', error: 'no' },
        { pause },
      );
      scene.now = pause.nextProbeAt + 86_400_000;
      await scene.store.maintain(scene.now, Number.MAX_SAFE_INTEGER);
      expect((await scene.status()).paused).toHaveLength(1);
      await scene.store.maintain(scene.now + 1, Number.MAX_SAFE_INTEGER);
      expect((await scene.status()).paused).toEqual([]);
    });

    it('lasts while a message waits behind it', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      await scene.store.maintain(scene.now + 10 * 86_400_000, Number.MAX_SAFE_INTEGER);
      expect((await scene.status()).paused).toHaveLength(1);
    });

    it('counts for each message from its acceptance on', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      scene.now += 400;
      await scene.accept({ from: '+14255550144', text: 'accepted meanwhile' });
      scene.now += 600;
      await scene.record(await scene.claimOne(), DELIVERED, { resume: DESTINATION });
      scene.now += 5_000;
      await scene.accept({ from: '+14255550155', text: 'accepted afterwards' });
      const { claims } = await scene.claim();
      expect(claims.map((claim) => [textOf(claim), claim.pausedMs])).toEqual([
        [CUSTOMERS[1], 1_000],
        [CUSTOMERS[2], 1_000],
        ['accepted meanwhile', 600],
        ['accepted afterwards', 0],
      ]);
    });

    it('adds up with the one before, and counts up to now while it lasts', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      scene.now += 1_000;
      await scene.record(await scene.claimOne(), DELIVERED, { resume: DESTINATION });
      scene.now += 5_000;
      const claim = await scene.claimOne({ limit: 1 });
      await scene.record(claim, retryAt(scene.now), { pause: pauseUntil(scene.now + 700) });
      scene.now += 700;
      expect(await scene.claimOne()).toMatchObject({ isProbe: true, pausedMs: 1_700 });
    });
  });

  it('stays time paused for what waits when the next message takes the lane elsewhere', async () => {
    const scene = getScene();
    await pauseDestination(scene);
    scene.now += 30_000;
    const [from] = CUSTOMERS;
    await scene.accept({ from, destination: OTHER_DESTINATION, text: 'by the mended route' });
    const { claims } = await scene.claim();
    expect(claims.find(({ destination }) => destination === OTHER_DESTINATION)).toMatchObject({
      pausedMs: 30_000,
    });
  });

  describe('a probe', () => {
    it('is due when the pause says, and one at a time', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      const probeAt = scene.now + 1_000;
      expect(await scene.claim({ now: probeAt - 1 })).toEqual({ claims: [], nextDueAt: probeAt });
      scene.now = probeAt;
      expect(await scene.claimOne()).toMatchObject({
        isProbe: true,
        probesBefore: 0,
        destination: DESTINATION,
      });
      expect(await scene.claim()).toEqual({ claims: [], nextDueAt: probeAt + LEASE_MS });
    });

    it('takes the head of the lane that was probed longest ago', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      const probed: string[] = [];
      for (let probe = 0; probe < 6; probe++) {
        scene.now += 1_000;
        const claim = await scene.claimOne();
        probed.push(textOf(claim));
        const pause = pauseUntil(scene.now + 1_000);
        await scene.record(claim, { verdict: 'returned', dueAt: scene.now }, { pause });
      }
      expect(new Set(probed.slice(0, 3))).toEqual(new Set(CUSTOMERS));
      expect(probed.slice(3)).toEqual(probed.slice(0, 3));
    });

    it('takes a lane that was never probed before one that waits longer', async () => {
      const scene = getScene();
      const probeAgain = async (): Promise<string> => {
        const claim = await scene.claimOne();
        const pause = pauseUntil(scene.now + 1_000);
        await scene.record(claim, { verdict: 'returned', dueAt: scene.now }, { pause });
        scene.now += 1_000;
        return textOf(claim);
      };
      await scene.accept({ text: 'waits longer' });
      expect([await probeAgain(), await probeAgain()]).toEqual(['waits longer', 'waits longer']);
      await scene.accept({ from: '+14255550111', text: 'never probed' });
      expect([await probeAgain(), await probeAgain()]).toEqual(['never probed', 'waits longer']);
    });

    it('that is refused counts, and moves the next one', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      for (let refused = 0; refused < 3; refused++) {
        scene.now += 1_000;
        const claim = await scene.claimOne();
        expect(claim).toMatchObject({ isProbe: true, probesBefore: refused });
        const outcome = { verdict: 'returned', dueAt: scene.now, isProbeRefusal: true } as const;
        await scene.record(claim, outcome, { pause: pauseUntil(scene.now + 1_000) });
      }
      scene.now += 1_000;
      expect((await scene.claimOne()).probeRefusals).toBe(1);
    });

    it('neither counts nor moves by what was sent before the pause and fails after it', async () => {
      const scene = getScene();
      for (const from of CUSTOMERS) await scene.accept({ from });
      const [first, second, third] = (await scene.claim()).claims;
      if (!first || !second || !third) throw new Error('All three lanes are due');
      const returned = { verdict: 'returned', dueAt: scene.now } as const;
      await scene.record(first, returned, { pause: pauseUntil(scene.now + 1_000) });
      await scene.record(second, returned, { pause: pauseUntil(scene.now + 1_000) });
      scene.now += 1_000;
      const probe = await scene.claimOne();
      expect(probe).toMatchObject({ isProbe: true, probesBefore: 0 });
      await scene.record(third, returned, { pause: pauseUntil(scene.now) });
      expect((await scene.claim()).claims).toEqual([]);
      await scene.record(probe, returned, { pause: pauseUntil(scene.now + 2_000) });
      scene.now += 2_000;
      expect(await scene.claimOne()).toMatchObject({ isProbe: true, probesBefore: 1 });
    });

    it('that was never sent makes room for another at once', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      scene.now += 1_000;
      const unsent = await scene.claimOne();
      const placement = { destination: OTHER_DESTINATION, paceKey: 'other' };
      const over = { nextProbe: { destination: DESTINATION, nextProbeAt: scene.now }, placement };
      await scene.record(unsent, { verdict: 'returned', dueAt: scene.now }, over);
      const { claims } = await scene.claim();
      expect(claims.filter(({ isProbe }) => isProbe)).toMatchObject([{ probesBefore: 0 }]);
      expect(claims.map(({ messageId }) => messageId)).toContain(unsent.messageId);
    });

    it('that was lost gives way to another when its lease runs out', async () => {
      const scene = getScene();
      await pauseDestination(scene);
      scene.now += 1_000;
      const lost = await scene.claimOne();
      scene.now += LEASE_MS;
      expect(await scene.claimOne()).toMatchObject({ isProbe: true, probesBefore: 0 });
      expect((await scene.row(lost.messageId)).state).toBe('sending');
    });

    it('needs a pace token and room, like any other', async () => {
      const scene = getScene();
      const paceLimits = { rate: 0.5, burst: 1 };
      await pauseDestination(scene);
      await scene.accept({ number: '+12065550199', destination: OTHER_DESTINATION, text: 'elsewhere' });
      expect(textsOf(await scene.claim({ paceLimits }))).toEqual(['elsewhere']);
      scene.now += 1_000; // half a token
      expect((await scene.claim({ paceLimits })).claims).toEqual([]);
      scene.now += 1_000;
      expect((await scene.claim({ paceLimits, limit: 0 })).claims).toEqual([]);
      expect((await scene.claimOne({ paceLimits })).isProbe).toBe(true);
    });
  });
}
