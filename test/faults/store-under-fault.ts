import type { MessageStore } from '../../src/queue/message-store.ts';
import type { StoreFaultKind } from './script.ts';

/** A store that can be made to fail. */
export interface StoreUnderFault extends AsyncDisposable {
  readonly url: string;
  /** Resolves once it has come back, `forMs` later. */
  fail(kind: StoreFaultKind, forMs: number): Promise<void>;
  /** For looking at it when the run is over. */
  open(): Promise<MessageStore>;
  countLeasedLanes(): Promise<number>;
}
