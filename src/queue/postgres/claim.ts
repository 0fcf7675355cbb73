import { randomUUID } from 'node:crypto';
import type { InboundMessage } from '../../normalize/inbound-message.ts';
import { parseChat } from '../chats.ts';
import { ClaimBudget } from '../claim-budget.ts';
import { isDue } from '../due.ts';
import type { Claim, ClaimedHeads, ClaimRequest } from '../message-store.ts';
import { limitsOf, newPace } from '../pace.ts';
import type { Pace } from '../pace.ts';
import { parseParts } from '../parts.ts';
import { recordAttempt } from './attempts.ts';
import { CHAT_OF_LANE } from './chats.ts';
import {
  listDuePlaces,
  lockDueLanes,
  lockDuePauses,
  lockProbeLanes,
  readActivePauses,
  readNextDueAt,
  wantedOf,
} from './due-lanes.ts';
import type { LockedLane } from './due-lanes.ts';
import { HEAD_OF_LANE, setLanesDue } from './lane.ts';
import { lockPaces, writePaces } from './paces.ts';
import type { Transaction } from './transaction.ts';

interface Head {
  readonly laneId: number;
  readonly messageId: number;
  readonly state: 'pending' | 'sending';
  readonly dueAt: number;
  readonly snsMessageId: string;
  readonly direction: Claim['direction'];
  readonly message: string;
  readonly parts: string | null;
  readonly partsDelivered: number;
  readonly session: string | null;
  readonly choices: string | null;
  readonly acceptedAt: number;
  readonly attempts: number;
  readonly unclearAttempts: number;
  readonly firstFailedAt: number | null;
  readonly probeRefusals: number;
  readonly pausedMs: number;
}

/** A head that this claim takes. */
interface Taken {
  readonly lane: LockedLane;
  readonly head: Head;
  readonly leaseToken: string;
}

/**
 * Locks go in one order here and in recordOutcome: pauses and paces, each in the order of its key, then lanes, which are
 * passed over where somebody else works on them. What may still meet (a pause that begins) is retried as a deadlock. Lanes
 * passed over may be due sooner than `nextDueAt` says: the dispatcher looks again within a second.
 */
export async function claimHeads(db: Transaction, request: ClaimRequest): Promise<ClaimedHeads> {
  const { now, paces: table } = request;
  const pauses = await readActivePauses(db);
  const duePauses = await lockDuePauses(db, pauses, now);
  const places = await listDuePlaces(db, request, pauses, duePauses);
  const keys = [...new Set(places.map(({ paceKey }) => paceKey))];
  const paces = keys.length > 0 ? await lockPaces(db, keys, table, now) : new Map<string, Pace>();
  const budget = new ClaimBudget(request, (key) => paces.get(key) ?? newPace(limitsOf(table, key), now));

  const open = places.filter((place) => !pauses.some(({ destination }) => destination === place.destination));
  const heads = open.length > 0 ? await lockDueLanes(db, now, wantedOf(open, paces, budget)) : [];
  const probes = await lockProbeLanes(db, now, duePauses, keys);
  // Probes queue with the heads by when they came due, so that neither takes the other's tokens.
  const lanes = [...heads, ...probes].sort((a, b) => a.dueAt - b.dueAt || a.id - b.id);
  const headOf = await readHeads(db, now, lanes);
  const taken: Taken[] = [];
  const stale: number[] = [];
  for (const lane of lanes) {
    const head = headOf.get(lane.id);
    if (!head || !isDue(head.dueAt, now)) stale.push(lane.id);
    else if (budget.take(lane)) taken.push({ lane, head, leaseToken: randomUUID() });
  }

  await endLeases(db, stale);
  const claims = await lease(db, request, taken);
  if (taken.length > 0) await writePaces(db, pick(budget.paces, keys));
  return { claims, nextDueAt: await readNextDueAt(db, request, budget, paces) };
}

/** A statement of its own: it sees what was committed while the one before it waited to lock the lanes. */
async function readHeads(
  db: Transaction,
  now: number,
  lanes: readonly LockedLane[],
): Promise<Map<number, Head>> {
  if (lanes.length === 0) return new Map();
  const heads = await db.all<Head>(
    `SELECT head.*, chat.session, chat.choices, (SELECT head."pausedMs" +
         coalesce(sum(coalesce(resumed_at, :now::bigint) - greatest(paused_at, head."acceptedAt")), 0)::bigint
       FROM pauses WHERE pauses.destination = lanes.destination
         AND coalesce(resumed_at, :now::bigint) > head."acceptedAt") AS "pausedMs"
     FROM lanes CROSS JOIN LATERAL
       (SELECT lane_id AS "laneId", messages.id AS "messageId", state, messages.due_at AS "dueAt",
          sns_message_id AS "snsMessageId", messages.direction, message, parts, parts_delivered AS "partsDelivered",
          accepted_at AS "acceptedAt", attempts,
          unclear_attempts AS "unclearAttempts",
          first_failed_at AS "firstFailedAt", probe_refusals AS "probeRefusals", paused_ms AS "pausedMs"
        FROM messages ${HEAD_OF_LANE}) AS head
     ${CHAT_OF_LANE}
     WHERE lanes.id = ANY (:laneIds::bigint[])`,
    { now, laneIds: lanes.map(({ id }) => id) },
  );
  return new Map(heads.map((head) => [head.laneId, head]));
}

/** A voided or lapsed lease leaves its lane due now, whatever its head has become since. */
async function endLeases(db: Transaction, laneIds: readonly number[]): Promise<void> {
  if (laneIds.length === 0) return;
  await db.run('UPDATE lanes SET lease_token = NULL WHERE id = ANY (:laneIds::bigint[])', { laneIds });
  await setLanesDue(db, laneIds);
}

async function lease(db: Transaction, request: ClaimRequest, taken: readonly Taken[]): Promise<Claim[]> {
  if (taken.length === 0) return [];
  const { now, leaseMs } = request;
  const started = await startAttempts(db, now, taken);
  await db.run(
    `UPDATE lanes SET lease_token = taken.token, due_at = :leaseUntil::bigint,
       probed_at = CASE WHEN taken.is_probe THEN :now::bigint ELSE probed_at END
     FROM unnest(:laneIds::bigint[], :tokens::text[], :areProbes::boolean[]) AS taken (lane_id, token, is_probe)
     WHERE lanes.id = taken.lane_id`,
    {
      now,
      leaseUntil: now + leaseMs,
      laneIds: taken.map(({ lane }) => lane.id),
      tokens: taken.map(({ leaseToken }) => leaseToken),
      areProbes: taken.map(({ lane }) => lane.pause !== undefined),
    },
  );
  // While a probe is under way, the next one waits until its lease has run out.
  const probed = taken.flatMap(({ lane }) => lane.pause?.id ?? []);
  if (probed.length > 0) {
    await db.run('UPDATE pauses SET next_probe_at = :at WHERE id = ANY (:probed::bigint[])', {
      at: now + leaseMs,
      probed,
    });
  }
  return taken.map((one) => toClaim(one, started));
}

interface StartedMessage {
  readonly id: number;
  readonly attempts: number;
  readonly unclearAttempts: number;
  readonly firstFailedAt: number | null;
}

/** What is `sending` still has lost its sender without a word (a crash, a lost lease): Connect may have the message. */
async function startAttempts(
  db: Transaction,
  now: number,
  taken: readonly Taken[],
): Promise<Map<number, StartedMessage>> {
  const rows = await db.all<StartedMessage>(
    `UPDATE messages SET state = 'sending', begun = true,
       attempts = attempts + CASE WHEN state = 'sending' THEN 1 ELSE 0 END,
       unclear_attempts = unclear_attempts + CASE WHEN state = 'sending' THEN 1 ELSE 0 END,
       first_failed_at = CASE WHEN state = 'sending' THEN coalesce(first_failed_at, :now::bigint) ELSE first_failed_at END
     WHERE id = ANY (:ids::bigint[])
     RETURNING id, attempts, unclear_attempts AS "unclearAttempts", first_failed_at AS "firstFailedAt"`,
    { now, ids: taken.map(({ head }) => head.messageId) },
  );
  for (const { lane, head } of taken) {
    if (head.state !== 'sending') continue;
    await recordAttempt(db, head.messageId, { verdict: 'lost', startedAt: now, durationMs: 0 }, undefined);
    if (!lane.isIdempotent) db.book(now, 'possible_duplicate', 'lost_attempt');
  }
  return new Map(rows.map((row) => [row.id, row]));
}

function toClaim({ lane, head, leaseToken }: Taken, started: ReadonlyMap<number, StartedMessage>): Claim {
  const { attempts, unclearAttempts, firstFailedAt } = started.get(head.messageId) ?? head;
  const claim = {
    messageId: head.messageId,
    laneId: lane.id,
    leaseToken,
    destination: lane.destination,
    paceKey: lane.paceKey,
    isIdempotent: lane.isIdempotent,
    isProbe: lane.pause !== undefined,
    pauseCode: lane.pause?.code,
    probesBefore: lane.pause?.probes ?? 0,
    snsMessageId: head.snsMessageId,
    direction: head.direction,
    message: JSON.parse(head.message) as InboundMessage,
    ...parseChat(head),
    parts: parseParts(head.parts),
    partsDelivered: head.partsDelivered,
    acceptedAt: head.acceptedAt,
    attempts,
    unclearAttempts,
    followsLostAttempt: head.state === 'sending',
    firstFailedAt: firstFailedAt ?? undefined,
    probeRefusals: head.probeRefusals,
    pausedMs: head.pausedMs,
  };
  // Direction and message were stored together.
  return claim as Claim;
}

/** Only what this transaction has locked may be written. */
function pick(paces: ReadonlyMap<string, Pace>, keys: readonly string[]): Map<string, Pace> {
  return new Map([...paces].filter(([key]) => keys.includes(key)));
}
