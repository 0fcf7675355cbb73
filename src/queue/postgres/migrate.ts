import fs from 'node:fs';
import path from 'node:path';
import { BridgeError } from '../../errors.ts';
import type { Connections } from './connections.ts';
import type { Transaction } from './transaction.ts';

const MIGRATIONS_DIRECTORY = path.join(import.meta.dirname, '..', 'migrations', 'postgres');

/** Of the advisory locks; the second half of a lock's key is the schema's. */
export const LOCK_CLASSES = { migrate: 7_301, maintain: 7_302 } as const;

/**
 * Brings the schema up to this version's, if it is older: of those that start at once, one does it and the others wait.
 *
 * Differs from SQLite, where a newer version's file is refused, because here replicas of two versions run side by side
 * while one takes over from the other: migrations only ever add, so a schema that is newer than this version will do.
 */
export async function migrate(connections: Connections): Promise<void> {
  const migrations = listMigrations();
  // Most starts find nothing to do, and then need no right to.
  if (((await connections.transaction('read', readVersion)) ?? 0) >= migrations.length) return;
  await connections.transaction('operate', async (db) => {
    await db.run('SELECT pg_advisory_xact_lock(:class::int, hashtext(current_schema()))', {
      class: LOCK_CLASSES.migrate,
    });
    await db.script(
      'CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)',
    );
    const version = (await readVersion(db)) ?? 0;
    for (const [index, name] of migrations.entries()) {
      if (index < version) continue;
      await db.script(fs.readFileSync(path.join(MIGRATIONS_DIRECTORY, name), 'utf8'));
      await db.run('INSERT INTO schema_migrations (version, name) VALUES (:version, :name)', {
        version: index + 1,
        name,
      });
    }
  });
}

/** Throws STORE_MISSING or STORE_TOO_OLD: a command changes no schema. */
export async function checkSchema(connections: Connections): Promise<void> {
  const version = await connections.transaction('read', readVersion);
  if (version === undefined)
    throw new BridgeError('STORE_MISSING', { detail: 'The database has no tables of ours.' });
  if (version < listMigrations().length) throw new BridgeError('STORE_TOO_OLD');
}

/** Undefined: there never was a store here. */
async function readVersion(db: Transaction): Promise<number | undefined> {
  const { isThere } = await db.one<{ isThere: boolean }>(
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS "isThere"`,
  );
  if (!isThere) return undefined;
  const { version } = await db.one<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM schema_migrations',
  );
  return version;
}

function listMigrations(): string[] {
  return fs
    .readdirSync(MIGRATIONS_DIRECTORY)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}
