import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_WAITS } from '../../src/queue/postgres/connections.ts';
import { PostgresStore } from '../../src/queue/postgres-store.ts';
import { startPostgres, unprivilegedUser } from '../support/postgres.ts';
import type { PostgresServer } from '../support/postgres.ts';

const IMPATIENT = { waits: { ...POSTGRES_WAITS, openMs: 0 } };

/** Of a server on TCP whose certificate is for localhost alone. */
describe.runIf(!process.env['TEST_POSTGRES_URL'])('PostgreSQL over TLS', () => {
  let server: PostgresServer;
  let folder: string;
  let port: number;

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'postgres-tls-'));
    fs.chmodSync(folder, 0o755);
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    fs.writeFileSync(inFolder('cert.pem'), cert);
    fs.writeFileSync(inFolder('key.pem'), key, { mode: 0o600 });
    const { uid, gid } = unprivilegedUser();
    if (uid !== undefined && gid !== undefined) fs.chownSync(inFolder('key.pem'), uid, gid);
    port = await findFreePort();
    server = await startPostgres({
      listen_addresses: '127.0.0.1',
      port: String(port),
      ssl: 'on',
      ssl_cert_file: inFolder('cert.pem'),
      ssl_key_file: inFolder('key.pem'),
    });
  }, 60_000);

  afterAll(async () => {
    await server.close();
    fs.rmSync(folder, { recursive: true });
  });

  const inFolder = (name: string): string => path.join(folder, name);
  const urlOf = (host: string, query: string): string => {
    const url = new URL(`postgres://postgres@${host}:${port}/postgres${query}`);
    if (url.searchParams.has('sslrootcert')) url.searchParams.set('sslrootcert', inFolder('cert.pem'));
    return url.href;
  };

  it.each([
    { name: 'a certificate that it trusts', host: 'localhost', query: '?sslmode=verify-full&sslrootcert=' },
    { name: 'the same, only required', host: 'localhost', query: '?sslmode=require&sslrootcert=' },
    { name: 'any, where it must not look', host: '127.0.0.1', query: '?sslmode=no-verify' },
    { name: 'none without TLS', host: '127.0.0.1', query: '' },
  ])('takes $name', async ({ host, query }) => {
    const store = await PostgresStore.open(urlOf(host, query), 'service', IMPATIENT);
    await store.ping();
    await store.close();
  });

  it.each([
    { name: 'a certificate that nobody vouches for', host: 'localhost', query: '?sslmode=verify-full' },
    { name: 'the same, only required', host: 'localhost', query: '?sslmode=require' },
    { name: 'another host’s', host: '127.0.0.1', query: '?sslmode=verify-full&sslrootcert=' },
  ])('refuses $name', async ({ host, query }) => {
    const opening = PostgresStore.open(urlOf(host, query), 'service', IMPATIENT);
    await expect(opening).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: /certificate|altnames/,
    });
  });

  it('names a root certificate that is not there', async () => {
    const url = `postgres://postgres@localhost:${port}/postgres?sslmode=verify-full&sslrootcert=/nowhere.pem`;
    const opening = PostgresStore.open(url, 'service', IMPATIENT);
    await expect(opening).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: /nowhere\.pem/ });
  });
});

async function findFreePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
