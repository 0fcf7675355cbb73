/** The stand-in's chats that callers open themselves, as the real SDK clients see them. */
import {
  ConnectClient,
  SendChatIntegrationEventCommand,
  StartChatContactCommand,
  StartContactStreamingCommand,
} from '@aws-sdk/client-connect';
import type { StartChatContactCommandInput } from '@aws-sdk/client-connect';
import {
  ConnectParticipantClient,
  CreateParticipantConnectionCommand,
  DisconnectParticipantCommand,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Publication } from '../../src/sandbox/chat-streaming.ts';
import { placeOf } from '../../src/sandbox/chats.ts';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import type { ConnectStandInOptions } from '../../src/sandbox/connect-stand-in.ts';

const CUSTOMER = '+14255550182';
const INSTANCE = '11111111-2222-4333-8444-555555555555';
const FLOW = '66666666-7777-4888-8999-000000000000';
const TOPIC = 'arn:aws:sns:us-east-1:111122223333:agents-replies';
const PLACE = placeOf(INSTANCE, FLOW);

let connect: ConnectStandIn;
let client: ConnectClient;
let participant: ConnectParticipantClient;
let published: Publication[];

async function start(options: ConnectStandInOptions = {}): Promise<void> {
  connect = await ConnectStandIn.start(options);
  published = [];
  connect.onItem = (publication) => published.push(publication);
  const credentials = { accessKeyId: 'EXAMPLE', secretAccessKey: 'example' };
  const common = { region: 'us-east-1', endpoint: connect.url, credentials, maxAttempts: 1 };
  client = new ConnectClient(common);
  participant = new ConnectParticipantClient(common);
}

async function stop(): Promise<void> {
  client.destroy();
  participant.destroy();
  await connect.close();
}

async function restart(options: ConnectStandInOptions): Promise<void> {
  await stop();
  await start(options);
}

beforeEach(() => start());
afterEach(stop);

async function open(over: Partial<StartChatContactCommandInput> = {}) {
  const { ContactId = '', ParticipantToken = '' } = await client.send(
    new StartChatContactCommand({
      InstanceId: INSTANCE,
      ContactFlowId: FLOW,
      ParticipantDetails: { DisplayName: 'Ana' },
      Attributes: { customerAddress: CUSTOMER, channel: 'sms' },
      SupportedMessagingContentTypes: ['text/plain'],
      ...over,
    }),
  );
  return { contactId: ContactId, participantToken: ParticipantToken };
}

function stream(ContactId: string, ClientToken = 'streaming', topic = TOPIC) {
  const ChatStreamingConfiguration = { StreamingEndpointArn: topic };
  return client.send(
    new StartContactStreamingCommand({
      InstanceId: INSTANCE,
      ContactId,
      ChatStreamingConfiguration,
      ClientToken,
    }),
  );
}

async function join(ParticipantToken: string) {
  const { ConnectionCredentials } = await participant.send(
    new CreateParticipantConnectionCommand({
      ParticipantToken,
      Type: ['CONNECTION_CREDENTIALS'],
      ConnectParticipant: true,
    }),
  );
  return {
    token: ConnectionCredentials?.ConnectionToken ?? '',
    expiry: ConnectionCredentials?.Expiry ?? '',
  };
}

function send(ConnectionToken: string, Content: string, ClientToken?: string) {
  return participant.send(
    new SendMessageCommand({
      ConnectionToken,
      ContentType: 'text/plain',
      Content,
      ...(ClientToken ? { ClientToken } : {}),
    }),
  );
}

/** A chat into which messages can go. */
async function openAndJoin(over: Partial<StartChatContactCommandInput> = {}) {
  const opened = await open(over);
  await stream(opened.contactId);
  return { ...opened, ...(await join(opened.participantToken)) };
}

const ACCESS_DENIED = {
  name: 'AccessDeniedException',
  message: 'Access denied',
  $metadata: { httpStatusCode: 403 },
};

describe('a chat', () => {
  it('is opened, streamed, joined and written into', async () => {
    const { contactId, token, expiry } = await openAndJoin();
    expect(new Date(expiry).getTime() - Date.now()).toBeGreaterThan(86_000_000);
    const first = await send(token, 'one');
    const second = await send(token, 'two');
    expect(new Date(second.AbsoluteTime ?? '').getTime()).toBeGreaterThan(
      new Date(first.AbsoluteTime ?? '').getTime(),
    );
    expect(connect.transcript(CUSTOMER)).toEqual(['one', 'two']);
    expect(connect.lines[1]).toMatchObject({
      newChatCreated: false,
      lineNumber: 2,
      chat: { contactId, sourceId: CUSTOMER, destinationId: PLACE, displayName: 'Ana', number: 1 },
    });
    expect(connect.requests.map(({ operation, sourceId, status }) => [operation, sourceId, status])).toEqual([
      ['StartChatContact', CUSTOMER, 200],
      ['StartContactStreaming', CUSTOMER, 200],
      ['CreateParticipantConnection', CUSTOMER, 200],
      ['SendMessage', CUSTOMER, 200],
      ['SendMessage', CUSTOMER, 200],
    ]);
    expect(connect.ruleProblems).toEqual([]);
  });

  it('is a new one at each call, since Connect does not look for the customer', async () => {
    await openAndJoin();
    await openAndJoin();
    expect(connect.chats.opened).toHaveLength(2);
  });

  it('ends as an agent ends it: then every token is refused', async () => {
    const { contactId, participantToken, token } = await openAndJoin();
    expect(connect.endChat(contactId)).toBe(true);
    expect(connect.endChat(contactId)).toBe(false);
    await expect(send(token, 'one')).rejects.toMatchObject(ACCESS_DENIED);
    await expect(join(participantToken)).rejects.toMatchObject(ACCESS_DENIED);
    expect(connect.turnedAway).toBe(2);
    expect(connect.lines).toHaveLength(0);
  });

  it('ends when the customer leaves', async () => {
    const { contactId, token } = await openAndJoin();
    await participant.send(new DisconnectParticipantCommand({ ConnectionToken: token }));
    expect(connect.chats.isOpen(contactId)).toBe(false);
  });

  it('ends when its time is over', async () => {
    const { contactId, token } = await openAndJoin({ ChatDurationInMinutes: 60 });
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 61 * 60_000);
    await expect(send(token, 'one')).rejects.toMatchObject(ACCESS_DENIED);
    vi.restoreAllMocks();
    expect(connect.chats.isOpen(contactId)).toBe(false);
  });

  it('ends where nobody joins within five minutes', async () => {
    const { participantToken } = await open();
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 6 * 60_000);
    await expect(join(participantToken)).rejects.toMatchObject(ACCESS_DENIED);
    vi.restoreAllMocks();
  });

  it('has a limit of how many are open at once', async () => {
    await restart({ concurrentChats: 1 });
    const { contactId } = await open();
    await expect(open()).rejects.toMatchObject({
      name: 'LimitExceededException',
      $metadata: { httpStatusCode: 429 },
    });
    connect.endChat(contactId);
    await open();
  });
});

describe('a repeated ClientToken', () => {
  it('gets the same chat, even one that has ended', async () => {
    const first = await open({ ClientToken: 'opening' });
    connect.endChat(first.contactId);
    expect(await open({ ClientToken: 'opening' })).toEqual(first);
    expect((await open({ ClientToken: 'another' })).contactId).not.toBe(first.contactId);
    expect(connect.chats.opened).toHaveLength(2);
  });

  it('streams once', async () => {
    const { contactId } = await open();
    const first = await stream(contactId, 'a');
    expect((await stream(contactId, 'a')).StreamingId).toBe(first.StreamingId);
    expect((await stream(contactId, 'b')).StreamingId).not.toBe(first.StreamingId);
    await expect(stream(contactId, 'c')).rejects.toMatchObject({ name: 'LimitExceededException' });
  });

  it('brings one copy, and the same id', async () => {
    const { token } = await openAndJoin();
    const first = await send(token, 'one', 'message');
    expect((await send(token, 'one', 'message')).Id).toBe(first.Id);
    await send(token, 'one', 'other message');
    await send(token, 'one');
    expect(connect.copiesOf(CUSTOMER, 'one')).toEqual({ copies: 3, chats: 1 });
  });

  it('is good for another try where it was refused', async () => {
    await restart({ concurrentChats: 1 });
    const { contactId } = await open();
    await expect(open({ ClientToken: 'opening' })).rejects.toThrow();
    connect.endChat(contactId);
    await open({ ClientToken: 'opening' });
  });
});

describe('tokens', () => {
  it('of a connection last as long as they are said to; a new one comes by the participant’s', async () => {
    await restart({ connectionLifeMs: 60_000 });
    const { participantToken, token, expiry, contactId } = await openAndJoin();
    expect(new Date(expiry).getTime()).toBeLessThanOrEqual(Date.now() + 60_000);
    connect.expireConnections(contactId);
    await expect(send(token, 'one')).rejects.toMatchObject(ACCESS_DENIED);
    const renewed = await join(participantToken);
    await send(renewed.token, 'one');
    expect(connect.transcript(CUSTOMER)).toEqual(['one']);
  });

  it('of one kind are none of the other', async () => {
    const { participantToken, token } = await openAndJoin();
    await expect(send(participantToken, 'one')).rejects.toMatchObject(ACCESS_DENIED);
    await expect(join(token)).rejects.toMatchObject(ACCESS_DENIED);
    await expect(send('made up', 'one')).rejects.toMatchObject(ACCESS_DENIED);
  });
});

describe('the APIs’ rules', () => {
  it.each([
    { name: 'an instance', over: { InstanceId: '' }, problem: 'StartChatContact: $.InstanceId' },
    { name: 'a duration', over: { ChatDurationInMinutes: 59 }, problem: '$.ChatDurationInMinutes' },
    {
      name: 'content types',
      over: { SupportedMessagingContentTypes: ['text/markdown'] },
      problem: 'must contain text/plain',
    },
    { name: 'a client token', over: { ClientToken: 'x'.repeat(501) }, problem: '$.ClientToken' },
    {
      name: 'a member that nobody needs',
      over: { InitialMessage: { ContentType: 'text/plain', Content: 'one' } },
      problem: '$.InitialMessage is not known',
    },
  ])('StartChatContact: $name', async ({ over, problem }) => {
    await expect(open(over)).rejects.toMatchObject({ name: 'InvalidRequestException' });
    expect(connect.ruleProblems).toEqual([expect.stringContaining(problem)]);
    expect(connect.chats.opened).toHaveLength(0);
  });

  it('StartContactStreaming: a client token, a standard topic, a contact of the instance', async () => {
    const { contactId } = await open();
    await expect(stream(contactId, '')).rejects.toMatchObject({ name: 'InvalidRequestException' });
    await expect(stream(contactId, 'a', `${TOPIC}.fifo`)).rejects.toMatchObject({
      name: 'InvalidRequestException',
    });
    expect(connect.ruleProblems).toHaveLength(2);
    await expect(stream('unknown')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('CreateParticipantConnection: joins only a chat that is streamed', async () => {
    const { participantToken } = await open();
    await expect(join(participantToken)).rejects.toMatchObject({ name: 'ValidationException' });
    expect(connect.ruleProblems).toEqual([expect.stringContaining('before streaming')]);
  });

  it.each([
    { name: 'some content', input: { Content: '', ContentType: 'text/plain' } },
    { name: '16,384 bytes', input: { Content: 'é'.repeat(8_193), ContentType: 'text/plain' } },
    { name: 'a type that the chat supports', input: { Content: 'one', ContentType: 'text/markdown' } },
    { name: 'a type that there is', input: { Content: 'one', ContentType: 'text/html' } },
  ])('SendMessage: $name', async ({ input }) => {
    const { token } = await openAndJoin();
    const sent = participant.send(new SendMessageCommand({ ConnectionToken: token, ...input }));
    await expect(sent).rejects.toMatchObject({ name: 'ValidationException' });
    expect(connect.ruleProblems.length).toBeGreaterThan(0);
    expect(connect.lines).toHaveLength(0);
  });

  it('SendMessage: from a participant who has joined', async () => {
    const { participantToken } = await open();
    const { ConnectionCredentials } = await participant.send(
      new CreateParticipantConnectionCommand({
        ParticipantToken: participantToken,
        Type: ['CONNECTION_CREDENTIALS'],
      }),
    );
    const sent = send(ConnectionCredentials?.ConnectionToken ?? '', 'one');
    await expect(sent).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

describe('faults', () => {
  it('are for one operation where they say so', async () => {
    connect.queueFault(FAULTS.internal, 1, { operation: 'SendMessage' });
    connect.queueFault(FAULTS.limitExceeded, 1, { operation: 'StartChatContact', sourceId: CUSTOMER });
    await expect(open()).rejects.toMatchObject({ name: 'LimitExceededException' });
    const { token } = await openAndJoin();
    await expect(send(token, 'one')).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    expect(connect.unusedFaults).toBe(0);
  });

  it('are chosen by what the request is about', async () => {
    connect.faultFor = ({ operation, text }) =>
      operation === 'SendMessage' && text === 'bad' ? FAULTS.validation : undefined;
    const answers: unknown[] = [];
    connect.onAnswer = ({ operation }, status) => answers.push([operation, status]);
    const { token } = await openAndJoin();
    await expect(send(token, 'bad')).rejects.toMatchObject({ name: 'ValidationException' });
    expect(connect.ruleProblems).toEqual([]);
    expect(answers.at(-1)).toEqual(['SendMessage', 400]);
  });

  it('that let the request through leave one effect after another try', async () => {
    connect.queueFault(FAULTS.takenButDrop, 1, { operation: 'StartChatContact' });
    connect.queueFault(FAULTS.takenButInternal, 1, { operation: 'SendMessage' });
    await expect(open({ ClientToken: 'opening' })).rejects.toThrow();
    const { token } = await openAndJoin({ ClientToken: 'opening' });
    await expect(send(token, 'one', 'message')).rejects.toThrow();
    await send(token, 'one', 'message');
    expect(connect.chats.opened).toHaveLength(1);
    expect(connect.copiesOf(CUSTOMER, 'one').copies).toBe(1);
  });

  it('of permission are Connect’s own API’s alone', async () => {
    connect.unknownDestinations.add(PLACE);
    await expect(open()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    connect.unknownDestinations.clear();
    const { token } = await openAndJoin();
    connect.deniedDestinations.add(PLACE);
    await expect(open()).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: FAULTS.denied.message,
    });
    await send(token, 'one');
  });

  it('throttle each operation by its own quota', async () => {
    await restart({ throttles: { SendMessage: { rate: 0.001, burst: 2 } } });
    const { token } = await openAndJoin();
    await send(token, 'one');
    await send(token, 'two');
    await expect(send(token, 'three')).rejects.toMatchObject({ name: 'ThrottlingException' });
  });

  it('which delay can bring a message too late', async () => {
    const { contactId, token } = await openAndJoin();
    connect.queueFault({ kind: 'delay', ms: 30 }, 1, { operation: 'SendMessage' });
    const sent = send(token, 'one');
    await connect.untilReceived(4);
    connect.endChat(contactId);
    await expect(sent).rejects.toMatchObject(ACCESS_DENIED);
  });
});

describe('streaming', () => {
  it('publishes what happens, as Connect does', async () => {
    const { contactId, token } = await openAndJoin();
    const { Id, AbsoluteTime } = await send(token, 'one');
    connect.reply(CUSTOMER, 'Hello Ana');
    connect.endChat(contactId);
    expect(published.map(({ topicArn }) => topicArn)).toEqual(published.map(() => TOPIC));
    expect(published.map(({ item }) => [item.role, (item.contentType ?? '').split('.').at(-1)])).toEqual([
      ['CUSTOMER', 'joined'],
      ['CUSTOMER', 'text/plain'],
      ['AGENT', 'joined'],
      ['AGENT', 'typing'],
      ['AGENT', 'text/plain'],
      ['CUSTOMER', 'ended'],
    ]);
    const [, customers, , , agents] = published;
    expect(JSON.parse(customers?.message ?? '')).toMatchObject({
      AbsoluteTime,
      Content: 'one',
      ContentType: 'text/plain',
      Id,
      Type: 'MESSAGE',
      DisplayName: 'Ana',
      ParticipantRole: 'CUSTOMER',
      InitialContactId: contactId,
      ContactId: contactId,
    });
    expect(JSON.parse(agents?.message ?? '')).toMatchObject({
      Content: 'Hello Ana',
      ParticipantRole: 'AGENT',
    });
    expect(agents?.messageAttributes).toEqual({
      InitialContactId: { Type: 'String', Value: contactId },
      ContactId: { Type: 'String', Value: contactId },
      MessageVisibility: { Type: 'String', Value: 'ALL' },
      Type: { Type: 'String', Value: 'MESSAGE' },
      ContentType: { Type: 'String', Value: 'text/plain' },
      ParticipantRole: { Type: 'String', Value: 'AGENT' },
      InstanceId: { Type: 'String', Value: INSTANCE },
      AccountId: { Type: 'String', Value: '111122223333' },
    });
  });

  it('publishes a repeated message once, and nothing from before it was started', async () => {
    const { contactId, participantToken } = await open();
    expect(published).toEqual([]);
    await stream(contactId);
    const { token } = await join(participantToken);
    await send(token, 'one', 'message');
    await send(token, 'one', 'message');
    expect(published.filter(({ item }) => item.type === 'MESSAGE')).toHaveLength(1);
  });

  it.each([
    { name: 'whom it is for', reply: { content: 'x', visibility: 'AGENT' }, attribute: 'AGENT' },
    {
      name: 'nothing of whom it is for',
      reply: { content: 'x', visibility: 'missing' },
      attribute: undefined,
    },
  ] as const)('says $name', async ({ reply, attribute }) => {
    const { contactId } = await openAndJoin();
    connect.reply(contactId, reply);
    expect(published.at(-1)?.messageAttributes['MessageVisibility']?.Value).toBe(attribute);
  });

  it('publishes attachments without content', async () => {
    const { contactId } = await openAndJoin();
    const attachments = [{ AttachmentName: 'a.pdf', ContentType: 'application/pdf', Status: 'APPROVED' }];
    connect.reply(contactId, { type: 'ATTACHMENT', attachments });
    expect(JSON.parse(published.at(-1)?.message ?? '')).toMatchObject({
      Type: 'ATTACHMENT',
      Attachments: attachments,
    });
    expect(published.at(-1)?.messageAttributes).not.toHaveProperty('ContentType');
  });

  it('keeps the first contact’s id over a transfer', async () => {
    const { contactId } = await openAndJoin();
    connect.transfer(contactId);
    connect.reply(contactId, 'I took over.');
    const { InitialContactId, ContactId } = JSON.parse(published.at(-1)?.message ?? '') as Record<
      string,
      string
    >;
    expect(InitialContactId).toBe(contactId);
    expect(ContactId).not.toBe(contactId);
  });

  it('answers in a customer’s newest chat, and nowhere where there is none', async () => {
    await openAndJoin();
    const { contactId } = await openAndJoin();
    connect.reply(CUSTOMER, 'Hello');
    expect(published.at(-1)?.contactId).toBe(contactId);
    expect(connect.newestChat()?.contactId).toBe(contactId);
    expect(() => connect.reply('+14255550143', 'Hello')).toThrow('no open chat');
  });

  it('is there for chats of the other method too', async () => {
    const { InitialContactId } = await client.send(
      new SendChatIntegrationEventCommand({
        SourceId: CUSTOMER,
        DestinationId: 'arn',
        Event: { Type: 'MESSAGE', ContentType: 'text/plain', Content: 'one' },
        NewSessionDetails: {
          ParticipantDetails: { DisplayName: 'Ana' },
          StreamingConfiguration: { StreamingEndpointArn: TOPIC },
        },
      }),
    );
    connect.reply(CUSTOMER, 'Hello');
    expect(published.map(({ contactId }) => contactId)).toEqual(published.map(() => InitialContactId));
    expect(published.map(({ item }) => item.content)).toEqual(['one', undefined, undefined, 'Hello']);
  });
});
