import type { PoolConfig } from 'pg';

const DEFAULT_POOL_MAX = 10;
const POOL_MAX_LIMIT = 1_000;

/** TLS with nothing verified, or none at all; whatever else is asked for verifies. */
const UNVERIFIED_SSLMODES = new Set(['disable', 'no-verify']);

/**
 * STORE_URL as pg takes it. Beside what pg knows (`sslmode`, `sslrootcert`, `options`, …) its query may have `pool_max`,
 * connections at most.
 *
 * `sslmode=require`, `prefer` and `verify-ca` verify certificate and host name as `verify-full` does: pg reads them so
 * today, but warns that its next version will verify less. Without any sslmode there is no TLS, which is pg's default.
 * Throws a sentence without the URL, which holds a password.
 */
export function parseConnectionUrl(text: string): Pick<PoolConfig, 'connectionString' | 'max'> {
  const url = parseUrl(text);
  const max = Number(url.searchParams.get('pool_max') ?? DEFAULT_POOL_MAX);
  if (!(Number.isInteger(max) && max >= 1 && max <= POOL_MAX_LIMIT)) {
    throw new Error(`pool_max is no whole number from 1 to ${POOL_MAX_LIMIT}`);
  }
  url.searchParams.delete('pool_max');
  const sslmode = url.searchParams.get('sslmode');
  if (sslmode !== null && !UNVERIFIED_SSLMODES.has(sslmode)) url.searchParams.set('sslmode', 'verify-full');
  // What URLSearchParams has written has + for a space.
  url.search = url.search.replaceAll('+', '%20');
  return { connectionString: url.href, max };
}

/** Where it is, without user and password: for logs. */
export function describeConnectionUrl(text: string): string {
  const { host, pathname } = parseUrl(text);
  return `postgres://${host}${pathname}`;
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new Error('is no URL');
  return new URL(text);
}
