import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { generate } from 'selfsigned';
import { runChecks } from '../../../src/admin/doctor/check.ts';
import type { Finding } from '../../../src/admin/doctor/check.ts';
import { endpointChecks } from '../../../src/admin/doctor/endpoint.ts';
import type { Network } from '../../../src/admin/doctor/endpoint.ts';
import { loadConfig } from '../../../src/config.ts';
import { bridgeEnv } from './doctor-scene.ts';

type Answers = Record<string, { readonly status: number; readonly body?: string }>;

const BRIDGE: Answers = {
  'GET /healthz': { status: 200, body: '{"status":"ok"}' },
  'POST /sns': { status: 400, body: '{"code":"ENVELOPE_INVALID","message":"…"}' },
};

let certificate: { readonly cert: string; readonly private: string };
const servers: http.Server[] = [];

beforeAll(async () => {
  certificate = await makeCertificate(90);
});
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
afterAll(() => expect(servers).toEqual([]));

async function makeCertificate(days: number): Promise<typeof certificate> {
  return generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    notAfterDate: new Date(Date.now() + days * 86_400_000),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
}

async function serve(answers: Answers, server: http.Server): Promise<number> {
  servers.push(server);
  server.on('request', (request, response) => {
    const { status, body = '' } = answers[`${request.method} ${request.url}`] ?? { status: 404 };
    request.resume();
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

interface Scene {
  readonly answers?: Answers;
  readonly network?: Partial<Network>;
  readonly certificate?: typeof certificate;
  readonly env?: Readonly<Record<string, string>>;
  readonly url?: (port: number) => string;
}

/** Looks at a server of this machine as if it were public. */
async function look(scene: Scene = {}): Promise<Readonly<Record<string, Finding>>> {
  const { cert, private: key } = scene.certificate ?? certificate;
  const port = await serve(scene.answers ?? BRIDGE, https.createServer({ cert, key }));
  const network = { lookup: async () => ['52.1.2.3'], roots: [cert], ...scene.network };
  const endpoint = new URL(scene.url?.(port) ?? `https://localhost:${port}/sns`);
  const config = loadConfig(bridgeEnv({ env: { ADMIN_PORT: '1', ...scene.env } }));
  const findings: Record<string, Finding> = {};
  for await (const { id, title: _, ...finding } of runChecks(endpointChecks({ endpoint, config }, network)))
    findings[id.replace('endpoint/', '')] = finding;
  return findings;
}

const only = (findings: Readonly<Record<string, Finding>>) =>
  Object.fromEntries(
    Object.entries(findings).flatMap(([id, { verdict }]) => (verdict === 'ok' ? [] : [[id, verdict]])),
  );

describe('the endpoint', () => {
  it('ok: as SNS needs it', async () => {
    expect(only(await look())).toEqual({});
  });

  it('unknown: not given', async () => {
    const config = loadConfig(bridgeEnv());
    const [check, ...others] = endpointChecks({ endpoint: undefined, config });
    expect(others).toEqual([]);
    expect(await check?.run()).toMatchObject({ verdict: 'unknown' });
  });

  it.each<[string, Scene, Record<string, string>]>([
    ['another path', { url: (port) => `https://localhost:${port}/hook` }, { url: 'warning', sns: 'wrong' }],
    ['a password', { url: (port) => `https://user:hush@localhost:${port}/sns` }, { url: 'warning' }],
    [
      'a private address',
      { network: { lookup: async () => ['52.1.2.3', '10.0.0.7'] } },
      { address: 'wrong' },
    ],
    ['a private IPv6 address', { network: { lookup: async () => ['fd00::1'] } }, { address: 'wrong' }],
    [
      'no address',
      { network: { lookup: () => Promise.reject(new Error('ENOTFOUND')) } },
      { address: 'wrong' },
    ],
    ['a certificate of one’s own', { network: { roots: [] } }, { certificate: 'wrong' }],
    [
      'another service',
      { answers: { 'GET /healthz': { status: 200, body: 'hi' }, 'POST /sns': { status: 400 } } },
      { healthz: 'wrong', sns: 'wrong' },
    ],
    ['a proxy without the bridge', { answers: {} }, { healthz: 'wrong', sns: 'wrong' }],
    ['a login in front', { answers: { ...BRIDGE, 'POST /sns': { status: 302 } } }, { sns: 'wrong' }],
    ['metrics for all', { answers: { ...BRIDGE, 'GET /metrics': { status: 200 } } }, { metrics: 'wrong' }],
    ['readiness for all', { answers: { ...BRIDGE, 'GET /readyz': { status: 200 } } }, { readyz: 'wrong' }],
  ])('%s', async (_name, scene, expected) => {
    expect(only(await look(scene))).toEqual(expected);
  });

  it('a certificate that ends soon', async () => {
    const soon = await makeCertificate(3);
    expect(only(await look({ certificate: soon }))).toEqual({ certificate: 'warning' });
  });

  it('a certificate of another host', async () => {
    const findings = await look({ url: (port) => `https://127.0.0.1:${port}/sns` });
    expect(only(findings)).toEqual({ address: 'wrong', certificate: 'wrong' });
    expect(findings['address']?.what).toContain("127.0.0.1, which SNS can't reach");
  });

  it('the operators’ port open to all', async () => {
    const port = await serve({ 'GET /metrics': { status: 200 } }, http.createServer());
    expect(only(await look({ env: { ADMIN_PORT: String(port) } }))).toEqual({ metrics: 'wrong' });
  });

  it('nothing listens', async () => {
    const findings = await look({ url: () => 'https://localhost:1/sns' });
    expect(only(findings)).toEqual({ certificate: 'wrong', healthz: 'wrong', sns: 'wrong' });
    expect(findings['healthz']?.what).toContain("can't be reached");
  });
});
