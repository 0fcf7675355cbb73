import { DatabaseError } from 'pg';
import { BridgeError } from '../../errors.ts';

/**
 * Another transaction was in the way: the same work can succeed at once.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const RETRYABLE: Readonly<Record<string, string>> = {
  '40P01': 'deadlock detected',
  '40001': 'serialization failure',
  // Only a redrive can meet it, where the message that it turns out to be is accepted meanwhile; every other statement
  // says what it does on a conflict.
  '23505': 'unique violation',
};

/** The connection is of no further use: a class, or a code. */
const ENDS_CONNECTION = [
  '08',
  // Shut down, crashed, starting, or the connection was idle in its transaction for too long.
  '57P',
  '25P03',
  // After a failover it leads to what is a standby now.
  '25006',
] as const;

/** Set-up that no waiting mends: role or password, a database that is not there, privileges and names. */
const SETUP_FAULTS = ['28', '3D', '3F', '42'] as const;

/** Bad data and broken constraints: their messages may quote a customer. */
const QUOTES_DATA = ['22', '23'] as const;

export function isRetryable(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code ?? '') in RETRYABLE;
}

/** Whatever is not the server's own answer leaves the connection in a state that nobody knows. */
export function endsConnection(error: unknown): boolean {
  return !(error instanceof DatabaseError) || hasCode(error, ENDS_CONNECTION);
}

export function isSetupFault(error: unknown): boolean {
  return hasCode(error, SETUP_FAULTS);
}

export function isMissingDatabase(error: unknown): boolean {
  return hasCode(error, ['3D000']);
}

function hasCode(error: unknown, prefixes: readonly string[]): boolean {
  const code = codeOf(error);
  return prefixes.some((prefix) => code.startsWith(prefix));
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/**
 * As STORE_UNAVAILABLE. Its detail and cause keep PostgreSQL's or the socket's code and words, and nothing of the rows
 * and parameters that a DatabaseError carries.
 */
export function asStoreFault(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  const code = codeOf(error);
  const isQuoting = error instanceof DatabaseError && hasCode(error, QUOTES_DATA);
  const words = isQuoting || !(error instanceof Error) ? 'PostgreSQL refused the data' : error.message;
  const detail = [words, code && `(${code})`].filter(Boolean).join(' ');
  const cause = Object.assign(new Error(detail), code ? { code } : {});
  return new BridgeError('STORE_UNAVAILABLE', { detail, cause });
}
