/**
 * What a stand-in Connect can be told to do wrong. A fault is for one request; it is either put in a queue, for the
 * next request that it fits, or chosen by a function for as long as that is set.
 */

/** `answer` refuses with an AWS error. The ones with `taken` in their name let the message into the chat all the same. */
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
  unavailable: { kind: 'answerNoJson', status: 503 },
  invalid: {
    kind: 'answer',
    status: 400,
    type: 'InvalidRequestException',
    message: 'The request is not valid.',
  },
  denied: { kind: 'answer', status: 403, type: 'AccessDeniedException', message: 'User is not authorized.' },
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
  readonly sourceId?: string;
  readonly destinationId?: string;
}

export class FaultQueue {
  readonly #queued: { readonly fault: Fault; readonly target: FaultTarget }[] = [];

  add(fault: Fault, times: number, target: FaultTarget): void {
    for (let count = 0; count < times; count += 1) this.#queued.push({ fault, target });
  }

  get length(): number {
    return this.#queued.length;
  }

  clear(): void {
    this.#queued.length = 0;
  }

  take(request: { readonly sourceId: string; readonly destinationId: string }): Fault | undefined {
    const index = this.#queued.findIndex(
      ({ target }) =>
        (target.sourceId ?? request.sourceId) === request.sourceId &&
        (target.destinationId ?? request.destinationId) === request.destinationId,
    );
    return index < 0 ? undefined : this.#queued.splice(index, 1)[0]?.fault;
  }
}
