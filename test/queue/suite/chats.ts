import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../../src/clock.ts';
import type { AgentReply } from '../../../src/normalize/agent-reply.ts';
import type { AcceptItem, ChatSession, Claim, OutcomeReport } from '../../../src/queue/message-store.ts';
import { DELIVERED, LEASE_MS, OTHER_DESTINATION, PACE_KEY, RETENTION_MS, retryAt } from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

const ANA = '+14255550111';
const PARTIES = {
  channel: 'sms',
  customerAddress: ANA,
  customerAddressKind: 'phone',
  businessAddress: '+12065550100',
} as const;
const FIRST: ChatSession = { seed: '3b241101-e2bb-4255-8caf-4136c566a962', generation: 1, parties: PARTIES };
const OPENED: ChatSession = { ...FIRST, contactId: 'contact-1', participantToken: 'a token' };
const IN_USE: ChatSession = { ...OPENED, hasDelivered: true };
const NEXT: ChatSession = { ...FIRST, generation: 2 };

/** Puts the head back with what its chat is now, as after a step. */
async function step(
  scene: StoreScene,
  session: ChatSession,
  over: Partial<OutcomeReport> = {},
): Promise<void> {
  const claim = await scene.claimOne();
  await scene.record(claim, { verdict: 'returned', dueAt: scene.now }, { session, ...over });
}

/** What the chat is as the next claim sees it; the head goes back. */
async function sessionNow(scene: StoreScene): Promise<ChatSession | undefined> {
  const claim = await scene.claimOne();
  await scene.record(claim, { verdict: 'returned', dueAt: scene.now });
  return claim.session;
}

async function end(scene: StoreScene, contactId: string): Promise<void> {
  const request = { ...scene.request([]), ignored: ['chat_event'] as const, endedContacts: [contactId] };
  await scene.store.accept({ ...request, direction: 'outbound' });
}

function reply(over: Partial<AgentReply> = {}): AgentReply {
  return {
    ...PARTIES,
    contactId: 'contact-1',
    externalId: 'item-1',
    sentAt: 1,
    content: { kind: 'text', text: 'How can I help?' },
    ...over,
  };
}

function replyItem(message: AgentReply): Extract<AcceptItem, { kind: 'message' }> {
  const placement = { destination: 'reply/+12065550100', paceKey: 'SendTextMessage 111122223333/us-east-1' };
  return { kind: 'message', index: 0, message, raw: '{"raw":"reply"}', placement };
}

async function acceptReply(scene: StoreScene, over: Partial<AgentReply> = {}) {
  const request = { ...scene.request([replyItem(reply(over))]), direction: 'outbound' as const };
  const [accepted] = await scene.store.accept(request);
  if (!accepted) throw new Error('The store answered nothing for the reply');
  return accepted;
}

export function describeChats(getScene: () => StoreScene): void {
  describe('a chat', () => {
    it('is none until an outcome says so', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      expect(await scene.claimOne()).toMatchObject({ session: undefined, choices: undefined });
      expect(await scene.store.findChat('contact-1')).toBeUndefined();
    });

    it('is its conversation’s, for whatever message comes next', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA, text: 'one' });
      await step(scene, FIRST);
      await step(scene, OPENED);
      await scene.deliverAll();
      await scene.accept({ from: ANA, text: 'two' });
      expect((await scene.claimOne()).session).toEqual(OPENED);
      await scene.accept({ from: '+14255550122' });
      expect((await scene.claimOne()).session).toBeUndefined();
      expect(await scene.store.findChat('contact-1')).toEqual(PARTIES);
    });

    it('moves on by the current lease only', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      const late = await scene.claimOne();
      scene.now += LEASE_MS;
      const current = await scene.claimOne();
      const returned = { verdict: 'returned', dueAt: scene.now } as const;
      expect(await scene.record(late, returned, { session: OPENED })).toBe('superseded');
      await scene.record(current, returned);
      expect(await sessionNow(scene)).toEqual(FIRST);
    });

    it('is followed by the next generation once it has a contact, and by one alone', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      await step(scene, NEXT);
      expect(await sessionNow(scene)).toEqual(FIRST);
      await step(scene, OPENED);
      await step(scene, NEXT);
      expect(await sessionNow(scene)).toEqual(NEXT);
      await step(scene, { ...NEXT, generation: 3 });
      await step(scene, IN_USE);
      expect(await sessionNow(scene)).toEqual(NEXT);
      expect(await scene.store.findChat('contact-1')).toEqual(PARTIES);
    });

    it('does not end before it took a message: another would end like it, and so on', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      await step(scene, OPENED);
      await end(scene, 'contact-1');
      expect(await sessionNow(scene)).toEqual(OPENED);
    });

    it('ends once, however often that is said', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      await step(scene, IN_USE);
      await end(scene, 'contact-1');
      await end(scene, 'contact-1');
      await end(scene, 'nobody knows it');
      expect(await sessionNow(scene)).toEqual(NEXT);
      expect((await scene.status()).books).toMatchObject({ ignoredByReason: { chat_event: 3 } });
      await step(scene, { ...NEXT, contactId: 'contact-2' });
      await end(scene, 'contact-1');
      expect(await sessionNow(scene)).toEqual({ ...NEXT, contactId: 'contact-2' });
    });

    it.each([
      { name: 'after a failure of which nobody knows', attempt: 'unclear', expected: 1 },
      { name: 'as it is sent', attempt: 'underWay', expected: 1 },
      { name: 'after a refusal', attempt: 'clear', expected: 0 },
    ])('may have a message that the next one gets, too: $name', async ({ attempt, expected }) => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      await step(scene, IN_USE, {
        placement: { destination: OTHER_DESTINATION, paceKey: PACE_KEY, isIdempotent: true },
      });
      const claim = await scene.claimOne();
      if (attempt !== 'underWay') {
        const isAmbiguous = attempt === 'unclear';
        await scene.record(claim, { verdict: 'retry', retryAt: scene.now, error: 'failed', isAmbiguous });
      }
      await end(scene, 'contact-1');
      expect((await scene.status()).books.possibleDuplicate).toBe(expected);
    });

    it('is not taken back to life by a sender that hears late of its end', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      await step(scene, IN_USE);
      const claim = await scene.claimOne();
      await end(scene, 'contact-1');
      await scene.record(claim, DELIVERED, { session: IN_USE });
      await scene.accept({ from: ANA });
      expect(await sessionNow(scene)).toEqual(NEXT);
    });

    it('that can’t be opened for now is counted by why, until it is', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, { ...FIRST, waitsFor: 'LimitExceededException' });
      expect((await scene.status()).waitingChats).toEqual({ LimitExceededException: 1 });
      await step(scene, OPENED);
      expect((await scene.status()).waitingChats).toEqual({});
    });

    it('outlives its lane’s idle time for as long as it may last, and then goes with it', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      await step(scene, OPENED);
      await scene.deliverAll();
      scene.now += 7 * DAY_MS;
      await scene.store.maintain(scene.now, DAY_MS);
      expect(await scene.store.findChat('contact-1')).toEqual(PARTIES);
      scene.now += 2 * DAY_MS;
      await scene.store.maintain(scene.now, DAY_MS);
      expect(await scene.store.findChat('contact-1')).toBeUndefined();
    });

    it('is erased with its customer', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      await step(scene, OPENED);
      await scene.store.eraseCustomer(ANA, scene.now);
      await scene.store.maintain(scene.now, RETENTION_MS);
      expect(await scene.store.findChat('contact-1')).toBeUndefined();
      for (const trace of [ANA, 'a token', FIRST.seed]) expect(await scene.holds(trace)).toBe(false);
    });
  });

  describe('an idempotent lane', () => {
    const placement = { destination: 'instance/1', paceKey: 'SendMessage instance-1', isIdempotent: true };

    async function claimIdempotent(scene: StoreScene): Promise<Claim> {
      await scene.store.accept(scene.request([{ ...scene.messageItem({ from: ANA }), placement }]));
      return scene.claimOne();
    }

    it('has no possible duplicates of its own', async () => {
      const scene = getScene();
      expect(await claimIdempotent(scene)).toMatchObject({ isIdempotent: true, unclearAttempts: 0 });
      scene.now += LEASE_MS;
      const second = await scene.claimOne();
      expect(second).toMatchObject({ followsLostAttempt: true, unclearAttempts: 1 });
      await scene.record(second, retryAt(scene.now, true));
      expect(await scene.claimOne()).toMatchObject({ attempts: 2, unclearAttempts: 2 });
      expect((await scene.status()).books.possibleDuplicate).toBe(0);
    });

    it('counts one where the message goes into a new chat', async () => {
      const scene = getScene();
      const returned = { verdict: 'returned', dueAt: scene.now, isAmbiguous: true } as const;
      await scene.record(await claimIdempotent(scene), returned);
      expect((await scene.status()).books.possibleDuplicate).toBe(1);
    });

    it('is what its newest placement says', async () => {
      const scene = getScene();
      const moved = { destination: OTHER_DESTINATION, paceKey: 'another' };
      const returned = { verdict: 'returned', dueAt: scene.now } as const;
      await scene.record(await claimIdempotent(scene), returned, { placement: moved });
      expect(await scene.claimOne()).toMatchObject({ isIdempotent: false, ...moved });
    });
  });

  describe('paces of one destination', () => {
    it('keep nobody back who waits for another’s tokens', async () => {
      const scene = getScene();
      const paces = {
        default: { rate: 1, burst: 1 },
        byName: { Slow: { rate: 1, burst: 1 }, Quick: { rate: 100, burst: 100 } },
      };
      const accept = (from: string, paceKey: string) =>
        scene.store.accept(
          scene.request([
            { ...scene.messageItem({ from, text: paceKey }), placement: { destination: 'one', paceKey } },
          ]),
        );
      for (let customer = 10; customer < 80; customer += 1) await accept(`+142555501${customer}`, 'Slow a');
      scene.now += 1;
      await accept(ANA, 'Quick b');
      const { claims } = await scene.claim({ limit: 10, paces });
      expect(claims.map(({ paceKey }) => paceKey)).toEqual(['Slow a', 'Quick b']);
      for (const claim of claims) await scene.record(claim);
      expect((await scene.claim({ limit: 10, paces })).nextDueAt).toBe(scene.now + 1_000);
    });
  });

  describe('a reply', () => {
    it('has a lane of its own, beside its customer’s', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await acceptReply(scene);
      const { claims } = await scene.claim();
      expect(claims.map(({ direction, destination }) => [direction, destination])).toEqual([
        ['inbound', 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1'],
        ['outbound', 'reply/+12065550100'],
      ]);
      expect(claims[1]).toMatchObject({ message: reply(), session: undefined });
    });

    it('is known by its id in the chat, apart from customers’ messages', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA, externalId: 'item-1' });
      const { id } = await acceptReply(scene);
      expect(await acceptReply(scene)).toMatchObject({ id, outcome: 'duplicate' });
      expect(await scene.store.readMessage(id)).toMatchObject({ direction: 'outbound', message: reply() });
    });

    it('leaves what it offers for the customer’s next message, until that is answered', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      await step(scene, OPENED);
      await scene.deliverAll();
      const offers = { contactId: 'contact-1', choices: [{ title: 'Yes' }, { title: 'No' }] };
      await acceptReply(scene);
      await scene.record(await scene.claimOne(), DELIVERED, { offers });
      await scene.accept({ from: ANA });
      const claim = await scene.claimOne();
      expect(claim.choices).toEqual(offers.choices);
      await scene.record(claim, DELIVERED, { isChoiceMade: true });
      await scene.accept({ from: ANA });
      expect((await scene.claimOne()).choices).toBeUndefined();
    });

    it('takes back what an earlier one offered', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      await step(scene, FIRST);
      await step(scene, OPENED);
      await scene.deliverAll();
      for (const choices of [[{ title: 'Yes' }], []]) {
        await acceptReply(scene, { externalId: `item-${choices.length}` });
        await scene.record(await scene.claimOne(), DELIVERED, {
          offers: { contactId: 'contact-1', choices },
        });
      }
      await scene.accept({ from: ANA });
      expect((await scene.claimOne()).choices).toBeUndefined();
    });

    it('that is given up leaves a notice for the agent, in the same commit and once', async () => {
      const scene = getScene();
      await acceptReply(scene);
      const message = {
        ...scene.message({ from: ANA, externalId: 'notice:item-1' }),
        content: { kind: 'notice', contactId: 'contact-1', why: 'the customer has opted out' } as const,
      };
      const notice = { item: { ...scene.messageItem(), message }, snsMessageId: 'sns-1:notice' };
      const dead = { verdict: 'dead', reason: 'refused', error: 'no' } as const;
      await scene.record(await scene.claimOne(), dead, { notice });
      expect((await scene.status()).books).toMatchObject({ received: 2, dead: 1, pending: 1 });
      const claim = await scene.claimOne();
      expect(claim).toMatchObject({ direction: 'inbound', message });
      await scene.record(claim, { verdict: 'discarded', reason: 'chat_ended' });
      expect((await scene.status()).books).toMatchObject({ received: 2, dead: 1, discarded: 1, pending: 0 });
      expect(await scene.store.readMessage(claim.messageId)).toMatchObject({
        state: 'discarded',
        message: undefined,
        raw: undefined,
      });
    });

    it('that died is redriven in its direction', async () => {
      const scene = getScene();
      const { id } = await acceptReply(scene);
      const dead = { verdict: 'dead', reason: 'refused', error: 'no' } as const;
      await scene.record(await scene.claimOne(), dead);
      const items = [replyItem(reply())];
      expect(await scene.store.redrive({ id, now: scene.now, holdMs: 0, items })).toBe('accepted');
      expect(await scene.claimOne()).toMatchObject({ messageId: id, direction: 'outbound' });
      expect((await acceptReply(scene)).outcome).toBe('duplicate');
    });

    it('counts what is unclear of the part that is next', async () => {
      const scene = getScene();
      await acceptReply(scene);
      const parts = ['one ', 'two'];
      await scene.record(await scene.claimOne(), retryAt(scene.now, true), { parts });
      const again = await scene.claimOne();
      expect(again.unclearAttempts).toBe(1);
      await scene.record(again, { verdict: 'part_delivered' });
      expect(await scene.claimOne()).toMatchObject({ partsDelivered: 1, unclearAttempts: 0 });
      expect((await scene.status()).books.possibleDuplicate).toBe(1);
    });
  });

  describe('a probe that gets a step further', () => {
    it('stays the one that probes', async () => {
      const scene = getScene();
      await scene.accept({ from: ANA });
      const pause = {
        destination: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1',
        code: 'CreateParticipantConnection.AccessDeniedException',
        reason: 'Mend it.',
        nextProbeAt: scene.now,
      };
      await scene.record(await scene.claimOne(), { verdict: 'returned', dueAt: scene.now }, { pause });
      await scene.accept({ from: '+14255550122' });
      scene.now += 1;
      const probe = await scene.claimOne();
      expect(probe).toMatchObject({ isProbe: true, pauseCode: pause.code });
      scene.now += 1;
      const nextProbe = { destination: pause.destination, nextProbeAt: scene.now, isSameLane: true };
      await scene.record(probe, { verdict: 'returned', dueAt: scene.now }, { nextProbe });
      expect((await scene.claimOne()).laneId).toBe(probe.laneId);
    });
  });
}
