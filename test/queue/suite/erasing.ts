import { describe, expect, it } from 'vitest';
import type { AcceptItem } from '../../../src/queue/message-store.ts';
import { DELIVERED, LEASE_MS, NOON, RETENTION_MS, retryAt } from './store-scene.ts';
import type { Given, StoreScene } from './store-scene.ts';

const ANA = '+14255550111';
const BEN = '+14255550122';
const DEAD_LETTER = { kind: 'dead', index: 0, reason: 'not_understood', detail: 'why', raw: '{}' } as const;
const REFUSED = { verdict: 'dead', reason: 'refused', error: 'sentinel-of-the-error' } as const;

async function acceptLetter(scene: StoreScene, raw: string, given: Given = {}): Promise<number> {
  const [letter] = await scene.store.accept(scene.request([{ ...DEAD_LETTER, raw }], given));
  return letter?.id ?? 0;
}

/** A dead letter that Connect refused, with an attempt whose words quote the customer. */
async function acceptRefused(scene: StoreScene, given: Given = {}): Promise<number> {
  const { id } = await scene.accept(given);
  const attempt = {
    verdict: 'dead',
    code: 'InvalidRequestException',
    startedAt: NOON,
    durationMs: 5,
  } as const;
  await scene.record(await scene.claimOne(), REFUSED, { attempt });
  return id;
}

/** One message of the customer in each state that may wait: delivered, dead, pending. */
async function acceptHistory(scene: StoreScene, from: string): Promise<number[]> {
  const delivered = await scene.accept({ from, text: 'sentinel-of-the-text', externalId: `${from}-1` });
  await scene.record(await scene.claimOne(), DELIVERED);
  const dead = await acceptRefused(scene, { from, text: 'sentinel-of-the-text', externalId: `${from}-2` });
  const pending = await scene.accept({ from, text: 'sentinel-of-the-text', externalId: `${from}-3` });
  await scene.record(await scene.claimOne(), retryAt(scene.now));
  return [delivered.id, dead, pending.id];
}

export function describeErasing(getScene: () => StoreScene): void {
  describe('discarding', () => {
    it('gives up on dead letters: their content goes, from the disk too', async () => {
      const scene = getScene();
      const text = 'sentinel-of-the-text';
      const ids = [
        await acceptRefused(scene, { text, raw: '"sentinel-of-the-raw"' }),
        await acceptLetter(scene, '"sentinel-of-the-raw"'),
      ];
      scene.now += 1_000;
      expect(await scene.store.discard(ids, scene.now)).toBe(2);
      expect((await scene.status()).books).toMatchObject({ received: 2, dead: 0, discarded: 2 });
      for (const id of ids) {
        const detail = await scene.store.readMessage(id);
        expect(detail).toMatchObject({ state: 'discarded' });
        expect([detail?.message, detail?.raw, detail?.lastError, detail?.reason]).toEqual(
          Array(4).fill(undefined),
        );
      }
      expect((await scene.store.readMessage(ids[0] ?? 0))?.recordedAttempts).toMatchObject([
        { code: 'InvalidRequestException', error: undefined },
      ]);
      await scene.store.maintain(scene.now, RETENTION_MS);
      for (const secret of [text, 'sentinel-of-the-raw', 'sentinel-of-the-error']) {
        expect(await scene.holds(secret), secret).toBe(false);
      }
    });

    it('leaves alone what is no dead letter', async () => {
      const scene = getScene();
      const { id: pending } = await scene.accept();
      const dead = await acceptLetter(scene, '{}');
      expect(await scene.store.discard([dead, pending, 987_654_321], scene.now)).toBe(1);
      expect(await scene.store.discard([dead], scene.now)).toBe(0);
      expect(await scene.store.discard([], scene.now)).toBe(0);
      expect((await scene.status()).books).toMatchObject({ received: 2, discarded: 1, pending: 1 });
    });

    it('keeps what it needs to know a redelivery', async () => {
      const scene = getScene();
      const id = await acceptRefused(scene, { externalId: 'external-1', snsMessageId: 'sns-1' });
      await scene.store.discard([id], scene.now);
      for (const again of [{ externalId: 'external-1' }, { snsMessageId: 'sns-1' }]) {
        expect(await scene.accept(again)).toMatchObject({ id, outcome: 'duplicate' });
      }
      expect(await scene.deliverAll()).toEqual([]);
    });

    it('is forgotten like a delivery', async () => {
      const scene = getScene();
      const id = await acceptLetter(scene, '{}');
      scene.now += 86_400_000;
      await scene.store.discard([id], scene.now);
      scene.now = NOON + RETENTION_MS + 1;
      await scene.store.maintain(scene.now, RETENTION_MS);
      expect(await scene.inspect(id)).toBeUndefined();
      expect((await scene.status()).books).toMatchObject({ received: 1, discarded: 1 });
    });
  });

  describe('erasing a customer', () => {
    it('takes content, errors, addresses and lanes; hashes stay, and the books balance', async () => {
      const scene = getScene();
      const ids = await acceptHistory(scene, ANA);
      for (const secret of ['sentinel-of-the-text', 'sentinel-of-the-error', ANA]) {
        expect(await scene.holds(secret), secret).toBe(true);
      }
      scene.now += 1_000;
      expect(await scene.store.eraseCustomer(ANA, scene.now)).toEqual({
        isBusy: false,
        erased: { delivered: 1, dead: 1, pending: 1 },
      });
      expect((await scene.status()).books).toMatchObject({
        received: 3,
        delivered: 1,
        discarded: 2,
        dead: 0,
        pending: 0,
      });
      const states: unknown[] = [];
      for (const id of ids) {
        const detail = await scene.store.readMessage(id);
        states.push(detail?.state);
        expect([detail?.customerAddress, detail?.message, detail?.raw, detail?.lastError]).toEqual(
          Array(4).fill(undefined),
        );
        expect(detail?.contactId).toBeUndefined();
      }
      expect(states).toEqual(['delivered', 'discarded', 'discarded']);
      for (const secret of ['sentinel-of-the-text', 'sentinel-of-the-error', ANA.slice(1)]) {
        expect(await scene.holds(secret), secret).toBe(false);
      }
      expect((await scene.claim()).nextDueAt).toBeUndefined();
    });

    it('leaves a redelivery a duplicate', async () => {
      const scene = getScene();
      await acceptHistory(scene, ANA);
      await scene.store.eraseCustomer(ANA, scene.now);
      for (const number of [1, 2, 3]) {
        const again = await scene.accept({ from: ANA, externalId: `${ANA}-${number}` });
        expect(again.outcome).toBe('duplicate');
      }
      expect(await scene.deliverAll()).toEqual([]);
      await scene.store.maintain(scene.now, RETENTION_MS);
      expect(await scene.holds(ANA)).toBe(false);
    });

    it('lets the customer write again', async () => {
      const scene = getScene();
      await acceptHistory(scene, ANA);
      await scene.store.eraseCustomer(ANA, scene.now);
      await scene.acceptTexts(['one', 'two'], { from: ANA });
      expect(await scene.deliverAll()).toEqual(['one', 'two']);
    });

    it('takes all channels and numbers that the customer wrote to', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await scene.accept({ from: ANA, channel: 'whatsapp' });
      await scene.accept({ from: ANA, number: '+12065550199' });
      expect((await scene.store.eraseCustomer(ANA, scene.now)).erased).toEqual({ pending: 3 });
      expect(await scene.holds(ANA)).toBe(false);
    });

    it('leaves others alone, even those who mention the number', async () => {
      const scene = getScene();
      const mention = `ask ${ANA}, not 14255550111`;
      await acceptHistory(scene, BEN);
      await scene.accept({ from: BEN, text: mention, raw: JSON.stringify({ mention }) });
      const { id } = await scene.accept({ from: BEN, text: mention, externalId: 'dies' });
      const longer = await acceptLetter(scene, '{"from":"914255550111"}');
      expect(await scene.store.eraseCustomer(ANA, scene.now)).toEqual({ isBusy: false, erased: {} });
      expect(await scene.row(id)).toMatchObject({ state: 'pending', message: expect.stringContaining(ANA) });
      expect((await scene.row(longer)).state).toBe('dead');
      expect((await scene.status()).books).toMatchObject({ discarded: 0, pending: 3, dead: 2 });
      expect(await scene.deliverAll()).toHaveLength(3);
    });

    it.each([
      {
        name: 'as EUM writes it',
        raw: JSON.stringify({ Message: JSON.stringify({ originationNumber: ANA }) }),
      },
      {
        name: 'as WhatsApp writes it',
        raw: JSON.stringify({ Message: JSON.stringify({ from: '14255550111' }) }),
      },
      { name: 'on a line of its own', raw: JSON.stringify({ Message: `call\n${ANA.slice(1)}\nnow` }) },
      { name: 'once as it is, once in a longer one', raw: '{"ids":["914255550111","14255550111"]}' },
    ])('takes dead letters that were never understood, but hold the number $name', async ({ raw }) => {
      const scene = getScene();
      const id = await acceptLetter(scene, raw);
      const other = await acceptLetter(scene, '{"from":"14255550122"}');
      expect((await scene.store.eraseCustomer(ANA, scene.now)).erased).toEqual({ dead: 1 });
      expect(await scene.row(id)).toMatchObject({ state: 'discarded', raw: null });
      expect((await scene.row(other)).state).toBe('dead');
      expect((await scene.status()).books).toMatchObject({ received: 2, dead: 1, discarded: 1 });
    });

    it('takes a dead letter without a route, which never had a lane', async () => {
      const scene = getScene();
      const message = scene.message({ from: ANA });
      const letter: AcceptItem = { ...DEAD_LETTER, reason: 'no_route', message };
      await scene.store.accept(scene.request([letter]));
      expect((await scene.store.eraseCustomer(ANA, scene.now)).erased).toEqual({ dead: 1 });
      expect(await scene.holds(ANA.slice(1))).toBe(false);
    });

    it('takes a dead letter that outlived its lane', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      scene.now += RETENTION_MS / 2;
      await scene.record(await scene.claimOne(), REFUSED);
      scene.now += RETENTION_MS / 2 + 1;
      await scene.store.maintain(scene.now, RETENTION_MS);
      expect((await scene.store.eraseCustomer(ANA, scene.now)).erased).toEqual({ dead: 1 });
      expect(await scene.holds(ANA.slice(1))).toBe(false);
    });

    it('waits for what is being sent: nothing is erased meanwhile', async () => {
      const scene = getScene();
      await scene.acceptTexts(['one', 'two'], { from: ANA });
      const claim = await scene.claimOne();
      expect(await scene.store.eraseCustomer(ANA, scene.now)).toEqual({ isBusy: true, erased: {} });
      expect(await scene.row(claim.messageId)).toMatchObject({
        state: 'sending',
        message: expect.any(String),
      });
      await scene.record(claim);
      expect(await scene.store.eraseCustomer(ANA, scene.now)).toEqual({
        isBusy: false,
        erased: { delivered: 1, pending: 1 },
      });
    });

    it('does not wait for a sender that is gone; what it says later changes nothing', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      const claim = await scene.claimOne();
      scene.now += LEASE_MS;
      expect((await scene.store.eraseCustomer(ANA, scene.now)).erased).toEqual({ sending: 1 });
      expect(await scene.record(claim)).toBe('superseded');
      expect((await scene.status()).books).toMatchObject({ received: 1, discarded: 1, delivered: 0 });
    });

    it('finds nothing of somebody who never wrote', async () => {
      const scene = getScene();
      await scene.accept({ from: BEN });
      expect(await scene.store.eraseCustomer(ANA, scene.now)).toEqual({ isBusy: false, erased: {} });
    });
  });
}
