/** What the commands do with SQLite, each once with PostgreSQL: beside a replica, by the database's own clock. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findInPostgres } from '../../../src/admin/erasure-proof.ts';
import { openPostgresStore } from '../../queue/postgres-schema.ts';
import { createSchema, startPostgres } from '../../support/postgres.ts';
import type { PostgresSchema, PostgresServer } from '../../support/postgres.ts';
import { OperatorsDesk, ROUTES } from '../operators-desk.ts';

const ANA = '+14255550111';
const BEN = '+14255550122';

let server: PostgresServer;
let schema: PostgresSchema;
let desk: OperatorsDesk;

beforeAll(async () => {
  server = await startPostgres();
}, 60_000);

afterAll(() => server.close());

beforeEach(async () => {
  schema = await createSchema(server);
  desk = new OperatorsDesk(await openPostgresStore(server, schema), schema.url);
});

afterEach(() => desk.scene.end());

describe('on PostgreSQL', () => {
  it('bridge list', async () => {
    const id = await desk.acceptRefused({ from: ANA });
    const { run, facts } = await desk.runJson('list', '--since', '1h', '--reason', 'refused');
    expect(run.exitCode).toBe(0);
    expect(facts).toMatchObject({
      total: 1,
      messages: [{ id, customerAddress: '***11', lastCode: 'InvalidRequestException' }],
    });
    expect((await desk.runJson('list', '--state', 'pending')).facts).toEqual({ total: 0, messages: [] });
  });

  it('bridge show', async () => {
    const id = await desk.acceptRefused({ from: ANA, text: 'what was written' });
    const { stdout } = await desk.run(['show', String(id)]);
    expect(stdout).toContain(`Customer  ${ANA}\n`);
    expect(stdout).toMatch(/^ {2}\S+Z {2}dead {5}InvalidRequestException {2}12 ms {2}request-1$/m);
    expect(stdout).not.toContain('what was written');
    expect((await desk.run(['show', String(id), '--text'])).stdout).toContain('Text: what was written\n');
    expect(await desk.run(['show', '987654321'])).toMatchObject({ exitCode: 66 });
  });

  it('bridge redrive', async () => {
    await desk.acceptUnrouted({ from: ANA, text: 'one' });
    await desk.acceptUnrouted({ from: ANA, text: 'two' });
    await desk.acceptStrange();
    const run = await desk.run(['redrive', '--all', '--yes', '--json'], { env: { ROUTES } });
    expect(JSON.parse(run.stdout)).toEqual({
      plan: { letters: 3, messages: 2, dead: { not_understood: 1 }, ignored: 0 },
      isDone: true,
      outcomes: { accepted: 2, dead: 1 },
    });
    // The replica's clock is the test's, the command's the database's.
    desk.scene.now = Date.now() + 60_000;
    expect(await desk.scene.deliverAll()).toEqual(['one', 'two']);
  });

  it('bridge discard', async () => {
    await desk.acceptStrange();
    const id = await desk.acceptRefused();
    const { facts } = await desk.runJson('discard', String(id), '--yes');
    expect(facts).toEqual({ letters: 1, isDone: true, discarded: 1 });
    expect((await desk.scene.status()).books).toMatchObject({ discarded: 1, dead: 1 });
  });

  it('bridge erase', async () => {
    await desk.acceptRefused({ from: ANA });
    await desk.acceptUnrouted({ from: ANA, to: '+12065550155', text: 'hello' });
    await desk.scene.accept({ from: BEN });
    const { run, facts } = await desk.runJson('erase', '--customer', ANA);
    expect(facts).toEqual({ customer: '***11', erased: { dead: 2 }, leftovers: [] });
    expect(run.exitCode).toBe(0);
    expect(await desk.scene.holds(ANA.slice(1))).toBe(false);
    expect((await desk.scene.status()).books).toMatchObject({ discarded: 2, pending: 1 });
  });

  it('bridge erase, where another customer mentions the number', async () => {
    await desk.scene.accept({ from: ANA });
    await desk.scene.accept({ from: BEN, text: `call ${ANA}` });
    const { exitCode, stdout } = await desk.run(['erase', '--customer', ANA]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('STILL THERE: messages.message, 1 times\n');
  });
});

describe('findInPostgres', () => {
  it.each([
    { name: 'text', type: 'text', value: ANA },
    { name: 'varchar', type: 'varchar(40)', value: `x${ANA}x` },
    { name: 'json', type: 'json', value: `{"from":"${ANA.slice(1)}"}` },
    { name: 'jsonb', type: 'jsonb', value: `{"from":"${ANA.slice(1)}"}` },
    { name: 'texts', type: 'text[]', value: `{a,${ANA}}` },
    { name: 'bytes', type: 'bytea', value: `\\x${Buffer.from(`x${ANA}`).toString('hex')}` },
  ])('looks into a column of $name', async ({ type, value }) => {
    await schema.query(`CREATE TABLE strange ("a ""column""" ${type})`);
    await schema.query(`INSERT INTO strange VALUES ($1::text::${type}), (NULL)`, [value]);
    expect(await findInPostgres(schema.url, ANA.slice(1))).toEqual({
      leftovers: [{ place: 'strange.a "column"', count: 1 }],
      isFinal: true,
    });
  });
});
