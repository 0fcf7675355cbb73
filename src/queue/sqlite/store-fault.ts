import { BridgeError } from '../../errors.ts';
import type { StoreFault } from './protocol.ts';

export function packFault(error: unknown): StoreFault {
  const sentence = error instanceof Error ? error.message : String(error);
  return error instanceof BridgeError
    ? { code: error.code, sentence: error.detail ?? '' }
    : { code: 'STORE_UNAVAILABLE', sentence };
}

export function unpackFault({ code, sentence }: StoreFault): BridgeError {
  return new BridgeError(code, sentence ? { detail: sentence } : {});
}
