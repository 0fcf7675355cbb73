/** What every store makes of an accepted item. */
import { makeDedupKey } from './dedup-key.ts';
import type { Direction } from '../normalize/channel.ts';
import type { IgnoredReason } from '../normalize/inbound-message.ts';
import type { AcceptItem, AcceptRequest } from './message-store.ts';

/** What of a notification all its parts share. */
export type Acceptance = Pick<
  AcceptRequest,
  'snsMessageId' | 'snsTimestamp' | 'acceptedAt' | 'holdMs' | 'direction'
>;

export function directionOf({ direction = 'inbound' }: Pick<Acceptance, 'direction'>): Direction {
  return direction;
}

/** What the books count of a notification that is not among its items: it is one itself where it yields nothing else. */
export function ignoredUnitsOf({
  items,
  ignored = [],
}: Pick<AcceptRequest, 'items' | 'ignored'>): readonly IgnoredReason[] {
  return items.length === 0 && ignored.length === 0 ? ['no_messages'] : ignored;
}

/** Null: a dead letter that no external id is known of. */
export function dedupKeyOf(
  { message }: AcceptItem,
  acceptance: Pick<Acceptance, 'direction'>,
): string | null {
  return message?.externalId
    ? makeDedupKey(directionOf(acceptance), message.channel, message.externalId)
    : null;
}

/** Epoch milliseconds; of what was not understood, SNS's. */
export function sentAtOf(
  { message }: AcceptItem,
  { snsTimestamp }: Pick<Acceptance, 'snsTimestamp'>,
): number {
  return message?.sentAt ?? snsTimestamp;
}
