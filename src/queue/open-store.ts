import type { MessageStore } from './message-store.ts';
import { describeConnectionUrl } from './postgres/connection-url.ts';
import type { StoreRole } from './message-store.ts';

export type StoreLocation =
  | { readonly kind: 'sqlite'; readonly path: string }
  /** The URL may hold a password: it goes in no log. */
  | { readonly kind: 'postgres'; readonly url: string };

/**
 * Throws STORE_MISSING, STORE_IN_USE, STORE_TOO_NEW, STORE_TOO_OLD or STORE_UNAVAILABLE. Only the store that is asked for
 * is loaded: a command on SQLite has no use for PostgreSQL's client.
 */
export async function openStore(location: StoreLocation, role: StoreRole): Promise<MessageStore> {
  switch (location.kind) {
    case 'sqlite': {
      const { SqliteStore } = await import('./sqlite-store.ts');
      return SqliteStore.open(location.path, role);
    }
    case 'postgres': {
      const { PostgresStore } = await import('./postgres-store.ts');
      return PostgresStore.open(location.url, role);
    }
  }
}

/** For logs. */
export function describeStore(location: StoreLocation): string {
  return location.kind === 'sqlite' ? location.path : describeConnectionUrl(location.url);
}
