import net from 'node:net';
import http from 'node:http';
import { ConnectClient, SendChatIntegrationEventCommand } from '@aws-sdk/client-connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createConnectSender } from '../../src/send/connect-client.ts';
import {
  ContentNotRendered,
  CredentialsUnavailable,
  SEND_ERRORS,
  SendNotBegun,
  classifySendError,
} from '../../src/send/send-outcome.ts';
import type { SendVerdict } from '../../src/send/send-outcome.ts';
import { AWS_TEST_ENVIRONMENT, startAwsStandIn } from './aws-stand-in.ts';
import type { Answering, AwsStandIn } from './aws-stand-in.ts';

const REQUEST = {
  SourceId: '+14255550182',
  DestinationId:
    'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-0123456789abcdef0123456789abcdef',
  Event: { Type: 'MESSAGE' as const, ContentType: 'text/plain', Content: 'hello' },
};
const PLACE = { region: 'us-east-1', roleArn: undefined };
const HTML = { 'content-type': 'text/html' };

type Case = readonly [
  name: string,
  answer: Answering,
  verdict: SendVerdict,
  code: string,
  isAmbiguous: boolean,
];

function awsError(status: number, name: string): Answering {
  return {
    status,
    headers: { 'x-amzn-errortype': name, 'x-amzn-requestid': 'request-1' },
    body: JSON.stringify({ message: 'what AWS says' }),
  };
}

const ANSWERS: readonly Case[] = [
  ['InvalidRequest', awsError(400, 'InvalidRequestException'), 'dead', 'InvalidRequestException', false],
  ['AccessDenied', awsError(403, 'AccessDeniedException'), 'pause', 'AccessDeniedException', false],
  [
    'ResourceNotFound',
    awsError(404, 'ResourceNotFoundException'),
    'pause',
    'ResourceNotFoundException',
    false,
  ],
  ['Throttling', awsError(429, 'ThrottlingException'), 'throttled', 'ThrottlingException', false],
  ['Throttling with 400', awsError(400, 'ThrottlingException'), 'throttled', 'ThrottlingException', false],
  ['SlowDown with 503', awsError(503, 'SlowDown'), 'throttled', 'SlowDown', false],
  [
    'TooManyRequests',
    awsError(429, 'TooManyRequestsException'),
    'throttled',
    'TooManyRequestsException',
    false,
  ],
  ['LimitExceeded', awsError(429, 'LimitExceededException'), 'throttled', 'LimitExceededException', false],
  [
    'quota with 402',
    awsError(402, 'ServiceQuotaExceededException'),
    'throttled',
    'ServiceQuotaExceededException',
    false,
  ],
  ['InternalService', awsError(500, 'InternalServiceException'), 'retry', 'InternalServiceException', true],
  [
    'wrong active Region',
    awsError(400, 'InvalidActiveRegionException'),
    'pause',
    'InvalidActiveRegionException',
    false,
  ],
  [
    'unrecognized client',
    awsError(403, 'UnrecognizedClientException'),
    'pause',
    'UnrecognizedClientException',
    false,
  ],
  [
    'invalid signature',
    awsError(403, 'InvalidSignatureException'),
    'pause',
    'InvalidSignatureException',
    false,
  ],
  ['expired token', awsError(403, 'ExpiredTokenException'), 'pause', 'ExpiredTokenException', false],
  ['expired token with 400', awsError(400, 'ExpiredTokenException'), 'pause', 'ExpiredTokenException', false],
  ['clock skew', awsError(403, 'RequestTimeTooSkewed'), 'pause', 'RequestTimeTooSkewed', false],
  [
    'missing token',
    awsError(403, 'MissingAuthenticationTokenException'),
    'pause',
    'MissingAuthenticationTokenException',
    false,
  ],
  [
    'name with namespace',
    awsError(403, 'com.amazon.x#AccessDeniedException:http://x/'),
    'pause',
    'AccessDeniedException',
    false,
  ],
  ['a 401', awsError(401, 'SomethingNew'), 'pause', 'HTTP_401', false],
  ['a new 403', awsError(403, 'SomethingNew'), 'pause', 'HTTP_403', false],
  ['a new 404', awsError(404, 'SomethingNew'), 'pause', 'HTTP_404', false],
  ['a new 400', awsError(400, 'SomethingNew'), 'dead', 'HTTP_400', false],
  ['a new 429', awsError(429, 'SomethingNew'), 'throttled', 'HTTP_429', false],
  ['a new 500', awsError(500, 'SomethingNew'), 'retry', 'HTTP_500', true],
  ['a 400 that names itself like a network error', awsError(400, 'ECONNREFUSED'), 'dead', 'HTTP_400', false],
  ['a 400 without any name', { status: 400, body: '{}' }, 'dead', 'HTTP_400', false],
  ['a 413', { status: 413, body: '' }, 'dead', 'HTTP_413', false],
  ['a 408', { status: 408, body: '' }, 'retry', 'HTTP_408', true],
  [
    'a proxy that wants credentials',
    { status: 407, headers: HTML, body: '<html>' },
    'pause',
    'HTTP_407',
    false,
  ],
  ['a 403 in HTML', { status: 403, headers: HTML, body: '<html>Forbidden' }, 'pause', 'HTTP_403', false],
  ['a 502 in HTML', { status: 502, headers: HTML, body: '<html>Bad Gateway' }, 'retry', 'HTTP_502', true],
  ['a 503 without a body', { status: 503 }, 'retry', 'HTTP_503', true],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1/' } }, 'retry', 'HTTP_302', false],
  ['a 200 in HTML', { status: 200, headers: HTML, body: '<html>Log in' }, 'retry', 'HTTP_200', true],
  ['a 200 cut off', 'cutOff', 'retry', 'HTTP_200', true],
  ['a connection that breaks', 'reset', 'retry', 'ECONNRESET', true],
];

describe('classifySendError over HTTP with the SDK', () => {
  let standIn: AwsStandIn;
  let sender: ReturnType<typeof createConnectSender>;

  beforeAll(async () => {
    standIn = await startAwsStandIn(() => 'hang');
    Object.assign(process.env, AWS_TEST_ENVIRONMENT, { AWS_ENDPOINT_URL_CONNECT: standIn.url });
    sender = createConnectSender();
  });

  afterAll(async () => {
    sender.close();
    await standIn[Symbol.asyncDispose]();
  });

  it.each(ANSWERS)('%s', async (_name, answer, verdict, code, isAmbiguous) => {
    standIn.answer = () => answer;
    standIn.seen.length = 0;
    const failure = classifySendError(await failureOf(sender.send(REQUEST, PLACE)));
    expect(failure).toMatchObject({ verdict, code, isAmbiguous });
    expect(failure.remedy).not.toBe('');
    expect(standIn.seen, 'one attempt alone').toHaveLength(1);
  });

  it('gives AWS’s message, status and request id for the store', async () => {
    standIn.answer = () => awsError(400, 'InvalidRequestException');
    const { sentence } = classifySendError(await failureOf(sender.send(REQUEST, PLACE)));
    expect(sentence).toBe('InvalidRequestException (HTTP 400), request request-1: what AWS says');
  });

  it('a silent Connect: the deadline', async () => {
    standIn.answer = () => 'hang';
    const failure = classifySendError(await failureOf(sender.send(REQUEST, PLACE, 50)));
    expect(failure).toMatchObject({ verdict: 'retry', code: 'AbortError', isAmbiguous: true });
  });

  it.each([
    ['request time-out', { requestTimeout: 50, throwOnRequestTimeout: true }, 'ETIMEDOUT', true],
    ['socket time-out', { socketTimeout: 50 }, 'TimeoutError', true],
    // An agent whose sockets never connect.
    [
      'connection time-out',
      { connectionTimeout: 50, httpAgent: neverConnecting() },
      'ConnectionTimeout',
      false,
    ],
  ])('the SDK’s %s', async (_name, requestHandler, code, isAmbiguous) => {
    standIn.answer = () => 'hang';
    const client = new ConnectClient({ maxAttempts: 1, requestHandler });
    const failure = classifySendError(
      await failureOf(client.send(new SendChatIntegrationEventCommand(REQUEST))),
    );
    client.destroy();
    expect(failure).toMatchObject({ verdict: 'retry', code, isAmbiguous });
  });

  it.each([
    ['nobody listens', async () => `http://127.0.0.1:${await closedPort()}`, 'retry', 'ECONNREFUSED', false],
    ['an endpoint that is none', async () => 'no-url', 'pause', 'ERR_INVALID_URL', false],
    [
      'TLS against a server without',
      async () => standIn.url.replace('http:', 'https:'),
      'retry',
      'EPROTO',
      false,
    ],
  ])('%s', async (_name, endpoint, verdict, code, isAmbiguous) => {
    const client = new ConnectClient({ maxAttempts: 1, endpoint: await endpoint() });
    const failure = classifySendError(
      await failureOf(client.send(new SendChatIntegrationEventCommand(REQUEST))),
    );
    client.destroy();
    expect(failure).toMatchObject({ verdict, code, isAmbiguous });
  });
});

function systemError(code: string, more: object = {}): Error {
  return Object.assign(new Error(`${code} happened`), { code }, more);
}

describe('classifySendError of what no local server can raise', () => {
  it.each([
    ['no DNS entry', systemError('ENOTFOUND', { syscall: 'getaddrinfo' }), 'retry', 'ENOTFOUND', false],
    ['DNS server silent', systemError('EAI_AGAIN', { syscall: 'getaddrinfo' }), 'retry', 'EAI_AGAIN', false],
    [
      'no way to the host',
      systemError('EHOSTUNREACH', { syscall: 'connect' }),
      'retry',
      'EHOSTUNREACH',
      false,
    ],
    [
      'the way to the host lost',
      systemError('EHOSTUNREACH', { syscall: 'read' }),
      'retry',
      'EHOSTUNREACH',
      true,
    ],
    ['broken pipe', systemError('EPIPE', { name: 'TimeoutError', syscall: 'write' }), 'retry', 'EPIPE', true],
    [
      'TCP connection time-out',
      systemError('ETIMEDOUT', { name: 'TimeoutError', syscall: 'connect' }),
      'retry',
      'ConnectionTimeout',
      false,
    ],
    [
      'no address of the host reached',
      Object.assign(new AggregateError([systemError('ETIMEDOUT', { syscall: 'connect' })]), {
        code: 'ETIMEDOUT',
      }),
      'retry',
      'ConnectionTimeout',
      false,
    ],
    ['certificate expired', systemError('CERT_HAS_EXPIRED'), 'retry', 'TlsCertificate', false],
    ['certificate of our own', systemError('DEPTH_ZERO_SELF_SIGNED_CERT'), 'retry', 'TlsCertificate', false],
    [
      'no credentials',
      Object.assign(new Error('none'), { name: 'CredentialsProviderError' }),
      'pause',
      'CredentialsProviderError',
      false,
    ],
    [
      'credentials time out',
      new CredentialsUnavailable(systemError('ETIMEDOUT')),
      'pause',
      'CredentialsUnavailable',
      false,
    ],
    ['a content not known', new ContentNotRendered('poll'), 'retry', 'ContentNotRendered', false],
    ['one that did not begin', new SendNotBegun('too late'), 'retry', 'SendNotBegun', false],
    [
      'a name from Object.prototype',
      Object.assign(new Error('x'), { name: 'constructor', code: 'toString' }),
      'retry',
      'Unknown',
      true,
    ],
    [
      'a status that is none',
      Object.assign(new Error('x'), { $metadata: { httpStatusCode: -1 } }),
      'retry',
      'Unknown',
      true,
    ],
    ['a plain error', new Error('?'), 'retry', 'Unknown', true],
    ['a string', 'broken', 'retry', 'Unknown', true],
    ['nothing', undefined, 'retry', 'Unknown', true],
    ['null', null, 'retry', 'Unknown', true],
  ] as const)('%s', (_name, error, verdict, code, isAmbiguous) => {
    expect(classifySendError(error)).toMatchObject({ verdict, code, isAmbiguous });
  });

  it('bounds the sentence, and keeps the cause of missing credentials in it', () => {
    const cause = Object.assign(new Error('x'.repeat(10_000)), { name: 'AccessDenied' });
    const { sentence } = classifySendError(new CredentialsUnavailable(cause));
    expect(sentence).toMatch(/^CredentialsUnavailable: .* AccessDenied: x+$/);
    expect(sentence.length).toBeLessThan(700);
  });
});

it('only a retry is ever ambiguous', () => {
  const ambiguous = Object.values(SEND_ERRORS).filter((row) => 'isAmbiguous' in row);
  expect(ambiguous.length).toBeGreaterThan(0);
  expect(new Set(ambiguous.map((row) => row.verdict))).toEqual(new Set(['retry']));
});

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    () => ({ isSent: true }) as const,
    (error: unknown) => ({ error }) as const,
  );
  if ('isSent' in outcome) throw new Error('the send did not fail');
  return outcome.error;
}

function neverConnecting(): http.Agent {
  const agent = new http.Agent();
  agent.createConnection = () => Object.assign(new net.Socket(), { connecting: true });
  return agent;
}

async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
