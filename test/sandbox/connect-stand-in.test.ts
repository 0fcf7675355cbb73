import { ConnectClient, SendChatIntegrationEventCommand } from '@aws-sdk/client-connect';
import type { SendChatIntegrationEventCommandInput } from '@aws-sdk/client-connect';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentView } from '../../src/sandbox/agent-view.ts';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import type { Fault } from '../../src/sandbox/connect-faults.ts';
import { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';

const CUSTOMER = '+14255550182';
const NUMBER = 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-0123456789abcdef0123456789abcdef';

let connect: ConnectStandIn;
let client: ConnectClient;

beforeEach(async () => {
  connect = await ConnectStandIn.start();
  client = makeClient(connect);
});

afterEach(async () => {
  client.destroy();
  await connect.close();
});

function makeClient({ url }: ConnectStandIn): ConnectClient {
  const credentials = { accessKeyId: 'EXAMPLE', secretAccessKey: 'example' };
  return new ConnectClient({ region: 'us-east-1', endpoint: url, credentials, maxAttempts: 1 });
}

function chatEvent(Content: string, over: Partial<SendChatIntegrationEventCommandInput> = {}) {
  return new SendChatIntegrationEventCommand({
    SourceId: CUSTOMER,
    DestinationId: NUMBER,
    Subtype: 'connect:SMS',
    Event: { Type: 'MESSAGE', ContentType: 'text/plain', Content },
    NewSessionDetails: {
      ParticipantDetails: { DisplayName: 'Ana' },
      Attributes: { channel: 'sms' },
      SupportedMessagingContentTypes: ['text/plain'],
    },
    ...over,
  });
}

describe('chats', () => {
  it('keeps one for each source, destination and subtype', async () => {
    const first = await client.send(chatEvent('one'));
    expect(first.NewChatCreated).toBe(true);
    const cases = [
      { over: {}, isNew: false },
      { over: { Subtype: 'connect:WhatsApp' }, isNew: true },
      { over: { SourceId: '+14255550143' }, isNew: true },
      { over: { DestinationId: `${NUMBER}0` }, isNew: true },
    ];
    for (const { over, isNew } of cases) {
      const answer = await client.send(chatEvent('two', over));
      expect(answer.NewChatCreated).toBe(isNew);
      expect(answer.InitialContactId === first.InitialContactId).toBe(!isNew);
    }
    expect(connect.transcript(CUSTOMER)).toEqual(['one', 'two', 'two', 'two']);
  });

  it('opens a new one after the end', async () => {
    const before = await client.send(chatEvent('one'));
    expect(connect.chats.end(CUSTOMER, NUMBER, 'connect:SMS')).toBe(true);
    const after = await client.send(chatEvent('two'));
    expect(after.NewChatCreated).toBe(true);
    expect(after.InitialContactId).not.toBe(before.InitialContactId);
  });

  it('shows what is no message by its name, and is ended by a DISCONNECT', async () => {
    const shown: string[] = [];
    const view = new AgentView((text) => void shown.push(text.trim()));
    connect.onLine = (line) => view.show(line);
    const typing = 'application/vnd.amazonaws.connect.event.typing';
    const events = [
      { Type: 'MESSAGE', ContentType: 'text/plain', Content: 'one' },
      { Type: 'EVENT', ContentType: typing },
      { Type: 'DISCONNECT' },
    ] as const;
    for (const Event of events) await client.send(chatEvent('', { Event }));
    const after = await client.send(chatEvent('two'));
    expect(after.NewChatCreated).toBe(true);
    const heads = shown.filter((text) => text.startsWith('Chat')).map((text) => text.slice(0, 6));
    expect(heads).toEqual(['Chat 1', 'Chat 2']);
    const lines = shown
      .filter((text) => !text.startsWith('Chat'))
      .map((text) => text.slice('00:00:00  '.length));
    expect(lines).toEqual(['one', `(EVENT ${typing})`, '(DISCONNECT)', 'two']);
  });
});

describe('refusals, as the real SDK client sees them', () => {
  it.each([
    { fault: 'throttled', name: 'ThrottlingException', status: 429 },
    { fault: 'internal', name: 'InternalServiceException', status: 500 },
    { fault: 'invalid', name: 'InvalidRequestException', status: 400 },
    { fault: 'denied', name: 'AccessDeniedException', status: 403 },
    { fault: 'notFound', name: 'ResourceNotFoundException', status: 404 },
    { fault: 'expiredToken', name: 'ExpiredTokenException', status: 403 },
  ] as const)('$fault: $name', async ({ fault, name, status }) => {
    connect.queueFault(FAULTS[fault]);
    const refused = client.send(chatEvent('one'));
    await expect(refused).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });
    expect(connect.lines).toHaveLength(0);
    expect(connect.unusedFaults).toBe(0);
  });

  it('unknown and forbidden numbers', async () => {
    connect.unknownDestinations.add(NUMBER);
    await expect(client.send(chatEvent('one'))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    connect.unknownDestinations.clear();
    connect.deniedDestinations.add(NUMBER);
    await expect(client.send(chatEvent('one'))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    connect.deniedDestinations.clear();
    await client.send(chatEvent('one'));
  });

  it('holds requests to the API’s rules', async () => {
    const event = chatEvent('');
    await expect(client.send(event)).rejects.toMatchObject({ name: 'InvalidRequestException' });
    expect(connect.ruleProblems).toEqual([expect.stringContaining('Event.Content')]);
  });

  it('takes no request that is not signed', async () => {
    const body = JSON.stringify(chatEvent('one').input);
    const response = await fetch(`${connect.url}/chat-integration-event`, { method: 'POST', body });
    expect(response.status).toBe(403);
    expect(response.headers.get('x-amzn-errortype')).toBe('MissingAuthenticationTokenException');
  });

  it('throttles by a token bucket', async () => {
    await using throttled = await startThrottled();
    const client = makeClient(throttled.connect);
    const sent = await Promise.allSettled(Array.from({ length: 5 }, () => client.send(chatEvent('one'))));
    client.destroy();
    expect(sent.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });
});

async function startThrottled() {
  const connect = await ConnectStandIn.start({
    throttles: { SendChatIntegrationEvent: { rate: 0.001, burst: 3 } },
  });
  return { connect, [Symbol.asyncDispose]: () => connect.close() };
}

describe('connections that fail', () => {
  it.each([
    { name: 'dropped before it was taken', fault: FAULTS.drop, taken: 0 },
    { name: 'dropped after it was taken', fault: FAULTS.takenButDrop, taken: 1 },
    { name: '500 though it was taken', fault: FAULTS.takenButInternal, taken: 1 },
    { name: '503 without JSON', fault: FAULTS.unavailable, taken: 0 },
  ] satisfies { name: string; fault: Fault; taken: number }[])('$name', async ({ fault, taken }) => {
    connect.queueFault(fault);
    await expect(client.send(chatEvent('one'))).rejects.toThrow();
    expect(connect.lines).toHaveLength(taken);
  });

  it.each([
    { name: 'hangs without taking it', fault: FAULTS.hang, taken: 0 },
    { name: 'hangs after taking it', fault: FAULTS.takenButHang, taken: 1 },
  ])('$name', async ({ fault, taken }) => {
    connect.queueFault(fault);
    const abort = new AbortController();
    const sent = client.send(chatEvent('one'), { abortSignal: abort.signal });
    await connect.untilReceived(1);
    abort.abort();
    await expect(sent).rejects.toMatchObject({ name: 'AbortError' });
    expect(connect.lines).toHaveLength(taken);
  });

  it('a queued fault waits for the request that it is for', async () => {
    connect.queueFault(FAULTS.invalid, 1, { sourceId: '+14255550143' });
    await client.send(chatEvent('one'));
    expect(connect.unusedFaults).toBe(1);
    await expect(client.send(chatEvent('two', { SourceId: '+14255550143' }))).rejects.toThrow();
    expect(connect.unusedFaults).toBe(0);
  });

  it('a function chooses faults while it is set', async () => {
    connect.faultFor = ({ text }) => (text === 'bad' ? FAULTS.invalid : undefined);
    await expect(client.send(chatEvent('bad'))).rejects.toThrow();
    await client.send(chatEvent('good'));
    connect.clearFaults();
    await client.send(chatEvent('bad'));
  });
});

describe('waiting', () => {
  it('resolves when the message comes, whether before or after', async () => {
    const later = connect.untilMessage(({ content }) => content === 'two');
    await client.send(chatEvent('one'));
    expect((await connect.untilMessage(({ content }) => content === 'one')).lineNumber).toBe(1);
    await client.send(chatEvent('two'));
    expect((await later).lineNumber).toBe(2);
    await connect.until(2);
  });

  it('ends with what is missing', async () => {
    await expect(connect.until(1, 5)).rejects.toThrow('Connect took 0 of 1 messages');
    await expect(connect.untilMessage(() => false, 5)).rejects.toThrow('none of 0 messages fits');
  });
});
