import type { Outcome } from './message-store.ts';

/** Whether Connect may show the message twice after it. One that goes into another chat is no repetition of its request. */
export function isPossibleDuplicate(outcome: Outcome, isIdempotent: boolean): boolean {
  if (!('isAmbiguous' in outcome) || !outcome.isAmbiguous) return false;
  return outcome.verdict === 'returned' || !isIdempotent;
}
