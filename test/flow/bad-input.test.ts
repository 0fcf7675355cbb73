/** Whatever is posted gets its answer in bounded time: no 500, no crash. */
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smsPayload } from '../../src/sandbox/end-user-messaging.ts';
import type { SignedEnvelope } from '../../src/sandbox/sns-signer.ts';
import { SANDBOX_TOPIC_ARN } from '../../src/sandbox/bridge-child.ts';
import { Flow } from '../support/flow-harness.ts';

let flow: Flow;

beforeAll(async () => {
  flow = await Flow.start({});
});

afterAll(() => flow.end());

function signed(changes: Readonly<Record<string, unknown>> = {}, from = '+14255550182'): SignedEnvelope {
  const text = 'Hello from a test of bad input';
  const payload = smsPayload({ from, text });
  flow.addPersonal({ number: from, externalId: payload['inboundMessageId'], text });
  return flow.signer.sign({
    Type: 'Notification',
    MessageId: crypto.randomUUID(),
    TopicArn: SANDBOX_TOPIC_ARN,
    Message: JSON.stringify(payload),
    Timestamp: new Date().toISOString(),
    UnsubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe',
    ...changes,
  });
}

const QUERY = 'token=what-nobody-else-may-know';

async function countUnknown(): Promise<number> {
  const counter = 'bridge_notifications_total{answer="404",outcome="unknown"} ';
  const line = (await flow.metrics()).split('\n').find((text) => text.startsWith(counter));
  return Number(line?.slice(counter.length) ?? 0);
}

/** The answer to a request that is no whole one, and what was logged of it; `isEnded`: the sender then closes its side. */
async function postBroken(text: string, isEnded: boolean): Promise<[string, readonly object[]]> {
  const refusals = (): readonly object[] =>
    flow.log.lines.map((line) => JSON.parse(line) as object).filter((line) => 'answer' in line);
  const before = refusals().length;
  const answer = await flow.postRaw(text, { isEnded });
  await flow.get(`${flow.bridge.publicUrl}/healthz`); // by its answer the connection's end has been seen
  return [answer, refusals().slice(before)];
}

describe('400: no envelope', () => {
  it.each([
    { name: 'nothing', body: '' },
    { name: 'words', body: 'hello' },
    { name: 'null', body: 'null' },
    { name: 'a number', body: '42' },
    { name: 'a text', body: '"x"' },
    { name: 'a list', body: '[]' },
    { name: 'an empty object', body: '{}' },
    { name: 'half of JSON', body: '{"Type":"Notification","Mess' },
    { name: 'a Type alone', body: '{"Type":"Notification"}' },
    { name: 'a prototype', body: '{"__proto__":{"Type":"Notification"}}' },
    { name: '100,000 brackets', body: '['.repeat(100_000) },
    { name: '100,000 objects in each other', body: `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}` },
    { name: '300 KB of quotes', body: '"'.repeat(300_000) },
    { name: 'invalid UTF-8', body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]) },
    { name: 'UTF-16', body: Buffer.from('{"Type":"Notification"}', 'utf16le') },
    { name: 'NUL characters', body: '\u0000\u0000\u0000' },
  ])('$name', async ({ body }) => {
    expect(await flow.post(body)).toMatchObject({ status: 400 });
  });

  const fields = [
    'Type',
    'Message',
    'MessageId',
    'TopicArn',
    'Timestamp',
    'Signature',
    'SigningCertURL',
    'SignatureVersion',
  ];
  it.each(fields)('%s of the wrong type', async (field) => {
    for (const value of [null, 7, true, {}, [], [['x']]]) {
      const answer = await flow.post(JSON.stringify({ ...signed(), [field]: value }));
      expect({ value, status: answer.status }).toEqual({ value, status: 400 });
    }
  });

  it('a Type that SNS does not have', async () => {
    expect(await flow.post(JSON.stringify(signed({ Type: 'Surprise' })))).toMatchObject({ status: 400 });
  });
});

describe('a key that stands twice', () => {
  it('counts with its last value: 403 where that is not the signed one', async () => {
    const body = JSON.stringify(signed()).replace(/\}$/, ',"Message":"another"}');
    expect(await flow.post(body)).toMatchObject({ status: 403 });
  });

  it('counts with its last value: 200 where that is the signed one', async () => {
    const from = '+14255550190';
    const body = JSON.stringify(signed({}, from)).replace(/^\{/, '{"Message":"another",');
    expect(await flow.post(body)).toMatchObject({ status: 200 });
    const line = await flow.connect.untilMessage(({ chat }) => chat.sourceId === from);
    expect(line.content).toBe('Hello from a test of bad input');
  });
});

describe('authentic, and strange within', () => {
  it.each([
    { name: 'JSON in 50,000 brackets', message: `${'['.repeat(50_000)}${']'.repeat(50_000)}` },
    { name: '250 KB of quotes', message: '"'.repeat(250_000) },
    { name: 'NUL characters', message: '\u0000' },
    { name: 'half a surrogate pair', message: '\ud800' },
    {
      name: 'an SMS without numbers',
      message: JSON.stringify({ ...smsPayload({ from: '' }), destinationNumber: '' }),
    },
    {
      name: 'objects for texts',
      message: '{"originationNumber":{},"destinationNumber":[],"messageBody":{},"inboundMessageId":{}}',
    },
    { name: 'an entry that is no JSON', message: '{"whatsAppWebhookEntry":"{","context":{}}' },
    {
      name: 'an entry of the wrong shape',
      message: '{"whatsAppWebhookEntry":"{\\"changes\\":7}","context":[]}',
    },
  ])('200, kept as a dead letter: $name', async ({ message }) => {
    const { deadByReason } = await flow.books();
    expect(await flow.post(JSON.stringify(signed({ Message: message })))).toMatchObject({ status: 200 });
    const after = (await flow.books()).deadByReason['not_understood'] ?? 0;
    expect(after).toBe((deadByReason['not_understood'] ?? 0) + 1);
  });

  it('200, delivered: a good message among 300 KB that nobody knows', async () => {
    const from = '+14255550191';
    const padding = '"'.repeat(120_000);
    const Message = JSON.stringify({ ...smsPayload({ from, text: 'padded' }), padding });
    const MessageAttributes = { deep: JSON.parse(`${'['.repeat(2_000)}${']'.repeat(2_000)}`) as unknown };
    flow.addPersonal({ number: from });
    expect(await flow.post(JSON.stringify(signed({ Message, MessageAttributes })))).toMatchObject({
      status: 200,
    });
    expect((await flow.connect.untilMessage(({ chat }) => chat.sourceId === from)).content).toBe('padded');
  });
});

describe('not HTTP as SNS speaks it', () => {
  it('413 for 5 MB, before they are there', async () => {
    const answer = await flow.postRaw(
      'POST /sns HTTP/1.1\r\nhost: bridge\r\ncontent-length: 5000000\r\n\r\n{',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it.each([
    { name: 'no HTTP', text: 'hello\r\n\r\n' },
    {
      name: 'a length that is no number',
      text: 'POST /sns HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n',
    },
    {
      name: 'a length and chunks',
      text: 'POST /sns HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    },
  ])('400 for $name', async ({ text }) => {
    expect(await flow.postRaw(text)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each([
    { name: 'a body', text: 'POST /sns HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"Type":' },
    { name: 'a chunk', text: 'POST /sns HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n50\r\n{' },
    { name: 'a header', text: 'POST /sns HTTP/1.1\r\nhost: x\r\ncontent-le' },
  ])('503 for half of $name and an end: SNS is asked to come again', async ({ text }) => {
    const [answer, lines] = await postBroken(text, true);
    expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: \d/);
    expect(lines).toEqual([expect.objectContaining({ answer: 503, code: 'REQUEST_INCOMPLETE' })]);
  });

  it('a body that breaks the rules of chunks is one refusal, not a broken connection besides', async () => {
    const text = 'POST /sns HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n';
    const [answer, lines] = await postBroken(text, false);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(lines).toEqual([expect.objectContaining({ answer: 400, code: 'ENVELOPE_INVALID' })]);
  });

  it.each([
    ['GET', '/sns'],
    ['GET', '/metrics'],
    ['GET', '/readyz'],
    ['POST', '/'],
    ['GET', '/.env'],
    ['POST', '/sns/../healthz'],
    ['POST', '/sms'],
    ['POST', `/${'x'.repeat(1_000)}`],
  ])('%s %s is not there: counted, and logged without its query', async (method, path) => {
    flow.addPersonal({ text: QUERY });
    const [logged, counted] = [flow.log.events('request.unknown').length, await countUnknown()];
    const answer = await flow.postRaw(
      `${method} ${path}?${QUERY} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    const line = { level: 'warn', method, path: path.slice(0, 60), answer: 404 };
    expect(flow.log.events('request.unknown').slice(logged)).toEqual([expect.objectContaining(line)]);
    expect(await countUnknown()).toBe(counted + 1);
  });

  it('a sender that breaks off is no unforeseen error, and no alert', async () => {
    const { port } = new URL(flow.bridge.publicUrl);
    const deferred = flow.log.events('notification.deferred').length;
    const socket = net.connect(Number(port), '127.0.0.1');
    socket.write('POST /sns HTTP/1.1\r\nhost: bridge\r\ncontent-length: 100\r\n\r\n{"Type":');
    // The answer on another connection shows that the service has seen the first one's beginning.
    await flow.get(`${flow.bridge.publicUrl}/healthz`);
    socket.resetAndDestroy();
    const lines = await flow.log.until('notification.deferred', deferred + 1);
    expect(lines.at(-1)).toMatchObject({ level: 'warn', answer: 503, code: 'REQUEST_INCOMPLETE' });
    expect(await flow.metrics()).not.toContain('bridge_alerts_total{');
  });
});
