import type { InboundMessage } from '../../normalize/inbound-message.ts';
import { makeDedupKey } from '../dedup-key.ts';
import type { AcceptedItem, AcceptItem, AcceptRequest, Placement } from '../message-store.ts';
import { book } from './books.ts';
import type { Database, Row } from './database.ts';
import { setLaneDue } from './lane.ts';

/** Every notification that this store takes in today comes from a customer. */
const DIRECTION = 'inbound';

export function accept(db: Database, request: AcceptRequest): readonly AcceptedItem[] {
  if (request.items.length === 0) {
    book(db, request.acceptedAt, 'received', 'unknown');
    book(db, request.acceptedAt, 'ignored', request.ignoredReason ?? 'no_messages');
    return [];
  }
  return request.items.map((item) => acceptItem(db, request, item));
}

function acceptItem(db: Database, request: AcceptRequest, item: AcceptItem): AcceptedItem {
  const channel = item.message?.channel ?? 'unknown';
  book(db, request.acceptedAt, 'received', channel);
  const lane = item.kind === 'message' ? openLane(db, request, item.message, item.placement) : undefined;
  const id = insertMessage(db, request, item, lane?.id);
  if (id === undefined) {
    book(db, request.acceptedAt, 'duplicate', channel);
    return { id: findOriginal(db, request, item), outcome: 'duplicate', arrivedLate: false };
  }
  if (!lane) return { id, outcome: 'dead', arrivedLate: false };
  const arrivedLate = isBefore(sentAtOf(item, request), request.snsTimestamp, lane);
  if (arrivedLate) book(db, request.acceptedAt, 'arrived_late', channel);
  setLaneDue(db, lane.id);
  return { id, outcome: 'accepted', arrivedLate };
}

interface OpenLane {
  readonly id: number;
  readonly goneSentAt: number;
  readonly goneSnsAt: number;
}

function openLane(
  db: Database,
  request: AcceptRequest,
  message: InboundMessage,
  placement: Placement,
): OpenLane {
  return db.one<OpenLane>(
    `INSERT INTO lanes (direction, channel, customer_address, business_address, destination, pace_key, last_accepted_at)
     VALUES (:direction, :channel, :customerAddress, :businessAddress, :destination, :paceKey, :acceptedAt)
     ON CONFLICT DO UPDATE SET destination = excluded.destination, pace_key = excluded.pace_key,
       last_accepted_at = excluded.last_accepted_at
     RETURNING id, gone_sent_at AS goneSentAt, gone_sns_at AS goneSnsAt`,
    {
      direction: DIRECTION,
      channel: message.channel,
      customerAddress: message.customerAddress,
      businessAddress: message.businessAddress,
      destination: placement.destination,
      paceKey: placement.paceKey,
      acceptedAt: request.acceptedAt,
    },
  );
}

function insertMessage(
  db: Database,
  request: AcceptRequest,
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
      direction: DIRECTION,
      channel: item.message?.channel ?? null,
      dedupKey: dedupKeyOf(item),
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

function findOriginal(db: Database, request: AcceptRequest, item: AcceptItem): number {
  const { id } = db.one<{ id: number }>(
    `SELECT id FROM messages WHERE sns_message_id = :snsMessageId AND item_index = :index
     UNION ALL
     SELECT id FROM messages WHERE dedup_key = :dedupKey
     LIMIT 1`,
    {
      snsMessageId: request.snsMessageId,
      index: item.index,
      dedupKey: dedupKeyOf(item),
    },
  );
  return id;
}

function dedupKeyOf({ message }: AcceptItem): string | null {
  return message?.externalId ? makeDedupKey(DIRECTION, message.channel, message.externalId) : null;
}

function sentAtOf(item: AcceptItem, request: AcceptRequest): number {
  return item.message?.sentAt ?? request.snsTimestamp;
}

function isBefore(sentAt: number, snsAt: number, lane: OpenLane): boolean {
  return sentAt < lane.goneSentAt || (sentAt === lane.goneSentAt && snsAt < lane.goneSnsAt);
}
