import { createHash } from 'node:crypto';
import type { Channel, Direction } from '../normalize/channel.ts';

/**
 * What tells that a message is one already known: a hash of direction, channel and external id. Stores keep this and
 * not the id, because it outlives the message by RETENTION_DAYS, and a `wamid…` holds the customer's number in base64.
 */
export function makeDedupKey(direction: Direction, channel: Channel, externalId: string): string {
  return createHash('sha256')
    .update(JSON.stringify([direction, channel, externalId]))
    .digest('base64url');
}
