import { validate, version } from 'uuid';
import { describe, expect, it } from 'vitest';
import type { ChatSession } from '../../../src/queue/message-store.ts';
import { messageToken, openingToken } from '../../../src/send/participant/chat-tokens.ts';
import { BEGUN, CONNECTED, USED } from './participant-scene.ts';

const FIRST = openingToken(BEGUN, 'StartChatContact');

function withParties(parties: Partial<ChatSession['parties']>): ChatSession {
  return { ...BEGUN, parties: { ...BEGUN.parties, ...parties } };
}

describe('the token of a step that opens a chat', () => {
  it('is the same whenever and for whatever message it is taken', () => {
    expect(openingToken({ ...BEGUN }, 'StartChatContact')).toBe(FIRST);
    expect(openingToken({ ...USED, waitsFor: 'LimitExceededException' }, 'StartChatContact')).toBe(FIRST);
    expect(openingToken(withParties({ businessNumberArn: 'arn:known:later' }), 'StartChatContact')).toBe(
      FIRST,
    );
  });

  it.each<{ name: string; other: string }>([
    { name: 'step', other: openingToken(BEGUN, 'StartContactStreaming') },
    { name: 'generation', other: openingToken({ ...BEGUN, generation: 2 }, 'StartChatContact') },
    {
      name: 'seed',
      other: openingToken({ ...BEGUN, seed: 'f2f0b8a4-7c39-4d0e-8a53-1d1f2a3b4c5d' }, 'StartChatContact'),
    },
    { name: 'channel', other: openingToken(withParties({ channel: 'whatsapp' }), 'StartChatContact') },
    {
      name: 'customer',
      other: openingToken(withParties({ customerAddress: '+14255550143' }), 'StartChatContact'),
    },
    {
      name: 'number of ours',
      other: openingToken(withParties({ businessAddress: '+12065550199' }), 'StartChatContact'),
    },
  ])('is another for another $name', ({ other }) => {
    expect(other).not.toBe(FIRST);
  });

  it('keeps addresses apart wherever one ends and the other begins', () => {
    const one = withParties({ customerAddress: '1","2', businessAddress: '3' });
    const two = withParties({ customerAddress: '1', businessAddress: '2","3' });
    expect(openingToken(one, 'StartChatContact')).not.toBe(openingToken(two, 'StartChatContact'));
  });
});

describe('the token of a message', () => {
  const claim = { messageId: 7, partsDelivered: 0 };
  const token = messageToken(CONNECTED, claim);

  it('is the same whenever the part is sent, over whichever connection', () => {
    const renewed = { ...USED, connectionToken: 'another', refusals: 1 };
    expect(messageToken(renewed, { ...claim })).toBe(token);
  });

  it.each<{ name: string; other: string }>([
    { name: 'message', other: messageToken(CONNECTED, { ...claim, messageId: 8 }) },
    { name: 'part', other: messageToken(CONNECTED, { ...claim, partsDelivered: 1 }) },
    { name: 'generation', other: messageToken({ ...CONNECTED, generation: 2 }, claim) },
    {
      name: 'seed',
      other: messageToken({ ...CONNECTED, seed: 'f2f0b8a4-7c39-4d0e-8a53-1d1f2a3b4c5d' }, claim),
    },
  ])('is another for another $name', ({ other }) => {
    expect(other).not.toBe(token);
  });
});

it('tokens are UUIDs made of names (version 5), and tell nothing', () => {
  for (const token of [FIRST, messageToken(CONNECTED, { messageId: 7, partsDelivered: 0 })]) {
    expect([validate(token), version(token)]).toEqual([true, 5]);
    expect(token).not.toContain('4255550182');
  }
});
