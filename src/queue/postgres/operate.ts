import type {
  MessageDetail,
  MessageFilter,
  MessagePage,
  MessageState,
  MessageSummary,
  StoredMessage,
} from '../message-store.ts';
import { parseParts } from '../parts.ts';
import { readAttempts } from './attempts.ts';
import type { Row } from './statement.ts';
import type { Transaction } from './transaction.ts';

/** Texts are long: what only lists messages leaves them on the disk. */
const SUMMARY = `messages.id, state, reason, messages.direction, messages.channel, sns_message_id AS "snsMessageId",
  coalesce(lanes.customer_address, messages.customer_address) AS "customerAddress",
  coalesce(lanes.business_address, messages.business_address) AS "businessAddress",
  destination, sent_at AS "sentAt", accepted_at AS "acceptedAt", ended_at AS "endedAt", attempts,
  contact_id AS "contactId", parts_delivered AS "partsDelivered",
  CASE WHEN state = 'pending' THEN messages.due_at END AS "dueAt"`;
const WITH_LANES = 'messages LEFT JOIN lanes ON lanes.id = lane_id';

/** Absent values are null here, and undefined outside. */
type SummaryRow = Readonly<Record<string, unknown>>;

export async function listMessages(
  db: Transaction,
  filter: MessageFilter,
  page: MessagePage,
): Promise<MessageSummary[]> {
  const { where, values } = whereOf(filter);
  const rows = await db.all<SummaryRow>(
    `SELECT ${SUMMARY} FROM ${WITH_LANES} WHERE ${where} AND messages.id < :beforeId
     ORDER BY messages.id DESC LIMIT :limit`,
    { ...values, beforeId: page.beforeId ?? Number.MAX_SAFE_INTEGER, limit: page.limit },
  );
  return rows.map(toSummary);
}

export async function countMessages(db: Transaction, filter: MessageFilter): Promise<number> {
  const { where, values } = whereOf(filter);
  const { count } = await db.one<{ count: number }>(
    `SELECT count(*) AS count FROM messages WHERE ${where}`,
    values,
  );
  return count;
}

export async function readMessage(db: Transaction, id: number): Promise<MessageDetail | undefined> {
  const row = await db.get<SummaryRow>(
    `SELECT ${SUMMARY}, last_error AS "lastError", parts, message, raw FROM ${WITH_LANES} WHERE messages.id = :id`,
    { id },
  );
  if (!row) return undefined;
  const { lastError, parts, message, raw, ...summary } = row;
  return {
    ...toSummary(summary),
    lastError: typeof lastError === 'string' ? lastError : undefined,
    recordedAttempts: await readAttempts(db, id),
    partCount: parseParts(parts)?.length,
    message: typeof message === 'string' ? (JSON.parse(message) as StoredMessage) : undefined,
    raw: typeof raw === 'string' ? (JSON.parse(raw) as string) : undefined,
  };
}

/** Literals, since an index of some states is taken only for what can be seen to be one of them. */
const STATE_IS = {
  pending: `state = 'pending'`,
  sending: `state = 'sending'`,
  delivered: `state = 'delivered'`,
  dead: `state = 'dead'`,
  discarded: `state = 'discarded'`,
} as const satisfies Record<MessageState, string>;

function whereOf({ ids, state, reason, since }: MessageFilter): { where: string; values: Row } {
  const conditions = [
    ids && 'messages.id = ANY (:ids::bigint[])',
    state && STATE_IS[state],
    reason && 'reason = :reason',
    since !== undefined && 'accepted_at >= :since',
  ].filter((condition) => typeof condition === 'string');
  const given = { ids, reason, since };
  const values = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Row;
  return { where: conditions.join(' AND ') || 'true', values };
}

function toSummary(row: SummaryRow): MessageSummary {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, value ?? undefined]),
  ) as unknown as MessageSummary;
}
