import type { IgnoredReason } from '../../normalize/inbound-message.ts';
import { dedupKeyOf, directionOf, ignoredUnitsOf, sentAtOf } from '../acceptance.ts';
import type { Acceptance } from '../acceptance.ts';
import type { AcceptedItem, AcceptItem, AcceptRequest, Placement } from '../message-store.ts';
import { book } from './books.ts';
import { endChat } from './chats.ts';
import type { Database, Row } from './database.ts';
import { IS_UNFINISHED, moveLane, noteEntry, placementRow } from './lane.ts';
import type { PlacedLane } from './lane.ts';

export function accept(db: Database, request: AcceptRequest): readonly AcceptedItem[] {
  for (const contactId of request.endedContacts ?? []) endChat(db, request.acceptedAt, contactId);
  for (const reason of ignoredUnitsOf(request)) ignoreUnit(db, request, reason);
  return request.items.map((item) => acceptItem(db, request, item));
}

export function ignoreUnit(db: Database, { acceptedAt }: Acceptance, reason: IgnoredReason): void {
  book(db, acceptedAt, 'received', 'unknown');
  book(db, acceptedAt, 'ignored', reason);
}

export function acceptItem(db: Database, request: Acceptance, item: AcceptItem): AcceptedItem {
  const channel = item.message?.channel ?? 'unknown';
  book(db, request.acceptedAt, 'received', channel);
  const lane = item.kind === 'message' ? openLane(db, request, item) : undefined;
  const id = insertMessage(db, request, item, lane?.id);
  if (id === undefined) {
    if (lane) leaveLane(db, lane);
    book(db, request.acceptedAt, 'duplicate', channel);
    return { id: findOriginal(db, request, item), outcome: 'duplicate', arrivedLate: false };
  }
  if (item.kind === 'dead' || !lane) return { id, outcome: 'dead', arrivedLate: false };
  const arrivedLate = lane.isOvertaken;
  if (arrivedLate) book(db, request.acceptedAt, 'arrived_late', channel);
  enterLane(db, request.acceptedAt, lane, item.placement);
  return { id, outcome: 'accepted', arrivedLate };
}

export interface OpenLane extends PlacedLane {
  /** Made just now. */
  readonly isNew: boolean;
  /** A message of it that was sent later than the one that enters has gone, or is being tried. */
  readonly isOvertaken: boolean;
}

/** The conversation's lane, made if need be. Whether a message enters it or not is known only afterwards. */
export function openLane(
  db: Database,
  request: Acceptance,
  item: Extract<AcceptItem, { kind: 'message' }>,
): OpenLane {
  const { message, placement } = item;
  const key = {
    direction: directionOf(request),
    channel: message.channel,
    customerAddress: message.customerAddress,
    businessAddress: message.businessAddress,
  };
  const lane = db.get<PlacedLane & { readonly isOvertaken: number }>(
    `SELECT id, destination, pace_key AS paceKey,
       (:sentAt, :snsAt) < (gone_sent_at, gone_sns_at) OR EXISTS
         (SELECT 1 FROM messages WHERE lane_id = lanes.id AND ${IS_UNFINISHED} AND begun = 1
            AND (:sentAt, :snsAt) < (sent_at, sns_at)) AS isOvertaken
     FROM lanes WHERE direction = :direction AND channel = :channel
       AND customer_address = :customerAddress AND business_address = :businessAddress`,
    { ...key, sentAt: sentAtOf(item, request), snsAt: request.snsTimestamp },
  );
  if (lane) return { ...lane, isOvertaken: lane.isOvertaken === 1, isNew: false };
  const made = db.one<PlacedLane>(
    `INSERT INTO lanes (direction, channel, customer_address, business_address, destination, pace_key,
       is_idempotent, last_accepted_at)
     VALUES (:direction, :channel, :customerAddress, :businessAddress, :destination, :paceKey,
       :isIdempotent, :acceptedAt)
     RETURNING id, destination, pace_key AS paceKey`,
    { ...key, ...placementRow(placement), acceptedAt: request.acceptedAt },
  );
  return { ...made, isNew: true, isOvertaken: false };
}

/** The lane goes where its newest message goes, and is due from the head that it has now. */
export function enterLane(db: Database, acceptedAt: number, lane: OpenLane, placement: Placement): void {
  moveLane(db, acceptedAt, lane, placement);
  noteEntry(db, lane.id, acceptedAt);
}

/** A duplicate changes nothing: it must not bring back the address of somebody who has been erased, either. */
export function leaveLane(db: Database, { id, isNew }: OpenLane): void {
  if (isNew) db.run('DELETE FROM lanes WHERE id = :id', { id });
}

function insertMessage(
  db: Database,
  request: Acceptance,
  item: AcceptItem,
  laneId: number | undefined,
): number | undefined {
  const death: Row =
    item.kind === 'dead'
      ? { state: 'dead', reason: item.reason, lastError: item.detail, endedAt: request.acceptedAt }
      : { state: 'pending', reason: null, lastError: null, endedAt: null };
  const row = db.get<{ id: number }>(
    `INSERT INTO messages (lane_id, sns_message_id, item_index, direction, channel, dedup_key, sent_at, sns_at,
       accepted_at, state, due_at, message, raw, reason, last_error, ended_at)
     VALUES (:laneId, :snsMessageId, :index, :direction, :channel, :dedupKey, :sentAt, :snsAt,
       :acceptedAt, :state, :dueAt, :message, :raw, :reason, :lastError, :endedAt)
     ON CONFLICT DO NOTHING RETURNING id`,
    {
      laneId: laneId ?? null,
      snsMessageId: request.snsMessageId,
      index: item.index,
      direction: directionOf(request),
      channel: item.message?.channel ?? null,
      dedupKey: dedupKeyOf(item, request),
      sentAt: sentAtOf(item, request),
      snsAt: request.snsTimestamp,
      acceptedAt: request.acceptedAt,
      dueAt: request.acceptedAt + request.holdMs,
      message: item.message ? JSON.stringify(item.message) : null,
      raw: item.raw,
      ...death,
    },
  );
  return row?.id;
}

function findOriginal(db: Database, request: Acceptance, item: AcceptItem): number {
  const { id } = db.one<{ id: number }>(
    `SELECT id FROM messages WHERE sns_message_id = :snsMessageId AND item_index = :index
     UNION ALL
     SELECT id FROM messages WHERE dedup_key = :dedupKey
     LIMIT 1`,
    {
      snsMessageId: request.snsMessageId,
      index: item.index,
      dedupKey: dedupKeyOf(item, request),
    },
  );
  return id;
}
