/**
 * Errors on their way from thread to thread: structured cloning makes plain errors of the SDK's, without name, code and
 * `$metadata`. What `classifySendError` reads of an error crosses, and nothing else.
 */
import { CredentialsUnavailable, asRecord } from '../send-outcome.ts';

export interface PackedError {
  readonly kind: 'other' | 'aggregate' | 'credentials';
  readonly message: string;
  readonly properties: Readonly<Record<string, unknown>>;
  /** Of an aggregate its errors, of missing credentials the cause. */
  readonly inner: readonly PackedError[];
}

const TEXTS = ['name', 'code', 'syscall', 'Reason'] as const;

/** Any value that a send rejected with. What comes out can be cloned. */
export function packError(error: unknown): PackedError {
  const record = asRecord(error);
  const texts = TEXTS.flatMap((key) => (typeof record[key] === 'string' ? [[key, record[key]]] : []));
  const { httpStatusCode, requestId } = asRecord(record['$metadata']);
  const metadata = {
    ...(typeof httpStatusCode === 'number' ? { httpStatusCode } : {}),
    ...(typeof requestId === 'string' ? { requestId } : {}),
  };
  return {
    ...kindOf(error),
    message: typeof record['message'] === 'string' ? record['message'] : '',
    properties: { ...Object.fromEntries(texts), $metadata: metadata },
  };
}

export function unpackError({ kind, message, properties, inner }: PackedError): Error {
  const errors = inner.map(unpackError);
  switch (kind) {
    case 'credentials':
      return new CredentialsUnavailable(errors[0]);
    case 'aggregate':
      return Object.assign(new AggregateError(errors, message), properties);
    case 'other':
      return Object.assign(new Error(message), properties);
  }
}

function kindOf(error: unknown): Pick<PackedError, 'kind' | 'inner'> {
  if (error instanceof CredentialsUnavailable)
    return { kind: 'credentials', inner: [packError(error.cause)] };
  if (error instanceof AggregateError) return { kind: 'aggregate', inner: error.errors.map(packError) };
  return { kind: 'other', inner: [] };
}
