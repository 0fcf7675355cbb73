import { randomUUID } from 'node:crypto';
import type { InboundMessage } from '../../normalize/inbound-message.ts';
import type { Claim, ClaimedHeads, ClaimRequest } from '../message-store.ts';
import { book } from './books.ts';
import type { Database } from './database.ts';
import { readHead, setLaneDue } from './lane.ts';

interface DueLane {
  readonly id: number;
  readonly destination: string;
  readonly paceKey: string;
  readonly dueAt: number;
}

interface ActivePause {
  readonly id: number;
  readonly destination: string;
  readonly nextProbeAt: number;
  readonly probes: number;
}

export function claimHeads(db: Database, request: ClaimRequest): ClaimedHeads {
  const pauses = readActivePauses(db);
  const budget = new Budget(request);
  const probes = pauses
    .filter((pause) => pause.nextProbeAt <= request.now)
    .flatMap((pause) => claimProbe(db, request, pause, budget));
  const heads = listWaitingDestinations(db)
    .filter((destination) => !pauses.some((pause) => pause.destination === destination))
    .flatMap((destination) => listDueLanes(db, request, destination, budget))
    .sort((a, b) => a.dueAt - b.dueAt || a.id - b.id)
    .flatMap((lane) => claimLane(db, request, lane, budget, undefined));
  return { claims: [...probes, ...heads], nextDueAt: readNextDueAt(db) };
}

/** What a claim may still take: heads in all, heads of a destination, pace tokens. */
class Budget {
  #heads: number;
  readonly #request: ClaimRequest;
  readonly #ofDestination = new Map<string, number>();
  readonly #tokens = new Map<string, number>();

  constructor(request: ClaimRequest) {
    this.#request = request;
    this.#heads = request.limit;
  }

  left(destination: string): number {
    const inFlight = this.#request.inFlight[destination] ?? 0;
    const left = this.#ofDestination.get(destination) ?? this.#request.limitPerDestination - inFlight;
    return Math.max(0, Math.min(this.#heads, left));
  }

  /** Takes one head's worth, or says that there is none left. */
  take({ destination, paceKey }: DueLane): boolean {
    const left = this.left(destination);
    const tokens =
      this.#tokens.get(paceKey) ?? this.#request.tokens[paceKey] ?? this.#request.tokensOfNewPace;
    if (left < 1 || tokens < 1) return false;
    this.#heads -= 1;
    this.#ofDestination.set(destination, left - 1);
    this.#tokens.set(paceKey, tokens - 1);
    return true;
  }
}

/** Destinations are few and lanes many: a loose scan of the index instead of a DISTINCT over all of it. */
function listWaitingDestinations(db: Database): string[] {
  const rows = db.all<{ destination: string }>(
    `WITH RECURSIVE waiting (destination) AS (
       SELECT min(destination) FROM lanes WHERE due_at IS NOT NULL
       UNION ALL
       SELECT (SELECT min(lanes.destination) FROM lanes
               WHERE lanes.destination > waiting.destination AND due_at IS NOT NULL)
       FROM waiting WHERE waiting.destination IS NOT NULL)
     SELECT destination FROM waiting WHERE destination IS NOT NULL`,
  );
  return rows.map(({ destination }) => destination);
}

function listDueLanes(db: Database, { now }: ClaimRequest, destination: string, budget: Budget): DueLane[] {
  return db.all<DueLane>(
    `SELECT id, destination, pace_key AS paceKey, due_at AS dueAt FROM lanes
     WHERE destination = :destination AND due_at <= :now ORDER BY due_at, id LIMIT :limit`,
    { destination, now, limit: budget.left(destination) },
  );
}

/** The head of the lane that was probed longest ago, while the pause's next probe is pushed past this one's lease. */
function claimProbe(db: Database, request: ClaimRequest, pause: ActivePause, budget: Budget): Claim[] {
  const lane = db.get<DueLane>(
    `SELECT id, destination, pace_key AS paceKey, due_at AS dueAt FROM lanes
     WHERE destination = :destination AND due_at <= :now ORDER BY probed_at, due_at, id LIMIT 1`,
    { destination: pause.destination, now: request.now },
  );
  const claims = lane ? claimLane(db, request, lane, budget, pause) : [];
  if (lane && claims.length > 0) {
    db.run('UPDATE lanes SET probed_at = :now WHERE id = :id', { now: request.now, id: lane.id });
    db.run('UPDATE pauses SET next_probe_at = :at WHERE id = :id', {
      at: request.now + request.leaseMs,
      id: pause.id,
    });
  }
  return claims;
}

function claimLane(
  db: Database,
  request: ClaimRequest,
  lane: DueLane,
  budget: Budget,
  pause: ActivePause | undefined,
): Claim[] {
  const head = readHead(db, lane.id);
  if (!head || head.dueAt > request.now) {
    // A voided or lapsed lease leaves its lane due now, whatever its head has become since.
    db.run('UPDATE lanes SET lease_token = NULL WHERE id = :id', { id: lane.id });
    setLaneDue(db, lane.id);
    return [];
  }
  if (!budget.take(lane)) return [];
  if (head.state === 'sending') countLostAttempt(db, request.now, head.id);
  const leaseToken = randomUUID();
  const message = startAttempt(db, head.id);
  db.run(
    `UPDATE lanes SET lease_token = :leaseToken, due_at = :leaseUntil,
       gone_sns_at = CASE WHEN :sentAt > gone_sent_at THEN :snsAt
         WHEN :sentAt = gone_sent_at THEN max(gone_sns_at, :snsAt) ELSE gone_sns_at END,
       gone_sent_at = max(gone_sent_at, :sentAt)
     WHERE id = :id`,
    {
      id: lane.id,
      leaseToken,
      leaseUntil: request.now + request.leaseMs,
      sentAt: message.sentAt,
      snsAt: message.snsAt,
    },
  );
  return [
    {
      messageId: head.id,
      laneId: lane.id,
      leaseToken,
      destination: lane.destination,
      paceKey: lane.paceKey,
      isProbe: pause !== undefined,
      probesBefore: pause?.probes ?? 0,
      snsMessageId: message.snsMessageId,
      direction: message.direction,
      message: JSON.parse(message.message) as InboundMessage,
      acceptedAt: message.acceptedAt,
      attempts: message.attempts,
      followsLostAttempt: head.state === 'sending',
      firstFailedAt: message.firstFailedAt ?? undefined,
      probeRefusals: message.probeRefusals,
      pausedMs: readPausedMs(db, request.now, lane.destination, message.acceptedAt),
    },
  ];
}

interface StartedMessage {
  readonly snsMessageId: string;
  readonly direction: Claim['direction'];
  readonly message: string;
  readonly sentAt: number;
  readonly snsAt: number;
  readonly acceptedAt: number;
  readonly attempts: number;
  readonly firstFailedAt: number | null;
  readonly probeRefusals: number;
}

function startAttempt(db: Database, id: number): StartedMessage {
  return db.one<StartedMessage>(
    `UPDATE messages SET state = 'sending', begun = 1 WHERE id = :id
     RETURNING sns_message_id AS snsMessageId, direction, message, sent_at AS sentAt, sns_at AS snsAt,
       accepted_at AS acceptedAt, attempts, first_failed_at AS firstFailedAt, probe_refusals AS probeRefusals`,
    { id },
  );
}

/** Its sender is gone (crash, lost lease) without a word: Connect may have the message. */
function countLostAttempt(db: Database, now: number, id: number): void {
  db.run(
    `UPDATE messages SET attempts = attempts + 1, first_failed_at = coalesce(first_failed_at, :now) WHERE id = :id`,
    { id, now },
  );
  book(db, now, 'possible_duplicate', 'lost_attempt');
}

function readActivePauses(db: Database): ActivePause[] {
  return db.all<ActivePause>(
    'SELECT id, destination, next_probe_at AS nextProbeAt, probes FROM pauses WHERE resumed_at IS NULL',
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

function readNextDueAt(db: Database): number | undefined {
  const pauses = new Map(readActivePauses(db).map((pause) => [pause.destination, pause.nextProbeAt]));
  const dueTimes = listWaitingDestinations(db).map((destination) => {
    const { dueAt } = db.one<{ dueAt: number }>(
      'SELECT min(due_at) AS dueAt FROM lanes WHERE destination = :destination AND due_at IS NOT NULL',
      { destination },
    );
    return Math.max(dueAt, pauses.get(destination) ?? 0);
  });
  return dueTimes.length > 0 ? Math.min(...dueTimes) : undefined;
}
