import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import type { AddressInfo } from 'node:net';
import {
  ConfirmSubscriptionCommand,
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { subscribe } from '../../src/admin/commands/subscribe.ts';
import { createSnsSigner, signedText } from '../../src/sandbox/sns-signer.ts';
import type { SignedEnvelope, SnsSigner } from '../../src/sandbox/sns-signer.ts';
import { SnsStandIn } from '../../src/sandbox/sns-stand-in.ts';

const TOPIC = 'arn:aws:sns:us-east-1:111122223333:inbound-messages';

let directory: string;
let signer: SnsSigner;
let sns: SnsStandIn;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sns-stand-in-'));
  signer = await createSnsSigner({ directory });
});

afterAll(() => fs.rmSync(directory, { recursive: true }));

beforeEach(async () => {
  sns = await SnsStandIn.start({ signer, topicArn: TOPIC, retryDelaysMs: [1, 1] });
});

afterEach(() => sns.close());

interface Received {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Answers with each status in turn; 0 breaks the connection. */
async function startSubscriber(statuses: readonly number[]) {
  const received: Received[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const status = statuses[received.length] ?? 500;
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (status === 0) request.socket.destroy();
      else response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  sns.subscribe(`http://127.0.0.1:${(server.address() as AddressInfo).port}/sns`);
  return { received, [Symbol.asyncDispose]: async () => void server.close() };
}

describe('delivery', () => {
  it.each([
    { name: '200 is taken', statuses: [200], end: 'taken', attempts: [200] },
    { name: '5xx is tried again', statuses: [503, 200], end: 'taken', attempts: [503, 200] },
    { name: '429 is tried again', statuses: [429, 204], end: 'taken', attempts: [429, 204] },
    {
      name: 'a broken connection is tried again',
      statuses: [0, 200],
      end: 'taken',
      attempts: ['ECONNRESET', 200],
    },
    { name: '403 is final', statuses: [403, 200], end: 'discarded', attempts: [403] },
    { name: '302 is final', statuses: [302, 200], end: 'discarded', attempts: [302] },
    { name: 'retries are bounded', statuses: [500, 500, 500, 200], end: 'gaveUp', attempts: [500, 500, 500] },
  ])('$name', async ({ statuses, end, attempts }) => {
    await using subscriber = await startSubscriber(statuses);
    const delivery = await sns.publish('hello');
    expect(delivery.attempts.map((attempt) => attempt.status ?? attempt.error)).toEqual(attempts);
    expect(delivery.end).toBe(end);
    const ids = subscriber.received.map(({ body }) => (JSON.parse(body) as { MessageId: string }).MessageId);
    expect(new Set(ids)).toEqual(new Set([delivery.envelope.MessageId]));
  });

  it('gives up on a subscriber that is not there', async () => {
    await (await startSubscriber([]))[Symbol.asyncDispose]();
    const delivery = await sns.publish('hello');
    expect(delivery).toMatchObject({
      end: 'gaveUp',
      status: undefined,
      attempts: [{ error: 'ECONNREFUSED' }, {}, {}],
    });
  });

  it('sends JSON with SNS’s headers', async () => {
    await using subscriber = await startSubscriber([200, 200]);
    await sns.publish('hello', { messageId: 'id-1', subject: 'S' });
    await sns.askForConfirmation();
    const [notification, confirmation] = subscriber.received;
    expect(notification?.headers).toMatchObject({
      'content-type': 'text/plain; charset=UTF-8',
      'user-agent': 'Amazon Simple Notification Service Agent',
      'x-amz-sns-message-type': 'Notification',
      'x-amz-sns-message-id': 'id-1',
      'x-amz-sns-topic-arn': TOPIC,
      'x-amz-sns-subscription-arn': expect.stringContaining(`${TOPIC}:`) as string,
    });
    expect(JSON.parse(notification?.body ?? '')).toMatchObject({
      Type: 'Notification',
      Subject: 'S',
      Message: 'hello',
    });
    expect(confirmation?.headers['x-amz-sns-message-type']).toBe('SubscriptionConfirmation');
    expect(confirmation?.headers).not.toHaveProperty('x-amz-sns-subscription-arn');
  });
});

describe('topics', () => {
  const replies = 'arn:aws:sns:us-east-1:111122223333:agents-replies';

  it('publishes for another topic too, with message attributes that are not signed', async () => {
    await using subscriber = await startSubscriber([200]);
    const messageAttributes = { MessageVisibility: { Type: 'String', Value: 'ALL' } };
    await sns.publish('hello', { topicArn: replies, messageAttributes });
    const [{ headers, body } = { headers: {}, body: '' }] = subscriber.received;
    expect(headers).toMatchObject({
      'x-amz-sns-topic-arn': replies,
      'x-amz-sns-subscription-arn': expect.stringContaining(`${replies}:`) as string,
    });
    const envelope = JSON.parse(body) as SignedEnvelope;
    expect(envelope).toMatchObject({ TopicArn: replies, MessageAttributes: messageAttributes });
    expect(signedText(envelope)).not.toContain('MessageVisibility');
  });

  it('asks for the confirmation of each', async () => {
    await using subscriber = await startSubscriber([200, 200]);
    await sns.askForConfirmation();
    await sns.askForConfirmation({ topicArn: replies });
    const asked = subscriber.received.map(({ body }) => JSON.parse(body) as { TopicArn: string });
    expect(asked.map(({ TopicArn }) => TopicArn)).toEqual([TOPIC, replies]);
  });
});

describe('the query API, to the real SDK client', () => {
  let client: SNSClient;

  beforeEach(() => {
    const credentials = { accessKeyId: 'EXAMPLE', secretAccessKey: 'example' };
    client = new SNSClient({ region: 'us-east-1', endpoint: sns.url, credentials, maxAttempts: 1 });
  });

  afterEach(() => client.destroy());

  it('confirms with the token that it sent, and no other', async () => {
    await using subscriber = await startSubscriber([200]);
    const called = sns.untilCall('ConfirmSubscription');
    await sns.askForConfirmation();
    const { Token } = JSON.parse(subscriber.received[0]?.body ?? '') as { Token: string };
    const confirmation = { TopicArn: TOPIC, Token, AuthenticateOnUnsubscribe: 'true' };
    const { SubscriptionArn } = await client.send(new ConfirmSubscriptionCommand(confirmation));
    expect(SubscriptionArn).toContain(`${TOPIC}:`);
    expect((await called).parameters).toMatchObject(confirmation);
    await expect(
      client.send(new ConfirmSubscriptionCommand({ TopicArn: TOPIC, Token: 'other' })),
    ).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'Invalid parameter: Token',
    });
  });

  it('keeps subscriptions and their attributes', async () => {
    const request = {
      TopicArn: TOPIC,
      Protocol: 'https',
      Endpoint: 'https://bridge.example.com/sns?a=1&b=2',
    };
    const RedrivePolicy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:dead"}';
    const subscribe = (Attributes: Record<string, string>) =>
      client.send(new SubscribeCommand({ ...request, Attributes, ReturnSubscriptionArn: true }));
    const { SubscriptionArn } = await subscribe({ RedrivePolicy });
    expect((await subscribe({ RedrivePolicy })).SubscriptionArn).toBe(SubscriptionArn);
    expect((await subscribe({})).SubscriptionArn).toBe(SubscriptionArn);
    for (const other of [{ RedrivePolicy: '{}' }, { RawMessageDelivery: 'true' }])
      await expect(subscribe(other)).rejects.toMatchObject({ name: 'InvalidParameterException' });
    const { Subscriptions } = await client.send(new ListSubscriptionsByTopicCommand({ TopicArn: TOPIC }));
    expect(Subscriptions).toEqual([
      { ...request, SubscriptionArn: 'PendingConfirmation', Owner: '111122223333' },
    ]);
    const change = { SubscriptionArn, AttributeName: 'RawMessageDelivery', AttributeValue: 'false' };
    await client.send(new SetSubscriptionAttributesCommand(change));
    const { Attributes } = await client.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    expect(Attributes).toMatchObject({
      RedrivePolicy,
      RawMessageDelivery: 'false',
      PendingConfirmation: 'true',
    });
    const missing = new GetSubscriptionAttributesCommand({ SubscriptionArn: `${TOPIC}:none` });
    await expect(client.send(missing)).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  it('keeps a topic’s attributes', async () => {
    const change = { TopicArn: TOPIC, AttributeName: 'SignatureVersion', AttributeValue: '2' };
    await client.send(new SetTopicAttributesCommand(change));
    expect(sns.api.topicAttributes(TOPIC)).toEqual({ SignatureVersion: '2' });
  });

  it('serves `bridge subscribe`', async () => {
    const io = {
      env: {},
      stdout: { write: () => true },
      stderr: { write: () => true },
      stdin: new PassThrough(),
    };
    const deadLetterQueue = 'arn:aws:sqs:us-east-1:111122223333:undelivered';
    const options = { topic: TOPIC, endpoint: 'https://bridge.example.com/sns', deadLetterQueue };
    vi.stubEnv('AWS_ENDPOINT_URL_SNS', sns.url);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'EXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example');
    expect(await subscribe({ ...options, deadLetterQueue: `${deadLetterQueue}-once` }, io)).toBe(0);
    // Again, before it is confirmed and with another queue.
    expect(await subscribe(options, io)).toBe(0);
    vi.unstubAllEnvs();
    const { Subscriptions } = await client.send(new ListSubscriptionsByTopicCommand({ TopicArn: TOPIC }));
    expect(Subscriptions).toMatchObject([{ Protocol: 'https', Endpoint: options.endpoint }]);
    expect(sns.api.topicAttributes(TOPIC)).toEqual({ SignatureVersion: '2' });
  });

  it('fails where it is told to, once', async () => {
    sns.failNextCall(500, 'InternalError');
    const change = { TopicArn: TOPIC, AttributeName: 'SignatureVersion', AttributeValue: '2' };
    const failure = client.send(new SetTopicAttributesCommand(change));
    await expect(failure).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    expect(sns.unusedFaults).toBe(0);
    await client.send(new SetTopicAttributesCommand(change));
  });
});
