import { once } from 'node:events';
import fs from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { MINUTE_MS } from '../../src/clock.ts';
import { createLogger } from '../../src/log.ts';
import { SigningCertificates, checkCertificateUrl } from '../../src/ingest/signing-certificate.ts';
import type { CertificateUrl } from '../../src/ingest/signing-certificate.ts';
import { TEST_TOPIC_ARN, makeCertificate } from '../support/signer.ts';

const FILE = 'SimpleNotificationService-0123456789abcdef0123456789abcdef.pem';
const HOST = 'sns.us-east-1.amazonaws.com';
const URL_TEXT = `https://${HOST}/${FILE}`;
const URL = checkCertificateUrl(URL_TEXT, TEST_TOPIC_ARN);
const AT = Date.UTC(2026, 2, 1);

function topicIn(region: string, partition = 'aws'): string {
  return `arn:${partition}:sns:${region}:111122223333:inbound-messages`;
}

it.each<[topicArn: string, host: string]>([
  [topicIn('us-east-1'), 'sns.us-east-1.amazonaws.com'],
  [topicIn('ap-southeast-7'), 'sns.ap-southeast-7.amazonaws.com'],
  [topicIn('us-gov-west-1', 'aws-us-gov'), 'sns.us-gov-west-1.amazonaws.com'],
  [topicIn('cn-north-1', 'aws-cn'), 'sns.cn-north-1.amazonaws.com.cn'],
  [topicIn('eusc-de-east-1', 'aws-eusc'), 'sns.eusc-de-east-1.amazonaws.eu'],
])('lets the certificate URL of %s be on %s', (topicArn, host) => {
  expect(checkCertificateUrl(`https://${host}/${FILE}`, topicArn)).toMatchObject({ host, fileName: FILE });
});

it.each<[name: string, url: string, topicArn?: string]>([
  ['nothing', ''],
  ['no URL', FILE],
  ['http', `http://${HOST}/${FILE}`],
  ['a scheme in capitals', `HTTPS://${HOST}/${FILE}`],
  ['a host in capitals', `https://SNS.us-east-1.amazonaws.com/${FILE}`],
  ['another Region', `https://sns.us-east-2.amazonaws.com/${FILE}`],
  ['another service', `https://s3.us-east-1.amazonaws.com/${FILE}`],
  ['a host without Region', `https://sns.amazonaws.com/${FILE}`],
  ['another partition', `https://${HOST}.cn/${FILE}`],
  ['another domain behind', `https://${HOST}.example.com/${FILE}`],
  ['another domain in front', `https://example.${HOST}/${FILE}`],
  ['a dot behind the host', `https://${HOST}./${FILE}`],
  ['user info', `https://user@${HOST}/${FILE}`],
  ['the host as user info', `https://${HOST}@example.com/${FILE}`],
  ['the host as password', `https://${HOST}:x@example.com/${FILE}`],
  ['the default port', `https://${HOST}:443/${FILE}`],
  ['another port', `https://${HOST}:8443/${FILE}`],
  ['a query', `${URL_TEXT}?x`],
  ['an empty query', `${URL_TEXT}?`],
  ['a fragment', `${URL_TEXT}#x`],
  ['a folder', `https://${HOST}/x/${FILE}`],
  ['two slashes', `https://${HOST}//${FILE}`],
  ['dot segments', `https://${HOST}/x/../${FILE}`],
  ['percent signs', URL_TEXT.replace('-0', '%2d0')],
  ['backslashes', URL_TEXT.replaceAll('/', '\\')],
  ['hexadecimals in capitals', URL_TEXT.replace('abc', 'ABC')],
  ['no hexadecimals', URL_TEXT.replace(/-.*\.pem/, '-.pem')],
  ['too many hexadecimals', URL_TEXT.replace('.pem', `${'0'.repeat(64)}.pem`)],
  ['letters beyond f', URL_TEXT.replace('abc', 'xyz')],
  ['a path out of the folder', URL_TEXT.replace('-', '-../')],
  ['another file', `https://${HOST}/cert.pem`],
  ['another ending', `${URL_TEXT}x`],
  ['a blank in front', ` ${URL_TEXT}`],
  ['a blank behind', `${URL_TEXT} `],
  ['a newline behind', `${URL_TEXT}\n`],
  ['a NUL behind', `${URL_TEXT}\0`],
  ['a topic that is no ARN', URL_TEXT, 'us-east-1'],
  ['a topic in an unknown partition', `https://${HOST}/${FILE}`, topicIn('us-east-1', 'aws-iso')],
  ['a topic without Region', `https://sns..amazonaws.com/${FILE}`, topicIn('')],
])('refuses a certificate URL with %s', (_name, url, topicArn = TEST_TOPIC_ARN) => {
  expect(() => checkCertificateUrl(url, topicArn)).toThrow(
    expect.objectContaining({ code: 'CERTIFICATE_URL_REFUSED' }),
  );
});

/** An SNS host on 127.0.0.1, behind an agent that leads there; TLS is verified as ever. */
interface SnsHost {
  readonly agent: https.Agent;
  readonly paths: string[];
  /** What the next requests get; by default the good certificate. */
  answer: (response: ServerResponse) => void;
}

let good: string;
let host: SnsHost;
let server: https.Server;
let tlsCertificate: { certificate: string; key: string };
let directory: string;
let logged: string[];
let monotonicMs: number;

beforeAll(async () => {
  ({ certificate: good } = await makeCertificate({ commonNames: ['sns.amazonaws.com'] }));
  tlsCertificate = await makeCertificate({ commonNames: [HOST] });
});

beforeEach(async () => {
  directory = await fs.mkdtemp(path.join(os.tmpdir(), 'bridge-certificates-'));
  logged = [];
  monotonicMs = 1;
  server = https.createServer(
    { cert: tlsCertificate.certificate, key: tlsCertificate.key },
    (request, response) => {
      host.paths.push(request.url ?? '');
      host.answer(response);
    },
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  host = {
    agent: createAgent(server, tlsCertificate.certificate),
    paths: [],
    answer: (response) => response.end(good),
  };
});

afterEach(async () => {
  host.agent.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await fs.rm(directory, { recursive: true });
});

function createAgent(to: https.Server, ca: string | undefined): https.Agent {
  const agent = new https.Agent();
  const { port } = to.address() as AddressInfo;
  agent.createConnection = (options) =>
    tls.connect({ ...(options as tls.ConnectionOptions), host: '127.0.0.1', port, ca });
  return agent;
}

function createCertificates(
  options: { directory?: string; agent?: https.Agent; fetchTimeoutMs?: number } = {},
) {
  return new SigningCertificates({
    directory,
    agent: host.agent,
    clock: { now: () => AT, monotonicMs: () => monotonicMs },
    logger: createLogger('trace', { write: (line) => void logged.push(line) }),
    ...options,
  });
}

async function codeOf(certificate: Promise<unknown>): Promise<unknown> {
  return await certificate.then(
    () => undefined,
    (error: unknown) => (error as { code?: unknown }).code,
  );
}

async function keep(pem: string | Buffer): Promise<void> {
  await fs.writeFile(path.join(directory, FILE), pem);
}

it('fetches a certificate once, and keeps it in memory and in the directory', async () => {
  const certificates = createCertificates({ directory: path.join(directory, 'made', 'for', 'it') });
  const first = await certificates.certificateFor(URL, AT);
  expect(first.toString()).toContain('BEGIN CERTIFICATE');
  expect(await certificates.certificateFor(URL, AT)).toBe(first);
  monotonicMs += 60 * MINUTE_MS;
  expect(await certificates.certificateFor(URL, AT)).toBe(first);
  expect(host.paths).toEqual([`/${FILE}`]);
  expect(await fs.readdir(path.join(directory, 'made', 'for', 'it'))).toEqual([FILE]);
  expect(await fs.readFile(path.join(directory, 'made', 'for', 'it', FILE), 'utf8')).toBe(good);
});

it('takes a good file from the directory, without a fetch', async () => {
  await keep(good);
  expect(await codeOf(createCertificates().certificateFor(URL, AT))).toBeUndefined();
  expect(host.paths).toEqual([]);
});

it('takes the first certificate of a chain', async () => {
  await keep(`${good}\n${tlsCertificate.certificate}`);
  expect((await createCertificates().certificateFor(URL, AT)).subject).toContain('CN=sns.amazonaws.com');
});

it('fetches once for callers at the same time', async () => {
  const responses: ServerResponse[] = [];
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  host.answer = (response) => {
    responses.push(response);
    resolve();
  };
  const certificates = createCertificates();
  const asked = Array.from({ length: 20 }, () => certificates.certificateFor(URL, AT));
  await arrived;
  for (const response of responses) response.end(good);
  expect(new Set(await Promise.all(asked)).size).toBe(1);
  expect(host.paths).toHaveLength(1);
});

const LONG_PAST = { notBefore: new Date('2010-01-01T00:00:00Z'), notAfter: new Date('2011-01-01T00:00:00Z') };

it.each<[name: string, make: () => Promise<string> | string]>([
  ['is empty', () => ''],
  ['is no certificate', () => 'hello'],
  ['is damaged', () => good.replace(/[A-Z]{3}/g, 'AAA')],
  ['is cut off', () => good.slice(0, 400)],
  ['is too large', () => good + ' '.repeat(70_000)],
  ['is somebody else’s', async () => (await makeCertificate({ commonNames: ['example.com'] })).certificate],
  [
    'had expired',
    async () => (await makeCertificate({ commonNames: ['sns.amazonaws.com'], ...LONG_PAST })).certificate,
  ],
])('fetches anew what %s in the directory', async (_name, make) => {
  await keep(await make());
  expect(await codeOf(createCertificates().certificateFor(URL, AT))).toBeUndefined();
  expect(host.paths).toHaveLength(1);
  expect(await fs.readFile(path.join(directory, FILE), 'utf8')).toBe(good);
  expect(await fs.readdir(directory)).toEqual([FILE]);
});

it('fetches anew where a folder stands in the file’s place, and can’t keep it', async () => {
  await fs.mkdir(path.join(directory, FILE));
  expect(await codeOf(createCertificates().certificateFor(URL, AT))).toBeUndefined();
  expect(logged.join('')).toContain('certificate.not_kept');
  expect(await fs.readdir(directory)).toEqual([FILE]);
});

it('only warns when the directory can’t be written', async () => {
  const file = path.join(directory, 'file');
  await fs.writeFile(file, '');
  expect(await codeOf(createCertificates({ directory: file }).certificateFor(URL, AT))).toBeUndefined();
  expect(logged.join('')).toContain('"level":"warn"');
  expect(logged.join('')).toContain('certificate.not_kept');
});

it.each<[name: string, answer: (response: ServerResponse) => void]>([
  ['a 404', (response) => response.writeHead(404).end(good)],
  ['a 503', (response) => response.writeHead(503).end()],
  ['a 204', (response) => response.writeHead(204).end()],
  ['a redirect', (response) => response.writeHead(302, { location: `https://${HOST}/elsewhere` }).end()],
  ['a large body', (response) => response.end(good + ' '.repeat(70_000))],
  ['an endless body', (response) => sendForever(response)],
  [
    'a body that is cut off',
    (response) => response.writeHead(200, { 'content-length': 9_999 }).write(good, () => response.destroy()),
  ],
  ['a broken connection', (response) => response.destroy()],
])('takes %s for a failed fetch', async (_name, answer) => {
  host.answer = answer;
  expect(await codeOf(createCertificates().certificateFor(URL, AT))).toBe('CERTIFICATE_UNAVAILABLE');
  expect(host.paths).toEqual([`/${FILE}`]);
  expect(await fs.readdir(directory)).toEqual([]);
});

function sendForever(response: ServerResponse): void {
  const send = () => response.write('x'.repeat(10_000), (error) => error ?? send());
  send();
}

it.each<[name: string, answer: (response: ServerResponse) => void]>([
  ['an answer that never begins', () => undefined],
  ['an answer that never ends', (response) => response.writeHead(200).write(good)],
])('bounds %s', async (_name, answer) => {
  host.answer = answer;
  const certificates = createCertificates({ fetchTimeoutMs: 100 });
  expect(await codeOf(certificates.certificateFor(URL, AT))).toBe('CERTIFICATE_UNAVAILABLE');
});

it('does not trust a host that TLS does not', async () => {
  const agent = createAgent(server, good);
  expect(await codeOf(createCertificates({ agent }).certificateFor(URL, AT))).toBe('CERTIFICATE_UNAVAILABLE');
  expect(host.paths).toEqual([]);
  agent.destroy();
});

it('does not trust another host’s TLS certificate', async () => {
  const url = checkCertificateUrl(URL_TEXT.replace('us-east-1', 'us-east-2'), topicIn('us-east-2'));
  expect(await codeOf(createCertificates().certificateFor(url, AT))).toBe('CERTIFICATE_UNAVAILABLE');
  expect(host.paths).toEqual([]);
});

it.each<[code: string, name: string, make: () => Promise<string> | string]>([
  ['CERTIFICATE_UNAVAILABLE', 'a failed fetch', () => ''.padEnd(70_000)],
  ['CERTIFICATE_UNREADABLE', 'what is no certificate', () => '<html></html>'],
  ['CERTIFICATE_UNREADABLE', 'a damaged certificate', () => good.replace(/[A-Z]{3}/g, 'AAA')],
  ['CERTIFICATE_UNREADABLE', 'a key that is not RSA', () => pemOf(['sns.amazonaws.com'], 'ec')],
  ['CERTIFICATE_SUBJECT_UNKNOWN', 'somebody else’s certificate', () => pemOf(['example.com'])],
  [
    'CERTIFICATE_NOT_VALID',
    'an expired certificate',
    async () => (await makeCertificate({ commonNames: ['sns.amazonaws.com'], ...LONG_PAST })).certificate,
  ],
])('answers %s to %s for a minute, then fetches again', async (code, _name, make) => {
  const pem = await make();
  host.answer = (response) => response.end(pem);
  const certificates = createCertificates();
  expect(await codeOf(certificates.certificateFor(URL, AT))).toBe(code);
  monotonicMs += MINUTE_MS - 1;
  expect(await codeOf(certificates.certificateFor(URL, AT))).toBe(code);
  expect(host.paths).toHaveLength(1);
  host.answer = (response) => response.end(good);
  monotonicMs += 1;
  expect(await codeOf(certificates.certificateFor(URL, AT))).toBeUndefined();
  expect(host.paths).toHaveLength(2);
});

it('serves good Timestamps while another Timestamp is outside the certificate’s validity', async () => {
  const certificates = createCertificates();
  const before2020 = Date.UTC(2015, 0, 1);
  expect(await codeOf(certificates.certificateFor(URL, before2020))).toBe('CERTIFICATE_NOT_VALID');
  expect(await codeOf(certificates.certificateFor(URL, AT))).toBeUndefined();
  expect(await codeOf(certificates.certificateFor(URL, before2020))).toBe('CERTIFICATE_NOT_VALID');
  expect(host.paths).toHaveLength(1);
});

it.each<[name: string, at: number, code: string | undefined]>([
  ['the first instant', Date.UTC(2020, 0, 1), undefined],
  ['just before it', Date.UTC(2020, 0, 1) - 1, 'CERTIFICATE_NOT_VALID'],
  ['the last instant', Date.UTC(2050, 0, 1), undefined],
  ['just after it', Date.UTC(2050, 0, 1) + 1, 'CERTIFICATE_NOT_VALID'],
])('knows the validity to %s', async (_name, at, code) => {
  await keep(good);
  expect(await codeOf(createCertificates().certificateFor(URL, at))).toBe(code);
});

it('bounds the fetches at one time', async () => {
  const most = 16;
  const responses: ServerResponse[] = [];
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  host.answer = (response) => {
    if (responses.push(response) === most) resolve();
  };
  const certificates = createCertificates();
  const ask = (index: number) => certificates.certificateFor(numberedUrl(index), AT);
  const asked = Array.from({ length: most }, (_, index) => ask(index));
  await arrived;
  await expect(ask(most)).rejects.toThrow(/Too many/);
  for (const response of responses) response.end(good);
  await Promise.all(asked);
  // A refusal of that kind is not remembered.
  host.answer = (response) => response.end(good);
  expect(await codeOf(ask(most))).toBeUndefined();
});

it('bounds the certificates in memory', async () => {
  const most = 64;
  const certificates = createCertificates({ directory: path.join(directory, 'a-file', 'x') });
  await fs.writeFile(path.join(directory, 'a-file'), '');
  for (let index = 0; index <= most; index += 1) await certificates.certificateFor(numberedUrl(index), AT);
  monotonicMs += MINUTE_MS;
  await certificates.certificateFor(numberedUrl(1), AT);
  expect(host.paths).toHaveLength(most + 1);
  await certificates.certificateFor(numberedUrl(0), AT);
  expect(host.paths).toHaveLength(most + 2);
});

function numberedUrl(index: number): CertificateUrl {
  return checkCertificateUrl(
    `https://${HOST}/SimpleNotificationService-${index.toString(16)}.pem`,
    TEST_TOPIC_ARN,
  );
}

async function pemOf(commonNames: string[], keyType: 'rsa' | 'ec' = 'rsa'): Promise<string> {
  return (await makeCertificate({ commonNames, keyType })).certificate;
}

it.each<[verdict: 'takes' | 'refuses', region: string, partition: string, commonNames: string[]]>([
  ['takes', 'us-east-1', 'aws', ['sns.amazonaws.com']],
  ['takes', 'us-east-1', 'aws', ['sns.us-east-1.amazonaws.com']],
  ['takes', 'ap-southeast-7', 'aws', ['sns-signing.ap-southeast-7.amazonaws.com']],
  ['takes', 'us-gov-west-1', 'aws-us-gov', ['sns-us-gov-west-1.amazonaws.com']],
  ['takes', 'us-gov-east-1', 'aws-us-gov', ['sns-us-gov-west-1.amazonaws.com']],
  ['takes', 'cn-north-1', 'aws-cn', ['sns-cn-north-1.amazonaws.com.cn']],
  ['takes', 'cn-northwest-1', 'aws-cn', ['sns-cn-northwest-1.amazonaws.com.cn']],
  ['takes', 'cn-northwest-9', 'aws-cn', ['sns.amazonaws.com.cn']],
  ['takes', 'eusc-de-east-1', 'aws-eusc', ['sns-signing.eusc-de-east-1.amazonaws.eu']],
  ['refuses', 'us-east-1', 'aws', ['sns.us-east-2.amazonaws.com']],
  ['refuses', 'us-east-1', 'aws', ['sns-signing.us-east-2.amazonaws.com']],
  ['refuses', 'us-east-1', 'aws', ['sns-us-gov-west-1.amazonaws.com']],
  ['refuses', 'us-east-1', 'aws', ['sns.amazonaws.com.cn']],
  ['refuses', 'us-east-1', 'aws', ['SNS.amazonaws.com']],
  ['refuses', 'us-east-1', 'aws', ['sns.amazonaws.com.example.com']],
  ['refuses', 'us-east-1', 'aws', ['example.com\nCN=sns.amazonaws.com']],
  ['refuses', 'us-east-1', 'aws', ['sns.amazonaws.com', 'example.com']],
  ['refuses', 'us-east-1', 'aws', ['sns.amazonaws.com', 'sns.amazonaws.com']],
  ['refuses', 'us-east-1', 'aws', []],
])('%s in %s (%s) the subject %j', async (verdict, region, partition, commonNames) => {
  const suffix = { 'aws-cn': 'amazonaws.com.cn', 'aws-eusc': 'amazonaws.eu' }[partition] ?? 'amazonaws.com';
  const url = checkCertificateUrl(`https://sns.${region}.${suffix}/${FILE}`, topicIn(region, partition));
  await keep(await pemOf(commonNames));
  // What the directory's file lacks is fetched, and here no host answers.
  server.closeAllConnections();
  const agent = createAgent(server, good);
  const code = await codeOf(createCertificates({ agent }).certificateFor(url, AT));
  agent.destroy();
  expect(code).toBe(verdict === 'takes' ? undefined : 'CERTIFICATE_UNAVAILABLE');
  expect(logged.join('').includes('CERTIFICATE_SUBJECT_UNKNOWN')).toBe(verdict === 'refuses');
});
