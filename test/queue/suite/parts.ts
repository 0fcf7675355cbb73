import { describe, expect, it } from 'vitest';
import type { Claim, Outcome } from '../../../src/queue/message-store.ts';
import {
  DELIVERED,
  LEASE_MS,
  NOON,
  OTHER_DESTINATION,
  RETENTION_MS,
  retryAt,
  textsOf,
} from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

const PARTS = ['the first ', 'the second ', 'the third'];
const PART_DELIVERED: Outcome = { verdict: 'part_delivered', contactId: 'contact-1', newChatCreated: false };
const REFUSED: Outcome = { verdict: 'dead', reason: 'refused', error: 'no' };

/** Claims the one head and records its outcome, with the parts that its sender cut. */
async function attempt(scene: StoreScene, outcome: Outcome, parts = PARTS): Promise<Claim> {
  const claim = await scene.claimOne();
  await scene.record(claim, outcome, claim.parts ? {} : { parts });
  return claim;
}

export function describeParts(getScene: () => StoreScene): void {
  describe('a message in parts', () => {
    it('goes part by part, each by a claim of its own, and is delivered once', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      expect(await attempt(scene, PART_DELIVERED)).toMatchObject({ parts: undefined, partsDelivered: 0 });
      expect(await scene.store.readMessage(id)).toMatchObject({
        state: 'pending',
        partsDelivered: 1,
        partCount: 3,
      });
      expect(await attempt(scene, PART_DELIVERED)).toMatchObject({ parts: PARTS, partsDelivered: 1 });
      expect(await attempt(scene, DELIVERED)).toMatchObject({ parts: PARTS, partsDelivered: 2 });
      expect(await scene.store.readMessage(id)).toMatchObject({
        state: 'delivered',
        partsDelivered: 3,
        partCount: undefined,
        attempts: 0,
      });
      expect((await scene.status()).books).toMatchObject({ received: 1, delivered: 1, pending: 0 });
      expect((await scene.claim()).claims).toEqual([]);
    });

    it('keeps the parts of its first attempt, whatever later ones cut', async () => {
      const scene = getScene();
      await scene.accept();
      await attempt(scene, retryAt(scene.now));
      const claim = await scene.claimOne();
      expect(claim.parts).toEqual(PARTS);
      await scene.record(claim, PART_DELIVERED, { parts: ['cut', 'anew'] });
      expect((await scene.claimOne()).parts).toEqual(PARTS);
    });

    it('begins each part anew: failures of the one before do not count', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await attempt(scene, retryAt(scene.now));
      const refusal = { verdict: 'returned', dueAt: scene.now, isProbeRefusal: true } as const;
      await attempt(scene, refusal);
      expect(await attempt(scene, PART_DELIVERED)).toMatchObject({ attempts: 1, probeRefusals: 1 });
      expect(await scene.store.readMessage(id)).toMatchObject({ attempts: 0, lastError: undefined });
      expect(await scene.claimOne()).toMatchObject({
        attempts: 0,
        firstFailedAt: undefined,
        probeRefusals: 0,
        followsLostAttempt: false,
      });
    });

    it('is not overtaken between its parts, not even where an attempt was given back', async () => {
      const scene = getScene();
      const { id } = await scene.accept({ text: 'long', sentAt: NOON });
      await attempt(scene, PART_DELIVERED);
      const earlier = await scene.accept({ text: 'earlier', sentAt: NOON - 5_000 });
      expect(earlier.arrivedLate).toBe(true);
      const returned = { verdict: 'returned', dueAt: scene.now } as const;
      expect((await attempt(scene, returned)).messageId).toBe(id);
      expect((await attempt(scene, PART_DELIVERED)).messageId).toBe(id);
      await attempt(scene, DELIVERED);
      expect(await scene.deliverAll()).toEqual(['earlier']);
    });

    it('takes turns with other lanes', async () => {
      const scene = getScene();
      await scene.accept({ text: 'long', from: '+14255550111' });
      await attempt(scene, PART_DELIVERED);
      scene.now += 1;
      await scene.accept({ text: 'other', from: '+14255550122' });
      expect(textsOf(await scene.claim({ limit: 1 }))).toEqual(['long']);
      scene.now += 1;
      expect(textsOf(await scene.claim({ limit: 1 }))).toEqual(['other']);
    });

    it('resumes at the part that a crash met, and counts it', async () => {
      const scene = getScene();
      await scene.accept();
      await attempt(scene, PART_DELIVERED);
      await scene.claimOne();
      scene.now += LEASE_MS;
      expect(await scene.claimOne()).toMatchObject({
        parts: PARTS,
        partsDelivered: 1,
        attempts: 1,
        followsLostAttempt: true,
      });
      expect((await scene.status()).books.possibleDuplicate).toBe(1);
    });

    it('moves on by the current lease only', async () => {
      const scene = getScene();
      await scene.accept();
      const late = await scene.claimOne();
      scene.now += LEASE_MS;
      const current = await scene.claimOne();
      expect(await scene.record(late, PART_DELIVERED, { parts: ['late', 'parts'] })).toBe('superseded');
      await scene.record(current, PART_DELIVERED, { parts: PARTS });
      expect(await scene.claimOne()).toMatchObject({ parts: PARTS, partsDelivered: 1 });
    });

    it('remembers that a part of it began the chat', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await attempt(scene, { verdict: 'part_delivered', contactId: 'contact-1', newChatCreated: true });
      await attempt(scene, { verdict: 'part_delivered' });
      await attempt(scene, { verdict: 'delivered', contactId: 'contact-2', newChatCreated: false });
      expect(await scene.store.readMessage(id)).toMatchObject({ contactId: 'contact-2' });
      expect(Boolean((await scene.row(id)).newChatCreated)).toBe(true);
    });

    it('that was refused within resumes by a redrive with the old parts', async () => {
      const scene = getScene();
      const { id } = await scene.accept({ text: 'long', externalId: 'external-1', sentAt: NOON });
      await attempt(scene, PART_DELIVERED);
      await attempt(scene, REFUSED);
      expect(await scene.store.readMessage(id)).toMatchObject({
        state: 'dead',
        partsDelivered: 1,
        partCount: 3,
      });
      await scene.accept({ text: 'earlier', sentAt: NOON - 1_000 });
      const again = scene.messageItem({
        text: 'long',
        externalId: 'external-1',
        destination: OTHER_DESTINATION,
      });
      expect(await scene.store.redrive({ id, now: scene.now, holdMs: 0, items: [again] })).toBe('accepted');
      const resumed = await scene.claimOne();
      expect(resumed).toMatchObject({ messageId: id, parts: PARTS, partsDelivered: 1, attempts: 0 });
      expect(resumed.destination).toBe(OTHER_DESTINATION);
      await scene.record(resumed, { verdict: 'returned', dueAt: scene.now });
      expect((await scene.claimOne()).messageId).toBe(id);
    });

    it('of which nothing was delivered is cut anew by a redrive', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await attempt(scene, REFUSED);
      expect(await scene.store.readMessage(id)).toMatchObject({ partsDelivered: 0, partCount: 3 });
      const again = scene.messageItem();
      expect(await scene.store.redrive({ id, now: scene.now, holdMs: 0, items: [again] })).toBe('accepted');
      expect(await scene.claimOne()).toMatchObject({ parts: undefined, partsDelivered: 0 });
    });

    const parts = ['sentinel-of-a-part', 'another'];
    it.each<{ name: string; erase: (scene: StoreScene, id: number) => Promise<unknown> }>([
      { name: 'its delivery', erase: (scene) => attempt(scene, DELIVERED) },
      {
        name: 'its discarding',
        erase: async (scene, id) => {
          await attempt(scene, REFUSED);
          await scene.store.discard([id], scene.now);
        },
      },
      {
        name: 'the erasure of its customer',
        erase: (scene) => scene.store.eraseCustomer('+14255550182', scene.now),
      },
    ])('leaves no part behind after $name', async ({ erase }) => {
      const scene = getScene();
      const { id } = await scene.accept();
      await attempt(scene, PART_DELIVERED, parts);
      expect(await scene.holds('sentinel-of-a-part')).toBe(true);
      await erase(scene, id);
      await scene.store.maintain(scene.now, RETENTION_MS);
      expect(await scene.holds('sentinel-of-a-part')).toBe(false);
    });
  });
}
