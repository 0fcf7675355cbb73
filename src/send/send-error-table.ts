/** The verdicts that are the same for every service of AWS, and what a service's own table is made of. */

/**
 * `retry`: a fault that passes: try again. `throttled`: too fast: slow down, no attempt counts. `pause`: a fault of
 * set-up, not of the message: stop the destination. `dead`: this message is refused, and would be again.
 */
export type SendVerdict = 'retry' | 'throttled' | 'pause' | 'dead';

export interface SendErrorRow {
  readonly verdict: SendVerdict;
  readonly isAmbiguous?: true;
  readonly remedy: string;
  readonly why?: string;
}

export type SendErrorRows = Readonly<Record<string, SendErrorRow>>;

/** The verdicts on one service's errors. */
export interface SendErrorTable {
  /** By the name that AWS gives, or `NAME.REASON`. */
  readonly aws: SendErrorRows;
  readonly statuses: Readonly<Record<keyof CommonErrors['statuses'], SendErrorRow>>;
  readonly local: Readonly<Record<keyof CommonErrors['local'], SendErrorRow>>;
}

/** What to do, by service. */
export interface ServiceWords {
  /** Its name, as it stands in a sentence. */
  readonly service: string;
  /** The message is refused as it is. */
  readonly message: SendErrorRow;
  readonly permission: string;
  /** It does not know what the call is about. */
  readonly missing: string;
  readonly slowedDown: string;
  readonly region: string;
  readonly endpoint: string;
}

export type CommonErrors = ReturnType<typeof commonErrors>;

export const MEND_NOTHING = 'Nothing, if it passes: it is tried again by itself.';
const MEND_CREDENTIALS = 'The AWS credentials are not valid: give the service others.';
const RENEW_CREDENTIALS = 'The AWS credentials have expired: renew them.';
const FIND_CREDENTIALS =
  'No usable AWS credentials: give the service a role or keys, and if the route has a roleArn, check that it may be assumed.';
const MEND_CLOCK = 'AWS finds this machine’s clock wrong: set it right.';

/** What all of AWS's services have in common, with the words of one of them. */
export function commonErrors(words: ServiceWords) {
  return { aws: awsErrors(words), statuses: statusErrors(words), local: localErrors(words) };
}

/** Names that AWS gives in its answers. They count for any answer that is an error: some services throttle with 400 or 503. */
function awsErrors({ permission, missing, slowedDown, region }: ServiceWords) {
  return {
    AccessDeniedException: { verdict: 'pause', remedy: permission },
    ResourceNotFoundException: { verdict: 'pause', remedy: missing },
    ThrottlingException: { verdict: 'throttled', remedy: slowedDown },
    InternalServiceException: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
    InternalServerException: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },

    // Quotas under the names that other AWS services and gateways give them, some with status 400 or 402.
    TooManyRequestsException: { verdict: 'throttled', remedy: slowedDown },
    LimitExceededException: { verdict: 'throttled', remedy: slowedDown },
    ServiceQuotaExceededException: { verdict: 'throttled', remedy: slowedDown },
    RequestLimitExceeded: { verdict: 'throttled', remedy: slowedDown },
    Throttling: { verdict: 'throttled', remedy: slowedDown },
    SlowDown: { verdict: 'throttled', remedy: slowedDown },

    // Set-up: 400 or 403, depending on who checks the signature.
    AccessDenied: { verdict: 'pause', remedy: permission },
    NotAuthorized: { verdict: 'pause', remedy: permission },
    OptInRequired: { verdict: 'pause', remedy: permission },
    InvalidActiveRegionException: { verdict: 'pause', remedy: region }, // Connect Global Resiliency, 400
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
  } as const satisfies SendErrorRows;
}

/** Statuses, where the body names no error of the above: an error newer than this table, or a proxy's or gateway's page. */
function statusErrors({ message, permission, missing, slowedDown, endpoint }: ServiceWords) {
  return {
    HTTP_401: { verdict: 'pause', remedy: MEND_CREDENTIALS },
    HTTP_403: { verdict: 'pause', remedy: permission },
    HTTP_404: { verdict: 'pause', remedy: missing },
    HTTP_407: {
      verdict: 'pause',
      remedy: 'The proxy wants credentials: give it some, or let the service by.',
    },
    HTTP_408: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
    HTTP_429: { verdict: 'throttled', remedy: slowedDown },
    HTTP_4XX: message,
    HTTP_5XX: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
    // A redirect: none of these operations knows one, so somebody else answered.
    HTTP_3XX: { verdict: 'retry', remedy: endpoint },
    // A success that can't be read: cut off, or somebody else's.
    HTTP_2XX: { verdict: 'retry', isAmbiguous: true, remedy: endpoint },
  } as const satisfies SendErrorRows;
}

/** No answer at all: names that the SDK gives, and the system's error codes. */
function localErrors({ service, endpoint }: ServiceWords) {
  const network = `${service} can’t be reached: check DNS, egress and proxy of this machine.`;
  const tls = `The TLS connection to ${service} can’t be trusted: check proxy and CA certificates of this machine.`;
  return {
    // Set-up, found before anything was sent.
    CredentialsUnavailable: { verdict: 'pause', remedy: FIND_CREDENTIALS },
    CredentialsProviderError: { verdict: 'pause', remedy: FIND_CREDENTIALS },
    TokenProviderError: { verdict: 'pause', remedy: FIND_CREDENTIALS },
    EndpointError: { verdict: 'pause', remedy: endpoint },
    ERR_INVALID_URL: { verdict: 'pause', remedy: endpoint },

    // No request could be made of it: the service can't have the message, and a replica of the newer version will send it.
    ContentNotRendered: {
      verdict: 'retry',
      remedy: 'A newer version of the bridge took the message in: run that one.',
    },

    // The thread that sends is gone, or was too late.
    SendNotBegun: { verdict: 'retry', remedy: MEND_NOTHING },

    // The connection was never made: the service can't have the message.
    ConnectionTimeout: { verdict: 'retry', remedy: network },
    ECONNREFUSED: { verdict: 'retry', remedy: network },
    ENOTFOUND: { verdict: 'retry', remedy: network },
    EAI_AGAIN: { verdict: 'retry', remedy: network },
    EADDRNOTAVAIL: { verdict: 'retry', remedy: network },
    EMFILE: { verdict: 'retry', remedy: 'The process has too many files open: raise its limit.' },
    EPROTO: { verdict: 'retry', remedy: tls },
    TlsCertificate: { verdict: 'retry', remedy: tls },

    // The connection broke or stayed silent: nobody knows.
    TimeoutError: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
    AbortError: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
    ETIMEDOUT: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
    ECONNRESET: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
    ECONNABORTED: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
    EPIPE: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
    EHOSTUNREACH: { verdict: 'retry', isAmbiguous: true, remedy: network },
    ENETUNREACH: { verdict: 'retry', isAmbiguous: true, remedy: network },
    ENETDOWN: { verdict: 'retry', isAmbiguous: true, remedy: network },

    // Anything else: better tried again and counted than lost.
    Unknown: { verdict: 'retry', isAmbiguous: true, remedy: 'Unexpected: please report it.' },
  } as const satisfies SendErrorRows;
}
