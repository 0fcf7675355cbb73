import { validate } from 'uuid';
import { describe, expect, it } from 'vitest';
import type { ChatSession } from '../../src/queue/message-store.ts';
import type { ConnectSender, SentEvent } from '../../src/send/connect-client.ts';
import { nextIntegrationEvent } from '../../src/send/integration-event.ts';
import type { Destination } from '../../src/send/route.ts';
import { DESTINATION, LIMITS, MESSAGE } from './chat-event-scene.ts';
import { CLAIM, NOW } from './claim-scene.ts';
import type { InboundClaim } from './claim-scene.ts';
import { BEGUN } from './participant/participant-scene.ts';

const BRIDGED: Destination = { ...DESTINATION, replies: 'bridge' };
const NEW_CHAT: SentEvent = { contactId: 'contact-1', newChatCreated: true, requestId: 'request-1' };

function next(sent: SentEvent, destination = DESTINATION, over: Partial<InboundClaim> = {}) {
  const requests: unknown[] = [];
  const sender: ConnectSender = {
    send: (request) => {
      requests.push(request);
      return Promise.resolve(sent);
    },
  };
  const options = { sender, textLimits: LIMITS };
  return { step: nextIntegrationEvent({ ...CLAIM, ...over }, MESSAGE, destination, NOW, options), requests };
}

describe('an integration event', () => {
  it('is one request a part, under account and Region', async () => {
    const { step, requests } = next(NEW_CHAT, DESTINATION, { parts: ['one ', 'two'], partsDelivered: 1 });
    expect(step).toMatchObject({
      kind: 'request',
      placement: { destination: DESTINATION.destination, paceKey: DESTINATION.paceKey },
      parts: ['one ', 'two'],
    });
    await step.send();
    expect(requests).toMatchObject([{ Event: { Content: 'two' } }]);
  });

  it('is not idempotent', () => {
    expect(next(NEW_CHAT).step.placement).not.toHaveProperty('isIdempotent');
  });

  it.each<{ sent: SentEvent; expected: readonly string[] | undefined }>([
    { sent: NEW_CHAT, expected: ['long'] },
    { sent: {}, expected: ['long'] },
    { sent: { ...NEW_CHAT, newChatCreated: false }, expected: undefined },
  ])('says which attributes had no room, unless the chat is open: $sent', async ({ sent, expected }) => {
    const destination = { ...DESTINATION, attributes: { long: 'x'.repeat(40_000) } };
    const answer = await next(sent, destination).step.send();
    expect(answer.kind === 'delivered' && answer.droppedAttributes).toEqual(expected);
  });
});

async function sessionAfter(...given: Parameters<typeof next>): Promise<ChatSession | undefined> {
  const answer = await next(...given).step.send();
  return answer.kind === 'wait' ? undefined : answer.session;
}

describe('whose chat it is', () => {
  const session = { ...BEGUN, contactId: 'contact-1', openedAt: NOW, hasDelivered: true };

  it.each<{ name: string; sent: SentEvent; destination: Destination }>([
    { name: 'where Connect answers the customer itself', sent: NEW_CHAT, destination: DESTINATION },
    {
      name: 'of a chat that was open',
      sent: { ...NEW_CHAT, newChatCreated: false },
      destination: BRIDGED,
    },
    { name: 'where Connect does not say whether it is new', sent: { contactId: 'c' }, destination: BRIDGED },
    { name: 'where Connect names no contact', sent: { newChatCreated: true }, destination: BRIDGED },
  ])('is not kept $name', async ({ sent, destination }) => {
    expect(await sessionAfter(sent, destination)).toBeUndefined();
  });

  it('is kept of a new chat whose replies the bridge carries', async () => {
    const kept = await sessionAfter(NEW_CHAT, BRIDGED);
    expect(kept).toEqual({ ...session, seed: expect.any(String) as string });
    expect(validate(kept?.seed)).toBe(true);
  });

  it.each<{ name: string; over: Partial<InboundClaim> }>([
    { name: 'an attempt whose answer never came', over: { unclearAttempts: 1 } },
    { name: 'a crash in mid-send', over: { followsLostAttempt: true } },
  ])('is kept of an open chat that may be of $name', async ({ over }) => {
    const open = { ...NEW_CHAT, newChatCreated: false };
    const kept = await sessionAfter(open, BRIDGED, over);
    expect(kept).toEqual({ ...session, seed: expect.any(String) as string });
    expect(await sessionAfter(open, BRIDGED, { ...over, session })).toBeUndefined();
    expect(await sessionAfter(open, DESTINATION, over)).toBeUndefined();
  });

  it.each<{ name: string; last: ChatSession; generation: number }>([
    { name: 'the next one after a chat', last: { ...session, contactId: 'contact-0' }, generation: 2 },
    { name: 'the one that has no contact yet', last: { ...BEGUN, generation: 2 }, generation: 2 },
  ])('is of the generation that is $name, with the seed of the first', async ({ last, generation }) => {
    expect(await sessionAfter(NEW_CHAT, BRIDGED, { session: last })).toEqual({ ...session, generation });
  });
});
