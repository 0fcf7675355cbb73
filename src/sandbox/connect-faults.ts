/**
 * What a stand-in Connect can be told to do wrong. A fault is for one request; it is either put in a queue, for the
 * next request that it fits, or chosen by a function for as long as that is set.
 */

import type { ConnectCall, ConnectOperation } from './connect-call.ts';

/** `answer` refuses with an AWS error. The ones with `taken` in their name carry the request out all the same. */
export type Fault =
  | { readonly kind: 'answer'; readonly status: number; readonly type: string; readonly message?: string }
  | {
      readonly kind: 'takenButAnswer';
      readonly status: number;
      readonly type: string;
      readonly message?: string;
    }
  | { readonly kind: 'answerNoJson'; readonly status: number }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'takenButHang' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'takenButDrop' };

/** Errors of the API and of the service in front of it, as AWS answers them. */
export const FAULTS = {
  throttled: { kind: 'answer', status: 429, type: 'ThrottlingException', message: 'Rate exceeded' },
  internal: {
    kind: 'answer',
    status: 500,
    type: 'InternalServiceException',
    message: 'Request processing failed.',
  },
  /** Too many chats at once. */
  limitExceeded: {
    kind: 'answer',
    status: 429,
    type: 'LimitExceededException',
    message: 'The limit of concurrent active chats is reached.',
  },
  unavailable: { kind: 'answerNoJson', status: 503 },
  invalid: {
    kind: 'answer',
    status: 400,
    type: 'InvalidRequestException',
    message: 'The request is not valid.',
  },
  /** The Participant Service's word for it. */
  validation: {
    kind: 'answer',
    status: 400,
    type: 'ValidationException',
    message: 'The request is not valid.',
  },
  denied: { kind: 'answer', status: 403, type: 'AccessDeniedException', message: 'User is not authorized.' },
  /** The Participant Service, to a chat that has ended and to a token that has expired: nobody can tell which. */
  accessDenied: { kind: 'answer', status: 403, type: 'AccessDeniedException', message: 'Access denied' },
  notFound: {
    kind: 'answer',
    status: 404,
    type: 'ResourceNotFoundException',
    message: 'Destination not found.',
  },
  expiredToken: {
    kind: 'answer',
    status: 403,
    type: 'ExpiredTokenException',
    message: 'The security token expired.',
  },
  takenButInternal: { kind: 'takenButAnswer', status: 500, type: 'InternalServiceException' },
  hang: { kind: 'hang' },
  takenButHang: { kind: 'takenButHang' },
  drop: { kind: 'drop' },
  takenButDrop: { kind: 'takenButDrop' },
} as const satisfies Record<string, Fault>;

/** Which requests a queued fault is for; without members, any. */
export interface FaultTarget {
  readonly operation?: ConnectOperation;
  readonly sourceId?: string;
  readonly destinationId?: string;
}

/** What of a request a target can name. */
type FaultyCall = Pick<ConnectCall, 'sourceId' | 'destinationId'> & { readonly operation?: ConnectOperation };

export class FaultQueue<Queued extends Fault = Fault> {
  readonly #queued: { readonly fault: Queued; readonly target: FaultTarget }[] = [];

  add(fault: Queued, times: number, target: FaultTarget): void {
    for (let count = 0; count < times; count += 1) this.#queued.push({ fault, target });
  }

  get length(): number {
    return this.#queued.length;
  }

  clear(): void {
    this.#queued.length = 0;
  }

  take(call: FaultyCall): Queued | undefined {
    const index = this.#queued.findIndex(
      ({ target }) =>
        (target.operation ?? call.operation) === call.operation &&
        (target.sourceId ?? call.sourceId) === call.sourceId &&
        (target.destinationId ?? call.destinationId) === call.destinationId,
    );
    return index < 0 ? undefined : this.#queued.splice(index, 1)[0]?.fault;
  }
}
