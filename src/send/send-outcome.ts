/**
 * What a failed send means: the table of verdicts. Everything that the SDK can raise finds its row, by AWS's error
 * name (with its Reason, where a row names one), else by HTTP status, else by the network's error code; what has no row of
 * its own falls to the last ones.
 */
import { commonErrors } from './send-error-table.ts';
import type { SendErrorRow, SendErrorRows, SendErrorTable, SendVerdict } from './send-error-table.ts';

export type { SendVerdict };

export interface SendFailure {
  readonly verdict: SendVerdict;
  /** From a closed set (the table's keys, and `HTTP_` with a status): fit as a metric's label. */
  readonly code: string;
  /** The message may have been taken all the same. */
  readonly isAmbiguous: boolean;
  /** It may be about this message's chat alone: no pause, while its destination takes others. */
  readonly isPerhapsTheChats?: boolean;
  /** What to do, in words. Quotes nothing. */
  readonly remedy: string;
  /** AWS's id of the request, where it answered. */
  readonly requestId: string | undefined;
  /** Of a message that is dead, in words for the agent; where somebody is to hear of it. Quotes nothing. */
  readonly why?: string;
  /** For the store and for `status`, never for a log: it quotes AWS's message, which may quote the customer. */
  readonly sentence: string;
}

const CONNECT_REFUSES = {
  verdict: 'dead',
  remedy: 'Look at the message: Connect refuses it as it is.',
} as const satisfies SendErrorRow;

const CONNECT_COMMON = commonErrors({
  service: 'Connect',
  message: CONNECT_REFUSES,
  permission:
    'This account or role may not call SendChatIntegrationEvent: allow connect:SendChatIntegrationEvent on * in its policy. AWS documents the operation as restricted to AWS End User Messaging: if a right policy is not enough, set CONNECT_METHOD=participant.',
  missing:
    'Connect does not know this number here: import it into the Connect instance, associate it with a flow, and check the route’s destinationId and Region.',
  slowedDown:
    'Nothing, if it passes: the pace has been slowed down. If it stays, lower CONNECT_RATE or raise the quota in Service Quotas.',
  region: 'The call goes to the wrong Region: check the route’s Region, its destinationId and AWS_REGION.',
  endpoint: 'The endpoint can’t be used: check AWS_ENDPOINT_URL_CONNECT and AWS_REGION.',
});

/** SendChatIntegrationEvent's. By the service model it has besides the common ones this one alone. */
const CONNECT_ERRORS = {
  ...CONNECT_COMMON,
  aws: { InvalidRequestException: CONNECT_REFUSES, ...CONNECT_COMMON.aws },
} as const satisfies SendErrorTable;

/** Every row by its code. */
export const SEND_ERRORS = { ...CONNECT_ERRORS.aws, ...CONNECT_ERRORS.statuses, ...CONNECT_ERRORS.local };

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

/** What was asked for did not come to be sent. */
export class SendNotBegun extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'SendNotBegun';
  }
}

/** Any value that a send rejected with, by the table of its service. Never throws. */
export function classifySendError(error: unknown, table: SendErrorTable = CONNECT_ERRORS): SendFailure {
  const facts = readFacts(error);
  const { code, row } = findRow(facts, table);
  return {
    verdict: row.verdict,
    code: /^HTTP_\dXX$/.test(code) ? `HTTP_${facts.status}` : code,
    isAmbiguous: row.isAmbiguous === true && !facts.isBeforeSending,
    remedy: row.remedy,
    requestId: facts.requestId,
    ...(row.why === undefined ? {} : { why: row.why }),
    sentence: describe(error, facts),
  };
}

interface ErrorFacts {
  readonly name: string;
  readonly code: string;
  /** Some of AWS's errors say more closely what they mean. */
  readonly reason: string;
  readonly message: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly isBeforeSending: boolean;
}

function readFacts(error: unknown): ErrorFacts {
  const { name, code, message, Reason, $metadata } = asRecord(error);
  const { httpStatusCode, requestId } = asRecord($metadata);
  return {
    name: typeof name === 'string' ? name : '',
    code: typeof code === 'string' ? code : '',
    reason: typeof Reason === 'string' ? Reason : '',
    message: typeof message === 'string' ? message : '',
    status: isStatus(httpStatusCode) ? httpStatusCode : undefined,
    requestId: isPlainId(requestId) ? requestId : undefined,
    isBeforeSending: isBeforeSending(error),
  };
}

export function asRecord(value: unknown): Record<string, unknown> {
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

interface FoundRow {
  readonly code: string;
  readonly row: SendErrorRow;
}

function findRow(facts: ErrorFacts, { aws, statuses, local }: SendErrorTable): FoundRow {
  const { name, reason, status } = facts;
  if (status !== undefined) {
    const named = [`${name}.${reason}`, name].flatMap((code) => lookUp(aws, code) ?? []);
    const code = codeForStatus(status, statuses);
    return (status >= 400 ? named[0] : undefined) ?? { code, row: statuses[code] };
  }
  const code = codeForLocal(facts, local);
  return { code, row: local[code] };
}

function lookUp(rows: SendErrorRows, code: string): FoundRow | undefined {
  const row = Object.hasOwn(rows, code) ? rows[code] : undefined;
  return row && { code, row };
}

function codeForStatus(
  status: number,
  statuses: SendErrorTable['statuses'],
): keyof SendErrorTable['statuses'] {
  const exact = `HTTP_${status}`;
  if (isKey(statuses, exact)) return exact;
  if (status >= 500) return 'HTTP_5XX';
  if (status >= 400) return 'HTTP_4XX';
  return status >= 300 ? 'HTTP_3XX' : 'HTTP_2XX';
}

function codeForLocal(facts: ErrorFacts, local: SendErrorTable['local']): keyof SendErrorTable['local'] {
  const { name, code } = facts;
  if (isConnectionTimeout(facts)) return 'ConnectionTimeout';
  // The code before the name: the SDK calls every broken connection a TimeoutError.
  if (isKey(local, code)) return code;
  if (isTlsCertificateCode(code)) return 'TlsCertificate';
  return isKey(local, name) ? name : 'Unknown';
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
