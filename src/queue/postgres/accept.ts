import { dedupKeyOf, directionOf, ignoredUnitsOf, sentAtOf } from '../acceptance.ts';
import type { Acceptance } from '../acceptance.ts';
import type { AcceptedItem, AcceptItem, AcceptRequest, Placement, StoredMessage } from '../message-store.ts';
import type { IgnoredReason } from '../../normalize/inbound-message.ts';
import { endChat } from './chats.ts';
import { HEAD_OF_LANE, keepPausedTime } from './lane.ts';
import { storable } from './statement.ts';
import type { Transaction } from './transaction.ts';

export async function accept(db: Transaction, request: AcceptRequest): Promise<readonly AcceptedItem[]> {
  for (const contactId of request.endedContacts ?? []) await endChat(db, request.acceptedAt, contactId);
  for (const reason of ignoredUnitsOf(request)) ignoreUnit(db, request, reason);
  return acceptItems(db, request, request.items);
}

export function ignoreUnit(db: Transaction, { acceptedAt }: Acceptance, reason: IgnoredReason): void {
  db.book(acceptedAt, 'received', 'unknown');
  db.book(acceptedAt, 'ignored', reason);
}

/** Differs because each statement here is a round trip: it does for all items what SQLite does for one. */
export async function acceptItems(
  db: Transaction,
  request: Acceptance,
  items: readonly AcceptItem[],
): Promise<readonly AcceptedItem[]> {
  if (items.length === 0) return [];
  const lanes = await openLanes(db, request, items);
  const laneOf = (item: AcceptItem): number | undefined =>
    item.kind === 'message' ? lanes.get(laneKey(item.message))?.id : undefined;
  const inserted = await insertMessages(db, request, items, laneOf);
  const originals = await findOriginals(
    db,
    request,
    items.filter(({ index }) => !inserted.has(index)),
  );
  const answers = items.map((item): AcceptedItem => {
    const row = inserted.get(item.index);
    if (!row) return { id: idOf(originals, item.index), outcome: 'duplicate', arrivedLate: false };
    if (item.kind === 'dead') return { id: row.id, outcome: 'dead', arrivedLate: false };
    return { id: row.id, outcome: 'accepted', arrivedLate: row.isOvertaken };
  });
  const entered = new Map(
    items.flatMap((item) => {
      const laneId = inserted.has(item.index) ? laneOf(item) : undefined;
      return item.kind === 'message' && laneId !== undefined ? [[laneId, item.placement] as const] : [];
    }),
  );
  await enterLanes(db, request.acceptedAt, entered);
  await leaveLanes(
    db,
    [...lanes.values()].filter(({ id }) => !entered.has(id)),
  );
  for (const [position, { outcome, arrivedLate }] of answers.entries()) {
    const channel = items[position]?.message?.channel ?? 'unknown';
    db.book(request.acceptedAt, 'received', channel);
    if (outcome === 'duplicate') db.book(request.acceptedAt, 'duplicate', channel);
    if (arrivedLate) db.book(request.acceptedAt, 'arrived_late', channel);
  }
  return answers;
}

/**
 * The conversations' lanes, made if need be, and locked in the order of their keys, so that two replicas never wait for
 * each other. Whether a message enters one or not is known only afterwards.
 */
export async function openLanes(
  db: Transaction,
  acceptance: Acceptance,
  items: readonly AcceptItem[],
): Promise<Map<string, OpenLane>> {
  const wanted = new Map(
    items.flatMap((item) => (item.kind === 'message' ? [[laneKey(item.message), item] as const] : [])),
  );
  const openings = [...wanted.values()];
  if (openings.length === 0) return new Map();
  const lanes = await db.all<OpenLane & LaneKey>(
    `INSERT INTO lanes (direction, channel, customer_address, business_address, destination, pace_key,
       is_idempotent, last_accepted_at)
     SELECT :direction, channel, customer_address, business_address, destination, pace_key, is_idempotent,
       :acceptedAt::bigint
     FROM unnest(:channels::text[], :customers::text[], :businesses::text[], :destinations::text[], :paceKeys::text[],
       :areIdempotent::boolean[])
       AS wanted (channel, customer_address, business_address, destination, pace_key, is_idempotent)
     ORDER BY channel COLLATE "C", customer_address COLLATE "C", business_address COLLATE "C"
     ON CONFLICT (direction, channel, customer_address, business_address)
       DO UPDATE SET last_accepted_at = lanes.last_accepted_at
     RETURNING id, xmax = 0 AS "isNew", channel, customer_address AS "customerAddress", business_address AS "businessAddress"`,
    {
      direction: directionOf(acceptance),
      acceptedAt: acceptance.acceptedAt,
      channels: openings.map(({ message }) => message.channel),
      customers: openings.map(({ message }) => message.customerAddress),
      businesses: openings.map(({ message }) => message.businessAddress),
      destinations: openings.map(({ placement }) => placement.destination),
      paceKeys: openings.map(({ placement }) => placement.paceKey),
      areIdempotent: openings.map(({ placement }) => placement.isIdempotent ?? false),
    },
  );
  return new Map(lanes.map((lane) => [laneKey(lane), lane]));
}

export interface OpenLane {
  readonly id: number;
  /** Made just now: no row version was there to be replaced (xmax). */
  readonly isNew: boolean;
}

type LaneKey = Pick<StoredMessage, 'channel' | 'customerAddress' | 'businessAddress'>;

export function laneKey({ channel, customerAddress, businessAddress }: LaneKey): string {
  return JSON.stringify([channel, storable(customerAddress), storable(businessAddress)]);
}

/** Lanes go where their newest message goes, and are due from the head that they have now. */
export async function enterLanes(
  db: Transaction,
  acceptedAt: number,
  placements: ReadonlyMap<number, Placement>,
): Promise<void> {
  if (placements.size === 0) return;
  const placed = [...placements.values()];
  await keepPausedTime(db, acceptedAt, placements);
  await db.run(
    `UPDATE lanes SET destination = placed.destination, pace_key = placed.pace_key,
       is_idempotent = placed.is_idempotent, last_accepted_at = :acceptedAt,
       due_at = CASE WHEN lease_token IS NULL
         THEN (SELECT greatest(messages.due_at, lanes.tried_at) FROM messages ${HEAD_OF_LANE}) ELSE due_at END
     FROM unnest(:laneIds::bigint[], :destinations::text[], :paceKeys::text[], :areIdempotent::boolean[])
       AS placed (id, destination, pace_key, is_idempotent)
     WHERE lanes.id = placed.id`,
    {
      acceptedAt,
      laneIds: [...placements.keys()],
      destinations: placed.map(({ destination }) => destination),
      paceKeys: placed.map(({ paceKey }) => paceKey),
      areIdempotent: placed.map(({ isIdempotent = false }) => isIdempotent),
    },
  );
}

/** A duplicate changes nothing: it must not bring back the address of somebody who has been erased, either. */
export async function leaveLanes(db: Transaction, lanes: readonly OpenLane[]): Promise<void> {
  const laneIds = lanes.filter(({ isNew }) => isNew).map(({ id }) => id);
  if (laneIds.length > 0) await db.run('DELETE FROM lanes WHERE id = ANY (:laneIds::bigint[])', { laneIds });
}

interface InsertedMessage {
  readonly id: number;
  readonly index: number;
  /** A later-sent message of the lane has gone, or is being tried. */
  readonly isOvertaken: boolean;
}

/** What is new, by its index. Waits for whoever inserts the same just now: a duplicate is one of what is committed. */
async function insertMessages(
  db: Transaction,
  request: Acceptance,
  items: readonly AcceptItem[],
  laneOf: (item: AcceptItem) => number | undefined,
): Promise<Map<number, InsertedMessage>> {
  const rows = await db.all<InsertedMessage>(
    `INSERT INTO messages (lane_id, customer_address, business_address, sns_message_id, item_index, direction, channel,
       dedup_key, sent_at, sns_at, accepted_at, state, due_at, message, raw, reason, last_error, ended_at)
     SELECT lane_id, customer_address, business_address, :snsMessageId, item_index, :direction, channel, dedup_key, sent_at,
       :snsAt::bigint, :acceptedAt::bigint, CASE WHEN reason IS NULL THEN 'pending' ELSE 'dead' END, :dueAt::bigint,
       message, raw, reason, last_error, CASE WHEN reason IS NOT NULL THEN :acceptedAt::bigint END
     FROM unnest(:laneIds::bigint[], :customers::text[], :businesses::text[], :indexes::int[], :channels::text[],
       :dedupKeys::text[], :sentAts::bigint[], :messages::text[], :raws::text[], :reasons::text[], :details::text[])
       WITH ORDINALITY AS item (lane_id, customer_address, business_address, item_index, channel, dedup_key, sent_at,
         message, raw, reason, last_error, position)
     ORDER BY position
     ON CONFLICT DO NOTHING
     RETURNING id, item_index AS index, lane_id IS NOT NULL AND (
       EXISTS (SELECT 1 FROM lanes WHERE lanes.id = messages.lane_id
         AND (messages.sent_at, messages.sns_at) < (lanes.gone_sent_at, lanes.gone_sns_at))
       OR EXISTS (SELECT 1 FROM messages AS begun WHERE begun.lane_id = messages.lane_id AND begun.begun
         AND begun.state IN ('pending', 'sending')
         AND (messages.sent_at, messages.sns_at) < (begun.sent_at, begun.sns_at))) AS "isOvertaken"`,
    {
      snsMessageId: request.snsMessageId,
      direction: directionOf(request),
      snsAt: request.snsTimestamp,
      acceptedAt: request.acceptedAt,
      dueAt: request.acceptedAt + request.holdMs,
      laneIds: items.map((item) => laneOf(item) ?? null),
      customers: items.map(({ message }) => message?.customerAddress ?? null),
      businesses: items.map(({ message }) => message?.businessAddress ?? null),
      indexes: items.map(({ index }) => index),
      channels: items.map(({ message }) => message?.channel ?? null),
      dedupKeys: items.map((item) => dedupKeyOf(item, request)),
      sentAts: items.map((item) => sentAtOf(item, request)),
      messages: items.map(({ message }) => (message ? JSON.stringify(message) : null)),
      raws: items.map(({ raw }) => JSON.stringify(raw)),
      reasons: items.map((item) => (item.kind === 'dead' ? item.reason : null)),
      details: items.map((item) => (item.kind === 'dead' ? item.detail : null)),
    },
  );
  return new Map(rows.map((row) => [row.index, row]));
}

/** Ids of the stored messages, by the index of their duplicate. */
async function findOriginals(
  db: Transaction,
  acceptance: Acceptance,
  duplicates: readonly AcceptItem[],
): Promise<Map<number, number>> {
  if (duplicates.length === 0) return new Map();
  const rows = await db.all<{ index: number; id: number }>(
    `SELECT duplicate.item_index AS index, coalesce(
       (SELECT id FROM messages WHERE sns_message_id = :snsMessageId AND messages.item_index = duplicate.item_index),
       (SELECT id FROM messages WHERE messages.dedup_key = duplicate.dedup_key)) AS id
     FROM unnest(:indexes::int[], :dedupKeys::text[]) AS duplicate (item_index, dedup_key)`,
    {
      snsMessageId: acceptance.snsMessageId,
      indexes: duplicates.map(({ index }) => index),
      dedupKeys: duplicates.map((item) => dedupKeyOf(item, acceptance)),
    },
  );
  return new Map(rows.map(({ index, id }) => [index, id]));
}

function idOf(originals: ReadonlyMap<number, number>, index: number): number {
  const id = originals.get(index);
  // It aged out at this very moment; the notification is new when SNS sends it again.
  if (!id) throw new Error('The original of a duplicate is gone.');
  return id;
}
