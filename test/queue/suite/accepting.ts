import { describe, expect, it } from 'vitest';
import { IGNORED_REASONS } from '../../../src/normalize/inbound-message.ts';
import type { AcceptItem } from '../../../src/queue/message-store.ts';
import { textsOf } from './store-scene.ts';
import type { Given, StoreScene } from './store-scene.ts';

const DEAD_LETTER = { kind: 'dead', index: 0, reason: 'not_understood', detail: 'why', raw: '{}' } as const;

export function describeAccepting(getScene: () => StoreScene): void {
  describe('safe', () => {
    it('keeps what it accepted', async () => {
      const scene = getScene();
      const { id } = await scene.accept({ text: 'kept' });
      const before = await scene.row(id);
      await scene.reopen();
      expect(await scene.row(id)).toEqual(before);
      expect(await scene.deliverAll()).toEqual(['kept']);
    });

    it('answers each item in its order', async () => {
      const scene = getScene();
      const items: AcceptItem[] = [
        scene.messageItem({ externalId: 'a' }, 0),
        { ...DEAD_LETTER, index: 1 },
        scene.messageItem({ externalId: 'a' }, 2),
        { ...DEAD_LETTER, index: 3, reason: 'no_route', message: scene.message({ channel: 'whatsapp' }) },
        scene.messageItem({ externalId: 'b' }, 4),
      ];
      const answers = await scene.store.accept(scene.request(items));
      expect(answers.map(({ outcome }) => outcome)).toEqual([
        'accepted',
        'dead',
        'duplicate',
        'dead',
        'accepted',
      ]);
      expect(answers[2]?.id).toBe(answers[0]?.id);
      expect((await scene.status()).books).toMatchObject({
        received: 5,
        duplicate: 1,
        dead: 2,
        pending: 2,
        deadByReason: { not_understood: 1, no_route: 1 },
      });
    });

    it.each([
      { name: 'NUL characters', text: 'a\u0000b\u0000' },
      { name: 'a lone surrogate', text: 'a\uD83Db' },
      { name: 'quotes and escapes', text: `"'\\";--\n\r\t` },
      { name: 'scripts and emoji', text: 'שלום 你好 👩‍👩‍👧‍👦' },
      { name: '300 KB', text: 'long "text" '.repeat(25_600) },
    ])('gives a text back as it came: $name', async ({ text }) => {
      const scene = getScene();
      await scene.accept({ text, raw: JSON.stringify({ text }) });
      const { message } = await scene.claimOne();
      expect(message.content).toEqual({ kind: 'text', text });
    });

    it('gives every member of a message back', async () => {
      const scene = getScene();
      const message = {
        ...scene.message({ channel: 'whatsapp' }),
        content: { kind: 'empty' } as const,
        profileName: 'Ana',
        businessNumberArn: 'arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/1',
        keyword: 'HELP',
        previousPublishedMessageId: 'previous-1',
      };
      const request = scene.request([{ ...scene.messageItem(), message }]);
      await scene.store.accept(request);
      const claim = await scene.claimOne();
      expect(claim.message).toEqual(message);
      expect(claim).toMatchObject({
        snsMessageId: request.snsMessageId,
        direction: 'inbound',
        acceptedAt: scene.now,
        attempts: 0,
        followsLostAttempt: false,
        firstFailedAt: undefined,
        isProbe: false,
        probeRefusals: 0,
        pausedMs: 0,
      });
    });
  });

  describe('unique', () => {
    const FIRST = { snsMessageId: 'sns-1', externalId: 'external-1' };
    it.each<{ name: string; again: Given }>([
      { name: 'the same notification', again: FIRST },
      { name: 'the SNS MessageId alone', again: { snsMessageId: 'sns-1', externalId: 'external-9' } },
      { name: 'the external id alone', again: { snsMessageId: 'sns-9', externalId: 'external-1' } },
      { name: 'the external id, under another address', again: { ...FIRST, from: '+14255550143' } },
    ])('calls a duplicate by $name', async ({ again }) => {
      const scene = getScene();
      const { id } = await scene.accept({ ...FIRST, text: 'original' });
      expect(await scene.accept({ ...again, text: 'again' })).toEqual({
        id,
        outcome: 'duplicate',
        arrivedLate: false,
      });
      expect(await scene.deliverAll()).toEqual(['original']);
      expect((await scene.status()).books).toMatchObject({ received: 2, duplicate: 1, delivered: 1 });
    });

    it('calls a duplicate what has been delivered, too', async () => {
      const scene = getScene();
      const { id } = await scene.accept(FIRST);
      await scene.deliverAll();
      expect(await scene.accept(FIRST)).toMatchObject({ id, outcome: 'duplicate' });
    });

    it.each<{ name: string; other: Given }>([
      { name: 'another notification', other: {} },
      {
        name: 'the same external id on another channel',
        other: { channel: 'whatsapp', externalId: 'external-1' },
      },
    ])('calls no duplicate: $name', async ({ other }) => {
      const scene = getScene();
      await scene.accept(FIRST);
      expect(await scene.accept(other)).toMatchObject({ outcome: 'accepted' });
    });

    it.each([
      { name: 'SNS MessageId', again: { snsMessageId: 'sns-1' }, expected: 'duplicate' },
      { name: 'external id', again: { externalId: 'external-1' }, expected: 'duplicate' },
      { name: 'neither', again: {}, expected: 'dead' },
    ] as const)('of dead letters, by $name: $expected', async ({ again, expected }) => {
      const scene = getScene();
      const dead = (given: Given): AcceptItem => ({ ...DEAD_LETTER, message: scene.message(given) });
      await scene.store.accept(scene.request([dead(FIRST)], FIRST));
      const [answer] = await scene.store.accept(scene.request([dead(again)], again));
      expect(answer?.outcome).toBe(expected);
    });

    it('keeps apart dead letters that have no external id', async () => {
      const scene = getScene();
      const [first] = await scene.store.accept(scene.request([DEAD_LETTER]));
      const [second] = await scene.store.accept(scene.request([DEAD_LETTER]));
      expect([first?.outcome, second?.outcome]).toEqual(['dead', 'dead']);
      expect(second?.id).not.toBe(first?.id);
    });

    it.each([
      { name: 'the same notification', given: () => FIRST },
      {
        name: 'the same external id',
        given: (copy: number) => ({ externalId: 'external-1', snsMessageId: `sns-${copy}` }),
      },
      {
        name: 'the same SNS MessageId',
        given: (copy: number) => ({ externalId: `external-${copy}`, snsMessageId: 'sns-1' }),
      },
    ])('accepts one of 20 that come at once: $name', async ({ given }) => {
      const scene = getScene();
      const copies = Array.from({ length: 20 }, (_, copy) => scene.accept(given(copy)));
      const answers = await Promise.all(copies);
      expect(answers.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1);
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
      expect((await scene.status()).books).toMatchObject({ received: 20, duplicate: 19, pending: 1 });
      expect(textsOf(await scene.claim())).toHaveLength(1);
    });
  });

  describe('booked', () => {
    it.each(IGNORED_REASONS)('counts an ignored notification and keeps nothing of it: %s', async (reason) => {
      const scene = getScene();
      const request = { ...scene.request([], { snsMessageId: 'sns-ignored' }), ignored: [reason] };
      expect(await scene.store.accept(request)).toEqual([]);
      expect((await scene.status()).books).toMatchObject({
        received: 1,
        ignored: 1,
        ignoredByReason: { [reason]: 1 },
      });
      expect(await scene.holds('sns-ignored')).toBe(false);
    });

    it('counts a notification that yields nothing at all', async () => {
      const scene = getScene();
      expect(await scene.store.accept(scene.request([]))).toEqual([]);
      expect((await scene.status()).books).toMatchObject({
        received: 1,
        ignored: 1,
        ignoredByReason: { no_messages: 1 },
      });
    });

    it('counts each ignored message beside those that are kept', async () => {
      const scene = getScene();
      const request = { ...scene.request([scene.messageItem()]), ignored: ['by_route', 'by_route'] as const };
      expect(await scene.store.accept(request)).toMatchObject([{ outcome: 'accepted' }]);
      expect((await scene.status()).books).toMatchObject({
        received: 3,
        ignored: 2,
        ignoredByReason: { by_route: 2 },
        pending: 1,
      });
    });

    it('adds up over days', async () => {
      const scene = getScene();
      for (let day = 0; day < 3; day++) {
        await scene.accept();
        await scene.deliverAll();
        scene.now += 86_400_000;
      }
      expect((await scene.status()).books).toMatchObject({ received: 3, delivered: 3 });
    });

    it('shows what is unfinished or dead, by channel, and since when', async () => {
      const scene = getScene();
      await scene.accept({ text: 'sending' });
      await scene.claim();
      const oldestPendingAt = scene.now;
      scene.now += 1_000;
      await scene.accept({ channel: 'whatsapp' });
      await scene.accept({ channel: 'whatsapp' });
      await scene.store.accept(scene.request([DEAD_LETTER]));
      const status = await scene.status();
      expect(status.messages.toSorted((a, b) => a.channel.localeCompare(b.channel))).toEqual([
        { channel: 'sms', state: 'sending', count: 1 },
        { channel: 'unknown', state: 'dead', count: 1 },
        { channel: 'whatsapp', state: 'pending', count: 2 },
      ]);
      expect(status.oldestPendingAt).toBe(oldestPendingAt);
      expect(status.books).toMatchObject({ pending: 3, dead: 1 });
    });

    it('shows an empty store', async () => {
      const scene = getScene();
      expect(await scene.status()).toMatchObject({ messages: [], paused: [], oldestPendingAt: undefined });
      expect(await scene.claim()).toEqual({ claims: [], nextDueAt: undefined });
      await expect(scene.store.ping()).resolves.toBeUndefined();
    });
  });
}
