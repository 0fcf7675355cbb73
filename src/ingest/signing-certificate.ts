/**
 * Where SNS's signing certificates come from, and which of them are SNS's. A certificate is looked for in memory, then
 * in SNS_CERT_DIR, then on the SNS host of the topic's Region. Its chain is not verified: it comes over TLS from SNS's
 * own host, whose certificate Node does verify, and its subject must be one that SNS uses. A chain would add to that
 * only the failures of roots that have left the trust stores, which SNS's older certificates hang from.
 */
import { X509Certificate, randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Agent } from 'node:https';
import path from 'node:path';
import { parseArn } from '../arn.ts';
import { MINUTE_MS, SECOND_MS } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { BridgeError } from '../errors.ts';
import type { Logger } from '../log.ts';

/** Of the SNS hosts by partition. The isolated partitions are left out: nobody here could try them. */
export const PARTITION_DNS_SUFFIXES: Readonly<Record<string, string>> = {
  aws: 'amazonaws.com',
  'aws-us-gov': 'amazonaws.com',
  'aws-cn': 'amazonaws.com.cn',
  'aws-eusc': 'amazonaws.eu',
};

/**
 * Common names by Region, where `isSnsCommonName`'s general ones don't cover it. Source: SNS message manager of the AWS
 * SDK for Java 2, which expects these.
 */
const REGIONAL_COMMON_NAMES: Readonly<Record<string, string>> = {
  'us-gov-west-1': 'sns-us-gov-west-1.amazonaws.com',
  // Both GovCloud Regions sign with the same one.
  'us-gov-east-1': 'sns-us-gov-west-1.amazonaws.com',
  'cn-north-1': 'sns-cn-north-1.amazonaws.com.cn',
  'cn-northwest-1': 'sns-cn-northwest-1.amazonaws.com.cn',
  'eusc-de-east-1': 'sns-signing.eusc-de-east-1.amazonaws.eu',
};

const FETCH_TIMEOUT_MS = 3 * SECOND_MS;
/** SNS's certificates have 2 to 3 KB. */
const MAX_CERTIFICATE_BYTES = 64 * 1024;
const MAX_CERTIFICATES_IN_MEMORY = 64;
/** How long what a fetch came to stands, good or bad, before the next one of the same URL. */
const FETCH_MEMORY_MS = MINUTE_MS;
const MAX_FETCHES_REMEMBERED = 256;
/** Anybody who knows a topic's ARN can ask for file names that don't exist, each a fetch of its own. */
const MAX_FETCHES_IN_FLIGHT = 16;

declare const checked: unique symbol;

/** A SigningCertURL that `checkCertificateUrl` let through. */
export interface CertificateUrl {
  readonly href: string;
  readonly host: string;
  readonly fileName: string;
  readonly region: string;
  readonly [checked]: true;
}

/**
 * Holds a SigningCertURL to the SNS host of the topic's Region and partition. The text is compared, not parsed: only
 * this one spelling passes, so no user info, port, query, fragment, dot segment or percent sign can mean anything.
 * Throws CERTIFICATE_URL_REFUSED.
 */
export function checkCertificateUrl(url: string, topicArn: string): CertificateUrl {
  const arn = parseArn(topicArn);
  const suffix = arn && PARTITION_DNS_SUFFIXES[arn.partition];
  if (!arn?.region || !suffix) throw new BridgeError('CERTIFICATE_URL_REFUSED');
  const host = `sns.${arn.region}.${suffix}`;
  const origin = `https://${host}/`;
  const fileName = url.startsWith(origin) ? url.slice(origin.length) : '';
  if (!/^SimpleNotificationService-[0-9a-f]{1,64}\.pem$/.test(fileName)) {
    throw new BridgeError('CERTIFICATE_URL_REFUSED');
  }
  return { href: url, host, fileName, region: arn.region } as CertificateUrl;
}

export interface SigningCertificatesOptions {
  /** SNS_CERT_DIR; made when the first certificate is kept there. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Default: Node's global agent, which can be told of a proxy (NODE_USE_ENV_PROXY). */
  readonly agent?: Agent;
  /** Over the whole of one transfer, milliseconds. */
  readonly fetchTimeoutMs?: number;
}

interface Fetch {
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  readonly certificate: Promise<X509Certificate>;
}

/** The certificates that SNS signs with, by their URL. */
export class SigningCertificates {
  readonly #options: SigningCertificatesOptions;
  /** Every one here has a subject of SNS's; whether it is valid depends on the notification. */
  readonly #certificates = new Map<string, X509Certificate>();
  /** Under way or not yet a minute old: one fetch serves all who ask, and what failed is not tried at once again. */
  readonly #fetches = new Map<string, Fetch>();
  #inFlight = 0;

  constructor(options: SigningCertificatesOptions) {
    this.#options = options;
  }

  /**
   * The certificate behind the URL, valid at `at` (epoch milliseconds). Rejects with CERTIFICATE_UNAVAILABLE,
   * CERTIFICATE_UNREADABLE, CERTIFICATE_SUBJECT_UNKNOWN or CERTIFICATE_NOT_VALID.
   */
  async certificateFor(url: CertificateUrl, at: number): Promise<X509Certificate> {
    const kept = this.#certificates.get(url.href) ?? (await this.#readKept(url));
    if (kept && isValidAt(kept, at)) return kept;
    const fetched = await this.#fetchOnce(url);
    if (!isValidAt(fetched, at)) {
      const detail = `${url.fileName} is valid from ${fetched.validFrom} to ${fetched.validTo}.`;
      throw new BridgeError('CERTIFICATE_NOT_VALID', { detail });
    }
    return fetched;
  }

  /** From SNS_CERT_DIR; undefined where there is none that could be SNS's. */
  async #readKept(url: CertificateUrl): Promise<X509Certificate | undefined> {
    try {
      const certificate = parseCertificate(await readSmallFile(this.#filePath(url)), url);
      putBounded(this.#certificates, url.href, certificate, MAX_CERTIFICATES_IN_MEMORY);
      return certificate;
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isMissing) {
        this.#options.logger?.warn({ file: url.fileName, err: error }, 'certificate.file_refused');
      }
      return undefined;
    }
  }

  #fetchOnce(url: CertificateUrl): Promise<X509Certificate> {
    const startedAt = this.#options.clock.monotonicMs();
    const earlier = this.#fetches.get(url.href);
    if (earlier && startedAt - earlier.startedAt < FETCH_MEMORY_MS) return earlier.certificate;
    if (this.#inFlight >= MAX_FETCHES_IN_FLIGHT) {
      return Promise.reject(
        new BridgeError('CERTIFICATE_UNAVAILABLE', { detail: 'Too many are being fetched.' }),
      );
    }
    this.#inFlight += 1;
    const certificate = this.#fetch(url).finally(() => (this.#inFlight -= 1));
    putBounded(this.#fetches, url.href, { startedAt, certificate }, MAX_FETCHES_REMEMBERED);
    return certificate;
  }

  async #fetch(url: CertificateUrl): Promise<X509Certificate> {
    const { agent, fetchTimeoutMs = FETCH_TIMEOUT_MS, logger } = this.#options;
    const pem = await fetchPem(url, agent, fetchTimeoutMs);
    const certificate = parseCertificate(pem, url);
    logger?.info({ host: url.host, file: url.fileName }, 'certificate.fetched');
    putBounded(this.#certificates, url.href, certificate, MAX_CERTIFICATES_IN_MEMORY);
    await this.#keep(url, pem);
    return certificate;
  }

  /** A directory that can't be written costs a fetch at the next start, no more: a warning. */
  async #keep(url: CertificateUrl, pem: Buffer): Promise<void> {
    const file = this.#filePath(url);
    const temporary = `${file}.${randomUUID()}.tmp`;
    try {
      await fs.mkdir(this.#options.directory, { recursive: true });
      await fs.writeFile(temporary, pem);
      await fs.rename(temporary, file);
    } catch (error) {
      this.#options.logger?.warn({ file: url.fileName, err: error }, 'certificate.not_kept');
      await fs.rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  #filePath(url: CertificateUrl): string {
    return path.join(this.#options.directory, url.fileName);
  }
}

function putBounded<Value>(map: Map<string, Value>, key: string, value: Value, limit: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= limit) break;
    map.delete(oldest);
  }
}

async function readSmallFile(file: string): Promise<Buffer> {
  const stats = await fs.stat(file);
  // A pipe would keep its reader waiting for ever.
  if (!stats.isFile() || stats.size > MAX_CERTIFICATE_BYTES) {
    throw new BridgeError('CERTIFICATE_UNREADABLE', { detail: 'It is no file, or too large.' });
  }
  return await fs.readFile(file);
}

async function fetchPem(url: CertificateUrl, agent: Agent | undefined, timeoutMs: number): Promise<Buffer> {
  try {
    const response = await get(url.href, { ...(agent && { agent }), signal: AbortSignal.timeout(timeoutMs) });
    // Redirects too: SNS serves its certificates itself.
    if (response.statusCode !== 200) {
      response.destroy();
      throw new Error(`${url.host} answered ${response.statusCode} for ${url.fileName}.`);
    }
    return await readSmallBody(response);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'It failed.';
    throw new BridgeError('CERTIFICATE_UNAVAILABLE', { detail, cause });
  }
}

function get(href: string, options: https.RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // The listener stays on: an error after the response began would otherwise have none.
    https.get(href, options, resolve).on('error', reject);
  });
}

async function readSmallBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the response.
    if (size > MAX_CERTIFICATE_BYTES) {
      throw new Error(`The file has more than ${MAX_CERTIFICATE_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Of several certificates (a chain) the first, which is the signer's. */
function parseCertificate(pem: Buffer, url: CertificateUrl): X509Certificate {
  const certificate = readCertificate(pem);
  // Typed as a string, but undefined where the subject is empty.
  const subject: string | undefined = certificate.subject;
  const commonNames = subject?.split('\n').filter((line) => line.startsWith('CN=')) ?? [];
  const [commonName] = commonNames;
  if (commonNames.length !== 1 || !isSnsCommonName(commonName?.slice('CN='.length), url)) {
    const detail = `${url.fileName} has ${commonNames.join(', ').slice(0, 200) || 'no common name'}.`;
    throw new BridgeError('CERTIFICATE_SUBJECT_UNKNOWN', { detail });
  }
  return certificate;
}

function readCertificate(pem: Buffer): X509Certificate {
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new BridgeError('CERTIFICATE_UNREADABLE');
  try {
    const certificate = new X509Certificate(pem);
    if (certificate.publicKey.asymmetricKeyType === 'rsa') return certificate;
  } catch (cause) {
    throw new BridgeError('CERTIFICATE_UNREADABLE', { cause });
  }
  throw new BridgeError('CERTIFICATE_UNREADABLE', { detail: 'Its key is not an RSA key.' });
}

function isSnsCommonName(name: string | undefined, { host, region }: CertificateUrl): boolean {
  const general = ['sns.amazonaws.com', `sns.${region}.amazonaws.com`, `sns-signing.${region}.amazonaws.com`];
  // Of China's Regions beyond the table's two, as the same source has it.
  const inChina = host.endsWith('.amazonaws.com.cn') ? ['sns.amazonaws.com.cn'] : [];
  return name !== undefined && [...general, ...inChina, REGIONAL_COMMON_NAMES[region]].includes(name);
}

function isValidAt(certificate: X509Certificate, at: number): boolean {
  return at >= certificate.validFromDate.getTime() && at <= certificate.validToDate.getTime();
}
