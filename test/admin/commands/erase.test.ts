import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeStoreFile } from '../../queue/sqlite-file.ts';
import { OperatorsDesk } from '../operators-desk.ts';

const ANA = '+14255550111';
const BEN = '+14255550122';
const NOWHERE = 'Looked for the number, with and without +: it is nowhere in the store that can be read.\n';

let file: string;
let desk: OperatorsDesk;

beforeEach(async () => {
  file = makeStoreFile();
  desk = await OperatorsDesk.open(file);
});

afterEach(() => desk.scene.end());

describe('bridge erase', () => {
  it('erases a customer, and shows that nothing is left, beside a running service', async () => {
    await desk.acceptRefused({ from: ANA, text: 'sentinel-of-the-text' });
    await desk.acceptUnrouted({ from: ANA, to: '+12065550155', text: 'sentinel-of-the-text' });
    await desk.scene.accept({ from: ANA });
    await desk.scene.accept({ from: BEN });
    const run = await desk.run(['erase', '--customer', '+1 (425) 555-0111']);
    expect(run).toEqual({
      exitCode: 0,
      stdout: `Erased of ***11: dead 2, pending 1\n${NOWHERE}`,
      stderr: '',
    });
    for (const secret of [ANA, ANA.slice(1), 'sentinel-of-the-text']) {
      expect(await desk.scene.holds(secret), secret).toBe(false);
    }
    expect(await desk.scene.holds(BEN)).toBe(true);
    expect((await desk.scene.status()).books).toMatchObject({ received: 4, discarded: 3, pending: 1 });
  });

  it('prints the same for programs', async () => {
    await desk.scene.accept({ from: ANA });
    const { run, facts } = await desk.runJson('erase', '--customer', ANA);
    expect(run.exitCode).toBe(0);
    expect(facts).toEqual({ customer: '***11', erased: { pending: 1 }, leftovers: [] });
  });

  it('waits while one of the customer’s messages is being sent', async () => {
    await desk.scene.accept({ from: ANA });
    desk.scene.now = Date.now();
    const claim = await desk.scene.claimOne();
    let isDone = false;
    const running = desk.run(['erase', '--customer', ANA]).finally(() => (isDone = true));
    // Far longer than it takes where nothing is to be waited for.
    for (let look = 0; look < 500; look += 1) await desk.scene.status();
    expect(isDone).toBe(false);
    await desk.scene.record(claim);
    expect(await running).toMatchObject({ exitCode: 0, stdout: `Erased of ***11: delivered 1\n${NOWHERE}` });
  });

  it('waits for somebody who reads, and keeps the WAL', async () => {
    await desk.scene.accept({ from: ANA });
    const reader = new DatabaseSync(file);
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM messages').get();
    const running = desk.run(['erase', '--customer', ANA]);
    await expect.poll(async () => (await desk.scene.status()).books.discarded, { timeout: 10_000 }).toBe(1);
    reader.close();
    expect(await running).toMatchObject({ exitCode: 0, stdout: `Erased of ***11: pending 1\n${NOWHERE}` });
  });

  it('says where the number still is: another customer mentions it', async () => {
    await desk.scene.accept({ from: ANA });
    await desk.scene.accept({ from: BEN, text: `call ${ANA}` });
    const { exitCode, stdout } = await desk.run(['erase', '--customer', ANA]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('Erased of ***11: pending 1\n');
    expect(stdout).toMatch(/^STILL THERE: \S+bridge\.db\S*, \d+ times$/m);
    expect(stdout).toContain('Another customer’s message may mention it');
    expect(stdout).not.toContain('4255550111');
  }, 20_000);

  it('says when there was nothing', async () => {
    await desk.scene.accept({ from: BEN });
    const { exitCode, stdout } = await desk.run(['erase', '--customer', ANA]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('No message of ***11 was there.');
  });

  it('takes ids, as `show` prints them', async () => {
    await desk.scene.accept({ from: 'US.13491208655302741918', channel: 'whatsapp' });
    const run = await desk.run(['erase', '--customer', 'US.13491208655302741918']);
    expect(run).toMatchObject({ exitCode: 0, stdout: `Erased of ***18: pending 1\n${NOWHERE}` });
  });

  it.each(['', '+', '+1425', '+1425555011a', 'two words', '123'])('refuses "%s"', async (customer) => {
    const run = await desk.run(['erase', '--customer', customer]);
    expect(run).toMatchObject({ exitCode: 64, stdout: '' });
  });
});
