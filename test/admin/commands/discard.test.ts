import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperatorsDesk } from '../operators-desk.ts';

let desk: OperatorsDesk;

beforeEach(async () => {
  desk = await OperatorsDesk.open();
});

afterEach(() => desk.scene.end());

describe('bridge discard', () => {
  it('with --yes erases the content of those of a reason', async () => {
    const refused = await desk.acceptRefused({ text: 'what was written' });
    await desk.acceptStrange();
    const run = await desk.run(['discard', '--reason', 'refused', '--yes']);
    expect(run).toEqual({ exitCode: 0, stdout: 'Dead letters: 1.\n1 discarded\n', stderr: '' });
    expect(await desk.scene.row(refused)).toMatchObject({ state: 'discarded', message: null, raw: null });
    expect((await desk.scene.status()).books).toMatchObject({ discarded: 1, dead: 1 });
  });

  it('takes ids, and leaves what is no dead letter', async () => {
    const strange = await desk.acceptStrange();
    const { id } = await desk.scene.accept();
    const { facts } = await desk.runJson('discard', String(strange), String(id), '--yes');
    expect(facts).toEqual({ letters: 1, isDone: true, discarded: 1 });
    expect((await desk.scene.row(id)).state).toBe('pending');
  });

  it('takes all, over as many transactions as it takes', async () => {
    const letters = Array.from({ length: 501 }, (_, index) => ({
      kind: 'dead' as const,
      index,
      reason: 'not_understood' as const,
      detail: 'why',
      raw: '{}',
    }));
    await desk.scene.store.accept(desk.scene.request(letters));
    const { facts } = await desk.runJson('discard', '--all', '--yes');
    expect(facts).toEqual({ letters: 501, isDone: true, discarded: 501 });
    expect((await desk.scene.status()).books).toMatchObject({ discarded: 501, dead: 0 });
  });

  it.each([
    { name: 'a yes', typed: 'y\n', exitCode: 0, dead: 0 },
    { name: 'a no', typed: 'n\n', exitCode: 1, dead: 1 },
    { name: 'nothing', typed: '', exitCode: 1, dead: 1 },
  ])('asks at a terminal: $name', async ({ typed, exitCode, dead }) => {
    await desk.acceptStrange();
    const run = await desk.run(['discard', '--all'], { typed });
    expect(run.exitCode).toBe(exitCode);
    expect(run.stderr).toContain('Discard 1 dead letters, and erase their content for good? [y/N]');
    expect((await desk.scene.status()).books.dead).toBe(dead);
  });

  it('without anybody to ask says what it would do, and does nothing', async () => {
    await desk.acceptStrange();
    expect(await desk.run(['discard', '--all'])).toEqual({
      exitCode: 1,
      stdout: 'Dead letters: 1.\n',
      stderr: 'Nothing was done: give --yes to do it.\n',
    });
    expect((await desk.scene.status()).books.dead).toBe(1);
  });

  it('has nothing to ask where there is nothing', async () => {
    expect(await desk.run(['discard', '--all'], { typed: '' })).toEqual({
      exitCode: 0,
      stdout: 'No dead letter is among those asked for.\n',
      stderr: '',
    });
  });

  it.each([
    ['nothing that says which', []],
    ['ids and --all', ['1', '--all']],
    ['ids and a reason', ['1', '--reason', 'refused']],
    ['--all and a time', ['--all', '--since', '2h']],
    ['what is no id', ['one']],
  ])('%s: exit 64', async (_name, options) => {
    expect(await desk.run(['discard', ...options, '--yes'])).toMatchObject({ exitCode: 64, stdout: '' });
  });
});
