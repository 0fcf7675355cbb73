import { PostgresStore } from '../../src/queue/postgres-store.ts';
import type { PostgresOptions } from '../../src/queue/postgres-store.ts';
import { createSchema } from '../support/postgres.ts';
import type { PostgresSchema, PostgresServer } from '../support/postgres.ts';
import type { StoredMessage, StoreUnderTest } from './suite/store-scene.ts';

/** Tests invent the time. */
export const INVENTED_TIME = { clockSource: 'caller' } as const satisfies PostgresOptions;

/** Migrated and emptied, for the next test: an own server's, which goes with them. */
const emptied = new WeakMap<PostgresServer, PostgresSchema[]>();

export async function openPostgresStore(
  server: PostgresServer,
  given?: PostgresSchema,
): Promise<StoreUnderTest> {
  const schema = given ?? emptied.get(server)?.pop() ?? (await createSchema(server));
  let store = await PostgresStore.open(schema.url, 'service', INVENTED_TIME);
  return {
    get store() {
      return store;
    },
    reopen: async () => {
      await store.close();
      store = await PostgresStore.open(schema.url, 'service', INVENTED_TIME);
    },
    inspect: (messageId) => inspect(schema, messageId),
    holds: (text) => holds(schema, text),
    dispose: async () => {
      await store.close();
      if (given || !server.isOwn) await schema.drop();
      else emptied.set(server, [...(emptied.get(server) ?? []), await empty(schema)]);
    },
  };
}

/** Cheaper than new tables, and the same to a test: ids begin anew. */
async function empty(schema: PostgresSchema): Promise<PostgresSchema> {
  for (const table of ['attempts', 'messages', 'chats', 'lanes', 'pauses', 'paces', 'books', 'pings']) {
    await schema.query(`DELETE FROM ${table}`);
  }
  for (const table of ['attempts', 'messages', 'chats', 'lanes', 'pauses']) {
    await schema.query(`SELECT setval(pg_get_serial_sequence($1, 'id'), 1, false)`, [table]);
  }
  return schema;
}

async function inspect(schema: PostgresSchema, messageId: number): Promise<StoredMessage | undefined> {
  const [row] = await schema.query(
    `SELECT state, attempts, reason, last_error AS "lastError", message, raw, new_chat_created AS "newChatCreated"
     FROM messages WHERE id = $1`,
    [messageId],
  );
  if (!row) return undefined;
  const { raw } = row;
  return { ...row, raw: typeof raw === 'string' ? JSON.parse(raw) : raw } as StoredMessage;
}

/** In any column of any row: what old versions of rows still hold is PostgreSQL's own (see 0001-initial.sql). */
async function holds(schema: PostgresSchema, text: string): Promise<boolean> {
  const tables = await schema.query(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()',
  );
  const searches = tables.map(
    ({ name }) => `SELECT 1 FROM ${String(name)} AS held WHERE strpos(held::text, $1) > 0`,
  );
  return (await schema.query(searches.join(' UNION ALL '), [text])).length > 0;
}
