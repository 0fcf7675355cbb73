import { afterEach, describe, expect, it, vi } from 'vitest';
import { SNSClient } from '@aws-sdk/client-sns';
import { callJson, callQuery, xmlText } from '../../../src/admin/doctor/signed-call.ts';
import { AWS_TEST_ENVIRONMENT, startAwsStandIn } from '../../send/aws-stand-in.ts';

const signing = (region: string, env: Readonly<Record<string, string>> = {}) => ({
  env,
  region,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  sha256: new SNSClient({ region }).config.sha256,
});

afterEach(() => vi.unstubAllGlobals());

describe('where a call goes, and for which Region it is signed', () => {
  it.each([
    ['sts', 'eu-west-1', 'https://sts.eu-west-1.amazonaws.com/', 'eu-west-1'],
    ['sts', 'cn-north-1', 'https://sts.cn-north-1.amazonaws.com.cn/', 'cn-north-1'],
    ['iam', 'eu-west-1', 'https://iam.amazonaws.com/', 'us-east-1'],
    ['iam', 'cn-northwest-1', 'https://iam.cn-north-1.amazonaws.com.cn/', 'cn-north-1'],
    ['iam', 'us-gov-east-1', 'https://iam.us-gov.amazonaws.com/', 'us-gov-west-1'],
  ] as const)('%s in %s', async (service, region, url, signedFor) => {
    const fetched = vi.fn(async (_url: URL, _init: RequestInit) => new Response('<x/>'));
    vi.stubGlobal('fetch', fetched);
    await callQuery(service, 'GetIt', {}, signing(region));
    const [to, { headers }] = fetched.mock.calls[0] ?? [new URL('x:'), {}];
    expect(String(to)).toBe(url);
    expect((headers as Record<string, string>)['authorization']).toContain(
      `/${signedFor}/${service}/aws4_request`,
    );
  });
});

it('is signed as AWS’s own client signs', async () => {
  vi.useFakeTimers({ now: new Date('2026-01-02T03:04:05Z'), toFake: ['Date'] });
  await using standIn = await startAwsStandIn(() => ({ status: 200, body: '{}' }));
  const env = { AWS_ENDPOINT_URL_SQS: standIn.url };
  await callJson('sqs', 'GetQueueAttributes', { QueueUrl: 'x' }, signing('us-east-1', env));
  vi.useRealTimers();
  expect(standIn.seen[0]).toMatchObject({ path: '/', body: '{"QueueUrl":"x"}' });
  expect(standIn.seen[0]?.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260102\/us-east-1\/sqs\/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target, Signature=[0-9a-f]{64}$/,
  );
});

describe('an endpoint of the environment', () => {
  it.each([
    ['the service’s', { AWS_ENDPOINT_URL_KMS: 'URL', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }],
    ['that of all services', { AWS_ENDPOINT_URL: 'URL' }],
  ])('%s', async (_name, env) => {
    await using standIn = await startAwsStandIn(() => ({ status: 200, body: '{"Policy":"p"}' }));
    const filled = Object.fromEntries(
      Object.entries({ ...AWS_TEST_ENVIRONMENT, ...env }).map(([name, value]) => [
        name,
        value === 'URL' ? standIn.url : value,
      ]),
    );
    expect(await callJson('kms', 'GetKeyPolicy', {}, signing('us-east-1', filled))).toEqual({ Policy: 'p' });
  });
});

describe('a refusal is an error with AWS’s code as its name', () => {
  const denial =
    '<ErrorResponse><Error><Code>AccessDenied</Code><Message>a &lt;b&gt; &amp;lt;</Message></Error></ErrorResponse>';

  it('by the query protocol', async () => {
    await using standIn = await startAwsStandIn(() => ({ status: 403, body: denial }));
    const called = callQuery('sts', 'GetIt', {}, signing('us-east-1', { AWS_ENDPOINT_URL: standIn.url }));
    await expect(called).rejects.toMatchObject({
      name: 'AccessDenied',
      message: 'a <b> &lt;',
      $metadata: { httpStatusCode: 403 },
    });
  });

  it.each([
    [
      'by the JSON protocol',
      '{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}',
      'QueueDoesNotExist',
      'no',
    ],
    ['with no words', '', 'Error', 'HTTP 400'],
    ['that is no JSON', '<html>', 'Error', 'HTTP 400'],
    ['of another shape', '{"__type":7,"Message":["x"]}', 'Error', 'HTTP 400'],
  ])('%s', async (_name, body, name, message) => {
    await using standIn = await startAwsStandIn(() => ({ status: 400, body }));
    const called = callJson('sqs', 'GetIt', {}, signing('us-east-1', { AWS_ENDPOINT_URL: standIn.url }));
    await expect(called).rejects.toMatchObject({ name, message });
  });
});

it('a broken connection says why', async () => {
  const called = callJson(
    'sqs',
    'GetIt',
    {},
    signing('us-east-1', { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }),
  );
  await expect(called).rejects.toThrow('bad port');
});

it.each([
  ['<a><Arn>x</Arn></a>', 'x'],
  ['<a><Arn></Arn></a>', ''],
  ['<a/>', undefined],
])('xmlText %s', (xml, text) => {
  expect(xmlText(xml, 'Arn')).toBe(text);
});
