/**
 * The endpoint as SNS meets it, from the machine that doctor runs on. That one may be inside: only from another network
 * does it see what SNS sees.
 */
import dns from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { DAY_MS, SECOND_MS } from '../../clock.ts';
import { ok, unknown, warning, wrong } from './check.ts';
import type { Check, Finding } from './check.ts';
import type { Examination } from './examination.ts';

const REQUEST_TIMEOUT_MS = 8 * SECOND_MS;
const ANSWER_MAX_BYTES = 64 * 1024;
const CERTIFICATE_LEFT_MIN_MS = 7 * DAY_MS;

/** What stands between this machine and the endpoint; a test has its own. */
export interface Network {
  readonly lookup: (hostname: string) => Promise<readonly string[]>;
  /** Certificates in PEM that public trust begins with: not those that this machine has been told to trust besides. */
  readonly roots: readonly string[];
}

const publicNetwork: Network = {
  lookup: async (hostname) => (await dns.lookup(hostname, { all: true })).map(({ address }) => address),
  roots: tls.rootCertificates,
};

/** Of RFC 6890 and its successors: no host on the internet has these. */
const PRIVATE = new net.BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['240.0.0.0', 4],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['2001:db8::', 32],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv6');

export function endpointChecks(
  { endpoint, config }: Pick<Examination, 'endpoint' | 'config'>,
  network: Network = publicNetwork,
): readonly Check[] {
  if (endpoint === undefined)
    return [
      {
        id: 'endpoint',
        title: 'endpoint',
        run: async () => unknown('not looked at', 'give --endpoint https://HOST/sns'),
      },
    ];
  const at = (path: string): URL => new URL(path, endpoint);
  return [
    row('url', 'URL', async () => checkUrl(endpoint)),
    row('address', 'public address', () => checkAddress(endpoint, network)),
    row('certificate', 'certificate', () => checkCertificate(endpoint, network)),
    row('healthz', 'GET /healthz', () => checkHealth(at('/healthz'))),
    row('sns', 'POST of nonsense', () => checkRefusal(endpoint)),
    ...['/metrics', '/readyz'].map((path) =>
      row(path.slice(1), `${path} is not public`, () =>
        checkHidden([at(path), adminUrl(endpoint, path, config.adminListener.port)]),
      ),
    ),
  ];
}

function row(id: string, title: string, run: Check['run']): Check {
  return { id: `endpoint/${id}`, title: `endpoint: ${title}`, run };
}

function checkUrl(endpoint: URL): Finding {
  if (endpoint.pathname !== '/sns')
    return warning(`its path is ${endpoint.pathname}`, 'the bridge listens at /sns: forward that path to it');
  if (endpoint.username)
    return warning(
      'it holds a user name and password',
      'anyone who may read the subscription sees them: leave them out, since the bridge checks signatures',
    );
  return ok(`https, ${endpoint.host}`);
}

async function checkAddress({ hostname }: URL, { lookup }: Network): Promise<Finding> {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  let addresses: readonly string[];
  try {
    addresses = net.isIP(bare) ? [bare] : await lookup(bare);
  } catch (error) {
    return wrong(`${bare} can't be resolved: ${(error as Error).message}`, 'mend its DNS record');
  }
  const hidden = addresses.filter((address) => PRIVATE.check(address, net.isIPv6(address) ? 'ipv6' : 'ipv4'));
  if (hidden.length > 0)
    return wrong(
      `${bare} is ${hidden.join(', ')}, which SNS can't reach`,
      'SNS posts over the internet: give the host a public address (seen from here; another network may see another)',
    );
  return ok(addresses.join(', '));
}

async function checkCertificate(endpoint: URL, { roots }: Network): Promise<Finding> {
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const host = endpoint.hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = tls.connect({
    host,
    port: Number(endpoint.port || 443),
    ...(net.isIP(host) ? {} : { servername: host }),
    ca: [...roots],
    rejectUnauthorized: false, // to say what is wrong with it; nothing is sent
    timeout: REQUEST_TIMEOUT_MS,
  });
  socket.once('secureConnect', () => {
    const { valid_to } = socket.getPeerCertificate();
    resolve(judgeCertificate(socket.authorized ? undefined : String(socket.authorizationError), valid_to));
  });
  socket.once('error', (error: Error) => resolve(unreachable(error)));
  socket.once('timeout', () => resolve(unknown('no answer')));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function judgeCertificate(fault: string | undefined, validTo: string): Finding {
  const mend =
    'SNS takes certificates of public authorities only: get one for this host name, with its intermediates (Caddy does it by itself)';
  if (fault !== undefined) return wrong(`not valid for the public: ${fault}`, mend);
  if (Date.parse(validTo) - Date.now() < CERTIFICATE_LEFT_MIN_MS)
    return warning(`valid, but only until ${validTo}`, 'renew it');
  return ok(`valid until ${validTo}`);
}

async function checkHealth(url: URL): Promise<Finding> {
  const { status, text } = await request('GET', url).catch(asAnswer);
  if (status === undefined) return unreachable(new Error(text));
  if (status === 200 && text.includes('"ok"')) return ok('200');
  return wrong(
    `answers ${status}${status === 200 ? ', but not as the bridge does' : ''}`,
    'something else answers at this host: forward /healthz and /sns to the bridge’s PORT',
  );
}

/** The bridge calls it no envelope; that needs no store, and leaves nothing but a line in its log. */
async function checkRefusal(url: URL): Promise<Finding> {
  const { status, text } = await request('POST', url, 'bridge doctor').catch(asAnswer);
  if (status === undefined) return unreachable(new Error(text));
  if (status === 400 && text.includes('ENVELOPE_INVALID')) return ok('400, as it should');
  return wrong(
    `answers ${status} instead of the bridge's 400`,
    'forward POST /sns to the bridge’s PORT, unchanged: no login, no redirect, no firewall rule that asks for a browser',
  );
}

async function checkHidden(urls: readonly URL[]): Promise<Finding> {
  for (const url of urls) {
    const { status } = await request('GET', url).catch(asAnswer);
    if (status === 200)
      return wrong(
        `${url.href} answers`,
        'it is for operators: forward /sns and /healthz alone, and keep ADMIN_PORT to yourself',
      );
  }
  return ok('not reachable from here');
}

function adminUrl({ hostname }: URL, path: string, port: number): URL {
  return new URL(path, `http://${hostname}:${port}`);
}

function unreachable(error: Error): Finding {
  return wrong(
    `can't be reached: ${error.message}`,
    'is the bridge running, its proxy, and the firewall open for port 443 from everywhere?',
  );
}

interface Answer {
  /** `undefined`: there was none, and `text` says why. */
  readonly status: number | undefined;
  readonly text: string;
}

function asAnswer(error: unknown): Answer {
  return { status: undefined, text: error instanceof Error ? error.message : String(error) };
}

/** Certificates have their own line, and nothing secret is sent. */
async function request(method: string, url: URL, body?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const options = {
    method,
    agent: false,
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    rejectUnauthorized: false,
    headers: { 'content-type': 'text/plain; charset=UTF-8' },
  } as const;
  const sent =
    url.protocol === 'https:' ? https.request(url, options, resolve) : http.request(url, options, resolve);
  sent.on('error', reject);
  sent.end(body);
  const response = await promise;
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > ANSWER_MAX_BYTES) break;
  }
  return { status: response.statusCode, text };
}
