/** Plays a script: real bridge processes between stand-ins, and everything that happens to them. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SANDBOX_TOPIC_ARN, makeBridgeEnvironment } from '../../src/sandbox/bridge-child.ts';
import { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import { Publications } from '../../src/sandbox/publications.ts';
import { createSnsSigner } from '../../src/sandbox/sns-signer.ts';
import { SnsStandIn } from '../../src/sandbox/sns-stand-in.ts';
import { SECOND_MS } from '../../src/clock.ts';
import type { Delivery } from '../../src/sandbox/sns-stand-in.ts';
import type { MessageStore } from '../../src/queue/message-store.ts';
import { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import { Recorder } from './recorder.ts';
import { ORDER_HOLD_MS, writeScript } from './script.ts';
import type { RunOptions, Script, ScriptedFault, ScriptedPost } from './script.ts';
import { readStoreAtEnd } from './store-at-end.ts';
import { prepareSqlite } from './sqlite-under-fault.ts';
import type { StoreUnderFault } from './store-under-fault.ts';

const REPLICAS = { sqlite: 1, postgres: 3 } as const;
const SNS_RETRY_MS = 400;
/** SNS would give up after an hour; this has to outlast the run. */
const SNS_RETRIES = 800;
/** Posts that are under way or wait for their next try; others wait for one of these to be done. */
const POSTS_AT_ONCE = 150;
/** The load balancer's turn: how long one replica gets all posts. */
const BALANCE_MS = 20;
/** After the last message has arrived: waits of up to a minute lie between attempts. */
const SETTLE_MOST_MS = 180 * SECOND_MS;
const SETTLE_POLL_MS = 250;

export interface RunRecord {
  readonly script: Script;
  readonly history: History;
  readonly facts: RunFacts;
  /** Broken promises that no history tells of. */
  readonly problems: readonly string[];
}

export interface RunFacts {
  readonly durationMs: number;
  readonly longestDeliveryMs: number;
  readonly kills: number;
  readonly freezes: number;
  readonly storeFaults: Readonly<Record<string, number>>;
  readonly failedStarts: number;
  readonly postsRetried: number;
  /** Left behind where something was wrong. */
  readonly logDirectory: string;
}

/** Judges what was seen; the folder with logs and history goes unless `keepsLogs`. */
export type Judge<Result> = (record: RunRecord) => { readonly result: Result; readonly keepsLogs: boolean };

export async function playScript<Result>(options: RunOptions, judge: Judge<Result>): Promise<Result> {
  await using resources = new AsyncDisposableStack();
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-faults-'));
  let isKept = true;
  resources.defer(() => {
    if (!isKept) fs.rmSync(directory, { recursive: true, force: true });
  });
  const store = resources.use(await prepareStore(options, directory));
  const signer = await createSnsSigner({ directory: path.join(directory, 'certs') });
  const connect = await ConnectStandIn.start();
  resources.defer(() => connect.close());
  const sns = await SnsStandIn.start({
    signer,
    topicArn: SANDBOX_TOPIC_ARN,
    retryDelaysMs: Array.from({ length: SNS_RETRIES }, () => SNS_RETRY_MS),
  });
  resources.defer(() => sns.close());
  const script = writeScript(options, Date.now());
  const recorder = new Recorder(script);
  recorder.attach(connect);
  const publications = new Publications(sns);
  connect.onItem = (publication) => publications.publish(publication);
  const environment = {
    ...(await makeBridgeEnvironment({
      directory,
      connectUrl: connect.url,
      snsUrl: sns.url,
      method: options.method,
    })),
    STORE_URL: store.url,
    ORDER_HOLD_MS: String(ORDER_HOLD_MS),
    CONNECT_RATE: '2000',
    CONNECT_BURST: '2000',
  };
  const fleet = await Fleet.start({
    environment,
    size: REPLICAS[options.store],
    logDirectory: directory,
    recorder,
  });
  resources.defer(async () => void (await fleet.stop()));
  const balance = (): void => {
    const url = fleet.nextUrl();
    if (url) sns.subscribe(`${url}/sns`);
  };
  balance();
  const balancer = setInterval(balance, BALANCE_MS);
  resources.defer(() => clearInterval(balancer));
  const record = await play({ script, store, connect, sns, publications, recorder, fleet, directory });
  const judged = judge(record);
  isKept = judged.keepsLogs;
  if (isKept) fs.writeFileSync(path.join(directory, 'history.json'), JSON.stringify(record.history));
  return judged.result;
}

async function prepareStore(options: RunOptions, directory: string): Promise<StoreUnderFault> {
  if (options.store === 'sqlite') return prepareSqlite(path.join(directory, 'disk'), options.canFillDisk);
  // Imported where it is wanted: it brings a server along.
  const { preparePostgres } = await import('./postgres-under-fault.ts');
  return preparePostgres();
}

interface Stage {
  readonly script: Script;
  readonly store: StoreUnderFault;
  readonly connect: ConnectStandIn;
  readonly sns: SnsStandIn;
  readonly publications: Publications;
  readonly recorder: Recorder;
  readonly fleet: Fleet;
  readonly directory: string;
}

async function play(stage: Stage): Promise<RunRecord> {
  const { script, recorder, fleet, store, connect, publications, directory } = stage;
  const startedAtMs = performance.now();
  const [deliveries] = await Promise.all([
    postAll(stage),
    playProcessFaults(stage),
    playStoreFaults(stage),
    playChatFaults(stage),
  ]);
  const reader = await store.open();
  let isSettled: boolean;
  try {
    isSettled = await settle(recorder, reader);
    const published = await publications.delivered();
    isSettled &&= await settle(recorder, reader);
    const exits = await fleet.stop();
    const history: History = {
      method: script.options.method,
      messages: script.messages,
      events: recorder.events,
      posts: [...deliveries, ...published].reduce((sum, { attempts }) => sum + attempts.length, 0),
      store: await readStoreAtEnd(reader, script, await store.countLeasedLanes()),
    };
    return {
      script,
      history,
      facts: {
        durationMs: performance.now() - startedAtMs,
        longestDeliveryMs: recorder.longestDeliveryMs(),
        kills: script.processFaults.filter(({ kind }) => kind === 'kill').length,
        freezes: script.processFaults.filter(({ kind }) => kind === 'freeze').length,
        storeFaults: countKinds(script.storeFaults),
        failedStarts: fleet.failedStarts,
        postsRetried: deliveries.filter(({ attempts }) => attempts.length > 1).length,
        logDirectory: directory,
      },
      problems: [
        ...(isSettled ? [] : [`not done ${SETTLE_MOST_MS / SECOND_MS} s after the last message arrived`]),
        ...exits
          .filter(({ code }) => code !== 0)
          .map(({ code, signal }) => `SIGTERM ended with ${code ?? signal}`),
        ...fleet.ownEnds.map(({ code, signal }) => `a process ended by itself with ${code ?? signal}`),
        ...(connect.received === recorder.requests + connect.turnedAway
          ? []
          : [
              `Connect saw ${connect.received} requests and turned ${connect.turnedAway} away; ${recorder.requests} are in the history`,
            ]),
        ...published
          .filter(({ end }) => end !== 'taken')
          .map(({ end, status }) => `something that Connect published was ${end} (${status})`),
        ...tooManyTimeOuts(history),
        ...connect.ruleProblems.map((problem) => `Connect’s API rules: ${problem}`),
        ...unforeseenErrors(fleet.logs),
      ],
    };
  } finally {
    await reader.close();
  }
}

async function playProcessFaults({ script, recorder, fleet }: Stage): Promise<void> {
  const freezing: Promise<void>[] = [];
  for (const [index, { kind, atMs, forMs }] of script.processFaults.entries()) {
    await sleepUntil(recorder, atMs);
    if (kind === 'freeze') freezing.push(fleet.freeze(index, forMs));
    else await fleet.kill(index, forMs);
  }
  await Promise.all(freezing);
}

async function playStoreFaults({ script, recorder, store }: Stage): Promise<void> {
  for (const { kind, atMs, forMs } of script.storeFaults) {
    await sleepUntil(recorder, atMs);
    if (kind !== 'kill' && kind !== 'freeze') await store.fail(kind, forMs);
  }
}

async function playChatFaults({ script, recorder, connect }: Stage): Promise<void> {
  for (const { kind, atMs, pick } of script.chatFaults) {
    await sleepUntil(recorder, atMs);
    const { running, begun } = connect.chats;
    if (kind === 'end') connect.endChat(begun[pick % begun.length]?.contactId ?? '');
    else for (const { contactId } of running) connect.expireConnections(contactId);
  }
}

/** Each as SNS would: again and again until it is taken. */
async function postAll(stage: Stage): Promise<readonly Delivery[]> {
  const posting: Promise<Delivery>[] = [];
  const underWay = new Set<Promise<unknown>>();
  for (const post of stage.script.posts) {
    await sleepUntil(stage.recorder, post.atMs);
    while (underWay.size >= POSTS_AT_ONCE) await Promise.race(underWay);
    const delivering = postOne(stage, post);
    posting.push(delivering);
    const done: Promise<unknown> = delivering.finally(() => underWay.delete(done));
    underWay.add(done);
  }
  return Promise.all(posting);
}

async function postOne({ sns, recorder }: Stage, post: ScriptedPost): Promise<Delivery> {
  const { message, snsMessageId: messageId, timestamp, body } = post;
  recorder.record({ kind: 'posted', message });
  const delivery = await sns.publish(body, { messageId, timestamp });
  if (delivery.end === 'taken') recorder.record({ kind: 'acknowledged', message });
  else if (delivery.end === 'gaveUp') recorder.record({ kind: 'abandoned', message });
  else recorder.record({ kind: 'rejected', message, status: delivery.status ?? 0 });
  return delivery;
}

/** Connect has had its last word on each message, and the store knows. */
async function settle(recorder: Recorder, reader: MessageStore): Promise<boolean> {
  const giveUpAtMs = performance.now() + SETTLE_MOST_MS;
  while (performance.now() < giveUpAtMs) {
    if (recorder.countUnfinished() === 0) {
      const { books } = await reader.status();
      if (books.pending === 0) return true;
    }
    await sleep(SETTLE_POLL_MS);
  }
  return false;
}

async function sleepUntil(recorder: Recorder, atMs: number): Promise<void> {
  const waitMs = atMs - recorder.nowMs();
  if (waitMs > 0) await sleep(waitMs);
}

function countKinds(faults: readonly ScriptedFault[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of faults) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** More, and the machine was too slow for the run to prove anything, or the bridge gives up too early. */
const TIMED_OUT_MOST_PART = 0.05;

function tooManyTimeOuts({ messages, store }: History): string[] {
  const count = store.messages.filter(({ hasTimedOut }) => hasTimedOut).length;
  return count > messages.length * TIMED_OUT_MOST_PART
    ? [`${count} messages timed out: too slow to judge`]
    : [];
}

const ERRORS_SHOWN = 5;

function unforeseenErrors(logs: readonly string[]): string[] {
  return logs
    .flatMap((log) => fs.readFileSync(log, 'utf8').split('\n'))
    .filter((line) => /"INTERNAL"|"attempt\.failed"|"service\.failed"/.test(line))
    .slice(0, ERRORS_SHOWN)
    .map((line) => `unforeseen error: ${line}`);
}
