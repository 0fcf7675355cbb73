import { validate } from 'uuid';
import { beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../src/clock.ts';
import type { ChatSession } from '../../../src/queue/message-store.ts';
import type { Answer, NextRequest, NextStep } from '../../../src/send/delivery-method.ts';
import { messageToken, openingToken } from '../../../src/send/participant/chat-tokens.ts';
import type { ParticipantSender } from '../../../src/send/participant/participant-client.ts';
import type { ChatOperation } from '../../../src/send/api-quotas.ts';
import { nextParticipantStep } from '../../../src/send/participant/participant-method.ts';
import { LIMITS, MESSAGE } from '../chat-event-scene.ts';
import { CLAIM, NOW } from '../claim-scene.ts';
import type { InboundClaim } from '../claim-scene.ts';
import {
  BEGUN,
  CHAT,
  CONNECTED,
  DENIED_BY_IAM,
  DESTINATION,
  INSTANCE,
  OPENED,
  REFUSED,
  STREAMED,
  USED,
  awsError,
} from './participant-scene.ts';

const PLACES = {
  StartChatContact: `StartChatContact ${CHAT.account}/${CHAT.region}`,
  StartContactStreaming: `StartContactStreaming ${CHAT.account}/${CHAT.region}`,
  CreateParticipantConnection: `CreateParticipantConnection ${INSTANCE}`,
  SendMessage: `SendMessage ${INSTANCE}`,
} as const satisfies Record<ChatOperation, string>;

function placed(step: ChatOperation): object {
  return { destination: DESTINATION.destination, paceKey: PLACES[step], isIdempotent: true };
}

interface Call {
  readonly operation: ChatOperation;
  readonly request: object;
}

/** Opens contact-1, contact-2, … and refuses what a test wants refused; tokens say whose they are. */
class FakeSender implements ParticipantSender {
  readonly calls: Call[] = [];
  /** Called with the contact's id, of StartChatContact that of the chat it would open. */
  refuse: (operation: ChatOperation, contactId: string) => unknown = () => undefined;
  connectionLastsMs = DAY_MS;
  #opened = 0;

  constructor(opened = 0) {
    this.#opened = opened;
  }

  async startChat(
    request: object,
  ): Promise<{ contactId: string; participantToken: string; requestId: string }> {
    const contactId = `contact-${this.#opened + 1}`;
    await this.#call('StartChatContact', contactId, request);
    this.#opened += 1;
    return { contactId, participantToken: `participant of ${contactId}`, requestId: 'request-1' };
  }

  async startStreaming(request: { contactId: string }): Promise<{ streamingId: string; requestId: string }> {
    await this.#call('StartContactStreaming', request.contactId, request);
    return { streamingId: `streaming of ${request.contactId}`, requestId: 'request-2' };
  }

  async connect(token: string): Promise<{ connectionToken: string; expiresAt: number; requestId: string }> {
    const contactId = token.replace('participant of ', '');
    await this.#call('CreateParticipantConnection', contactId, { token });
    const expiresAt = NOW + this.connectionLastsMs;
    return { connectionToken: `connection of ${contactId}`, expiresAt, requestId: 'request-3' };
  }

  async sendMessage(request: { connectionToken: string }): Promise<{ requestId: string }> {
    await this.#call('SendMessage', request.connectionToken.replace('connection of ', ''), request);
    return { requestId: 'request-4' };
  }

  close(): void {}

  #call(operation: ChatOperation, contactId: string, request: object): Promise<void> {
    this.calls.push({ operation, request });
    const refusal = this.refuse(operation, contactId);
    return refusal === undefined ? Promise.resolve() : Promise.reject(refusal);
  }
}

let sender: FakeSender;

beforeEach(() => {
  sender = new FakeSender();
});

function next(session: ChatSession | undefined, over: Partial<InboundClaim> = {}, now = NOW): NextStep {
  const claim = { ...CLAIM, session, ...over };
  return nextParticipantStep(
    { claim, message: claim.message, destination: DESTINATION, chat: CHAT, now },
    { sender, textLimits: LIMITS, random: () => 0.5 },
  );
}

function request(session: ChatSession, over: Partial<InboundClaim> = {}, now = NOW): NextRequest {
  const step = next(session, over, now);
  if (step.kind !== 'request') throw new Error(`It is no request: ${step.kind}`);
  return step;
}

function answer(session: ChatSession, over: Partial<InboundClaim> = {}, now = NOW): Promise<Answer> {
  return request(session, over, now).send();
}

describe('the first step of a conversation', () => {
  it('stores the session that its tokens are made of, before anything is sent', () => {
    const step = next(undefined);
    expect(step).toEqual({
      kind: 'begin',
      session: {
        seed: expect.any(String) as string,
        generation: 1,
        parties: BEGUN.parties,
      },
      placement: placed('StartChatContact'),
    });
    expect(step.kind === 'begin' && validate(step.session.seed)).toBe(true);
    expect(next(undefined)).not.toEqual(step);
  });

  it('after a chat that SendChatIntegrationEvent opened is the next generation’s: nobody can be connected to that one', () => {
    const { participantToken: _, ...opened } = OPENED;
    const step = next({ ...opened, hasDelivered: true });
    expect(step).toEqual({
      kind: 'begin',
      session: { ...BEGUN, generation: 2 },
      placement: placed('StartChatContact'),
    });
  });
});

describe('the next request', () => {
  it.each<{ name: string; session: ChatSession; step: ChatOperation }>([
    { name: 'no contact', session: BEGUN, step: 'StartChatContact' },
    {
      name: 'too many chats so far',
      session: { ...BEGUN, waitsFor: 'LimitExceededException' },
      step: 'StartChatContact',
    },
    { name: 'no streaming', session: OPENED, step: 'StartContactStreaming' },
    { name: 'no connection', session: STREAMED, step: 'CreateParticipantConnection' },
    { name: 'all that it needs', session: CONNECTED, step: 'SendMessage' },
    {
      name: 'a connection for five minutes more',
      session: { ...USED, connectionExpiresAt: NOW + 5 * MINUTE_MS },
      step: 'SendMessage',
    },
    {
      name: 'a connection for less',
      session: { ...USED, connectionExpiresAt: NOW + 5 * MINUTE_MS - 1 },
      step: 'CreateParticipantConnection',
    },
    {
      name: 'a connection that has ended',
      session: { ...USED, connectionExpiresAt: NOW - DAY_MS },
      step: 'CreateParticipantConnection',
    },
    {
      name: 'a connection whose end nobody knows',
      session: { ...STREAMED, connectionToken: 'connection' },
      step: 'CreateParticipantConnection',
    },
  ])('with $name is $step, under a pace of its own', async ({ session, step }) => {
    const asked = request(session);
    expect(asked.placement).toEqual(placed(step));
    await asked.send();
    expect(sender.calls.map(({ operation }) => operation)).toEqual([step]);
  });

  it.each<{ session: ChatSession; expected: object }>([
    {
      session: BEGUN,
      expected: {
        InstanceId: INSTANCE,
        Attributes: { customerAddress: MESSAGE.customerAddress },
        ClientToken: openingToken(BEGUN, 'StartChatContact'),
      },
    },
    {
      session: OPENED,
      expected: {
        instanceId: INSTANCE,
        contactId: 'contact-1',
        streamingEndpointArn: CHAT.streamingEndpointArn,
        clientToken: openingToken(OPENED, 'StartContactStreaming'),
      },
    },
    { session: STREAMED, expected: { token: 'participant of contact-1' } },
    {
      session: CONNECTED,
      expected: {
        connectionToken: 'connection of contact-1',
        content: 'Hello',
        clientToken: messageToken(CONNECTED, CLAIM),
      },
    },
  ])('bears what its operation wants, and its token: $expected', async ({ session, expected }) => {
    await answer(session);
    expect(sender.calls[0]?.request).toMatchObject(expected);
  });

  it('is about the part that is next', async () => {
    const over = { parts: ['one ', 'two'], partsDelivered: 1 };
    expect(request(USED, over).parts).toEqual(['one ', 'two']);
    await answer(USED, over);
    expect(sender.calls[0]?.request).toMatchObject({
      content: 'two',
      clientToken: messageToken(USED, { messageId: 1, partsDelivered: 1 }),
    });
  });
});

describe('an answer', () => {
  it.each<{ name: string; session: ChatSession; expected: Answer }>([
    {
      name: 'StartChatContact: the chat has a contact, and waits no more',
      session: { ...BEGUN, waitsFor: 'LimitExceededException' },
      expected: {
        kind: 'step',
        code: 'StartChatContact',
        session: { ...OPENED, openedAt: NOW },
        placement: placed('StartContactStreaming'),
        droppedAttributes: [],
        requestId: 'request-1',
      } as Answer,
    },
    {
      name: 'StartContactStreaming',
      session: OPENED,
      expected: {
        kind: 'step',
        code: 'StartContactStreaming',
        session: STREAMED,
        placement: placed('CreateParticipantConnection'),
        requestId: 'request-2',
      } as Answer,
    },
    {
      name: 'CreateParticipantConnection',
      session: STREAMED,
      expected: {
        kind: 'step',
        code: 'CreateParticipantConnection',
        session: CONNECTED,
        placement: placed('SendMessage'),
        requestId: 'request-3',
      } as Answer,
    },
    {
      name: 'SendMessage, the first: from now on a refusal means the end',
      session: CONNECTED,
      expected: {
        kind: 'delivered',
        contactId: 'contact-1',
        newChatCreated: true,
        session: USED,
        requestId: 'request-4',
      },
    },
    {
      name: 'SendMessage, any other: nothing to store',
      session: USED,
      expected: {
        kind: 'delivered',
        contactId: 'contact-1',
        newChatCreated: false,
        requestId: 'request-4',
      },
    },
    {
      name: 'SendMessage after a refusal: no doubt any more',
      session: { ...USED, refusals: 1 },
      expected: {
        kind: 'delivered',
        contactId: 'contact-1',
        newChatCreated: false,
        session: USED,
        requestId: 'request-4',
      },
    },
  ])('$name', async ({ session, expected }) => {
    expect(await answer(session)).toEqual(expected);
  });

  it('says which attributes had no room', async () => {
    const destination = { ...DESTINATION, attributes: { long: 'x'.repeat(40_000) } };
    const step = nextParticipantStep(
      { claim: { ...CLAIM, session: BEGUN }, message: MESSAGE, destination, chat: CHAT, now: NOW },
      { sender, textLimits: LIMITS, random: () => 0 },
    );
    if (step.kind !== 'request') throw new Error('It is no request');
    expect(await step.send()).toMatchObject({ droppedAttributes: ['long'] });
  });

  it('of too many chats at once is to wait, with jitter, and to say so', async () => {
    sender.refuse = () => awsError('LimitExceededException', 429, 'too many');
    expect(await answer(BEGUN)).toEqual({
      kind: 'wait',
      code: 'LimitExceededException',
      sentence: 'LimitExceededException (HTTP 429), request request-of-the-error: too many',
      waitMs: 7.5 * SECOND_MS,
      session: { ...BEGUN, waitsFor: 'LimitExceededException' },
      requestId: 'request-of-the-error',
    });
  });
});

/** Longer than a first chat is tried again. */
const LONG_AGO = NOW - 30 * SECOND_MS - 1;
const DOUBTED: ChatSession = { ...USED, refusals: 2 };
const NEXT: ChatSession = { ...BEGUN, generation: 2 };

describe('a refusal', () => {
  it.each([{ refusals: undefined }, { refusals: 1 }])(
    'of a message has its connection renewed first, after $refusals',
    async ({ refusals }) => {
      sender.refuse = () => REFUSED;
      const { connectionToken: _token, connectionExpiresAt: _expiry, ...rest } = USED;
      expect(await answer({ ...USED, ...(refusals === undefined ? {} : { refusals }) })).toEqual({
        kind: 'step',
        code: 'ConnectionRefused',
        session: { ...rest, refusals: (refusals ?? 0) + 1 },
        placement: placed('CreateParticipantConnection'),
      });
    },
  );

  it.each<{ name: string; session: ChatSession }>([
    { name: 'a message, by a second new connection', session: DOUBTED },
    { name: 'a connection of a chat that took a message', session: { ...DOUBTED, connectionExpiresAt: NOW } },
    { name: 'its renewal in time', session: { ...USED, connectionExpiresAt: NOW } },
  ])(
    'of $name is the chat’s end: the next generation begins, with nothing of this one',
    async ({ session }) => {
      sender.refuse = () => REFUSED;
      expect(await answer(session)).toEqual({
        kind: 'step',
        code: 'ChatEnded',
        session: NEXT,
        placement: placed('StartChatContact'),
      });
    },
  );

  it.each<{ unusedBefore?: number; waitsMs: number }>([
    { waitsMs: 30 * SECOND_MS },
    { unusedBefore: 1, waitsMs: 5 * MINUTE_MS },
    { unusedBefore: 2, waitsMs: 50 * MINUTE_MS },
    { unusedBefore: 3, waitsMs: HOUR_MS },
    { unusedBefore: 100, waitsMs: HOUR_MS },
  ])(
    'of a chat that took no message, after $unusedBefore like it, lets another one be opened after $waitsMs ms',
    async ({ unusedBefore, waitsMs }) => {
      const unused = unusedBefore === undefined ? {} : { unusedBefore };
      for (const kept of [STREAMED, { ...CONNECTED, refusals: 2 }]) {
        sender.refuse = () => REFUSED;
        await expect(answer({ ...kept, ...unused, openedAt: NOW - waitsMs })).rejects.toBe(REFUSED);
        expect(await answer({ ...kept, ...unused, openedAt: NOW - waitsMs - 1 })).toMatchObject({
          code: 'ChatEnded',
          session: { ...NEXT, unusedBefore: (unusedBefore ?? 0) + 1 },
        });
        sender.refuse = () => undefined;
        expect(await answer({ ...CONNECTED, ...unused })).toMatchObject({ kind: 'delivered', session: USED });
      }
    },
  );

  it.each<{ name: string; session: ChatSession; error?: Error; expected: boolean }>([
    { name: 'a new chat’s connection', session: STREAMED, expected: true },
    { name: 'a new chat’s message', session: { ...CONNECTED, refusals: 2 }, expected: true },
    {
      name: 'a new chat’s streaming',
      session: OPENED,
      error: awsError('InvalidRequestException', 400),
      expected: true,
    },
    { name: 'a connection, by IAM', session: STREAMED, error: DENIED_BY_IAM, expected: false },
    { name: 'the opening', session: BEGUN, expected: false },
    { name: 'an open chat’s message', session: USED, expected: false },
  ])('of $name may be about that chat alone: $expected', ({ session, error = REFUSED, expected }) => {
    expect(request(session).classify(error).isPerhapsTheChats ?? false).toBe(expected);
  });

  it('of a new chat is counted with other new chats’ until they take a message, whichever step it is', () => {
    for (const session of [STREAMED, CONNECTED])
      expect(request(session).countedAs).toContain('first message');
    for (const session of [BEGUN, OPENED, USED]) expect(request(session).countedAs).toBeUndefined();
  });

  it('makes it ambiguous where the ended chat may have the message', async () => {
    sender.refuse = () => REFUSED;
    expect(await answer(DOUBTED, { unclearAttempts: 1 })).toMatchObject({
      code: 'ChatEnded',
      isAmbiguous: true,
    });
  });

  it.each<{ name: string; session: ChatSession; error?: Error; code: string }>([
    { name: 'a new chat’s connection', session: STREAMED, code: 'CreateParticipantConnection' },
    { name: 'a new chat’s message', session: { ...CONNECTED, refusals: 2 }, code: 'SendMessage' },
    {
      name: 'a connection, by IAM',
      session: STREAMED,
      error: DENIED_BY_IAM,
      code: 'CreateParticipantConnection',
    },
    { name: 'a message, by IAM', session: USED, error: DENIED_BY_IAM, code: 'SendMessage' },
    { name: 'a doubted message, by IAM', session: DOUBTED, error: DENIED_BY_IAM, code: 'SendMessage' },
    { name: 'the opening', session: BEGUN, code: 'StartChatContact' },
    { name: 'the streaming', session: OPENED, code: 'StartContactStreaming' },
  ])('of $name is a fault of set-up', async ({ session, error = REFUSED, code }) => {
    sender.refuse = () => error;
    const step = request(session);
    await expect(step.send()).rejects.toBe(error);
    expect(step.classify(error)).toMatchObject({ verdict: 'pause', code: `${code}.AccessDeniedException` });
  });
});

describe('any other error', () => {
  it.each<{ name: string; session: ChatSession }>([
    { name: 'StartChatContact', session: BEGUN },
    { name: 'StartContactStreaming', session: OPENED },
    { name: 'CreateParticipantConnection', session: { ...USED, connectionExpiresAt: 0 } },
    { name: 'SendMessage', session: DOUBTED },
  ])('of $name is nobody’s end, and is told by its step', async ({ name, session }) => {
    for (const error of [awsError('InternalServerException', 500), awsError('ThrottlingException', 429)]) {
      sender.refuse = () => error;
      const step = request(session);
      await expect(step.send()).rejects.toBe(error);
      expect(step.classify(error).code).toBe(`${name}.${error.name}`);
    }
  });
});

const STEPS_MAX = 20;

/** Takes step after step, as the store and the dispatcher would, until the message is there or does not go. */
async function walk(from: ChatSession | undefined, now = NOW): Promise<readonly string[]> {
  const taken: string[] = [];
  let session = from;
  while (taken.length < STEPS_MAX) {
    const step = next(session, {}, now);
    if (step.kind === 'begin') {
      session = step.session;
      continue;
    }
    if (step.kind !== 'request') throw new Error(`Nothing more is sent: ${step.kind}`);
    try {
      const answer = await step.send();
      if (answer.kind !== 'step') return [...taken, answer.kind];
      taken.push(answer.code);
      session = answer.session;
    } catch (error) {
      return [...taken, step.classify(error).verdict];
    }
  }
  return taken;
}

const RENEWED = ['ConnectionRefused', 'CreateParticipantConnection'];
const OPENING = ['StartChatContact', 'StartContactStreaming', 'CreateParticipantConnection'];
const refusing =
  (...operations: readonly ChatOperation[]) =>
  (operation: ChatOperation): unknown =>
    operations.includes(operation) ? REFUSED : undefined;

describe('the way of a message', () => {
  it.each<{
    name: string;
    from?: ChatSession;
    refuse?: FakeSender['refuse'];
    connectionLastsMs?: number;
    expected: readonly string[];
  }>([
    { name: 'into a new chat', expected: [...OPENING, 'delivered'] },
    { name: 'into an open one', from: USED, expected: ['delivered'] },
    {
      name: 'by a new connection, where the old one ends',
      from: { ...USED, connectionExpiresAt: NOW + MINUTE_MS },
      expected: ['CreateParticipantConnection', 'delivered'],
    },
    {
      name: 'into the next chat, where this one has ended',
      from: USED,
      refuse: (_, contactId) => (contactId === 'contact-1' ? REFUSED : undefined),
      expected: ['ConnectionRefused', 'ChatEnded', ...OPENING, 'delivered'],
    },
    {
      name: 'into the next chat, where this one takes connections but no message',
      from: USED,
      refuse: (operation, contactId) =>
        contactId === 'contact-1' && operation === 'SendMessage' ? REFUSED : undefined,
      expected: [...RENEWED, ...RENEWED, 'ChatEnded', ...OPENING, 'delivered'],
    },
    {
      name: 'stops at the first new chat, where none takes connections',
      refuse: refusing('CreateParticipantConnection'),
      expected: ['StartChatContact', 'StartContactStreaming', 'pause'],
    },
    {
      name: 'stops at the first new chat, where none takes messages',
      refuse: refusing('SendMessage'),
      expected: [...OPENING, ...RENEWED, ...RENEWED, 'pause'],
    },
    {
      name: 'stops at the first new chat after one that took messages, where no other does',
      from: USED,
      refuse: refusing('CreateParticipantConnection', 'SendMessage'),
      expected: ['ConnectionRefused', 'ChatEnded', 'StartChatContact', 'StartContactStreaming', 'pause'],
    },
    {
      name: 'by a connection that has ended as soon as it began, by this clock',
      from: STREAMED,
      connectionLastsMs: -DAY_MS,
      expected: ['CreateParticipantConnection', 'delivered'],
    },
    {
      name: 'into the next chat, where nobody could stream this one in time',
      from: { ...OPENED, openedAt: LONG_AGO },
      refuse: (_, contactId) =>
        contactId === 'contact-1' ? awsError('ResourceNotFoundException', 404) : undefined,
      expected: ['ChatEnded', ...OPENING, 'delivered'],
    },
    {
      name: 'stops at the first new chat, where none can be streamed',
      from: { ...OPENED, openedAt: LONG_AGO },
      refuse: (operation) =>
        operation === 'StartContactStreaming' ? awsError('InvalidRequestException', 400) : undefined,
      expected: ['ChatEnded', 'StartChatContact', 'pause'],
    },
    {
      name: 'stops where IAM denies the streaming, however long ago the chat was opened',
      from: { ...OPENED, openedAt: LONG_AGO },
      refuse: () =>
        awsError('AccessDeniedException', 403, 'not authorized to perform: connect:StartContactStreaming'),
      expected: ['pause'],
    },
    {
      name: 'stops where IAM denies it',
      from: USED,
      refuse: () => DENIED_BY_IAM,
      expected: ['pause'],
    },
    {
      name: 'waits where there are too many chats',
      refuse: () => awsError('LimitExceededException', 429),
      expected: ['wait'],
    },
  ])('goes $name', async ({ from, refuse, connectionLastsMs = DAY_MS, expected }) => {
    sender = new FakeSender(from ? 1 : 0);
    sender.connectionLastsMs = connectionLastsMs;
    if (refuse) sender.refuse = refuse;
    expect(await walk(from)).toEqual(expected);
  });
});
