/** What a backlog costs: claiming from it, the memory of a service that has it, and how soon its first message goes. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageStore } from '../../src/queue/message-store.ts';
import { openStore } from '../../src/queue/open-store.ts';
import {
  SANDBOX_ACCOUNT,
  SANDBOX_REGION,
  SMS_NUMBER,
  SMS_NUMBER_ARN,
} from '../../src/sandbox/end-user-messaging.ts';
import { CONNECT_ANSWER_MS, UNLIMITED_PACE } from './bench.ts';
import type { Bench, Extent, StartedBridge } from './bench.ts';
import type { Sample } from './figures.ts';
import { machineClockMs } from './helper-process.ts';

type BacklogSize = Pick<Extent['backlog'], 'messages' | 'conversations'>;

/** What the big one is compared with. A conversation for each, so that claims in a row find 64 heads each time. */
const SMALL = { messages: 1_000, conversations: 1_000 };
const HEADS = 64;
const CLAIMS = Math.floor(SMALL.messages / HEADS);
const RAW = 'x'.repeat(1_100);

export interface BacklogSamples {
  readonly backlogClaim: readonly Sample[];
  readonly backlogMemory: readonly Sample[];
  readonly backlogStart: readonly Sample[];
}

export async function measureBacklog(
  bench: Bench,
  { backlog, startSamples }: Extent,
): Promise<BacklogSamples> {
  const files = { big: path.join(bench.directory, 'big.db'), small: path.join(bench.directory, 'small.db') };
  await makeBacklog(files.big, backlog);
  await makeBacklog(files.small, SMALL);
  const services: { memory: Sample; start: Sample }[] = [];
  for (let taken = 0; taken < Math.min(3, startSamples); taken += 1) {
    services.push(await measureServices(bench, files.big, backlog.workMs));
  }
  return {
    backlogMemory: services.map(({ memory }) => memory),
    backlogStart: services.map(({ start }) => start),
    backlogClaim: await measureClaims(files),
  };
}

/** Straight into the tables that the store has made: by `accept`, a million takes minutes. */
async function makeBacklog(file: string, { messages, conversations }: BacklogSize): Promise<void> {
  const store = await openStore({ kind: 'sqlite', path: file }, 'service');
  await store.close();
  const db = new DatabaseSync(file);
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; BEGIN');
  const acceptedAt = Date.now() - messages;
  const lane = db.prepare(
    `INSERT INTO lanes (id, direction, channel, customer_address, business_address, destination, pace_key, due_at, last_accepted_at)
     VALUES (?, 'inbound', 'sms', ?, ?, ?, ?, ?, ?)`,
  );
  const paceKey = `${SANDBOX_ACCOUNT}/${SANDBOX_REGION}`;
  for (let id = 1; id <= conversations; id += 1) {
    const at = acceptedAt + id;
    lane.run(id, addressOf(id), SMS_NUMBER, SMS_NUMBER_ARN, paceKey, at, at);
  }
  const message = db.prepare(
    `INSERT INTO messages (lane_id, sns_message_id, item_index, direction, channel, dedup_key, sent_at, sns_at, accepted_at,
       state, due_at, message, raw)
     VALUES (?, ?, 0, 'inbound', 'sms', ?, ?, ?, ?, 'pending', ?, ?, ?)`,
  );
  for (let number = 0; number < messages; number += 1) {
    const laneId = 1 + (number % conversations);
    const at = acceptedAt + number;
    const hash = createHash('sha256').update(String(number)).digest('hex');
    message.run(laneId, hash.slice(0, 36), hash, at, at, at, at, messageText(number, laneId), RAW);
  }
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

function addressOf(lane: number): string {
  return `+1425${String(lane).padStart(7, '0')}`;
}

function messageText(number: number, lane: number): string {
  return JSON.stringify({
    channel: 'sms',
    customerAddress: addressOf(lane),
    customerAddressKind: 'phone',
    businessAddress: SMS_NUMBER,
    externalId: `external-${number}`,
    sentAt: Date.now(),
    content: { kind: 'text', text: `#${number} Good morning, is there any news of my order?` },
  });
}

/** In turns, from both; each claim leases its heads, so the next one meets others. */
async function measureClaims(files: { readonly big: string; readonly small: string }): Promise<Sample[]> {
  const big = await openStore({ kind: 'sqlite', path: files.big }, 'service');
  const small = await openStore({ kind: 'sqlite', path: files.small }, 'service');
  // The first prepares its statements.
  for (const store of [big, small]) await timeClaim(store);
  const samples: Sample[] = [];
  while (samples.length < CLAIMS - 1) {
    const compared = await timeClaim(small);
    samples.push({ measured: await timeClaim(big), compared });
  }
  for (const store of [big, small]) await store.close();
  return samples;
}

async function timeClaim(store: MessageStore): Promise<number> {
  const startedAt = performance.now();
  const { claims } = await store.claimHeads({
    now: Date.now(),
    leaseMs: 12_000,
    limit: HEADS,
    limitPerDestination: HEADS,
    inFlight: {},
    paces: { default: { rate: 1_000_000, burst: 1_000_000 }, byName: {} },
  });
  const elapsedMs = performance.now() - startedAt;
  if (claims.length !== HEADS) throw new Error(`${claims.length} heads were claimed, not ${HEADS}.`);
  return elapsedMs;
}

async function measureServices(
  bench: Bench,
  big: string,
  workMs: number,
): Promise<{ memory: Sample; start: Sample }> {
  const { connect, startBridge } = bench;
  const emptyMb = await memoryAtWork(await startBridge(UNLIMITED_PACE), workMs);
  await connect.call('answer', { afterMs: CONNECT_ANSWER_MS });
  const startedAt = machineClockMs();
  const service = await startBridge({ ...UNLIMITED_PACE, STORE_URL: `sqlite:${big}` });
  const memoryMb = await memoryAtWork(service, workMs);
  const receiptAt = await connect.call('firstReceiptAt');
  if (receiptAt === undefined) throw new Error('Nothing of the backlog was delivered.');
  return {
    memory: { measured: memoryMb, compared: emptyMb },
    start: { measured: (receiptAt - startedAt) / 1_000, compared: 0 },
  };
}

/** After a while of whatever it has to do, and the look that a monitoring takes. Ends the service. */
async function memoryAtWork(service: StartedBridge, workMs: number): Promise<number> {
  await using bridge = service;
  await sleep(workMs);
  await (await fetch(`${bridge.adminUrl}/metrics`)).text();
  return residentMb(bridge.pid);
}

export function residentMb(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1_024;
}
