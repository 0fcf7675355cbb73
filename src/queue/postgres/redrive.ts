import type { AcceptItem, RedriveOutcome, RedriveRequest } from '../message-store.ts';
import { dedupKeyOf, sentAtOf } from '../acceptance.ts';
import type { Acceptance } from '../acceptance.ts';
import { acceptItems, enterLanes, ignoreUnit, leaveLanes, openLanes } from './accept.ts';
import type { Row } from './statement.ts';
import type { Transaction } from './transaction.ts';

export async function redrive(db: Transaction, request: RedriveRequest): Promise<RedriveOutcome> {
  const { id, now, holdMs, items, ignored = [] } = request;
  const letter = await db.get<Pick<Acceptance, 'snsMessageId' | 'snsTimestamp' | 'direction'>>(
    `SELECT sns_message_id AS "snsMessageId", sns_at AS "snsTimestamp", direction FROM messages
     WHERE id = :id AND state = 'dead' FOR UPDATE`,
    { id },
  );
  if (!letter) return 'unchanged';
  const acceptance = { ...letter, acceptedAt: now, holdMs };
  const [first, ...others] = items;
  if (!first) {
    await remove(db, id);
    const [itself = 'no_messages', ...units] = ignored;
    db.book(now, 'ignored', itself);
    for (const reason of units) ignoreUnit(db, acceptance, reason);
    return 'ignored';
  }
  const nextIndex = await readNextIndex(db, letter.snsMessageId);
  const outcome = await putBack(db, id, acceptance, first);
  await acceptItems(
    db,
    acceptance,
    others.map((item, offset) => withIndex(item, nextIndex + offset)),
  );
  for (const reason of ignored) ignoreUnit(db, acceptance, reason);
  return outcome;
}

function withIndex(item: AcceptItem, index: number): AcceptItem {
  return { ...item, index };
}

/** Behind all that its notification has here: the place of another part would make a duplicate of a new one. */
async function readNextIndex(db: Transaction, snsMessageId: string): Promise<number> {
  const { nextIndex } = await db.one<{ nextIndex: number }>(
    'SELECT max(item_index) + 1 AS "nextIndex" FROM messages WHERE sns_message_id = :snsMessageId',
    { snsMessageId },
  );
  return nextIndex;
}

/** What the letter is understood as now, in its place; it keeps its id, and its lane if it has one. */
async function putBack(
  db: Transaction,
  id: number,
  letter: Acceptance,
  item: AcceptItem,
): Promise<RedriveOutcome> {
  const [lane] = (await openLanes(db, letter, [item])).values();
  const { set, values } = renewal(item, letter);
  const changed = await db.run(
    `UPDATE messages SET ${set}, lane_id = coalesce(:laneId, lane_id), channel = :channel, dedup_key = :dedupKey,
       sent_at = :sentAt, message = :message, raw = :raw, customer_address = :customer, business_address = :business
     WHERE id = :id AND NOT EXISTS
       (SELECT 1 FROM messages AS other WHERE other.dedup_key = :dedupKey AND other.id <> :id)`,
    {
      id,
      laneId: lane?.id ?? null,
      channel: item.message?.channel ?? null,
      dedupKey: dedupKeyOf(item, letter),
      sentAt: sentAtOf(item, letter),
      message: item.message ? JSON.stringify(item.message) : null,
      raw: JSON.stringify(item.raw),
      customer: item.message?.customerAddress ?? null,
      business: item.message?.businessAddress ?? null,
      ...values,
    },
  );
  if (changed === 0) {
    // Understood at last, it turns out to be a message that is here already.
    await remove(db, id);
    if (lane) await leaveLanes(db, [lane]);
    db.book(letter.acceptedAt, 'duplicate', item.message?.channel ?? 'unknown');
    return 'duplicate';
  }
  if (item.kind === 'dead' || !lane) return 'dead';
  await enterLanes(db, letter.acceptedAt, new Map([[lane.id, item.placement]]));
  return 'accepted';
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

async function remove(db: Transaction, id: number): Promise<void> {
  await db.run('DELETE FROM messages WHERE id = :id', { id });
}
