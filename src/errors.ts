/**
 * The catalogue of coded errors. Each entry carries its own verdict, so that nobody has to remember it elsewhere:
 * `answer` is the HTTP status that SNS gets (design: SNS retries only 5xx and 429 and discards a notification on any
 * other failure, so 403 stands only where a retry could never help), `exit` the process's exit code (sysexits(3)),
 * `alert` that an operator should hear of it. `docs/errors.md` explains each; a test holds the two equal.
 */
export const ERRORS = {
  ENVELOPE_INVALID: { answer: 400, sentence: 'The body is not an SNS envelope.' },
  BODY_TOO_LARGE: { answer: 413, sentence: 'The body is larger than any SNS notification.' },
  RAW_DELIVERY: {
    answer: 403,
    alert: true,
    sentence: 'The subscription uses raw message delivery, which carries no signature: turn it off.',
  },
  TOPIC_NOT_LISTED: { answer: 403, sentence: 'The topic is not in TOPIC_ARNS.' },
  NOTIFICATION_TOO_OLD: { answer: 403, sentence: 'The notification is older than RETENTION_DAYS.' },
  CERTIFICATE_URL_REFUSED: {
    answer: 403,
    sentence: "SigningCertURL is not on the SNS host of the topic's Region.",
  },
  SIGNATURE_VERSION_UNKNOWN: { answer: 403, alert: true, sentence: 'SignatureVersion is neither 1 nor 2.' },
  SIGNATURE_WRONG: { answer: 403, sentence: 'The signature does not fit the notification.' },
  TIMESTAMP_AHEAD: {
    answer: 503,
    alert: true,
    sentence: 'The Timestamp is more than 15 minutes ahead of this machine’s clock: check the clock.',
  },
  CERTIFICATE_UNAVAILABLE: {
    answer: 503,
    alert: true,
    sentence:
      'The signing certificate could not be fetched: check egress to the SNS host, or fill SNS_CERT_DIR.',
  },
  CERTIFICATE_UNREADABLE: {
    answer: 503,
    alert: true,
    sentence: 'What the SNS host returned is no X.509 certificate in PEM.',
  },
  CERTIFICATE_SUBJECT_UNKNOWN: {
    answer: 503,
    alert: true,
    sentence:
      'The signing certificate came from the SNS host, but its subject is not one that SNS is known to use.',
  },
  CERTIFICATE_NOT_VALID: {
    answer: 503,
    alert: true,
    sentence: 'The signing certificate was not valid at the notification’s Timestamp.',
  },
  CONFIRMATION_FAILED: {
    answer: 503,
    alert: true,
    sentence: 'SNS did not confirm the subscription: check credentials and sns:ConfirmSubscription.',
  },
  CONFIRMATION_TOKEN_INVALID: {
    answer: 200,
    alert: true,
    sentence: 'SNS calls the confirmation token invalid or expired: subscribe again.',
  },
  STORE_UNAVAILABLE: {
    answer: 503,
    exit: 74,
    alert: true,
    sentence: 'The store can’t be reached, read or written.',
  },
  OVERLOADED: { answer: 503, sentence: 'More requests are in flight than the service takes at once.' },
  SHUTTING_DOWN: { answer: 503, sentence: 'The service is shutting down.' },
  REQUEST_INCOMPLETE: { answer: 503, sentence: 'The request did not arrive whole, or not in time.' },
  INTERNAL: { answer: 503, exit: 70, alert: true, sentence: 'An unexpected error: please report it.' },
  CONFIG_INVALID: { exit: 78, sentence: 'The configuration has problems.' },
  STORE_IN_USE: { exit: 75, sentence: 'Another service holds this store.' },
  STORE_MISSING: { exit: 66, sentence: 'There is no store at STORE_URL: has the service run here?' },
  STORE_PLACE_REFUSED: {
    exit: 78,
    sentence:
      'SQLite is not safe on a network file system: put the store on a local disk, or use PostgreSQL.',
  },
  STORE_TOO_NEW: { exit: 78, sentence: 'The store was written by a newer version of the bridge.' },
  STORE_TOO_OLD: {
    exit: 78,
    sentence: 'The store was written by an older version: start the service once, which updates it.',
  },
  ADDRESS_IN_USE: { exit: 71, sentence: 'A listener’s address is taken or not to be had.' },
  USAGE: { exit: 64, sentence: 'The command was called wrongly.' },
  MESSAGE_MISSING: {
    exit: 66,
    sentence: 'There is no such message in the store: it may be older than RETENTION_DAYS.',
  },
  CUSTOMER_BUSY: {
    exit: 75,
    sentence: 'One of the customer’s messages is being sent, so nothing was erased: try again.',
  },
  INPUT_INVALID: { exit: 65, sentence: 'The input is not what the command reads.' },
  INPUT_MISSING: { exit: 66, sentence: 'The input can’t be read.' },
  BRIDGE_UNAVAILABLE: {
    exit: 69,
    sentence: 'No bridge answers on this machine: is it running, on this PORT?',
  },
  AWS_REFUSED: { exit: 69, sentence: 'AWS refused the call.' },
  SANDBOX_UNAVAILABLE: {
    exit: 69,
    sentence: 'No sandbox is running on this machine: start it with `npm run sandbox`.',
  },
} as const satisfies Record<string, ErrorEntry>;

interface ErrorEntry {
  readonly answer?: 200 | 400 | 403 | 413 | 503;
  readonly exit?: number;
  readonly alert?: true;
  readonly sentence: string;
}

export type ErrorCode = keyof typeof ERRORS;

/** `detail` is an operator's; it holds no customer's number, no external id and no text. */
export class BridgeError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, options: { detail?: string; cause?: unknown } = {}) {
    const { detail, cause } = options;
    super(detail ? `${ERRORS[code].sentence} ${detail}` : ERRORS[code].sentence, { cause });
    this.name = 'BridgeError';
    this.code = code;
    this.detail = detail;
  }
}

export function errorEntry(code: ErrorCode): ErrorEntry {
  return ERRORS[code];
}

/** Any thrown value as a BridgeError; what is none becomes INTERNAL with its cause kept. */
export function asBridgeError(thrown: unknown): BridgeError {
  return thrown instanceof BridgeError ? thrown : new BridgeError('INTERNAL', { cause: thrown });
}
