import type {
  AcceptItem,
  Erasure,
  MessageDetail,
  MessageFilter,
  MessagePage,
  MessageState,
  MessageSummary,
  RedriveOutcome,
  RedriveRequest,
  StoredMessage,
} from '../message-store.ts';
import { dedupKeyOf, sentAtOf } from '../acceptance.ts';
import type { Acceptance } from '../acceptance.ts';
import { acceptItem, enterLane, ignoreUnit, leaveLane, openLane } from './accept.ts';
import { parseParts } from '../parts.ts';
import { eraseAttemptErrors, readAttempts } from './attempts.ts';
import { book, IS_KEPT } from './books.ts';
import { eraseChats } from './chats.ts';
import type { Database, Row } from './database.ts';

/** Texts are long: what only lists messages leaves them on the disk. */
const SUMMARY = `messages.id, state, reason, messages.direction, messages.channel, sns_message_id AS snsMessageId,
  coalesce(customer_address, message ->> '$.customerAddress') AS customerAddress,
  coalesce(business_address, message ->> '$.businessAddress') AS businessAddress,
  destination, sent_at AS sentAt, accepted_at AS acceptedAt, ended_at AS endedAt, attempts, contact_id AS contactId,
  parts_delivered AS partsDelivered,
  CASE WHEN state = 'pending' THEN messages.due_at END AS dueAt`;
const WITH_LANES = 'messages LEFT JOIN lanes ON lanes.id = lane_id';

/** Absent values are null here, and undefined outside. */
type SummaryRow = Row & { readonly id: number };

export function listMessages(db: Database, filter: MessageFilter, page: MessagePage): MessageSummary[] {
  const { where, values } = whereOf(filter);
  const rows = db.all<SummaryRow>(
    `SELECT ${SUMMARY} FROM ${WITH_LANES} WHERE ${where} AND messages.id < :beforeId
     ORDER BY messages.id DESC LIMIT :limit`,
    { ...values, beforeId: page.beforeId ?? Number.MAX_SAFE_INTEGER, limit: page.limit },
  );
  return rows.map(toSummary);
}

export function countMessages(db: Database, filter: MessageFilter): number {
  const { where, values } = whereOf(filter);
  return db.one<{ count: number }>(`SELECT count(*) AS count FROM messages WHERE ${where}`, values).count;
}

export function readMessage(db: Database, id: number): MessageDetail | undefined {
  const row = db.get<SummaryRow>(
    `SELECT ${SUMMARY}, last_error AS lastError, parts, message, raw FROM ${WITH_LANES} WHERE messages.id = :id`,
    { id },
  );
  if (!row) return undefined;
  const { lastError, parts, message, raw, ...summary } = row;
  return {
    ...toSummary(summary),
    lastError: typeof lastError === 'string' ? lastError : undefined,
    recordedAttempts: readAttempts(db, id),
    partCount: parseParts(parts)?.length,
    message: typeof message === 'string' ? (JSON.parse(message) as StoredMessage) : undefined,
    raw: typeof raw === 'string' ? raw : undefined,
  };
}

/** With the partial index's own condition: SQLite does not see that one state implies it. */
const STATE_IS = {
  pending: `${IS_KEPT} AND state = 'pending'`,
  sending: `${IS_KEPT} AND state = 'sending'`,
  dead: `${IS_KEPT} AND state = 'dead'`,
  delivered: `state = 'delivered'`,
  discarded: `state = 'discarded'`,
} as const satisfies Record<MessageState, string>;

/** Ids go in as one JSON array, so that there is one statement however many they are. */
function whereOf({ ids, state, reason, since }: MessageFilter): { where: string; values: Row } {
  const conditions = [
    ids && 'messages.id IN (SELECT value FROM json_each(:ids))',
    state && STATE_IS[state],
    reason && 'reason = :reason',
    since !== undefined && 'accepted_at >= :since',
  ].filter((condition) => typeof condition === 'string');
  const given = { ids: ids && JSON.stringify(ids), reason, since };
  const values = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Row;
  return { where: conditions.join(' AND ') || 'true', values };
}

function toSummary(row: Row): MessageSummary {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, value ?? undefined]),
  ) as unknown as MessageSummary;
}

export function redrive(db: Database, request: RedriveRequest): RedriveOutcome {
  const { id, now, holdMs, items, ignored = [] } = request;
  const letter = db.get<Pick<Acceptance, 'snsMessageId' | 'snsTimestamp' | 'direction'>>(
    `SELECT sns_message_id AS snsMessageId, sns_at AS snsTimestamp, direction FROM messages
     WHERE id = :id AND state = 'dead'`,
    { id },
  );
  if (!letter) return 'unchanged';
  const acceptance = { ...letter, acceptedAt: now, holdMs };
  const [first, ...others] = items;
  if (!first) {
    remove(db, id);
    const [itself = 'no_messages', ...units] = ignored;
    book(db, now, 'ignored', itself);
    for (const reason of units) ignoreUnit(db, acceptance, reason);
    return 'ignored';
  }
  const nextIndex = readNextIndex(db, letter.snsMessageId);
  const outcome = putBack(db, id, acceptance, first);
  for (const [offset, item] of others.entries()) {
    acceptItem(db, acceptance, { ...item, index: nextIndex + offset });
  }
  for (const reason of ignored) ignoreUnit(db, acceptance, reason);
  return outcome;
}

/** Behind all that its notification has here: the place of another part would make a duplicate of a new one. */
function readNextIndex(db: Database, snsMessageId: string): number {
  return db.one<{ nextIndex: number }>(
    'SELECT max(item_index) + 1 AS nextIndex FROM messages WHERE sns_message_id = :snsMessageId',
    { snsMessageId },
  ).nextIndex;
}

/** What the letter is understood as now, in its place; it keeps its id, and its lane if it has one. */
function putBack(db: Database, id: number, letter: Acceptance, item: AcceptItem): RedriveOutcome {
  const lane = item.kind === 'message' ? openLane(db, letter, item) : undefined;
  const { set, values } = renewal(item, letter);
  const changed = db.run(
    `UPDATE OR IGNORE messages SET ${set}, lane_id = :laneId, channel = :channel, dedup_key = :dedupKey,
       sent_at = :sentAt, message = :message, raw = :raw
     WHERE id = :id`,
    {
      id,
      laneId: lane?.id ?? readLaneId(db, id) ?? null,
      channel: item.message?.channel ?? null,
      dedupKey: dedupKeyOf(item, letter),
      sentAt: sentAtOf(item, letter),
      message: item.message ? JSON.stringify(item.message) : null,
      raw: item.raw,
      ...values,
    },
  );
  if (changed === 0) {
    // Understood at last, it turns out to be a message that is here already.
    remove(db, id);
    if (lane) leaveLane(db, lane);
    book(db, letter.acceptedAt, 'duplicate', item.message?.channel ?? 'unknown');
    return 'duplicate';
  }
  if (item.kind === 'dead' || !lane) return 'dead';
  enterLane(db, letter.acceptedAt, lane, item.placement);
  return 'accepted';
}

function readLaneId(db: Database, id: number): number | undefined {
  const { laneId } = db.one<{ laneId: number | null }>(
    'SELECT lane_id AS laneId FROM messages WHERE id = :id',
    {
      id,
    },
  );
  return laneId ?? undefined;
}

/**
 * A message begins anew, or where Connect has parts of it with the next one. A letter that stays dead keeps its age, or
 * it would never be old enough to go.
 */
function renewal(item: AcceptItem, { acceptedAt, holdMs }: Acceptance): { set: string; values: Row } {
  if (item.kind === 'dead') {
    return {
      set: 'reason = :reason, last_error = :detail',
      values: { reason: item.reason, detail: item.detail },
    };
  }
  return {
    set: `state = 'pending', accepted_at = :acceptedAt, due_at = :dueAt, attempts = 0, unclear_attempts = 0,
      begun = parts_delivered > 0, parts = CASE WHEN parts_delivered > 0 THEN parts END,
      first_failed_at = NULL, probe_refusals = 0, paused_ms = 0, reason = NULL, last_error = NULL, ended_at = NULL`,
    values: { acceptedAt, dueAt: acceptedAt + holdMs },
  };
}

function remove(db: Database, id: number): void {
  db.run('DELETE FROM messages WHERE id = :id', { id });
}

export function discard(db: Database, ids: readonly number[], now: number): number {
  const letters = db.all<{ id: number }>(
    `SELECT id FROM messages WHERE state = 'dead' AND id IN (SELECT value FROM json_each(:ids))`,
    { ids: JSON.stringify(ids) },
  );
  for (const { id } of letters) eraseMessage(db, id, 'discarded', now);
  if (letters.length > 0) book(db, now, 'discarded', 'discarded', letters.length);
  return letters.length;
}

export function eraseCustomer(db: Database, customerAddress: string, now: number): Erasure {
  const lanes = db.all<{ id: number; isBusy: number }>(
    `SELECT id, lease_token IS NOT NULL AND due_at > :now AS isBusy FROM lanes
     WHERE customer_address = :customerAddress`,
    { customerAddress, now },
  );
  if (lanes.some(({ isBusy }) => isBusy)) return { isBusy: true, erased: {} };
  const laneIds = JSON.stringify(lanes.map(({ id }) => id));
  const rows = [
    ...db.all<{ id: number; state: MessageState }>(
      `SELECT id, state FROM messages WHERE lane_id IN (SELECT value FROM json_each(:laneIds))
       UNION
       SELECT id, state FROM messages WHERE ${IS_KEPT} AND message ->> '$.customerAddress' = :customerAddress`,
      { laneIds, customerAddress },
    ),
    ...listHolding(db, customerAddress),
  ];
  const erased: Partial<Record<MessageState, number>> = {};
  for (const { id, state } of rows) {
    const isEnded = state === 'delivered' || state === 'discarded';
    eraseMessage(db, id, isEnded ? state : 'discarded', now);
    if (!isEnded) book(db, now, 'discarded', 'erased');
    erased[state] = (erased[state] ?? 0) + 1;
  }
  eraseChats(db, laneIds);
  for (const { id } of lanes) db.run('DELETE FROM lanes WHERE id = :id', { id });
  return { isBusy: false, erased };
}

/** Dead letters that were never understood, and hold the number. WhatsApp writes it without +, EUM with it. */
function listHolding(db: Database, customerAddress: string): { id: number; state: MessageState }[] {
  const digits = customerAddress.replace(/^\+/, '');
  const isDigit = /\d/;
  return db
    .all<{ id: number; raw: string }>(
      `SELECT id, raw FROM messages WHERE ${IS_KEPT} AND state = 'dead' AND message IS NULL
         AND instr(raw, :digits) > 0`,
      { digits },
    )
    .filter(({ raw }) =>
      // Not within a longer number.
      raw.split(digits).some((before, index, parts) => {
        const after = parts[index + 1];
        return after !== undefined && !isDigit.test(before.slice(-1)) && !isDigit.test(after.slice(0, 1));
      }),
    )
    .map(({ id }) => ({ id, state: 'dead' }));
}

/** Leaves hashes, ids of our own and SNS's, and times: nothing that leads to the customer, not even Connect's chat. */
function eraseMessage(db: Database, id: number, state: MessageState, now: number): void {
  db.run(
    `UPDATE messages SET state = :state, message = NULL, raw = NULL, parts = NULL, last_error = NULL, reason = NULL,
       lane_id = NULL, contact_id = NULL, new_chat_created = NULL, ended_at = coalesce(ended_at, :now)
     WHERE id = :id`,
    { id, state, now },
  );
  eraseAttemptErrors(db, id);
}
