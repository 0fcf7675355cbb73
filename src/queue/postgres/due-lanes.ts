import type { ClaimBudget } from '../claim-budget.ts';
import type { ClaimRequest } from '../message-store.ts';
import { wholeTokens } from '../pace.ts';
import type { Pace } from '../pace.ts';
import { fillRow } from './paces.ts';
import type { PaceRow } from './paces.ts';
import type { Transaction } from './transaction.ts';

export interface ActivePause {
  readonly id: number;
  readonly destination: string;
  readonly nextProbeAt: number;
  readonly probes: number;
}

export interface LockedLane {
  readonly id: number;
  readonly destination: string;
  readonly paceKey: string;
  readonly dueAt: number;
  /** Only of a probe. */
  readonly pause?: ActivePause;
}

export function readActivePauses(db: Transaction): Promise<ActivePause[]> {
  return db.all<ActivePause>(
    `SELECT id, destination, next_probe_at AS "nextProbeAt", probes FROM pauses WHERE resumed_at IS NULL`,
  );
}

/** Whoever waited for one finds its probe gone: there is one at a time. */
export async function lockDuePauses(
  db: Transaction,
  pauses: readonly ActivePause[],
  now: number,
): Promise<ActivePause[]> {
  if (!pauses.some(({ nextProbeAt }) => nextProbeAt <= now)) return [];
  return db.all<ActivePause>(
    `SELECT id, destination, next_probe_at AS "nextProbeAt", probes FROM pauses
     WHERE resumed_at IS NULL AND next_probe_at <= :now ORDER BY destination FOR UPDATE`,
    { now },
  );
}

/** Destinations are few and lanes many: a loose scan of the index instead of a DISTINCT over all of it. */
const WAITING_DESTINATIONS = `
  WITH RECURSIVE waiting (destination) AS (
    (SELECT destination FROM lanes WHERE due_at IS NOT NULL ORDER BY destination LIMIT 1)
    UNION ALL
    SELECT (SELECT lanes.destination FROM lanes
            WHERE lanes.destination > waiting.destination AND lanes.due_at IS NOT NULL
            ORDER BY lanes.destination LIMIT 1)
    FROM waiting WHERE waiting.destination IS NOT NULL)`;

interface DuePlace {
  readonly destination: string;
  readonly paceKey: string;
}

/** What the first lanes that are due draw on. */
export async function listDuePlaces(
  db: Transaction,
  { now, limit }: ClaimRequest,
  pauses: readonly ActivePause[],
  duePauses: readonly ActivePause[],
): Promise<DuePlace[]> {
  if (limit <= 0) return [];
  const probed = new Set(duePauses.map(({ destination }) => destination));
  return db.all<DuePlace>(
    `${WAITING_DESTINATIONS}
     SELECT DISTINCT waiting.destination, due.pace_key AS "paceKey"
     FROM waiting CROSS JOIN LATERAL
       (SELECT pace_key FROM lanes WHERE lanes.destination = waiting.destination AND lanes.due_at <= :now
        ORDER BY lanes.due_at, lanes.id LIMIT :limit) AS due
     WHERE waiting.destination <> ALL (:passedOver::text[])`,
    {
      now,
      limit,
      passedOver: pauses
        .map(({ destination }) => destination)
        .filter((destination) => !probed.has(destination)),
    },
  );
}

/** Of each destination that is due a probe, the lane that was probed longest ago, due when the probe is. */
export async function lockProbeLanes(
  db: Transaction,
  now: number,
  duePauses: readonly ActivePause[],
  paceKeys: readonly string[],
): Promise<LockedLane[]> {
  const lanes: LockedLane[] = [];
  for (const pause of duePauses) {
    const lane = await db.get<LockedLane>(
      `SELECT id, destination, pace_key AS "paceKey" FROM lanes
       WHERE destination = :destination AND due_at <= :now AND pace_key = ANY (:paceKeys::text[])
       ORDER BY probed_at, due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      { destination: pause.destination, now, paceKeys },
    );
    if (lane) lanes.push({ ...lane, dueAt: pause.nextProbeAt, pause });
  }
  return lanes;
}

/** Lanes that may be taken of each destination: no more than there are tokens, so that the rest stays unlocked. */
export function mostOf(
  places: readonly DuePlace[],
  paces: ReadonlyMap<string, Pace>,
  budget: ClaimBudget,
): Map<string, number> {
  const tokens = new Map<string, number>();
  for (const { destination, paceKey } of places) {
    const pace = paces.get(paceKey);
    tokens.set(destination, (tokens.get(destination) ?? 0) + (pace ? wholeTokens(pace) : 0));
  }
  return new Map(
    [...tokens].map(([destination, count]) => [destination, Math.min(count, budget.left(destination))]),
  );
}

export async function lockDueLanes(
  db: Transaction,
  now: number,
  most: ReadonlyMap<string, number>,
  paceKeys: readonly string[],
): Promise<LockedLane[]> {
  return db.all<LockedLane>(
    `SELECT lane.id, lane.destination, lane.pace_key AS "paceKey", lane.due_at AS "dueAt"
     FROM unnest(:destinations::text[], :counts::int[]) AS wanted (destination, most)
     CROSS JOIN LATERAL
       (SELECT id, lanes.destination, pace_key, due_at FROM lanes
        WHERE lanes.destination = wanted.destination AND due_at <= :now AND pace_key = ANY (:paceKeys::text[])
        ORDER BY due_at, id LIMIT wanted.most FOR UPDATE SKIP LOCKED) AS lane`,
    { now, destinations: [...most.keys()], counts: [...most.values()], paceKeys },
  );
}

interface NextLane extends Omit<PaceRow, 'key' | 'rate'> {
  readonly laneDueAt: number;
  readonly paceKey: string;
  readonly nextProbeAt: number | null;
  /** Null: the quota was never used. */
  readonly rate: number | null;
}

export async function readNextDueAt(
  db: Transaction,
  { now, paceLimits }: ClaimRequest,
  budget: ClaimBudget,
  paces: Map<string, Pace>,
): Promise<number | undefined> {
  const nexts = await db.all<NextLane>(
    `${WAITING_DESTINATIONS}
     SELECT next.due_at AS "laneDueAt", next.pace_key AS "paceKey", pauses.next_probe_at AS "nextProbeAt", rate, tokens,
       filled_at AS "filledAt", stepped_at AS "steppedAt", halved_at AS "halvedAt"
     FROM waiting CROSS JOIN LATERAL
       (SELECT due_at, pace_key FROM lanes WHERE lanes.destination = waiting.destination AND lanes.due_at IS NOT NULL
        ORDER BY lanes.due_at, lanes.id LIMIT 1) AS next
     LEFT JOIN pauses ON pauses.destination = waiting.destination AND pauses.resumed_at IS NULL
     LEFT JOIN paces ON paces.key = next.pace_key
     WHERE waiting.destination IS NOT NULL`,
  );
  const dueTimes = nexts.map(({ laneDueAt, paceKey, nextProbeAt, rate, ...row }) => {
    if (!paces.has(paceKey) && rate !== null) {
      paces.set(paceKey, fillRow({ key: paceKey, rate, ...row }, paceLimits, now));
    }
    return Math.max(laneDueAt, nextProbeAt ?? 0, budget.tokenDueAt(paceKey));
  });
  return dueTimes.length > 0 ? Math.min(...dueTimes) : undefined;
}
