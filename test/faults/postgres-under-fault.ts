/** A PostgreSQL server that is shut down or killed and started again, or frozen for a while. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresStore } from '../../src/queue/postgres-store.ts';
import { createSchema, startPostgres } from '../support/postgres.ts';
import type { PostgresServer } from '../support/postgres.ts';
import type { StoreFaultKind } from './script.ts';
import type { StoreUnderFault } from './store-under-fault.ts';

/** A server of its own: that of TEST_POSTGRES_URL is not ours to stop. */
export async function preparePostgres(): Promise<StoreUnderFault> {
  const server = await startPostgres();
  if (!server.isOwn) throw new Error('A fault run stops its PostgreSQL: unset TEST_POSTGRES_URL.');
  const schema = await createSchema(server);
  return {
    url: schema.url,
    fail: async (kind, forMs) => {
      const undo = await (FAILURES[kind] ?? refuseFault)(server);
      await sleep(forMs);
      await undo();
    },
    open: () => PostgresStore.open(schema.url, 'command'),
    countLeasedLanes: async () => {
      const [row] = await schema.query(
        'SELECT count(*)::int AS leased FROM lanes WHERE lease_token IS NOT NULL',
      );
      return Number(row?.['leased']);
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

type Failure = (server: PostgresServer) => Promise<() => Promise<void>>;

const FAILURES: Partial<Record<StoreFaultKind, Failure>> = {
  restarted: (server) => stopServer(server, 'orderly'),
  crashed: (server) => stopServer(server, 'crash'),
  frozen: freezeServer,
};

function refuseFault(): never {
  throw new Error('PostgreSQL knows no such fault.');
}

async function stopServer(server: PostgresServer, how: 'orderly' | 'crash'): Promise<() => Promise<void>> {
  await server.stop(how);
  return () => server.start().catch(ignoreTurnedAway);
}

/** While it recovers, it turns clients away in words that look like its own end; but it goes on starting. */
function ignoreTurnedAway(error: unknown): void {
  const isTurnedAway =
    error instanceof Error && /FATAL:.*(not yet accepting connections|is starting up)/.test(error.message);
  if (!isTurnedAway) throw error;
}

/** The postmaster first, so that it starts no more processes. */
function freezeServer(server: PostgresServer): Promise<() => Promise<void>> {
  const folder = new URL(server.url).searchParams.get('host') ?? '';
  const [postmaster] = fs.readFileSync(path.join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n');
  const pid = Number(postmaster);
  process.kill(pid, 'SIGSTOP');
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .split('\n')
    .map(Number)
    .filter((child) => child > 0);
  const all = [...children, pid];
  for (const one of all) signal(one, 'SIGSTOP');
  return Promise.resolve(() => {
    for (const one of all) signal(one, 'SIGCONT');
    return Promise.resolve();
  });
}

/** Some may have ended meanwhile. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
