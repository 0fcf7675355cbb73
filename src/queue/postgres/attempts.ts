import { ATTEMPTS_KEPT } from '../message-store.ts';
import type { Attempt, RecordedAttempt } from '../message-store.ts';
import type { Transaction } from './transaction.ts';

/** Of a lost attempt only the time when that was found is known. */
export async function recordAttempt(
  db: Transaction,
  messageId: number,
  attempt: Attempt,
  error: string | undefined,
): Promise<void> {
  // The DELETE does not see what is added beside it, hence one fewer.
  await db.run(
    `WITH added AS (
       INSERT INTO attempts (message_id, verdict, code, error, request_id, started_at, duration_ms)
       VALUES (:messageId, :verdict, :code, :error, :requestId, :startedAt, :durationMs))
     DELETE FROM attempts WHERE message_id = :messageId AND id <=
       (SELECT id FROM attempts WHERE message_id = :messageId ORDER BY id DESC LIMIT 1 OFFSET ${ATTEMPTS_KEPT - 1})`,
    {
      messageId,
      verdict: attempt.verdict,
      code: attempt.code ?? null,
      error: error ?? null,
      requestId: attempt.requestId ?? null,
      startedAt: attempt.startedAt,
      durationMs: attempt.durationMs,
    },
  );
}

type AttemptRow = { [Key in keyof RecordedAttempt]: RecordedAttempt[Key] | null };

export async function readAttempts(db: Transaction, messageId: number): Promise<RecordedAttempt[]> {
  const rows = await db.all<AttemptRow>(
    `SELECT verdict, code, error, request_id AS "requestId", started_at AS "startedAt", duration_ms AS "durationMs"
     FROM attempts WHERE message_id = :messageId ORDER BY id`,
    { messageId },
  );
  return rows.map(
    (row) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, value ?? undefined]),
      ) as unknown as RecordedAttempt,
  );
}

/** Their words may quote the customer. */
export async function eraseAttemptErrors(db: Transaction, messageIds: readonly number[]): Promise<void> {
  await db.run(
    'UPDATE attempts SET error = NULL WHERE message_id = ANY (:messageIds::bigint[]) AND error IS NOT NULL',
    { messageIds },
  );
}
