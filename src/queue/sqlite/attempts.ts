import { ATTEMPTS_KEPT } from '../message-store.ts';
import type { Attempt, RecordedAttempt } from '../message-store.ts';
import type { Database } from './database.ts';

/** Of a lost attempt only the time when that was found is known. */
export function recordAttempt(
  db: Database,
  messageId: number,
  attempt: Attempt,
  error: string | undefined,
): void {
  db.run(
    `INSERT INTO attempts (message_id, verdict, code, error, request_id, started_at, duration_ms)
     VALUES (:messageId, :verdict, :code, :error, :requestId, :startedAt, :durationMs)`,
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
  db.run(
    `DELETE FROM attempts WHERE message_id = :messageId AND id <=
       (SELECT id FROM attempts WHERE message_id = :messageId ORDER BY id DESC LIMIT 1 OFFSET ${ATTEMPTS_KEPT})`,
    { messageId },
  );
}

export function readAttempts(db: Database, messageId: number): RecordedAttempt[] {
  return db
    .all<{ [Key in keyof RecordedAttempt]: RecordedAttempt[Key] | null }>(
      `SELECT verdict, code, error, request_id AS requestId, started_at AS startedAt, duration_ms AS durationMs
       FROM attempts WHERE message_id = :messageId ORDER BY id`,
      { messageId },
    )
    .map(toAttempt);
}

function toAttempt(row: { [Key in keyof RecordedAttempt]: RecordedAttempt[Key] | null }): RecordedAttempt {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, value ?? undefined]),
  ) as unknown as RecordedAttempt;
}

/** Their words may quote the customer. */
export function eraseAttemptErrors(db: Database, messageId: number): void {
  db.run('UPDATE attempts SET error = NULL WHERE message_id = :messageId', { messageId });
}
