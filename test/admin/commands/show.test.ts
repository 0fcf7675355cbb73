import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatInstant } from '../../../src/admin/instants.ts';
import { DESTINATION } from '../../queue/suite/store-scene.ts';
import { SMS_NUMBER_ARN } from '../../../src/sandbox/end-user-messaging.ts';
import { chatMessage } from '../../fixtures/chat-item.ts';
import { OperatorsDesk, REPLY_ROUTE } from '../operators-desk.ts';

const WORDS = ['what was written', 'words of AWS that quote the customer', 'a raw notification'];

let desk: OperatorsDesk;

beforeEach(async () => {
  desk = await OperatorsDesk.open();
});

afterEach(() => desk.scene.end());

function acceptRefused(): Promise<number> {
  return desk.acceptRefused({ from: '+14255550111', text: 'what was written', raw: '"a raw notification"' });
}

describe('bridge show', () => {
  it('prints everything of a message but words', async () => {
    const id = await acceptRefused();
    const { exitCode, stdout, stderr } = await desk.run(['show', String(id)]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const at = formatInstant(desk.scene.now);
    for (const line of [
      `Message   ${id}`,
      'State     dead (refused)',
      'Channel   sms, inbound',
      'Customer  +14255550111',
      'Business  +12065550100',
      `Goes to   ${DESTINATION}`,
      `Accepted  ${at}`,
      `Ended     ${at}`,
    ]) {
      expect(stdout.split('\n')).toContain(line);
    }
    expect(stdout).toMatch(/^ {2}\S+Z {2}dead {5}InvalidRequestException {2}12 ms {2}request-1$/m);
    for (const words of WORDS) expect(stdout).not.toContain(words);
  });

  it('prints words where they are asked for', async () => {
    const { stdout } = await desk.run(['show', String(await acceptRefused()), '--text']);
    for (const words of WORDS) expect(stdout).toContain(words);
  });

  it('prints a message that waits', async () => {
    const { id } = await desk.scene.accept({ holdMs: 60_000 });
    const { stdout } = await desk.run(['show', String(id), '--text']);
    expect(stdout).toContain('State     pending\n');
    expect(stdout).toContain(`Next try  ${formatInstant(desk.scene.now + 60_000)}\n`);
    expect(stdout).toContain('Text: hello\n');
    expect(stdout).toContain('Attempts  0 failed or lost, none recorded\n');
    expect(stdout).not.toMatch(/^Ended/m);
  });

  it('prints what the agent reads of what is no text, and how far its parts are', async () => {
    const message = {
      ...desk.scene.message(),
      content: { kind: 'button', title: 'Not now' } as const,
      repliesTo: 'wamid.quoted',
    };
    const [accepted] = await desk.scene.store.accept(
      desk.scene.request([{ ...desk.scene.messageItem(), message }]),
    );
    const delivered = { verdict: 'part_delivered' } as const;
    await desk.scene.record(await desk.scene.claimOne(), delivered, { parts: ['Not ', 'now'] });
    const { stdout } = await desk.run(['show', String(accepted?.id), '--text']);
    expect(stdout).toContain('Parts     1 of 2 delivered\n');
    expect(stdout).toContain('Text: Not now\n');
    await desk.scene.record(await desk.scene.claimOne());
    expect((await desk.run(['show', String(accepted?.id)])).stdout).toContain('Parts     2 delivered\n');
  });

  it('prints a reply, as its customer reads it', async () => {
    await desk.openChat('+14255550111');
    const item = chatMessage({ Content: '**Soon**', ContentType: 'text/markdown' });
    const id = await desk.acceptStreamed(item, [REPLY_ROUTE]);
    const { stdout } = await desk.run(['show', String(id), '--text']);
    for (const line of [
      'Channel   sms, outbound',
      'Customer  +14255550111',
      `Goes to   reply/${SMS_NUMBER_ARN}`,
      'Text: Soon',
    ])
      expect(stdout.split('\n')).toContain(line);
    expect((await desk.run(['show', String(id)])).stdout).not.toContain('Soon');
  });

  it('prints a delivery, whose text is gone', async () => {
    const { id } = await desk.scene.accept();
    await desk.scene.deliverAll();
    const { stdout } = await desk.run(['show', String(id), '--text']);
    expect(stdout).toContain('Contact   contact-1\n');
    expect(stdout).toContain('Text: erased, or never understood\n');
  });

  it('prints the same for programs, words only where they are asked for', async () => {
    const id = await acceptRefused();
    const detail = JSON.parse(JSON.stringify(await desk.scene.store.readMessage(id))) as Record<
      string,
      unknown
    >;
    expect((await desk.runJson('show', String(id), '--text')).facts).toEqual(detail);
    const { run, facts } = await desk.runJson('show', String(id));
    expect(facts).toMatchObject({ id, state: 'dead', customerAddress: '+14255550111' });
    expect(facts['recordedAttempts']).toMatchObject([{ verdict: 'dead', requestId: 'request-1' }]);
    for (const words of WORDS) expect(run.stdout).not.toContain(words);
  });

  it.each([
    ['an id that is not there', '987654321', 66, 'MESSAGE_MISSING'],
    ['what is no id', 'sns-1', 64, 'This is no message’s id'],
    ['an id below the first', '0', 64, 'This is no message’s id'],
  ])('%s', async (_name, id, exitCode, complaint) => {
    const run = await desk.run(['show', id]);
    expect(run).toMatchObject({ exitCode, stdout: '' });
    expect(run.stderr).toContain(complaint);
  });
});
