import { fillPace, newPace, returnToken, slowPace } from '../pace.ts';
import type { Pace, PaceLimits } from '../pace.ts';
import type { OutcomeReport } from '../message-store.ts';
import type { Database } from './database.ts';

/** The bucket as it is now; a quota that was never used has all its burst. */
export function readPace(db: Database, key: string, limits: PaceLimits, now: number): Pace {
  const kept = db.get<Pace>(
    `SELECT rate, tokens, filled_at AS filledAt, stepped_at AS steppedAt, halved_at AS halvedAt FROM paces
     WHERE key = :key`,
    { key },
  );
  return kept ? fillPace(kept, limits, now) : newPace(limits, now);
}

export function writePace(db: Database, key: string, pace: Pace): void {
  db.run(
    `INSERT INTO paces (key, rate, tokens, filled_at, stepped_at, halved_at)
     VALUES (:key, :rate, :tokens, :filledAt, :steppedAt, :halvedAt)
     ON CONFLICT DO UPDATE SET rate = excluded.rate, tokens = excluded.tokens, filled_at = excluded.filled_at,
       stepped_at = excluded.stepped_at, halved_at = excluded.halved_at`,
    { key, ...pace },
  );
}

export function settlePace(db: Database, now: number, pace: NonNullable<OutcomeReport['pace']>): void {
  const { key, limits, effect } = pace;
  const filled = readPace(db, key, limits, now);
  writePace(db, key, effect === 'unused' ? returnToken(filled, limits) : slowPace(filled, limits, now));
}
