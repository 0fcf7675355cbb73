import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { packError, unpackError } from '../../../src/send/aws-thread/packed-error.ts';
import { CredentialsUnavailable, classifySendError } from '../../../src/send/send-outcome.ts';

const system = (code: string, syscall: string): Error =>
  Object.assign(new Error(`${syscall} ${code}`), { code, syscall });

const answered = (name: string, httpStatusCode: number, more: object = {}): Error =>
  Object.assign(new Error(`AWS says ${name}`), {
    name,
    $fault: 'client',
    $metadata: { httpStatusCode, requestId: 'request-1', attempts: 1, totalRetryDelay: 0 },
    $response: { body: { on: () => {} } },
    ...more,
  });

/** As it comes out in the other thread. */
const crossed = (error: unknown): unknown => unpackError(structuredClone(packError(error)));

it.each<[string, unknown]>([
  ['AWS’s refusal', answered('AccessDeniedException', 403)],
  ['AWS’s refusal with a reason', answered('ConflictException', 409, { Reason: 'CONTACT_ENDED' })],
  ['a status alone', answered('Unknown', 502)],
  ['a reason that is no text', answered('ValidationException', 400, { Reason: { a: 1 } })],
  [
    'an answer that can’t be read',
    Object.assign(new SyntaxError('no JSON'), { $metadata: { httpStatusCode: 200 } }),
  ],
  [
    'metadata that are none',
    Object.assign(new Error('odd'), { $metadata: { httpStatusCode: '500', requestId: 7 } }),
  ],
  ['no connection', system('ECONNREFUSED', 'connect')],
  ['a time-out in connecting', system('ETIMEDOUT', 'connect')],
  ['a connection that broke', system('ECONNRESET', 'read')],
  ['no name', system('ENOTFOUND', 'getaddrinfo')],
  [
    'no way by any address',
    new AggregateError([system('ECONNREFUSED', 'connect'), system('ENETUNREACH', 'connect')]),
  ],
  [
    'one address that answered',
    new AggregateError([system('ECONNREFUSED', 'connect'), system('ECONNRESET', 'read')]),
  ],
  ['the deadline', new DOMException('It took too long.', 'TimeoutError')],
  ['an abort', Object.assign(new Error('Request aborted'), { name: 'AbortError' })],
  [
    'the SDK’s connection time-out',
    Object.assign(new Error('Socket timed out: it did not establish a connection'), { name: 'TimeoutError' }),
  ],
  ['missing credentials', new CredentialsUnavailable(answered('AccessDenied', 403))],
  [
    'missing credentials, no network',
    new CredentialsUnavailable(new AggregateError([system('ECONNREFUSED', 'connect')])),
  ],
  ['nothing', undefined],
  ['a text', 'a text'],
])('%s means the same in the other thread', (_name, error) => {
  expect(classifySendError(crossed(error))).toEqual(classifySendError(error));
  expect(crossed(error)).toBeInstanceOf(Error);
});

it('anything crosses, and means the same', () => {
  const thrown = fc.oneof(
    fc.anything(),
    fc.record({ name: fc.anything(), code: fc.anything(), message: fc.anything(), $metadata: fc.anything() }),
  );
  fc.assert(
    fc.property(thrown, (error) => {
      expect(classifySendError(crossed(error))).toEqual(classifySendError(error));
    }),
  );
});
