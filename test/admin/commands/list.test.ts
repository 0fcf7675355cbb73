import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatInstant } from '../../../src/admin/instants.ts';
import { chatMessage } from '../../fixtures/chat-item.ts';
import { OperatorsDesk } from '../operators-desk.ts';

let desk: OperatorsDesk;

beforeEach(async () => {
  desk = await OperatorsDesk.open();
});

afterEach(() => desk.scene.end());

describe('bridge list', () => {
  it('prints dead letters, newest first, with nobody’s number or words', async () => {
    const refused = await desk.acceptRefused({ from: '+14255550111', text: 'what was written' });
    const strange = await desk.acceptStrange();
    await desk.scene.accept({ from: '+14255550122' });
    const { exitCode, stdout, stderr } = await desk.run(['list']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const accepted = formatInstant(desk.scene.now);
    const rows = stdout.split('\n').map((line) => line.split(/ {2,}/));
    expect(rows).toEqual([
      ['id', 'state', 'reason', 'channel', 'customer', 'accepted', 'attempts', 'last code'],
      [String(strange), 'dead', 'not_understood', 'unknown', '-', accepted, '0', '-'],
      [String(refused), 'dead', 'refused', 'sms', '***11', accepted, '0', 'InvalidRequestException'],
      [''],
    ]);
  });

  it('prints messages of another state, and says when there are none', async () => {
    const { id } = await desk.scene.accept({ from: '+14255550122' });
    const { stdout } = await desk.run(['list', '--state', 'pending']);
    expect(stdout.split('\n')[1]).toMatch(new RegExp(`^${id} +pending +- +sms +\\*\\*\\*22 `));
    expect(await desk.run(['list'])).toMatchObject({
      exitCode: 0,
      stdout: 'No message is dead, of those asked for.\n',
    });
  });

  it('tells replies from customers’ messages', async () => {
    await desk.openChat('+14255550111');
    await desk.acceptStreamed(chatMessage());
    const { stdout } = await desk.run(['list']);
    expect(stdout.split('\n')[1]?.split(/ {2,}/).slice(1, 5)).toEqual([
      'dead',
      'no_route',
      'sms (reply)',
      '***11',
    ]);
    expect((await desk.runJson('list')).facts).toMatchObject({ messages: [{ direction: 'outbound' }] });
  });

  it('says when there are more', async () => {
    for (let count = 0; count < 5; count++) await desk.acceptStrange();
    const { stdout } = await desk.run(['list', '--limit', '2']);
    expect(stdout.split('\n')).toHaveLength(1 + 2 + 2);
    expect(stdout).toMatch(/^The newest 2 of 5: --limit shows more\.$/m);
    expect((await desk.run(['list', '--limit', '5'])).stdout).not.toContain('--limit');
  });

  it('goes by reason and time', async () => {
    desk.scene.now = Date.now() - 3 * 3_600_000;
    const old = await desk.acceptStrange();
    desk.scene.now = Date.now() - 60_000;
    const young = await desk.acceptStrange();
    const refused = await desk.acceptRefused();
    const ids = async (...options: string[]): Promise<unknown> => {
      const { messages } = (await desk.runJson('list', ...options)).facts as { messages: { id: number }[] };
      return messages.map(({ id }) => id);
    };
    expect(await ids()).toEqual([refused, young, old]);
    expect(await ids('--since', '2h')).toEqual([refused, young]);
    expect(await ids('--since', new Date(desk.scene.now).toISOString())).toEqual([refused, young]);
    expect(await ids('--reason', 'refused')).toEqual([refused]);
    expect(await ids('--since', '4h', '--reason', 'not_understood')).toEqual([young, old]);
  });

  it('prints the same for programs', async () => {
    const id = await desk.acceptRefused({ from: '+14255550111', text: 'what was written' });
    const { run, facts } = await desk.runJson('list');
    const [summary] = await desk.scene.store.listMessages({}, { limit: 1 });
    expect(facts).toEqual({
      total: 1,
      messages: [
        {
          ...(JSON.parse(JSON.stringify(summary)) as object),
          id,
          customerAddress: '***11',
          lastCode: 'InvalidRequestException',
        },
      ],
    });
    for (const secret of ['+14255550111', 'what was written', 'words of AWS']) {
      expect(run.stdout).not.toContain(secret);
    }
  });

  it.each([
    ['a state that is none', ['--state', 'lost'], 'pending, sending, delivered, dead, discarded'],
    ['a reason that is none', ['--reason', 'bad'], 'not_understood'],
    ['a limit that is none', ['--limit', '0'], '--limit is no whole number'],
    ['a time that is none', ['--since', 'monday'], '--since is neither'],
  ])('%s: exit 64', async (_name, options, complaint) => {
    const run = await desk.run(['list', ...options]);
    expect(run).toMatchObject({ exitCode: 64, stdout: '' });
    expect(run.stderr).toContain(complaint);
  });
});
