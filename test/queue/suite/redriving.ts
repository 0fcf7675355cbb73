import { describe, expect, it } from 'vitest';
import type { AcceptItem, Books, RedriveOutcome, RedriveRequest } from '../../../src/queue/message-store.ts';
import { NOON, OTHER_DESTINATION, RETENTION_MS, retryAt } from './store-scene.ts';
import type { Given, StoreScene } from './store-scene.ts';

const DEAD_LETTER = {
  kind: 'dead',
  index: 0,
  reason: 'not_understood',
  detail: 'why',
  raw: '{"raw":"old"}',
} as const;

async function acceptLetter(scene: StoreScene, over: Given = {}, letter: Partial<AcceptItem> = {}) {
  const request = scene.request([{ ...DEAD_LETTER, ...letter } as AcceptItem], over);
  const [accepted] = await scene.store.accept(request);
  if (accepted?.outcome !== 'dead') throw new Error('It is no dead letter');
  return accepted.id;
}

function redrive(
  scene: StoreScene,
  id: number,
  items: readonly AcceptItem[],
  over: Partial<RedriveRequest> = {},
): Promise<RedriveOutcome> {
  return scene.store.redrive({ id, now: scene.now, holdMs: 0, items, ...over });
}

/** What the books say, without what is nothing. */
async function books(scene: StoreScene): Promise<Partial<Books>> {
  const { books } = await scene.status();
  expect(books.isBalanced).toBe(true);
  const counters = ['received', 'delivered', 'duplicate', 'ignored', 'discarded', 'dead', 'pending'] as const;
  return Object.fromEntries(counters.filter((name) => books[name] > 0).map((name) => [name, books[name]]));
}

export function describeRedriving(getScene: () => StoreScene): void {
  describe('a redrive', () => {
    it('to a message puts it back under its id, to go like any other', async () => {
      const scene = getScene();
      const id = await acceptLetter(scene, { snsMessageId: 'sns-1' });
      scene.now += 60_000;
      const understood = scene.messageItem({
        text: 'understood',
        sentAt: NOON - 1_000,
        raw: '{"raw":"new"}',
      });
      expect(await redrive(scene, id, [understood], { holdMs: 250 })).toBe('accepted');
      expect(await books(scene)).toEqual({ received: 1, pending: 1 });
      expect(await scene.store.readMessage(id)).toMatchObject({
        state: 'pending',
        reason: undefined,
        lastError: undefined,
        endedAt: undefined,
        channel: 'sms',
        sentAt: NOON - 1_000,
        acceptedAt: scene.now,
        dueAt: scene.now + 250,
        raw: '{"raw":"new"}',
      });
      expect((await scene.claim()).nextDueAt).toBe(scene.now + 250);
      scene.now += 250;
      expect(await scene.claimOne()).toMatchObject({
        messageId: id,
        snsMessageId: 'sns-1',
        message: understood.message,
        attempts: 0,
      });
    });

    it('begins anew: neither attempts nor failures nor refusals of before count', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await scene.record(await scene.claimOne(), retryAt(scene.now));
      const refusal = { verdict: 'returned', dueAt: scene.now, isProbeRefusal: true } as const;
      await scene.record(await scene.claimOne(), refusal);
      await scene.record(await scene.claimOne(), { verdict: 'dead', reason: 'refused', error: 'no' });
      scene.now += 1_000;
      expect(await redrive(scene, id, [scene.messageItem()])).toBe('accepted');
      expect(await scene.claimOne()).toMatchObject({
        messageId: id,
        acceptedAt: scene.now,
        attempts: 0,
        firstFailedAt: undefined,
        probeRefusals: 0,
        pausedMs: 0,
        followsLostAttempt: false,
      });
    });

    it('takes its place in its lane by when it was sent, behind what has begun', async () => {
      const scene = getScene();
      const id = await acceptLetter(scene);
      await scene.accept({ text: 'begun', sentAt: NOON - 3_000 });
      await scene.record(await scene.claimOne(), retryAt(scene.now));
      await scene.accept({ text: 'earlier', sentAt: NOON - 5_000 });
      await scene.accept({ text: 'later', sentAt: NOON });
      await redrive(scene, id, [scene.messageItem({ text: 'redriven', sentAt: NOON - 4_000 })]);
      expect(await scene.deliverAll()).toEqual(['begun', 'earlier', 'redriven', 'later']);
    });

    it('is not begun, even if it was tried before it died', async () => {
      const scene = getScene();
      const { id } = await scene.accept({ text: 'tried' });
      await scene.record(await scene.claimOne(), { verdict: 'dead', reason: 'refused', error: 'no' });
      await scene.accept({ text: 'earlier', sentAt: NOON - 5_000 });
      await redrive(scene, id, [scene.messageItem({ text: 'tried' })]);
      expect(await scene.deliverAll()).toEqual(['earlier', 'tried']);
    });

    it('takes the lane where the route leads now', async () => {
      const scene = getScene();
      await scene.accept({ text: 'waits' });
      const id = await acceptLetter(scene);
      await redrive(scene, id, [scene.messageItem({ destination: OTHER_DESTINATION, paceKey: 'elsewhere' })]);
      expect(await scene.claimOne()).toMatchObject({ destination: OTHER_DESTINATION, paceKey: 'elsewhere' });
    });

    it('leaves a leased lane to its sender', async () => {
      const scene = getScene();
      const id = await acceptLetter(scene);
      await scene.accept({ text: 'being sent' });
      const claim = await scene.claimOne();
      await redrive(scene, id, [scene.messageItem({ text: 'redriven' })]);
      expect((await scene.claim()).claims).toEqual([]);
      await scene.record(claim);
      expect(await scene.deliverAll()).toEqual(['redriven']);
    });

    it('to a dead letter keeps it, with what is known now, and as old as it was', async () => {
      const scene = getScene();
      const id = await acceptLetter(scene);
      scene.now += 60_000;
      const message = scene.message({ from: '+14255550111', externalId: 'external-1' });
      const letter: AcceptItem = {
        kind: 'dead',
        index: 0,
        reason: 'no_route',
        detail: 'no route for it',
        raw: '{"raw":"new"}',
        message,
      };
      expect(await redrive(scene, id, [letter])).toBe('dead');
      expect(await books(scene)).toEqual({ received: 1, dead: 1 });
      expect((await scene.status()).books.deadByReason).toEqual({ no_route: 1 });
      expect(await scene.store.readMessage(id)).toMatchObject({
        state: 'dead',
        reason: 'no_route',
        lastError: 'no route for it',
        channel: 'sms',
        customerAddress: '+14255550111',
        endedAt: NOON,
        message,
        raw: '{"raw":"new"}',
      });
      expect(await scene.accept({ externalId: 'external-1' })).toMatchObject({ id, outcome: 'duplicate' });
      expect(await books(scene)).toEqual({ received: 2, duplicate: 1, dead: 1 });
    });

    it.each([
      { name: 'waits', ends: false },
      { name: 'has been delivered', ends: true },
    ])('to what is here already is a duplicate: one that $name', async ({ ends }) => {
      const scene = getScene();
      const given = { externalId: 'external-1', text: 'original' };
      await scene.accept(given);
      if (ends) await scene.deliverAll();
      const id = await acceptLetter(scene);
      expect(await redrive(scene, id, [scene.messageItem({ ...given, text: 'again' })])).toBe('duplicate');
      expect(await scene.inspect(id)).toBeUndefined();
      expect(await books(scene)).toEqual({
        received: 2,
        duplicate: 1,
        ...(ends ? { delivered: 1 } : { pending: 1 }),
      });
      expect(await scene.deliverAll()).toEqual(ends ? [] : ['original']);
    });

    it('to a letter that is here already is a duplicate', async () => {
      const scene = getScene();
      const message = scene.message({ externalId: 'external-1' });
      await acceptLetter(scene, {}, { reason: 'no_route', message });
      const id = await acceptLetter(scene);
      const again = { ...DEAD_LETTER, reason: 'no_route', message } as const;
      expect(await redrive(scene, id, [again])).toBe('duplicate');
      expect(await books(scene)).toEqual({ received: 2, duplicate: 1, dead: 1 });
    });

    it.each([
      { name: 'for a reason', ignored: ['status'], byReason: { status: 1 } },
      { name: 'for several', ignored: ['by_route', 'by_route'], byReason: { by_route: 2 } },
      { name: 'for none', ignored: [], byReason: { no_messages: 1 } },
    ] as const)('to nothing is ignored, $name', async ({ ignored, byReason }) => {
      const scene = getScene();
      const id = await acceptLetter(scene);
      expect(await redrive(scene, id, [], { ignored })).toBe('ignored');
      expect(await scene.inspect(id)).toBeUndefined();
      const count = Math.max(ignored.length, 1);
      expect(await books(scene)).toEqual({ received: count, ignored: count });
      expect((await scene.status()).books.ignoredByReason).toEqual(byReason);
    });

    it('to messages of which its route ignores some receives those anew', async () => {
      const scene = getScene();
      const id = await acceptLetter(scene);
      expect(await redrive(scene, id, [scene.messageItem()], { ignored: ['by_route'] })).toBe('accepted');
      expect(await books(scene)).toEqual({ received: 2, ignored: 1, pending: 1 });
    });

    it('to several messages receives all but the first anew', async () => {
      const scene = getScene();
      const id = await acceptLetter(scene, { snsMessageId: 'sns-1' });
      const items = ['one', 'two', 'three'].map((text, index) =>
        scene.messageItem({ text, sentAt: NOON + index }, index),
      );
      expect(await redrive(scene, id, [...items, { ...DEAD_LETTER, index: 3 }])).toBe('accepted');
      expect(await books(scene)).toEqual({ received: 4, pending: 3, dead: 1 });
      const listed = await scene.store.listMessages({}, { limit: 5 });
      expect(listed.map(({ snsMessageId }) => snsMessageId)).toEqual(Array(4).fill('sns-1'));
      expect(listed.at(-1)?.id).toBe(id);
      expect(await scene.deliverAll()).toEqual(['one', 'two', 'three']);
    });

    it('to several messages never takes them for other parts of its notification', async () => {
      const scene = getScene();
      const letters = [DEAD_LETTER, { ...DEAD_LETTER, index: 1 }, { ...DEAD_LETTER, index: 2 }];
      const [first] = await scene.store.accept(scene.request(letters, { snsMessageId: 'sns-1' }));
      const items = ['one', 'two'].map((text, index) =>
        scene.messageItem({ text, sentAt: NOON + index }, index),
      );
      expect(await redrive(scene, first?.id ?? 0, items)).toBe('accepted');
      expect(await books(scene)).toEqual({ received: 4, pending: 2, dead: 2 });
      expect(await scene.deliverAll()).toEqual(['one', 'two']);
    });

    it('to several of which some are here already', async () => {
      const scene = getScene();
      await scene.accept({ externalId: 'external-1', text: 'original' });
      const id = await acceptLetter(scene);
      const items = ['1', '2', '2'].map((number, index) =>
        scene.messageItem({ externalId: `external-${number}`, text: number }, index),
      );
      expect(await redrive(scene, id, items)).toBe('duplicate');
      expect(await books(scene)).toEqual({ received: 4, duplicate: 2, pending: 2 });
      expect(await scene.deliverAll()).toEqual(['original', '2']);
    });

    it.each([
      {
        name: 'pending',
        prepare: async (scene: StoreScene) => (await scene.accept()).id,
      },
      {
        name: 'being sent',
        prepare: async (scene: StoreScene) => {
          await scene.accept();
          return (await scene.claimOne()).messageId;
        },
      },
      {
        name: 'delivered',
        prepare: async (scene: StoreScene) => {
          const { id } = await scene.accept();
          await scene.deliverAll();
          return id;
        },
      },
      {
        name: 'discarded',
        prepare: async (scene: StoreScene) => {
          const id = await acceptLetter(scene);
          await scene.store.discard([id], scene.now);
          return id;
        },
      },
      { name: 'not there', prepare: () => Promise.resolve(987_654_321) },
    ])('changes nothing of what is $name', async ({ prepare }) => {
      const scene = getScene();
      const id = await prepare(scene);
      const before = [await scene.inspect(id), await books(scene)];
      expect(await redrive(scene, id, [scene.messageItem({ text: 'other' })])).toBe('unchanged');
      expect(await redrive(scene, id, [])).toBe('unchanged');
      expect([await scene.inspect(id), await books(scene)]).toEqual(before);
    });

    it('puts a letter back once, of 10 that come at once', async () => {
      const scene = getScene();
      const id = await acceptLetter(scene);
      const item = scene.messageItem();
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => redrive(scene, id, [item])));
      expect(outcomes.toSorted()).toEqual(['accepted', ...Array<string>(9).fill('unchanged')]);
      expect(await books(scene)).toEqual({ received: 1, pending: 1 });
    });

    it('leaves the attempts of before to be looked at', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      const attempt = {
        verdict: 'dead',
        code: 'InvalidRequestException',
        startedAt: NOON,
        durationMs: 5,
      } as const;
      await scene.record(
        await scene.claimOne(),
        { verdict: 'dead', reason: 'refused', error: 'no' },
        { attempt },
      );
      await redrive(scene, id, [scene.messageItem()]);
      expect((await scene.store.readMessage(id))?.recordedAttempts).toMatchObject([attempt]);
    });

    it('outlives the lane that its letter had', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      scene.now += RETENTION_MS / 2;
      await scene.record(await scene.claimOne(), { verdict: 'dead', reason: 'refused', error: 'no' });
      scene.now += RETENTION_MS / 2 + 1;
      await scene.store.maintain(scene.now, RETENTION_MS);
      expect(await scene.store.readMessage(id)).toMatchObject({ customerAddress: '+14255550182' });
      await redrive(scene, id, [scene.messageItem({ text: 'redriven' })]);
      expect(await scene.deliverAll()).toEqual(['redriven']);
    });
  });
}
