import { SECOND_MS } from '../../clock.ts';
import { fillPace, limitsOf, newPace, returnToken, slowPace } from '../pace.ts';
import type { Pace, PaceLimits, PaceTable } from '../pace.ts';
import type { OutcomeReport } from '../message-store.ts';
import type { Transaction } from './transaction.ts';

/** Waiting for a bucket's lock makes an instant older than the bucket; so does the measurement of a replica's clock. */
const LATE_MS = 10 * SECOND_MS;

export interface PaceRow extends Pace {
  readonly key: string;
}

/** As they are now, and everybody else's claims wait until this transaction ends: so all keep to one pace together. */
export async function lockPaces(
  db: Transaction,
  keys: readonly string[],
  table: PaceTable,
  now: number,
): Promise<Map<string, Pace>> {
  let rows = await lockRows(db, keys);
  const missing = keys.filter((key) => !rows.some((row) => row.key === key));
  if (missing.length > 0) {
    const fresh = missing.map((key) => newPace(limitsOf(table, key), now));
    await db.run(
      `INSERT INTO paces (key, rate, tokens, filled_at, stepped_at, halved_at)
       SELECT key, rate, tokens, :now, :now, 0
       FROM unnest(:missing::text[], :rates::float8[], :tokens::float8[]) AS missing (key, rate, tokens)
       ORDER BY key COLLATE "C" ON CONFLICT DO NOTHING`,
      {
        missing,
        rates: fresh.map(({ rate }) => rate),
        tokens: fresh.map(({ tokens }) => tokens),
        now,
      },
    );
    rows = await lockRows(db, keys);
  }
  return new Map(rows.map((row) => [row.key, fillRow(row, limitsOf(table, row.key), now)]));
}

/** In the order of the key, so that two transactions never wait for each other. */
function lockRows(db: Transaction, keys: readonly string[]): Promise<PaceRow[]> {
  return db.all<PaceRow>(
    `SELECT key, rate, tokens, filled_at AS "filledAt", stepped_at AS "steppedAt", halved_at AS "halvedAt" FROM paces
     WHERE key = ANY (:keys::text[]) ORDER BY key FOR UPDATE`,
    { keys },
  );
}

export function fillRow({ key: _key, ...pace }: PaceRow, limits: PaceLimits, now: number): Pace {
  const isLate = now < pace.filledAt && pace.filledAt - now < LATE_MS;
  return fillPace(pace, limits, isLate ? pace.filledAt : now);
}

export async function writePaces(db: Transaction, paces: ReadonlyMap<string, Pace>): Promise<void> {
  const rows = [...paces.values()];
  await db.run(
    `UPDATE paces SET rate = new.rate, tokens = new.tokens, filled_at = new.filled_at, stepped_at = new.stepped_at,
       halved_at = new.halved_at
     FROM unnest(:keys::text[], :rates::float8[], :tokens::float8[], :filledAts::bigint[], :steppedAts::bigint[],
       :halvedAts::bigint[]) AS new (key, rate, tokens, filled_at, stepped_at, halved_at)
     WHERE paces.key = new.key`,
    {
      keys: [...paces.keys()],
      rates: rows.map(({ rate }) => rate),
      tokens: rows.map(({ tokens }) => tokens),
      filledAts: rows.map(({ filledAt }) => filledAt),
      steppedAts: rows.map(({ steppedAt }) => steppedAt),
      halvedAts: rows.map(({ halvedAt }) => halvedAt),
    },
  );
}

export async function settlePace(
  db: Transaction,
  now: number,
  { key, limits, effect }: NonNullable<OutcomeReport['pace']>,
): Promise<void> {
  const table = { default: limits, byName: {} };
  const filled = (await lockPaces(db, [key], table, now)).get(key) ?? newPace(limits, now);
  const settled = effect === 'unused' ? returnToken(filled, limits) : slowPace(filled, limits, now);
  await writePaces(db, new Map([[key, settled]]));
}
