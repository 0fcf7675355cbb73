import { randomUUID } from 'node:crypto';
import type { InboundMessage } from '../../normalize/inbound-message.ts';
import { isDue } from '../due.ts';
import type { Claim, ClaimedHeads, ClaimRequest } from '../message-store.ts';
import { limitsOf } from '../pace.ts';
import { parseParts } from '../parts.ts';
import { ClaimBudget } from '../claim-budget.ts';
import { recordAttempt } from './attempts.ts';
import { book } from './books.ts';
import { readChat } from './chats.ts';
import type { Database } from './database.ts';
import { readHead, setLaneDue } from './lane.ts';
import { readPace, writePace } from './paces.ts';

interface DueLane {
  /** Only of a probe. */
  readonly pause?: ActivePause;
  readonly id: number;
  readonly destination: string;
  readonly paceKey: string;
  readonly dueAt: number;
  readonly isIdempotent: number;
}

const DUE_LANE = 'id, destination, pace_key AS paceKey, due_at AS dueAt, is_idempotent AS isIdempotent';

interface ActivePause {
  readonly id: number;
  readonly destination: string;
  readonly nextProbeAt: number;
  readonly probes: number;
  readonly code: string;
}

export function claimHeads(db: Database, request: ClaimRequest): ClaimedHeads {
  const pauses = readActivePauses(db);
  const { now, paces } = request;
  const budget = new ClaimBudget(request, (key) => readPace(db, key, limitsOf(paces, key), now));
  const heads = listWaitingPlaces(db)
    .filter(({ destination }) => !pauses.some((pause) => pause.destination === destination))
    .flatMap((place) => listDueLanes(db, request, place, budget));
  // Probes queue with the heads by when they came due, so that neither takes the other's tokens.
  const claims = [...heads, ...pauses.flatMap((pause) => findProbe(db, now, pause) ?? [])]
    .sort((a, b) => a.dueAt - b.dueAt || a.id - b.id)
    .flatMap((lane) => claimLane(db, request, lane, budget) ?? []);
  const nextDueAt = readNextDueAt(db, budget);
  for (const [key, pace] of budget.paces) writePace(db, key, pace);
  return { claims, nextDueAt };
}

interface Place {
  readonly destination: string;
  readonly paceKey: string;
}

/**
 * Where lanes wait, and for whose tokens: lanes that wait for an operation's keep none of those back that wait for
 * another's. Places are few and lanes many: a loose scan of the index instead of a DISTINCT over all of it. Two searches
 * for a place, since SQLite uses only the first column of `(destination, pace_key) > (…)`, and reads all of a destination.
 */
function listWaitingPlaces(db: Database): Place[] {
  return db.all<Place>(
    `WITH RECURSIVE waiting (destination, pace_key) AS (
       SELECT '', ''
       UNION ALL
       SELECT lanes.destination, lanes.pace_key FROM waiting JOIN lanes ON lanes.id = coalesce(
         (SELECT next.id FROM lanes AS next WHERE next.due_at IS NOT NULL
            AND next.destination = waiting.destination AND next.pace_key > waiting.pace_key
          ORDER BY next.pace_key LIMIT 1),
         (SELECT next.id FROM lanes AS next WHERE next.due_at IS NOT NULL
            AND next.destination > waiting.destination
          ORDER BY next.destination, next.pace_key LIMIT 1)))
     SELECT destination, pace_key AS paceKey FROM waiting WHERE destination <> ''`,
  );
}

function listDueLanes(
  db: Database,
  { now }: ClaimRequest,
  { destination, paceKey }: Place,
  budget: ClaimBudget,
): DueLane[] {
  return db.all<DueLane>(
    `SELECT ${DUE_LANE} FROM lanes
     WHERE destination = :destination AND pace_key = :paceKey AND due_at <= :now ORDER BY due_at, id LIMIT :limit`,
    { destination, paceKey, now, limit: budget.left(destination) },
  );
}

/** The lane that was probed longest ago, due when the probe is. */
function findProbe(db: Database, now: number, pause: ActivePause): DueLane | undefined {
  if (pause.nextProbeAt > now) return undefined;
  const lane = db.get<DueLane>(
    `SELECT ${DUE_LANE} FROM lanes
     WHERE destination = :destination AND due_at <= :now ORDER BY probed_at, due_at, id LIMIT 1`,
    { destination: pause.destination, now },
  );
  return lane && { ...lane, dueAt: pause.nextProbeAt, pause };
}

/** While a probe is under way, the next one waits until its lease has run out. */
function startProbe(db: Database, { now, leaseMs }: ClaimRequest, laneId: number, pauseId: number): void {
  db.run('UPDATE lanes SET probed_at = :now WHERE id = :laneId', { now, laneId });
  db.run('UPDATE pauses SET next_probe_at = :at WHERE id = :pauseId', { at: now + leaseMs, pauseId });
}

function claimLane(
  db: Database,
  request: ClaimRequest,
  lane: DueLane,
  budget: ClaimBudget,
): Claim | undefined {
  const { pause } = lane;
  const head = readHead(db, lane.id);
  if (!head || !isDue(head.dueAt, request.now)) {
    // A voided or lapsed lease leaves its lane due now, whatever its head has become since.
    db.run('UPDATE lanes SET lease_token = NULL WHERE id = :id', { id: lane.id });
    setLaneDue(db, lane.id);
    return undefined;
  }
  if (!budget.take({ destination: lane.destination, paceKey: lane.paceKey })) return undefined;
  if (pause) startProbe(db, request, lane.id, pause.id);
  if (head.state === 'sending') countLostAttempt(db, request.now, head.id, lane.isIdempotent === 1);
  const leaseToken = randomUUID();
  const message = startAttempt(db, head.id);
  db.run('UPDATE lanes SET lease_token = :leaseToken, due_at = :leaseUntil WHERE id = :id', {
    id: lane.id,
    leaseToken,
    leaseUntil: request.now + request.leaseMs,
  });
  const claim = {
    messageId: head.id,
    laneId: lane.id,
    leaseToken,
    destination: lane.destination,
    paceKey: lane.paceKey,
    isIdempotent: lane.isIdempotent === 1,
    isProbe: pause !== undefined,
    pauseCode: pause?.code,
    probesBefore: pause?.probes ?? 0,
    snsMessageId: message.snsMessageId,
    direction: message.direction,
    message: JSON.parse(message.message) as InboundMessage,
    ...(message.direction === 'inbound' ? readChat(db, lane.id) : NO_CHAT),
    parts: parseParts(message.parts),
    partsDelivered: message.partsDelivered,
    acceptedAt: message.acceptedAt,
    attempts: message.attempts,
    unclearAttempts: message.unclearAttempts,
    followsLostAttempt: head.state === 'sending',
    firstFailedAt: message.firstFailedAt ?? undefined,
    probeRefusals: message.probeRefusals,
    pausedMs: message.pausedMs + readPausedMs(db, request.now, lane.destination, message.acceptedAt),
  };
  // Direction and message were stored together.
  return claim as Claim;
}

const NO_CHAT = { session: undefined, choices: undefined };

interface StartedMessage {
  readonly snsMessageId: string;
  readonly direction: Claim['direction'];
  readonly message: string;
  readonly parts: string | null;
  readonly partsDelivered: number;
  readonly acceptedAt: number;
  readonly attempts: number;
  readonly unclearAttempts: number;
  readonly firstFailedAt: number | null;
  readonly probeRefusals: number;
  readonly pausedMs: number;
}

function startAttempt(db: Database, id: number): StartedMessage {
  return db.one<StartedMessage>(
    `UPDATE messages SET state = 'sending', begun = 1 WHERE id = :id
     RETURNING sns_message_id AS snsMessageId, direction, message, parts, parts_delivered AS partsDelivered,
       accepted_at AS acceptedAt, attempts,
       unclear_attempts AS unclearAttempts, first_failed_at AS firstFailedAt, probe_refusals AS probeRefusals,
       paused_ms AS pausedMs`,
    { id },
  );
}

/** Its sender is gone (crash, lost lease) without a word: Connect may have the message. */
function countLostAttempt(db: Database, now: number, id: number, isIdempotent: boolean): void {
  db.run(
    `UPDATE messages SET attempts = attempts + 1, unclear_attempts = unclear_attempts + 1,
       first_failed_at = coalesce(first_failed_at, :now) WHERE id = :id`,
    { id, now },
  );
  recordAttempt(db, id, { verdict: 'lost', startedAt: now, durationMs: 0 }, undefined);
  if (!isIdempotent) book(db, now, 'possible_duplicate', 'lost_attempt');
}

function readActivePauses(db: Database): ActivePause[] {
  return db.all<ActivePause>(
    'SELECT id, destination, next_probe_at AS nextProbeAt, probes, code FROM pauses WHERE resumed_at IS NULL',
  );
}

function readPausedMs(db: Database, now: number, destination: string, since: number): number {
  const { pausedMs } = db.one<{ pausedMs: number }>(
    `SELECT coalesce(sum(coalesce(resumed_at, :now) - max(paused_at, :since)), 0) AS pausedMs FROM pauses
     WHERE destination = :destination AND coalesce(resumed_at, :now) > :since`,
    { now, destination, since },
  );
  return pausedMs;
}

function readNextDueAt(db: Database, budget: ClaimBudget): number | undefined {
  const pauses = new Map(readActivePauses(db).map((pause) => [pause.destination, pause.nextProbeAt]));
  const dueTimes = listWaitingPlaces(db).map(({ destination, paceKey }) => {
    const { dueAt } = db.one<Pick<DueLane, 'dueAt'>>(
      `SELECT due_at AS dueAt FROM lanes
       WHERE destination = :destination AND pace_key = :paceKey AND due_at IS NOT NULL ORDER BY due_at LIMIT 1`,
      { destination, paceKey },
    );
    return Math.max(dueAt, pauses.get(destination) ?? 0, budget.tokenDueAt(paceKey));
  });
  return dueTimes.length > 0 ? Math.min(...dueTimes) : undefined;
}
