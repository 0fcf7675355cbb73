import { describe, expect, it } from 'vitest';
import type { AcceptItem, MessageFilter } from '../../../src/queue/message-store.ts';
import { DELIVERED, DESTINATION, NOON, retryAt } from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

const ANA = '+14255550111';
const BEN = '+14255550122';
const EVE = '+14255550133';
const DEAD_LETTER = { kind: 'dead', index: 0, reason: 'not_understood', detail: 'why', raw: '{}' } as const;

/** Five messages, a second apart, one of each state; their ids in the order in which they came. */
async function fill(scene: StoreScene): Promise<number[]> {
  const refused = await scene.accept({ from: ANA, text: 'refused' });
  const refusal = { verdict: 'dead', reason: 'refused', error: 'not valid' } as const;
  await scene.record(await scene.claimOne(), refusal);
  scene.now += 1_000;
  const [strange] = await scene.store.accept(scene.request([DEAD_LETTER]));
  scene.now += 1_000;
  const delivered = await scene.accept({ from: BEN });
  await scene.record(await scene.claimOne(), DELIVERED);
  scene.now += 1_000;
  const sending = await scene.accept({ from: ANA });
  await scene.claimOne();
  scene.now += 1_000;
  const pending = await scene.accept({ from: EVE, channel: 'whatsapp', holdMs: 250 });
  return [refused.id, strange?.id ?? 0, delivered.id, sending.id, pending.id];
}

async function listIds(scene: StoreScene, filter: MessageFilter, limit = 50): Promise<number[]> {
  return (await scene.store.listMessages(filter, { limit })).map(({ id }) => id);
}

export function describeLooking(getScene: () => StoreScene): void {
  describe('a list', () => {
    it.each<{ name: string; filter: MessageFilter; expected: readonly number[] }>([
      { name: 'everything, newest first', filter: {}, expected: [4, 3, 2, 1, 0] },
      { name: 'dead ones', filter: { state: 'dead' }, expected: [1, 0] },
      { name: 'pending ones', filter: { state: 'pending' }, expected: [4] },
      { name: 'what is being sent', filter: { state: 'sending' }, expected: [3] },
      { name: 'delivered ones', filter: { state: 'delivered' }, expected: [2] },
      { name: 'discarded ones: none', filter: { state: 'discarded' }, expected: [] },
      { name: 'those of a reason', filter: { reason: 'refused' }, expected: [0] },
      {
        name: 'those of another reason',
        filter: { state: 'dead', reason: 'not_understood' },
        expected: [1],
      },
      { name: 'those accepted since', filter: { since: NOON + 3_000 }, expected: [4, 3] },
      {
        name: 'those accepted since then and dead',
        filter: { since: NOON + 1, state: 'dead' },
        expected: [1],
      },
      { name: 'none since the future', filter: { since: NOON + 60_000 }, expected: [] },
    ])('has $name', async ({ filter, expected }) => {
      const scene = getScene();
      const ids = await fill(scene);
      expect((await listIds(scene, filter)).map((id) => ids.indexOf(id))).toEqual(expected);
      expect(await scene.store.countMessages(filter)).toBe(expected.length);
    });

    it('of ids has those of them that are there', async () => {
      const scene = getScene();
      const ids = await fill(scene);
      const [first = 0, , third = 0] = ids;
      const asked = { ids: [third, 987_654_321, first] };
      expect(await listIds(scene, asked)).toEqual([third, first]);
      expect(await listIds(scene, { ...asked, state: 'dead' })).toEqual([first]);
      expect(await scene.store.countMessages({ ids: [] })).toBe(0);
      expect(await listIds(scene, { ids: [] })).toEqual([]);
    });

    it('comes in pages', async () => {
      const scene = getScene();
      const ids = await fill(scene);
      expect(await listIds(scene, {}, 2)).toEqual([ids[4], ids[3]]);
      const next = await scene.store.listMessages({}, { limit: 2, beforeId: ids[3] ?? 0 });
      expect(next.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
      expect(await scene.store.listMessages({}, { limit: 2, beforeId: ids[0] ?? 0 })).toEqual([]);
    });

    it('says of each who wrote, where it goes, and how far it is', async () => {
      const scene = getScene();
      const sentAt = NOON - 5_000;
      const accepted = await scene.accept({ from: ANA, snsMessageId: 'sns-1', sentAt, holdMs: 100 });
      const summary = {
        id: accepted.id,
        state: 'pending',
        reason: undefined,
        direction: 'inbound',
        channel: 'sms',
        customerAddress: ANA,
        businessAddress: '+12065550100',
        destination: DESTINATION,
        snsMessageId: 'sns-1',
        sentAt,
        acceptedAt: NOON,
        endedAt: undefined,
        dueAt: NOON + 100,
        attempts: 0,
        contactId: undefined,
        partsDelivered: 0,
      };
      expect(await scene.store.listMessages({}, { limit: 1 })).toEqual([summary]);
      scene.now += 100;
      await scene.record(await scene.claimOne(), retryAt(scene.now + 700));
      const retried = { ...summary, attempts: 1, dueAt: scene.now + 700 };
      expect(await scene.store.listMessages({}, { limit: 1 })).toEqual([retried]);
      scene.now += 700;
      await scene.record(await scene.claimOne(), DELIVERED);
      const delivered = {
        ...retried,
        state: 'delivered',
        dueAt: undefined,
        endedAt: scene.now,
        contactId: 'contact-1',
      };
      expect(await scene.store.listMessages({}, { limit: 1 })).toEqual([delivered]);
    });

    it('knows the addresses of a dead letter that never had a lane', async () => {
      const scene = getScene();
      const letters: AcceptItem[] = [
        { ...DEAD_LETTER, reason: 'no_route', message: scene.message({ from: ANA, number: '+12065550155' }) },
        { ...DEAD_LETTER, index: 1 },
      ];
      await scene.store.accept(scene.request(letters));
      const [strange, lost] = await scene.store.listMessages({ state: 'dead' }, { limit: 2 });
      expect(lost).toMatchObject({
        channel: 'sms',
        customerAddress: ANA,
        businessAddress: '+12065550155',
        destination: undefined,
        endedAt: NOON,
      });
      expect([strange?.channel, strange?.customerAddress, strange?.businessAddress]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    });
  });

  describe('a message in detail', () => {
    it('is its summary, with content, raw notification and what was said last', async () => {
      const scene = getScene();
      const { id } = await scene.accept({ text: 'kept', raw: '{"its":"own"}' });
      await scene.record(await scene.claimOne(), { verdict: 'dead', reason: 'refused', error: 'not valid' });
      const [summary] = await scene.store.listMessages({ ids: [id] }, { limit: 1 });
      expect(await scene.store.readMessage(id)).toEqual({
        ...summary,
        lastError: 'not valid',
        recordedAttempts: [],
        message: expect.objectContaining({ content: { kind: 'text', text: 'kept' } }),
        raw: '{"its":"own"}',
      });
      expect(summary).toMatchObject({ state: 'dead', reason: 'refused', endedAt: scene.now });
    });

    it('says why a letter is dead that was never understood', async () => {
      const scene = getScene();
      const [letter] = await scene.store.accept(scene.request([DEAD_LETTER]));
      expect(await scene.store.readMessage(letter?.id ?? 0)).toMatchObject({
        reason: 'not_understood',
        lastError: 'why',
        message: undefined,
        raw: '{}',
      });
    });

    it('is erased with the delivery, but for where it went', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await scene.deliverAll();
      const detail = await scene.store.readMessage(id);
      expect(detail).toMatchObject({ state: 'delivered', contactId: 'contact-1' });
      expect([detail?.message, detail?.raw, detail?.lastError]).toEqual([undefined, undefined, undefined]);
    });

    it('of an id that is not there is nothing', async () => {
      expect(await getScene().store.readMessage(987_654_321)).toBeUndefined();
    });
  });
}
