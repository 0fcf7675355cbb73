/** How SQLite carries out what is done for each message: by an index, however many rows there are. */
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Claim, ClaimRequest, OutcomeReport } from '../../src/queue/message-store.ts';
import { readStatus } from '../../src/queue/sqlite/books.ts';
import { endAged } from '../../src/queue/sqlite/maintain.ts';
import { accept } from '../../src/queue/sqlite/accept.ts';
import { claimHeads } from '../../src/queue/sqlite/claim.ts';
import { Database } from '../../src/queue/sqlite/database.ts';
import type { Row } from '../../src/queue/sqlite/database.ts';
import { recordOutcome } from '../../src/queue/sqlite/outcome.ts';
import { makeStoreFile, removeStoreFile } from './sqlite-file.ts';
import {
  DELIVERED,
  DESTINATION,
  LEASE_MS,
  OTHER_DESTINATION,
  PACE_KEY,
  PACE_LIMITS,
  pauseUntil,
  RETENTION_MS,
  retryAt,
  StoreScene,
} from './suite/store-scene.ts';
import type { Given } from './suite/store-scene.ts';

/** Remembers every statement that it was asked for. */
class WatchedDatabase extends Database {
  readonly statements = new Set<string>();

  override get<Result = Row>(sql: string, parameters: Row = {}): Result | undefined {
    this.statements.add(sql);
    return super.get<Result>(sql, parameters);
  }

  override all<Result = Row>(sql: string, parameters: Row = {}): Result[] {
    this.statements.add(sql);
    return super.all<Result>(sql, parameters);
  }

  override run(sql: string, parameters: Row = {}): number {
    this.statements.add(sql);
    return super.run(sql, parameters);
  }
}

let file: string;
let db: WatchedDatabase;
let scene: StoreScene;

beforeEach(() => {
  file = makeStoreFile();
  db = new WatchedDatabase(file, 'service');
  scene = new StoreScene({
    get store(): never {
      throw new Error('The statements run here, without the store’s thread');
    },
    reopen: () => Promise.resolve(),
    inspect: () => Promise.resolve(undefined),
    holds: () => Promise.resolve(false),
    dispose: () => Promise.resolve(),
  });
});

afterEach(() => {
  db.close();
  removeStoreFile(file);
});

function acceptOne(given: Given = {}): void {
  accept(db, scene.request([scene.messageItem(given)], given));
}

function claim(): readonly Claim[] {
  const request: ClaimRequest = {
    now: scene.now,
    leaseMs: LEASE_MS,
    limit: 64,
    limitPerDestination: 64,
    inFlight: {},
    paces: { default: PACE_LIMITS, byName: {} },
  };
  return claimHeads(db, request).claims;
}

function record(outcome: OutcomeReport['outcome'], over: Partial<OutcomeReport> = {}): void {
  const [claimed] = claim();
  if (!claimed) throw new Error('nothing was claimed');
  const attempt = { verdict: 'retry', startedAt: scene.now, durationMs: 1 } as const;
  expect(recordOutcome(db, { claim: claimed, now: scene.now, outcome, attempt, ...over })).toBe('recorded');
}

/** Everything that can become of a message, once. */
function doEverything(): void {
  acceptOne({ externalId: 'one', snsMessageId: 'one' });
  acceptOne({ externalId: 'one', snsMessageId: 'one' });
  record(retryAt(scene.now, true));
  record(DELIVERED);
  acceptOne({ sentAt: scene.now - 1 });
  record({ verdict: 'dead', reason: 'refused', error: 'why' });
  acceptOne();
  claim();
  scene.now += LEASE_MS;
  record(DELIVERED);
  acceptOne();
  record(
    { verdict: 'returned', dueAt: scene.now, error: 'why' },
    { pause: pauseUntil(scene.now), pace: { key: PACE_KEY, limits: PACE_LIMITS, effect: 'throttled' } },
  );
  scene.now += 60_000;
  record(
    { verdict: 'returned', dueAt: scene.now },
    { nextProbe: { destination: DESTINATION, nextProbeAt: scene.now } },
  );
  record(DELIVERED, { resume: DESTINATION });
  acceptOne();
  record(
    { verdict: 'returned', dueAt: scene.now },
    { placement: { destination: OTHER_DESTINATION, paceKey: PACE_KEY } },
  );
  const dead = { kind: 'dead', index: 0, reason: 'not_understood', detail: 'why', raw: '{}' } as const;
  accept(db, scene.request([dead]));
  accept(db, { ...scene.request([]), ignored: ['status'] });
}

interface Step {
  readonly sql: string;
  readonly detail: string;
}

function explain(sqls: Iterable<string>): Step[] {
  const reader = new DatabaseSync(file, { readOnly: true });
  const steps = [...sqls].flatMap((sql) =>
    reader
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => ({ sql, detail: String(detail) })),
  );
  reader.close();
  return steps;
}

/** Destinations and pauses are few, and go with the routes; the rest is a row that stands in for none. */
const SMALL = /^SCAN (waiting|pauses|CONSTANT ROW|\(subquery-\d+\))\b/;

function scansIn(steps: readonly Step[]): Step[] {
  return steps.filter(({ detail }) => /\bSCAN\b/.test(detail) && !SMALL.test(detail));
}

describe('looking and maintaining', () => {
  it('look at no message but by an index: what was delivered is the bulk of them', () => {
    doEverything();
    db.statements.clear();
    readStatus(db);
    endAged(db, scene.now, RETENTION_MS);
    expect(db.statements.size).toBeGreaterThan(10);
    const scans = scansIn(explain(db.statements)).map(({ detail }) => detail);
    // Lanes are looked through once a minute; the books have a row for each day.
    expect(scans.filter((detail) => !/^SCAN (lanes|books)\b/.test(detail))).toEqual([]);
  });
});

describe('accepting, claiming and recording', () => {
  it('look at no row but by an index', () => {
    doEverything();
    expect(scansIn(explain(db.statements))).toEqual([]);
  });

  it('pass over all lanes of a place to the next place', () => {
    doEverything();
    const steps = explain(db.statements).filter(({ sql }) => sql.includes('RECURSIVE waiting'));
    const search = 'SEARCH next USING COVERING INDEX lanes_due_by_pace';
    expect(steps.map(({ detail }) => detail).filter((detail) => detail.startsWith(search))).toEqual([
      `${search} (destination=? AND pace_key>?)`,
      `${search} (destination>?)`,
    ]);
  });

  it('find a lane’s head past all that the lane has had', () => {
    doEverything();
    const steps = explain(db.statements).filter(({ sql }) => sql.includes('ORDER BY begun DESC'));
    const details = new Set(steps.map(({ detail }) => detail));
    expect([...details].toSorted()).toEqual([
      'CORRELATED SCALAR SUBQUERY 1',
      'SEARCH lanes USING INTEGER PRIMARY KEY (rowid=?)',
      'SEARCH messages USING INDEX messages_in_lane (lane_id=? AND <expr>=?)',
    ]);
  });

  it('ask with every statement that their sources have', () => {
    doEverything();
    const asked = [...db.statements].join('\n');
    for (const name of ['accept', 'claim', 'outcome', 'lane', 'paces']) {
      const source = path.join(import.meta.dirname, '..', '..', 'src', 'queue', 'sqlite', `${name}.ts`);
      const tables = fs.readFileSync(source, 'utf8').matchAll(/(?:FROM|INTO|UPDATE) ([a-z]+)\b/g);
      for (const [, table] of tables) expect(asked, `${name}.ts: ${table}`).toContain(table);
    }
    expect(db.statements.size).toBeGreaterThan(25);
  });

  it('fail without one of their parameters, which would be NULL otherwise', () => {
    expect(() => db.run('DELETE FROM lanes WHERE id = :id')).toThrow('id is missing');
  });

  it.each([
    'SELECT count(*) FROM messages',
    'SELECT id FROM lanes WHERE due_at < 7',
    `SELECT id FROM messages WHERE reason = 'refused'`,
  ])('would find a scan: %s', (sql) => {
    expect(scansIn(explain([sql]))).not.toEqual([]);
  });
});
