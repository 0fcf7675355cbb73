/**
 * Where a customer's number still is, after it was erased: looked for with other means than those that erased it.
 */
import fs from 'node:fs';
import { Client, escapeIdentifier } from 'pg';
import { parseConnectionUrl } from '../queue/postgres/connection-url.ts';

/** A file and how often it holds the number, or a column and how many of its rows do. */
export interface Leftover {
  readonly place: string;
  readonly count: number;
}

/** What was looked for, and whether looking again could find less. */
export interface Search {
  readonly leftovers: readonly Leftover[];
  readonly isFinal: boolean;
}

const CHUNK_BYTES = 1024 * 1024;

/** In the bytes of the store's file and its WAL, freed space included. What the WAL holds has yet to reach the file. */
export async function findInSqlite(file: string, text: string): Promise<Search> {
  const wal = `${file}-wal`;
  const isFinal = !fs.existsSync(wal) || fs.statSync(wal).size === 0;
  const leftovers: Leftover[] = [];
  for (const place of [file, wal]) {
    const count = fs.existsSync(place) ? await countInFile(place, Buffer.from(text)) : 0;
    if (count > 0) leftovers.push({ place, count });
  }
  return { leftovers, isFinal };
}

async function countInFile(file: string, bytes: Buffer): Promise<number> {
  let count = 0;
  let tail = Buffer.alloc(0);
  const chunks: AsyncIterable<Buffer> = fs.createReadStream(file, { highWaterMark: CHUNK_BYTES });
  for await (const chunk of chunks) {
    const searched = Buffer.concat([tail, chunk]);
    for (let at = searched.indexOf(bytes); at >= 0; at = searched.indexOf(bytes, at + 1)) count += 1;
    // One byte less than the number: what lies across two chunks is found, and nothing twice.
    tail = searched.subarray(Math.max(0, searched.length - bytes.length + 1));
  }
  return count;
}

/** In every column of the schema that holds text. Rows that PostgreSQL has not vacuumed yet are not seen. */
export async function findInPostgres(url: string, text: string): Promise<Search> {
  const { connectionString } = parseConnectionUrl(url);
  const client = new Client({ connectionString, fallback_application_name: 'sms-connect-bridge' });
  // What breaks the connection fails the query that runs.
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<TextColumn>(TEXT_COLUMNS);
    const leftovers: Leftover[] = [];
    for (const { table, column } of rows) {
      const count = await countInColumn(client, { table, column }, text);
      if (count > 0) leftovers.push({ place: `${table}.${column}`, count });
    }
    return { leftovers, isFinal: true };
  } finally {
    await client.end();
  }
}

interface TextColumn {
  readonly table: string;
  readonly column: string;
}

const TEXT_COLUMNS = `
  SELECT table_name AS "table", column_name AS "column"
  FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
  WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
    AND data_type IN ('text', 'character varying', 'character', 'json', 'jsonb', 'ARRAY', 'bytea')
  ORDER BY table_name, ordinal_position`;

async function countInColumn(client: Client, { table, column }: TextColumn, text: string): Promise<number> {
  const name = escapeIdentifier(column);
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) AS count FROM ${escapeIdentifier(table)}
     WHERE position($1 IN ${name}::text) > 0 OR position(encode(convert_to($1, 'UTF8'), 'hex') IN ${name}::text) > 0`,
    [text],
  );
  return Number(rows[0]?.count ?? 0);
}
