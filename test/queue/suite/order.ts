import { describe, expect, it } from 'vitest';
import { DELIVERED, LEASE_MS, NOON, retryAt, textOf, textsOf } from './store-scene.ts';
import type { Given, StoreScene } from './store-scene.ts';

export function describeOrder(getScene: () => StoreScene): void {
  describe('the order within a lane', () => {
    it.each<{ name: string; accepted: readonly Given[]; expected: readonly string[] }>([
      {
        name: 'by sent time',
        accepted: [
          { text: 'third', sentAt: NOON - 1_000, snsAt: NOON - 9_000 },
          { text: 'first', sentAt: NOON - 3_000, snsAt: NOON - 7_000 },
          { text: 'second', sentAt: NOON - 2_000, snsAt: NOON - 8_000 },
        ],
        expected: ['first', 'second', 'third'],
      },
      {
        name: 'then by SNS Timestamp',
        accepted: [
          { text: 'second', sentAt: NOON - 1_000, snsAt: NOON - 400 },
          { text: 'first', sentAt: NOON - 1_000, snsAt: NOON - 500 },
        ],
        expected: ['first', 'second'],
      },
      {
        name: 'then by acceptance',
        accepted: [{ text: 'first' }, { text: 'second' }, { text: 'third' }],
        expected: ['first', 'second', 'third'],
      },
    ])('is $name', async ({ accepted, expected }) => {
      const scene = getScene();
      for (const given of accepted) await scene.accept(given);
      expect(await scene.deliverAll()).toEqual(expected);
    });

    it('is by index within one notification', async () => {
      const scene = getScene();
      const items = ['first', 'second', 'third'].map((text, index) => scene.messageItem({ text }, index));
      await scene.store.accept(scene.request(items));
      expect(await scene.deliverAll()).toEqual(['first', 'second', 'third']);
    });

    it.each<{ name: string; other: Given }>([
      { name: 'customer', other: { from: '+14255550143' } },
      { name: 'business address', other: { number: '+12065550199' } },
      { name: 'channel', other: { channel: 'whatsapp' } },
    ])('is none between lanes: another $name', async ({ other }) => {
      const scene = getScene();
      await scene.acceptTexts(['one', 'behind one']);
      await scene.accept({ ...other, text: 'beside' });
      expect(textsOf(await scene.claim())).toEqual(['one', 'beside']);
    });

    it('lets the rest pass a dead head', async () => {
      const scene = getScene();
      await scene.acceptTexts(['refused', 'next']);
      await scene.record(await scene.claimOne(), { verdict: 'dead', reason: 'refused', error: 'no' });
      expect(textOf(await scene.claimOne())).toBe('next');
    });
  });

  describe('the hold', () => {
    it('keeps a message from going until its end, and says when that is', async () => {
      const scene = getScene();
      await scene.accept({ holdMs: 250 });
      expect(await scene.claim({ now: scene.now + 249 })).toEqual({ claims: [], nextDueAt: scene.now + 250 });
      expect((await scene.claim({ now: scene.now + 250 })).claims).toHaveLength(1);
    });

    it('lets an earlier-sent message that comes within it go first', async () => {
      const scene = getScene();
      await scene.accept({ text: 'second', holdMs: 250, sentAt: NOON - 1_000 });
      scene.now += 200;
      await scene.accept({ text: 'first', holdMs: 250, sentAt: NOON - 2_000 });
      scene.now += 100;
      expect((await scene.claim()).claims).toEqual([]);
      scene.now += 150;
      expect(await scene.deliverAll()).toEqual(['first', 'second']);
      expect((await scene.status()).books.arrivedLate).toBe(0);
    });
  });

  describe('a begun message', () => {
    it('goes first again after a failed attempt', async () => {
      const scene = getScene();
      await scene.accept({ text: 'begun', sentAt: NOON - 1_000 });
      await scene.record(await scene.claimOne(), retryAt(scene.now + 1_000));
      await scene.accept({ text: 'sent earlier', sentAt: NOON - 2_000 });
      expect((await scene.claim()).claims).toEqual([]);
      scene.now += 1_000;
      expect(await scene.deliverAll()).toEqual(['begun', 'sent earlier']);
    });

    it('goes first again after a lost attempt', async () => {
      const scene = getScene();
      await scene.accept({ text: 'begun', sentAt: NOON - 1_000 });
      await scene.claimOne();
      await scene.accept({ text: 'sent earlier', sentAt: NOON - 2_000 });
      scene.now += LEASE_MS;
      expect(textOf(await scene.claimOne())).toBe('begun');
    });

    it('is none that came back unharmed', async () => {
      const scene = getScene();
      await scene.accept({ text: 'throttled', sentAt: NOON - 1_000 });
      await scene.record(await scene.claimOne(), { verdict: 'returned', dueAt: scene.now + 1_000 });
      await scene.accept({ text: 'sent earlier', sentAt: NOON - 2_000 });
      scene.now += 1_000;
      expect(await scene.deliverAll()).toEqual(['sent earlier', 'throttled']);
    });

    it('stays one when it comes back unharmed after a failed attempt', async () => {
      const scene = getScene();
      await scene.accept({ text: 'begun', sentAt: NOON - 1_000 });
      await scene.record(await scene.claimOne(), retryAt(scene.now));
      await scene.record(await scene.claimOne(), { verdict: 'returned', dueAt: scene.now });
      await scene.accept({ text: 'sent earlier', sentAt: NOON - 2_000 });
      expect(await scene.deliverAll()).toEqual(['begun', 'sent earlier']);
    });
  });

  describe('arrived late', () => {
    const GONE = { sentAt: NOON - 1_000, snsAt: NOON - 500 };
    it.each<{ name: string; next: Given; expected: boolean }>([
      { name: 'sent before', next: { sentAt: NOON - 1_001, snsAt: NOON }, expected: true },
      { name: 'sent with it, published before', next: { ...GONE, snsAt: NOON - 501 }, expected: true },
      { name: 'sent and published with it', next: GONE, expected: false },
      { name: 'sent after', next: { sentAt: NOON - 999, snsAt: NOON - 900 }, expected: false },
      {
        name: 'sent before, in another lane',
        next: { sentAt: NOON - 2_000, from: '+14255550143' },
        expected: false,
      },
    ])('after one has been tried, of what was $name: $expected', async ({ next, expected }) => {
      const scene = getScene();
      await scene.accept(GONE);
      const claim = await scene.claimOne();
      expect((await scene.accept(next)).arrivedLate).toBe(expected);
      await scene.record(claim, DELIVERED);
      expect((await scene.accept({ ...next, externalId: 'another' })).arrivedLate).toBe(expected);
      expect((await scene.status()).books.arrivedLate).toBe(expected ? 2 : 0);
    });

    it('is nothing that came before anything was tried', async () => {
      const scene = getScene();
      await scene.accept({ sentAt: NOON });
      expect((await scene.accept({ sentAt: NOON - 5_000 })).arrivedLate).toBe(false);
    });

    it('is measured by the latest-sent that has been tried, not by the last', async () => {
      const scene = getScene();
      for (const sentAt of [NOON - 1_000, NOON - 3_000]) {
        await scene.accept({ sentAt });
        await scene.deliverAll();
      }
      expect((await scene.accept({ sentAt: NOON - 2_000 })).arrivedLate).toBe(true);
    });

    it('goes next', async () => {
      const scene = getScene();
      await scene.acceptTexts(['one', 'two', 'three']);
      const claim = await scene.claimOne();
      await scene.accept({ text: 'late', sentAt: NOON - 5_000 });
      await scene.record(claim);
      expect(await scene.deliverAll()).toEqual(['late', 'two', 'three']);
    });
  });

  describe('lanes take turns', () => {
    const CHATTY = '+14255550143';

    /** Goes on for `turns` claims of one head each; the chatty customer writes again after each. */
    async function claimTurns(scene: StoreScene, turns: number): Promise<string[]> {
      const from: string[] = [];
      for (let turn = 0; turn < turns; turn++) {
        const claim = await scene.claimOne({ limit: 1 });
        from.push(claim.message.customerAddress === CHATTY ? 'chatty' : 'other');
        scene.now += 10;
        await scene.record(claim);
        scene.now += 10;
        await scene.accept({ from: CHATTY });
      }
      return from;
    }

    it('so that a customer with a backlog, who goes on writing, starves nobody', async () => {
      const scene = getScene();
      await scene.acceptTexts(['1', '2', '3', '4', '5'], { from: CHATTY });
      await scene.acceptTexts(['1', '2', '3']);
      expect(await claimTurns(scene, 6)).toEqual(['chatty', 'other', 'chatty', 'other', 'chatty', 'other']);
    });
  });
}
