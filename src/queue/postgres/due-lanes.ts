import type { ClaimBudget } from '../claim-budget.ts';
import type { ClaimRequest } from '../message-store.ts';
import { limitsOf, wholeTokens } from '../pace.ts';
import type { Pace } from '../pace.ts';
import { fillRow } from './paces.ts';
import type { PaceRow } from './paces.ts';
import type { Transaction } from './transaction.ts';

export interface ActivePause {
  readonly id: number;
  readonly destination: string;
  readonly nextProbeAt: number;
  readonly probes: number;
  readonly code: string;
}

export interface LockedLane {
  readonly id: number;
  readonly destination: string;
  readonly paceKey: string;
  readonly dueAt: number;
  readonly isIdempotent: boolean;
  /** Only of a probe. */
  readonly pause?: ActivePause;
}

export function readActivePauses(db: Transaction): Promise<ActivePause[]> {
  return db.all<ActivePause>(
    `SELECT id, destination, next_probe_at AS "nextProbeAt", probes, code FROM pauses WHERE resumed_at IS NULL`,
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
    `SELECT id, destination, next_probe_at AS "nextProbeAt", probes, code FROM pauses
     WHERE resumed_at IS NULL AND next_probe_at <= :now ORDER BY destination FOR UPDATE`,
    { now },
  );
}

/**
 * Where lanes wait, and for whose tokens: lanes that wait for an operation's keep none of those back that wait for
 * another's. Places are few and lanes many: a loose scan of the index instead of a DISTINCT over all of it.
 */
const WAITING_PLACES = `
  WITH RECURSIVE waiting (destination, pace_key) AS (
    (SELECT destination, pace_key FROM lanes WHERE due_at IS NOT NULL ORDER BY destination, pace_key LIMIT 1)
    UNION ALL
    SELECT next.destination, next.pace_key FROM waiting CROSS JOIN LATERAL
      (SELECT lanes.destination, lanes.pace_key FROM lanes WHERE lanes.due_at IS NOT NULL
         AND (lanes.destination, lanes.pace_key) > (waiting.destination, waiting.pace_key)
       ORDER BY lanes.destination, lanes.pace_key LIMIT 1) AS next)`;

export interface DuePlace {
  readonly destination: string;
  readonly paceKey: string;
}

/** Where lanes are due, but for paused destinations that are not due a probe. */
export async function listDuePlaces(
  db: Transaction,
  { now, limit }: ClaimRequest,
  pauses: readonly ActivePause[],
  duePauses: readonly ActivePause[],
): Promise<DuePlace[]> {
  if (limit <= 0) return [];
  const probed = new Set(duePauses.map(({ destination }) => destination));
  return db.all<DuePlace>(
    `${WAITING_PLACES}
     SELECT destination, pace_key AS "paceKey" FROM waiting
     WHERE destination <> ALL (:passedOver::text[])
       AND (SELECT min(lanes.due_at) FROM lanes WHERE lanes.destination = waiting.destination
              AND lanes.pace_key = waiting.pace_key AND lanes.due_at IS NOT NULL) <= :now`,
    {
      now,
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
      `SELECT id, destination, pace_key AS "paceKey", is_idempotent AS "isIdempotent" FROM lanes
       WHERE destination = :destination AND due_at <= :now AND pace_key = ANY (:paceKeys::text[])
       ORDER BY probed_at, due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      { destination: pause.destination, now, paceKeys },
    );
    if (lane) lanes.push({ ...lane, dueAt: pause.nextProbeAt, pause });
  }
  return lanes;
}

/** A place, and how many of its lanes may be taken: no more than there are tokens, so that the rest stays unlocked. */
export interface WantedLanes extends DuePlace {
  readonly most: number;
}

export function wantedOf(
  places: readonly DuePlace[],
  paces: ReadonlyMap<string, Pace>,
  budget: ClaimBudget,
): readonly WantedLanes[] {
  return places.map((place) => {
    const pace = paces.get(place.paceKey);
    return { ...place, most: Math.min(pace ? wholeTokens(pace) : 0, budget.left(place.destination)) };
  });
}

export async function lockDueLanes(
  db: Transaction,
  now: number,
  wanted: readonly WantedLanes[],
): Promise<LockedLane[]> {
  return db.all<LockedLane>(
    `SELECT lane.id, lane.destination, lane.pace_key AS "paceKey", lane.due_at AS "dueAt",
       lane.is_idempotent AS "isIdempotent"
     FROM unnest(:destinations::text[], :paceKeys::text[], :counts::int[]) AS wanted (destination, pace_key, most)
     CROSS JOIN LATERAL
       (SELECT id, lanes.destination, lanes.pace_key, due_at, is_idempotent FROM lanes
        WHERE lanes.destination = wanted.destination AND lanes.pace_key = wanted.pace_key AND due_at <= :now
        ORDER BY due_at, id LIMIT wanted.most FOR UPDATE SKIP LOCKED) AS lane`,
    {
      now,
      destinations: wanted.map(({ destination }) => destination),
      paceKeys: wanted.map(({ paceKey }) => paceKey),
      counts: wanted.map(({ most }) => most),
    },
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
  { now, paces: table }: ClaimRequest,
  budget: ClaimBudget,
  paces: Map<string, Pace>,
): Promise<number | undefined> {
  const nexts = await db.all<NextLane>(
    `${WAITING_PLACES}
     SELECT next.due_at AS "laneDueAt", waiting.pace_key AS "paceKey", pauses.next_probe_at AS "nextProbeAt", rate, tokens,
       filled_at AS "filledAt", stepped_at AS "steppedAt", halved_at AS "halvedAt"
     FROM waiting CROSS JOIN LATERAL
       (SELECT due_at FROM lanes WHERE lanes.destination = waiting.destination AND lanes.pace_key = waiting.pace_key
          AND lanes.due_at IS NOT NULL
        ORDER BY lanes.due_at, lanes.id LIMIT 1) AS next
     LEFT JOIN pauses ON pauses.destination = waiting.destination AND pauses.resumed_at IS NULL
     LEFT JOIN paces ON paces.key = waiting.pace_key`,
  );
  const dueTimes = nexts.map(({ laneDueAt, paceKey, nextProbeAt, rate, ...row }) => {
    if (!paces.has(paceKey) && rate !== null) {
      paces.set(paceKey, fillRow({ key: paceKey, rate, ...row }, limitsOf(table, paceKey), now));
    }
    return Math.max(laneDueAt, nextProbeAt ?? 0, budget.tokenDueAt(paceKey));
  });
  return dueTimes.length > 0 ? Math.min(...dueTimes) : undefined;
}
