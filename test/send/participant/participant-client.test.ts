/** The operations of the participant method by the real SDK: against the stand-in Connect, and against strange answers. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS } from '../../../src/clock.ts';
import { FAULTS } from '../../../src/sandbox/connect-faults.ts';
import { ConnectStandIn } from '../../../src/sandbox/connect-stand-in.ts';
import { buildChatRequest } from '../../../src/send/participant/chat-request.ts';
import { createParticipantSender } from '../../../src/send/participant/participant-client.ts';
import type { ParticipantSender } from '../../../src/send/participant/participant-client.ts';
import { isChatRefused } from '../../../src/send/participant/participant-errors.ts';
import { classifySendError } from '../../../src/send/send-outcome.ts';
import { AWS_TEST_ENVIRONMENT, startAwsStandIn } from '../aws-stand-in.ts';
import type { Answering, AwsStandIn } from '../aws-stand-in.ts';
import { MESSAGE } from '../chat-event-scene.ts';
import { CHAT, DESTINATION, FLOW, INSTANCE } from './participant-scene.ts';

const PLACE = { region: 'us-east-1', roleArn: undefined };
const REQUEST = { ...buildChatRequest(MESSAGE, DESTINATION, CHAT).request, ClientToken: 'opening' };
const STREAMING = {
  instanceId: INSTANCE,
  contactId: 'contact-1',
  streamingEndpointArn: CHAT.streamingEndpointArn,
  clientToken: 'streaming',
};
const WORDS = { connectionToken: 'connection', content: 'Hello', clientToken: 'message' };

/** Long enough for a request to get there on a busy machine. */
const HANG_MS = 500;

let sender: ParticipantSender;

function startSender(url: string): void {
  Object.assign(process.env, AWS_TEST_ENVIRONMENT, {
    AWS_ENDPOINT_URL_CONNECT: url,
    AWS_ENDPOINT_URL_CONNECTPARTICIPANT: url,
  });
  sender = createParticipantSender();
}

async function failureOf(promise: Promise<unknown>) {
  try {
    await promise;
  } catch (error) {
    return classifySendError(error);
  }
  throw new Error('It did not fail');
}

describe('Connect', () => {
  let connect: ConnectStandIn;

  beforeEach(async () => {
    connect = await ConnectStandIn.start();
    startSender(connect.url);
  });

  afterEach(() => connect.close());

  it('opens a chat, streams it, connects the customer and takes their words', async () => {
    const opened = await sender.startChat(REQUEST, PLACE);
    const { contactId, participantToken } = opened;
    const streaming = await sender.startStreaming({ ...STREAMING, contactId }, PLACE);
    const connection = await sender.connect(participantToken, PLACE);
    const { connectionToken, expiresAt } = connection;
    expect(Math.abs(expiresAt - Date.now() - DAY_MS)).toBeLessThan(60_000);
    const sent = await sender.sendMessage({ ...WORDS, connectionToken }, PLACE);
    for (const { requestId } of [opened, streaming, connection, sent]) expect(requestId).toMatch(/^[\w-]+$/);
    expect(connect.chats.opened).toMatchObject([
      { contactId, destinationId: `instance/${INSTANCE}/contact-flow/${FLOW}` },
    ]);
    expect(connect.transcript(MESSAGE.customerAddress)).toEqual(['Hello']);
    expect(connect.ruleProblems).toEqual([]);
  });

  it('knows a repetition by its token', async () => {
    const { contactId } = await sender.startChat(REQUEST, PLACE);
    expect((await sender.startChat(REQUEST, PLACE)).contactId).toBe(contactId);
    expect((await sender.startChat({ ...REQUEST, ClientToken: 'other' }, PLACE)).contactId).not.toBe(
      contactId,
    );
  });

  it('refuses tokens that are not good', async () => {
    expect(
      isChatRefused('CreateParticipantConnection', await failureOf(sender.connect('no token', PLACE))),
    ).toBe(true);
    expect(isChatRefused('SendMessage', await failureOf(sender.sendMessage(WORDS, PLACE)))).toBe(true);
  });

  it('is asked once, whatever it answers', async () => {
    connect.queueFault(FAULTS.internal, 1, { operation: 'StartChatContact' });
    expect(await failureOf(sender.startChat(REQUEST, PLACE))).toMatchObject({ verdict: 'retry' });
    expect(connect.requests).toHaveLength(1);
  });
});

const answers = (body: unknown): Answering => ({ status: 200, body: JSON.stringify(body) });

describe('an answer', () => {
  let standIn: AwsStandIn;
  let answering: Answering;

  beforeEach(async () => {
    standIn = await startAwsStandIn(() => answering);
  });

  afterEach(() => standIn[Symbol.asyncDispose]());

  const operations = {
    startChat: (timeoutMs?: number) => sender.startChat(REQUEST, PLACE, timeoutMs),
    startStreaming: (timeoutMs?: number) => sender.startStreaming(STREAMING, PLACE, timeoutMs),
    connect: (timeoutMs?: number) => sender.connect('participant', PLACE, timeoutMs),
    sendMessage: (timeoutMs?: number) => sender.sendMessage(WORDS, PLACE, timeoutMs),
  } as const satisfies Record<string, (timeoutMs?: number) => Promise<unknown>>;

  it.each<{ operation: keyof typeof operations; lacks: string; body: unknown }>([
    { operation: 'startChat', lacks: 'everything', body: {} },
    { operation: 'startChat', lacks: 'its contact', body: { ParticipantToken: 'token' } },
    { operation: 'startChat', lacks: 'its token', body: { ContactId: 'contact-1' } },
    {
      operation: 'startChat',
      lacks: 'a contact that is an id',
      body: { ContactId: 'words of somebody', ParticipantToken: 'token' },
    },
    {
      operation: 'startChat',
      lacks: 'a token that is a text',
      body: { ContactId: 'contact-1', ParticipantToken: { a: 1 } },
    },
    {
      operation: 'startChat',
      lacks: 'a token that has an end',
      body: { ContactId: 'contact-1', ParticipantToken: 'x'.repeat(4_001) },
    },
    { operation: 'startStreaming', lacks: 'everything', body: {} },
    { operation: 'startStreaming', lacks: 'an id that is not empty', body: { StreamingId: '' } },
    { operation: 'connect', lacks: 'everything', body: {} },
    { operation: 'connect', lacks: 'its token', body: { ConnectionCredentials: { Expiry: 'tomorrow' } } },
    { operation: 'sendMessage', lacks: 'everything', body: {} },
    { operation: 'sendMessage', lacks: 'an id that is a text', body: { Id: 7 } },
  ])('of $operation that lacks $lacks is as good as none', async ({ operation, body }) => {
    startSender(standIn.url);
    answering = answers(body);
    expect(await failureOf(operations[operation]())).toMatchObject({
      verdict: 'retry',
      code: 'HTTP_200',
      isAmbiguous: true,
    });
  });

  it.each([
    { name: 'none', expiry: undefined },
    { name: 'no instant', expiry: 'tomorrow' },
    { name: 'empty', expiry: '' },
  ])('of a connection whose end is $name counts for a day', async ({ expiry }) => {
    startSender(standIn.url);
    answering = answers({ ConnectionCredentials: { ConnectionToken: 'connection', Expiry: expiry } });
    const { connectionToken, expiresAt } = await sender.connect('participant', PLACE);
    expect(connectionToken).toBe('connection');
    expect(Math.abs(expiresAt - Date.now() - DAY_MS)).toBeLessThan(60_000);
  });

  it('of a connection says when it ends', async () => {
    startSender(standIn.url);
    answering = answers({
      ConnectionCredentials: { ConnectionToken: 'connection', Expiry: '2026-05-05T12:00:00.000Z' },
    });
    expect((await sender.connect('participant', PLACE)).expiresAt).toBe(Date.UTC(2026, 4, 5, 12));
  });

  it.each(Object.entries(operations))('of %s that never comes ends by its time-out', async (_, operation) => {
    startSender(standIn.url);
    answering = 'hang';
    expect(await failureOf(operation(HANG_MS))).toMatchObject({ verdict: 'retry', isAmbiguous: true });
    expect(standIn.seen).toHaveLength(1);
  });
});
