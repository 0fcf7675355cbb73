/**
 * What a failed send means: the table of verdicts. Everything that the SDK can raise finds its row, by AWS's error
 * name, else by HTTP status, else by the network's error code; what has no row of its own falls to the last ones.
 */

/**
 * `retry`: a fault that passes: try again. `throttled`: too fast: slow down, no attempt counts. `pause`: a fault of
 * set-up, not of the message: stop the destination. `dead`: Connect refuses this message, and would again.
 */
export type SendVerdict = 'retry' | 'throttled' | 'pause' | 'dead';

export interface SendFailure {
  readonly verdict: SendVerdict;
  /** From a closed set (the table's keys, and `HTTP_` with a status): fit as a metric's label. */
  readonly code: string;
  /** Connect may have taken the message all the same. */
  readonly isAmbiguous: boolean;
  /** What to do, in words. Quotes nothing. */
  readonly remedy: string;
  /** AWS's id of the request, where it answered. */
  readonly requestId: string | undefined;
  /** For the store and for `status`, never for a log: it quotes AWS's message, which may quote the customer. */
  readonly sentence: string;
}

interface SendErrorRow {
  readonly verdict: SendVerdict;
  readonly isAmbiguous?: true;
  readonly remedy: string;
}

const MEND_NOTHING = 'Nothing, if it passes: it is tried again by itself.';
const SLOWED_DOWN =
  'Nothing, if it passes: the pace has been slowed down. If it stays, lower CONNECT_RATE or raise the quota in Service Quotas.';
const MEND_MESSAGE = 'Look at the message: Connect refuses it as it is.';
const MEND_PERMISSION =
  'This account or role may not call SendChatIntegrationEvent: allow connect:SendChatIntegrationEvent on * in its policy. AWS documents the operation as restricted to AWS End User Messaging, so a right policy may not be enough.';
const MEND_NUMBER =
  'Connect does not know this number here: import it into the Connect instance, associate it with a flow, and check the route’s destinationId and Region.';
const MEND_CREDENTIALS = 'The AWS credentials are not valid: give the service others.';
const RENEW_CREDENTIALS = 'The AWS credentials have expired: renew them.';
const FIND_CREDENTIALS =
  'No usable AWS credentials: give the service a role or keys, and if the route has a roleArn, check that it may be assumed.';
const MEND_CLOCK = 'AWS finds this machine’s clock wrong: set it right.';
const MEND_REGION =
  'The call goes to the wrong Region: check the route’s Region, its destinationId and AWS_REGION.';
const MEND_ENDPOINT = 'The endpoint can’t be used: check AWS_ENDPOINT_URL_CONNECT and AWS_REGION.';
const MEND_NETWORK = 'Connect can’t be reached: check DNS, egress and proxy of this machine.';
const MEND_TLS =
  'The TLS connection to Connect can’t be trusted: check proxy and CA certificates of this machine.';

/** Names that AWS gives in its answers. They count for any answer that is an error: some services throttle with 400 or 503. */
const AWS_ERRORS = {
  // The operation's own errors, by the service model.
  InvalidRequestException: { verdict: 'dead', remedy: MEND_MESSAGE },
  AccessDeniedException: { verdict: 'pause', remedy: MEND_PERMISSION },
  ResourceNotFoundException: { verdict: 'pause', remedy: MEND_NUMBER },
  ThrottlingException: { verdict: 'throttled', remedy: SLOWED_DOWN },
  InternalServiceException: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },

  // Quotas under the names that other AWS services and gateways give them, some with status 400 or 402.
  TooManyRequestsException: { verdict: 'throttled', remedy: SLOWED_DOWN },
  LimitExceededException: { verdict: 'throttled', remedy: SLOWED_DOWN },
  ServiceQuotaExceededException: { verdict: 'throttled', remedy: SLOWED_DOWN },
  RequestLimitExceeded: { verdict: 'throttled', remedy: SLOWED_DOWN },
  Throttling: { verdict: 'throttled', remedy: SLOWED_DOWN },
  SlowDown: { verdict: 'throttled', remedy: SLOWED_DOWN },

  // Set-up: 400 or 403, depending on who checks the signature.
  AccessDenied: { verdict: 'pause', remedy: MEND_PERMISSION },
  NotAuthorized: { verdict: 'pause', remedy: MEND_PERMISSION },
  OptInRequired: { verdict: 'pause', remedy: MEND_PERMISSION },
  InvalidActiveRegionException: { verdict: 'pause', remedy: MEND_REGION }, // Connect Global Resiliency, 400
  UnrecognizedClientException: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  InvalidClientTokenId: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  InvalidSignatureException: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  SignatureDoesNotMatch: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  IncompleteSignature: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  IncompleteSignatureException: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  MissingAuthenticationToken: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  MissingAuthenticationTokenException: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  AuthFailure: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  ExpiredToken: { verdict: 'pause', remedy: RENEW_CREDENTIALS },
  ExpiredTokenException: { verdict: 'pause', remedy: RENEW_CREDENTIALS },
  RequestTimeTooSkewed: { verdict: 'pause', remedy: MEND_CLOCK },
  RequestExpired: { verdict: 'pause', remedy: MEND_CLOCK },
  RequestInTheFuture: { verdict: 'pause', remedy: MEND_CLOCK },
} as const satisfies Record<string, SendErrorRow>;

/** Statuses, where the body names no error of the above: an error newer than this table, or a proxy's or gateway's page. */
const HTTP_STATUSES = {
  HTTP_401: { verdict: 'pause', remedy: MEND_CREDENTIALS },
  HTTP_403: { verdict: 'pause', remedy: MEND_PERMISSION },
  HTTP_404: { verdict: 'pause', remedy: MEND_NUMBER },
  HTTP_407: { verdict: 'pause', remedy: 'The proxy wants credentials: give it some, or let the service by.' },
  HTTP_408: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
  HTTP_429: { verdict: 'throttled', remedy: SLOWED_DOWN },
  HTTP_4XX: { verdict: 'dead', remedy: MEND_MESSAGE },
  HTTP_5XX: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
  // A redirect: SendChatIntegrationEvent knows none, so somebody else answered.
  HTTP_3XX: { verdict: 'retry', remedy: MEND_ENDPOINT },
  // A success that can't be read: cut off, or somebody else's.
  HTTP_2XX: { verdict: 'retry', isAmbiguous: true, remedy: MEND_ENDPOINT },
} as const satisfies Record<string, SendErrorRow>;

/** No answer at all: names that the SDK gives, and the system's error codes. */
const LOCAL_ERRORS = {
  // Set-up, found before anything was sent.
  CredentialsUnavailable: { verdict: 'pause', remedy: FIND_CREDENTIALS },
  CredentialsProviderError: { verdict: 'pause', remedy: FIND_CREDENTIALS },
  TokenProviderError: { verdict: 'pause', remedy: FIND_CREDENTIALS },
  EndpointError: { verdict: 'pause', remedy: MEND_ENDPOINT },
  ERR_INVALID_URL: { verdict: 'pause', remedy: MEND_ENDPOINT },

  // No request could be made of it: Connect can't have the message, and a replica of the newer version will send it.
  ContentNotRendered: {
    verdict: 'retry',
    remedy: 'A newer version of the bridge took the message in: run that one.',
  },

  // The connection was never made: Connect can't have the message.
  ConnectionTimeout: { verdict: 'retry', remedy: MEND_NETWORK },
  ECONNREFUSED: { verdict: 'retry', remedy: MEND_NETWORK },
  ENOTFOUND: { verdict: 'retry', remedy: MEND_NETWORK },
  EAI_AGAIN: { verdict: 'retry', remedy: MEND_NETWORK },
  EADDRNOTAVAIL: { verdict: 'retry', remedy: MEND_NETWORK },
  EMFILE: { verdict: 'retry', remedy: 'The process has too many files open: raise its limit.' },
  EPROTO: { verdict: 'retry', remedy: MEND_TLS },
  TlsCertificate: { verdict: 'retry', remedy: MEND_TLS },

  // The connection broke or stayed silent: nobody knows.
  TimeoutError: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
  AbortError: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
  ETIMEDOUT: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
  ECONNRESET: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
  ECONNABORTED: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
  EPIPE: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
  EHOSTUNREACH: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NETWORK },
  ENETUNREACH: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NETWORK },
  ENETDOWN: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NETWORK },

  // Anything else: better tried again and counted than lost.
  Unknown: { verdict: 'retry', isAmbiguous: true, remedy: 'Unexpected: please report it.' },
} as const satisfies Record<string, SendErrorRow>;

export const SEND_ERRORS = { ...AWS_ERRORS, ...HTTP_STATUSES, ...LOCAL_ERRORS };

type SendErrorCode = keyof typeof SEND_ERRORS;

/** Getting credentials failed, so nothing was sent. */
export class CredentialsUnavailable extends Error {
  constructor(cause: unknown) {
    super('AWS credentials could not be had.', { cause });
    this.name = 'CredentialsUnavailable';
  }
}

/** The message says what this version knows no words for, so nothing was sent. */
export class ContentNotRendered extends Error {
  constructor(kind: string) {
    super(`This version can't render a message of kind ${kind}.`);
    this.name = 'ContentNotRendered';
  }
}

/** Any value that a send rejected with. Never throws. */
export function classifySendError(error: unknown): SendFailure {
  const facts = readFacts(error);
  const key = rowFor(facts);
  const row: SendErrorRow = SEND_ERRORS[key];
  const code = /^HTTP_\dXX$/.test(key) ? `HTTP_${facts.status}` : key;
  return {
    verdict: row.verdict,
    code,
    isAmbiguous: row.isAmbiguous === true && !facts.isBeforeSending,
    remedy: row.remedy,
    requestId: facts.requestId,
    sentence: describe(error, facts),
  };
}

interface ErrorFacts {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly isBeforeSending: boolean;
}

function readFacts(error: unknown): ErrorFacts {
  const { name, code, message, $metadata } = asRecord(error);
  const { httpStatusCode, requestId } = asRecord($metadata);
  return {
    name: typeof name === 'string' ? name : '',
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : '',
    status: isStatus(httpStatusCode) ? httpStatusCode : undefined,
    requestId: isPlainId(requestId) ? requestId : undefined,
    isBeforeSending: isBeforeSending(error),
  };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Node tries each address of a host, and gives one AggregateError if it got through to none. */
function isBeforeSending(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isBeforeSending);
  const { syscall } = asRecord(error);
  return syscall === 'connect' || syscall === 'getaddrinfo';
}

/** Ids in answers end in the log, and the SDK checks no types: what is no id could be anything. */
export function isPlainId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9-]{1,128}$/.test(value);
}

function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 100 && (value as number) <= 599;
}

function rowFor(facts: ErrorFacts): SendErrorCode {
  const { name, code, status } = facts;
  if (status !== undefined) return status >= 400 && isKey(AWS_ERRORS, name) ? name : rowForStatus(status);
  if (isConnectionTimeout(facts)) return 'ConnectionTimeout';
  // The code before the name: the SDK calls every broken connection a TimeoutError.
  if (isKey(LOCAL_ERRORS, code)) return code;
  if (isTlsCertificateCode(code)) return 'TlsCertificate';
  return isKey(LOCAL_ERRORS, name) ? name : 'Unknown';
}

function rowForStatus(status: number): SendErrorCode {
  const exact = `HTTP_${status}`;
  if (isKey(HTTP_STATUSES, exact)) return exact;
  if (status >= 500) return 'HTTP_5XX';
  if (status >= 400) return 'HTTP_4XX';
  return status >= 300 ? 'HTTP_3XX' : 'HTTP_2XX';
}

function isKey<Table extends object>(table: Table, key: string): key is Extract<keyof Table, string> {
  return Object.hasOwn(table, key);
}

/** The system's, or the SDK's own, which its message alone tells from other time-outs. */
function isConnectionTimeout({ name, code, message, isBeforeSending }: ErrorFacts): boolean {
  if (code === 'ETIMEDOUT') return isBeforeSending;
  return name === 'TimeoutError' && code === '' && message.includes('did not establish a connection');
}

/** OpenSSL's verdicts on certificates, as Node names them. */
function isTlsCertificateCode(code: string): boolean {
  return /^ERR_TLS_|^CERT_|_CERT_|^CRL_|^UNABLE_TO_|SELF_SIGNED|^HOSTNAME_MISMATCH$|^INVALID_(CA|PURPOSE)$/.test(
    code,
  );
}

const MESSAGE_MAX_CHARACTERS = 500;
const CAUSES_DESCRIBED = 3;

function describe(error: unknown, facts: ErrorFacts, depth = 0): string {
  const status = facts.status === undefined ? '' : ` (HTTP ${facts.status})`;
  const request = facts.requestId === undefined ? '' : `, request ${facts.requestId}`;
  const message = facts.message.slice(0, MESSAGE_MAX_CHARACTERS).toWellFormed();
  const own = `${(facts.name || 'Error').slice(0, 100)}${status}${request}${message && `: ${message}`}`;
  const cause = error instanceof CredentialsUnavailable ? error.cause : undefined;
  if (cause === undefined || depth >= CAUSES_DESCRIBED) return own;
  return `${own} ${describe(cause, readFacts(cause), depth + 1)}`;
}
