import type { Erasure, MessageState } from '../message-store.ts';
import { eraseAttemptErrors } from './attempts.ts';
import { eraseChats } from './chats.ts';
import type { Transaction } from './transaction.ts';

export async function discard(db: Transaction, ids: readonly number[], now: number): Promise<number> {
  const letters = await db.all<{ id: number }>(
    `SELECT id FROM messages WHERE state = 'dead' AND id = ANY (:ids::bigint[]) ORDER BY id FOR UPDATE`,
    { ids },
  );
  await eraseMessages(
    db,
    letters.map(({ id }) => id),
    now,
  );
  if (letters.length > 0) db.book(now, 'discarded', 'discarded', letters.length);
  return letters.length;
}

export async function eraseCustomer(db: Transaction, customerAddress: string, now: number): Promise<Erasure> {
  const lanes = await db.all<{ id: number; isBusy: boolean }>(
    `SELECT id, lease_token IS NOT NULL AND due_at > :now AS "isBusy" FROM lanes
     WHERE customer_address = :customerAddress ORDER BY direction, channel, customer_address, business_address FOR UPDATE`,
    { customerAddress, now },
  );
  if (lanes.some(({ isBusy }) => isBusy)) return { isBusy: true, erased: {} };
  const laneIds = lanes.map(({ id }) => id);
  const rows = [
    ...(await db.all<{ id: number; state: MessageState }>(
      `SELECT id, state FROM messages WHERE lane_id = ANY (:laneIds::bigint[]) OR customer_address = :customerAddress
       ORDER BY id FOR UPDATE`,
      { laneIds, customerAddress },
    )),
    ...(await listHolding(db, customerAddress)),
  ];
  await eraseMessages(
    db,
    rows.map(({ id }) => id),
    now,
  );
  const erased: Partial<Record<MessageState, number>> = {};
  for (const { state } of rows) erased[state] = (erased[state] ?? 0) + 1;
  const { delivered: _delivered, discarded: _discarded, ...unended } = erased;
  const count = Object.values(unended).reduce((sum, of) => sum + of, 0);
  if (count > 0) db.book(now, 'discarded', 'erased', count);
  await eraseChats(db, laneIds);
  await db.run('DELETE FROM lanes WHERE id = ANY (:laneIds::bigint[])', { laneIds });
  return { isBusy: false, erased };
}

/** Dead letters that were never understood, and hold the number. WhatsApp writes it without +, EUM with it. */
async function listHolding(
  db: Transaction,
  customerAddress: string,
): Promise<{ id: number; state: MessageState }[]> {
  const digits = customerAddress.replace(/^\+/, '');
  const isDigit = /\d/;
  const rows = await db.all<{ id: number; raw: string }>(
    `SELECT id, raw FROM messages WHERE state = 'dead' AND message IS NULL AND strpos(raw, :digits) > 0
     ORDER BY id FOR UPDATE`,
    { digits },
  );
  return rows
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
async function eraseMessages(db: Transaction, ids: readonly number[], now: number): Promise<void> {
  if (ids.length === 0) return;
  await db.run(
    `UPDATE messages SET state = CASE WHEN state = 'delivered' THEN state ELSE 'discarded' END, message = NULL, raw = NULL,
       parts = NULL, customer_address = NULL, business_address = NULL, last_error = NULL, reason = NULL, lane_id = NULL,
       contact_id = NULL, new_chat_created = NULL, ended_at = coalesce(ended_at, :now)
     WHERE id = ANY (:ids::bigint[])`,
    { ids, now },
  );
  await eraseAttemptErrors(db, ids);
}
