/**
 * A question to AWS, and what keeps it from being answered. The permission that it needs stands beside the call, so
 * that a refusal can say what is missing.
 */
import type { Finding } from './check.ts';

/** `missing`: AWS knows no such thing, which a check may well be after. */
export type AskFault = 'credentials' | 'denied' | 'missing' | 'failed';

export class AskError extends Error {
  readonly fault: AskFault;
  /** The IAM action that the question needs. */
  readonly action: string;
  /** AWS's own name for the error. */
  readonly code: string;

  constructor(fault: AskFault, action: string, cause: unknown) {
    const { name, message } = asError(cause);
    super(`${name}: ${message}`, { cause });
    this.name = 'AskError';
    this.fault = fault;
    this.action = action;
    this.code = name;
  }
}

/** For a check that has nothing to look at, because another one found that it isn't there. */
export class NothingToCheck extends Error {}

const CREDENTIAL_CODES = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);
const DENIED_CODES = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'AuthorizationError',
  'AuthorizationErrorException',
]);
const MISSING_CODES = new Set([
  'NoSuchEntity',
  'NotFound',
  'NotFoundException',
  'QueueDoesNotExist',
  'ResourceNotFoundException',
]);

/** Throws an AskError for whatever `run` rejects with. */
export async function ask<Answer>(action: string, run: () => Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof AskError) throw error;
    throw new AskError(classify(error), action, error);
  }
}

export function hasFault(error: unknown, fault: AskFault): error is AskError {
  return error instanceof AskError && error.fault === fault;
}

/** `error` as the finding of a check that has nothing better to say about it. */
export function describeFault(error: unknown): Finding {
  if (error instanceof NothingToCheck) return { verdict: 'unknown', what: error.message };
  if (!(error instanceof AskError))
    return { verdict: 'unknown', what: `the check failed: ${asError(error)}` };
  const { fault, action, message } = error;
  switch (fault) {
    case 'credentials':
      return {
        verdict: 'unknown',
        what: 'no valid credentials to ask with',
        mend: 'see “credentials” and “role” above',
      };
    case 'denied':
      return {
        verdict: 'unknown',
        what: `these credentials may not ask (${action})`,
        mend: `allow ${action} to whoever runs doctor; the bridge itself does not need it`,
      };
    case 'missing':
    case 'failed':
      return { verdict: 'unknown', what: `${action} was not answered: ${message}` };
  }
}

function classify(error: unknown): AskFault {
  const { name } = asError(error);
  const status = (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata
    ?.httpStatusCode;
  if (CREDENTIAL_CODES.has(name)) return 'credentials';
  if (DENIED_CODES.has(name) || status === 401 || status === 403) return 'denied';
  if (MISSING_CODES.has(name) || status === 404) return 'missing';
  return 'failed';
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
