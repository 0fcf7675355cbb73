import { afterAll, beforeAll, describe } from 'vitest';
import { startPostgres } from '../support/postgres.ts';
import type { PostgresServer } from '../support/postgres.ts';
import { describeMessageStore } from './message-store-suite.ts';
import { openPostgresStore } from './postgres-schema.ts';

describe('PostgresStore', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);

  afterAll(() => server.close());

  describeMessageStore('keeps the contract', () => openPostgresStore(server));
});
