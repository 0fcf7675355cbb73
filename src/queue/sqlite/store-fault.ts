import { BridgeError } from '../../errors.ts';
import type { StoreFault } from './protocol.ts';

/** What a store's caller gets to see of whatever went wrong. */
export function toBridgeError(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new BridgeError('STORE_UNAVAILABLE', { detail, cause: error });
}

/** Structured cloning keeps neither an error's class nor its code. */
export function packFault(error: unknown): StoreFault {
  const { code, detail = '' } = toBridgeError(error);
  return { code, sentence: detail };
}

export function unpackFault({ code, sentence }: StoreFault): BridgeError {
  return new BridgeError(code, sentence ? { detail: sentence } : {});
}
