import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { BridgeError } from '../errors.ts';
import type { ChatParties } from '../normalize/agent-reply.ts';
import type {
  AcceptedItem,
  AcceptRequest,
  ClaimedHeads,
  ClaimRequest,
  Erasure,
  Maintenance,
  MessageDetail,
  MessageFilter,
  MessagePage,
  MessageStore,
  MessageSummary,
  OutcomeReport,
  RedriveOutcome,
  RedriveRequest,
  StoreStatus,
} from './message-store.ts';
import { accept } from './postgres/accept.ts';
import { readStatus } from './postgres/books.ts';
import { findChat } from './postgres/chats.ts';
import { claimHeads } from './postgres/claim.ts';
import { Connections, POSTGRES_WAITS } from './postgres/connections.ts';
import type { PostgresWaits } from './postgres/connections.ts';
import { DatabaseClock } from './postgres/database-clock.ts';
import type { ClockSource } from './postgres/database-clock.ts';
import { discard, eraseCustomer } from './postgres/erase.ts';
import { endAged } from './postgres/maintain.ts';
import type { Aged } from './postgres/maintain.ts';
import { checkSchema, migrate } from './postgres/migrate.ts';
import { countMessages, listMessages, readMessage } from './postgres/operate.ts';
import { recordOutcome } from './postgres/outcome.ts';
import { redrive } from './postgres/redrive.ts';
import {
  shiftClaimed,
  shiftDetail,
  shiftReport,
  shiftStatus,
  shiftSummary,
} from './postgres/shift-instants.ts';
import { isMissingDatabase, isSetupFault } from './postgres/store-fault.ts';
import type { StoreRole } from './message-store.ts';

/** Batches of aged rows that one maintenance ends at most; the rest waits for the next. */
const MAX_MAINTENANCE_BATCHES = 20;

/** Raw notifications that wait for their commit at most, characters. */
const MAX_ACCEPTING_SIZE = 64 * 1024 * 1024;

export interface PostgresOptions {
  readonly clock?: Clock;
  readonly clockSource?: ClockSource;
  readonly waits?: PostgresWaits;
}

/**
 * The message store in a PostgreSQL database, which several replicas share. Each operation is one transaction; what
 * keeps replicas out of each other's way are row locks (see postgres/claim.ts for their order) and the leases. It voids
 * no lease when it opens, because other replicas live: a killed one's lanes go on when their leases run out.
 */
export class PostgresStore implements MessageStore {
  readonly #connections: Connections;
  readonly #clock: DatabaseClock;
  /** Of what is being accepted, characters. */
  #acceptingSize = 0;

  /** Never: it connects anew by itself. */
  readonly lost = new Promise<unknown>(() => {});

  /** Throws STORE_MISSING, STORE_TOO_OLD (a command changes no schema) or STORE_UNAVAILABLE. */
  static async open(url: string, role: StoreRole, options: PostgresOptions = {}): Promise<PostgresStore> {
    const { clock = systemClock, clockSource = 'database', waits = POSTGRES_WAITS } = options;
    const connections = new Connections({ url, clock, waits });
    const databaseClock = new DatabaseClock(clock, clockSource);
    try {
      const openMs = role === 'service' ? waits.openMs : 0;
      await whenUp(clock, openMs, waits.reconnectFirstMs, () =>
        connections.transaction('read', (db) => databaseClock.read(db, clock.now())),
      );
      await (role === 'service' ? migrate(connections) : checkSchema(connections));
    } catch (error) {
      await connections.close();
      const { cause } = error as Error;
      throw role === 'command' && isMissingDatabase(cause)
        ? new BridgeError('STORE_MISSING', { cause })
        : error;
    }
    return new PostgresStore(connections, databaseClock);
  }

  private constructor(connections: Connections, clock: DatabaseClock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  /** Rejects with OVERLOADED while more waits for its commit than may: a request that gave up waiting still does. */
  async accept(request: AcceptRequest): Promise<readonly AcceptedItem[]> {
    const size = request.items.reduce((sum, { raw }) => sum + raw.length, 0);
    if (this.#acceptingSize + size > MAX_ACCEPTING_SIZE) throw new BridgeError('OVERLOADED');
    this.#acceptingSize += size;
    const acceptedAt = this.#clock.toDatabase(request.acceptedAt);
    try {
      return await this.#connections.transaction('write', (db) => accept(db, { ...request, acceptedAt }));
    } finally {
      this.#acceptingSize -= size;
    }
  }

  /** By what the database's clock says when the claim begins: leases of all replicas are measured alike. */
  async claimHeads(request: ClaimRequest): Promise<ClaimedHeads> {
    const claimed = await this.#connections.transaction('write', async (db) =>
      claimHeads(db, { ...request, now: await this.#clock.read(db, request.now) }),
    );
    return shiftClaimed(claimed, this.#toCaller);
  }

  recordOutcome(report: OutcomeReport): Promise<'recorded' | 'superseded'> {
    const shifted = shiftReport(report, this.#toDatabase);
    return this.#connections.transaction('write', (db) => recordOutcome(db, shifted));
  }

  /** Freed space is PostgreSQL's own to reuse, and erased content its autovacuum's to remove. */
  async maintain(now: number, retentionMs: number): Promise<Maintenance> {
    const databaseNow = this.#clock.toDatabase(now);
    const batches: Aged[] = [];
    do {
      batches.push(
        await this.#connections.transaction('write', (db) => endAged(db, databaseNow, retentionMs)),
      );
    } while (batches.at(-1)?.hasMore && batches.length < MAX_MAINTENANCE_BATCHES);
    return {
      tooOld: batches.flatMap(({ tooOld }) => tooOld),
      expired: batches.reduce((sum, { expired }) => sum + expired, 0),
      isErasureDone: true,
    };
  }

  async status(): Promise<StoreStatus> {
    return shiftStatus(await this.#connections.transaction('read', readStatus), this.#toCaller);
  }

  async listMessages(filter: MessageFilter, page: MessagePage): Promise<readonly MessageSummary[]> {
    const shifted = this.#shiftFilter(filter);
    const summaries = await this.#connections.transaction('read', (db) => listMessages(db, shifted, page));
    return summaries.map((summary) => shiftSummary(summary, this.#toCaller));
  }

  countMessages(filter: MessageFilter): Promise<number> {
    const shifted = this.#shiftFilter(filter);
    return this.#connections.transaction('read', (db) => countMessages(db, shifted));
  }

  async readMessage(id: number): Promise<MessageDetail | undefined> {
    const detail = await this.#connections.transaction('read', (db) => readMessage(db, id));
    return detail && shiftDetail(detail, this.#toCaller);
  }

  findChat(contactId: string): Promise<ChatParties | undefined> {
    return this.#connections.transaction('read', (db) => findChat(db, contactId));
  }

  redrive(request: RedriveRequest): Promise<RedriveOutcome> {
    const now = this.#clock.toDatabase(request.now);
    return this.#connections.transaction('operate', (db) => redrive(db, { ...request, now }));
  }

  discard(ids: readonly number[], now: number): Promise<number> {
    return this.#connections.transaction('operate', (db) => discard(db, ids, this.#clock.toDatabase(now)));
  }

  async eraseCustomer(customerAddress: string, now: number): Promise<Erasure> {
    const erasure = await this.#connections.transaction('operate', (db) =>
      eraseCustomer(db, customerAddress, this.#clock.toDatabase(now)),
    );
    // What is erased is still in the rows' old versions.
    if (!erasure.isBusy) await this.#connections.outside('VACUUM messages, attempts, lanes, chats');
    return erasure;
  }

  async ping(): Promise<void> {
    await this.#connections.transaction('write', (db) =>
      db.run('INSERT INTO pings (id, at) VALUES (1, :at) ON CONFLICT (id) DO UPDATE SET at = excluded.at', {
        at: Date.now(),
      }),
    );
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  #shiftFilter(filter: MessageFilter): MessageFilter {
    return filter.since === undefined ? filter : { ...filter, since: this.#clock.toDatabase(filter.since) };
  }

  readonly #toDatabase = (instant: number): number => this.#clock.toDatabase(instant);
  readonly #toCaller = (instant: number): number => this.#clock.toCaller(instant);
}

/** Waits for a database that is still starting, as it may be where both start at once; not for a wrong set-up. */
async function whenUp(
  clock: Clock,
  mostMs: number,
  everyMs: number,
  connect: () => Promise<unknown>,
): Promise<void> {
  const untilMs = clock.monotonicMs() + mostMs;
  for (;;) {
    try {
      await connect();
      return;
    } catch (error) {
      if (clock.monotonicMs() >= untilMs || isSetupFault((error as Error).cause)) throw error;
      await sleep(everyMs);
    }
  }
}
