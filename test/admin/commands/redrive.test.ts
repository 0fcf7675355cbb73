import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SANDBOX_REPLY_TOPIC_ARN } from '../../../src/sandbox/bridge-child.ts';
import { SMS_NUMBER_ARN, smsPayload, whatsAppPayload } from '../../../src/sandbox/end-user-messaging.ts';
import { partiesOf } from '../../../src/send/chat-parties.ts';
import { NO_NOTIFICATION, makeNotice } from '../../../src/send/notice.ts';
import { withFlow } from '../../support/flow-harness.ts';
import { CHAT_MESSAGE, CONTACT_ID, chatAttributes, chatMessage } from '../../fixtures/chat-item.ts';
import { OperatorsDesk, REPLY_ROUTE, ROUTES } from '../operators-desk.ts';
import { runCommand } from '../run-command.ts';

const ANA = '+14255550111';

describe('bridge redrive', () => {
  let desk: OperatorsDesk;

  beforeEach(async () => {
    desk = await OperatorsDesk.open();
  });

  afterEach(() => desk.scene.end());

  it('says what a mended route would do, and does it with --yes', async () => {
    const id = await desk.acceptUnrouted({ from: ANA, text: 'what was written' });
    await desk.acceptStrange();
    const withRoute = { env: { ROUTES } };
    const plan =
      'Dead letters: 2. With this version and these routes: 1 to be sent; still dead: not_understood 1.\n';
    expect(await desk.run(['redrive', '--all'], withRoute)).toEqual({
      exitCode: 1,
      stdout: plan,
      stderr: 'Nothing was done: give --yes to do it.\n',
    });
    expect((await desk.scene.row(id)).state).toBe('dead');
    expect(await desk.run(['redrive', '--all', '--yes'], withRoute)).toEqual({
      exitCode: 0,
      stdout: `${plan}1 put back, to be sent\n1 still dead\n`,
      stderr: '',
    });
    expect(await desk.scene.claimOne({ now: Date.now() })).toMatchObject({
      messageId: id,
      destination: SMS_NUMBER_ARN,
      message: { customerAddress: ANA, content: { kind: 'text', text: 'what was written' } },
    });
  });

  it('lets what the agent has seen the beginning of go on as it was', async () => {
    const { id } = await desk.scene.accept({ text: 'one two', raw: '"no longer understood"' });
    const delivered = { verdict: 'part_delivered' } as const;
    await desk.scene.record(await desk.scene.claimOne(), delivered, { parts: ['one ', 'two'] });
    const refused = { verdict: 'dead', reason: 'refused', error: 'no' } as const;
    await desk.scene.record(await desk.scene.claimOne(), refused);
    const run = await desk.run(['redrive', String(id), '--yes'], { env: { ROUTES } });
    expect(run.stdout).toContain('1 put back, to be sent\n');
    expect(await desk.scene.claimOne({ now: Date.now() })).toMatchObject({
      messageId: id,
      parts: ['one ', 'two'],
      partsDelivered: 1,
    });
  });

  describe('of a reply', () => {
    const env = {
      ROUTES: JSON.stringify({ routes: [REPLY_ROUTE] }),
      REPLY_TOPIC_ARNS: SANDBOX_REPLY_TOPIC_ARN,
    };
    const redriveAll = () => desk.run(['redrive', '--all', '--yes'], { env });

    beforeEach(() => desk.openChat(ANA));

    it('sends it to its customer, by the route of now', async () => {
      const id = await desk.acceptStreamed(chatMessage());
      expect((await desk.scene.status()).books.deadByReason).toEqual({ no_route: 1 });
      expect((await redriveAll()).stdout).toContain('1 put back, to be sent\n');
      expect(await desk.scene.claimOne({ now: Date.now() })).toMatchObject({
        messageId: id,
        direction: 'outbound',
        destination: `reply/${SMS_NUMBER_ARN}`,
        message: { customerAddress: ANA, contactId: CONTACT_ID, externalId: CHAT_MESSAGE.Id },
      });
    });

    it('that the customer has the beginning of goes on as it was', async () => {
      const id = await desk.acceptStreamed(chatMessage(), [REPLY_ROUTE]);
      const delivered = { verdict: 'part_delivered' } as const;
      await desk.scene.record(await desk.scene.claimOne(), delivered, {
        parts: ['Your order ', 'is on its way.'],
      });
      const dead = { verdict: 'dead', reason: 'gave_up', error: 'no' } as const;
      await desk.scene.record(await desk.scene.claimOne(), dead);
      expect((await redriveAll()).stdout).toContain('1 put back, to be sent\n');
      expect(await desk.scene.claimOne({ now: Date.now() })).toMatchObject({
        messageId: id,
        direction: 'outbound',
        parts: ['Your order ', 'is on its way.'],
        partsDelivered: 1,
        unclearAttempts: 0,
      });
    });

    it('that is still not understood stays dead, and is nobody’s message', async () => {
      await desk.acceptStreamed(chatMessage({ Id: '' }));
      expect((await redriveAll()).stdout).toContain('1 still dead\n');
      expect((await desk.scene.status()).books.deadByReason).toEqual({ not_understood: 1 });
    });

    it('in a chat that is not known any more is ignored', async () => {
      const raw = rawOf(JSON.stringify(chatMessage({ InitialContactId: 'contact-of-long-ago' })), 'ALL');
      const letter = { kind: 'dead', index: 0, reason: 'not_understood', detail: 'once', raw } as const;
      await desk.scene.store.accept({ ...desk.scene.request([letter]), direction: 'outbound' });
      expect((await redriveAll()).stdout).toContain('1 ignored\n');
      expect((await desk.scene.status()).books.ignoredByReason).toEqual({ unknown_chat: 1 });
    });

    it('puts its notice back as that was, since it came by no notification', async () => {
      const notice = makeNotice(
        partiesOf(desk.scene.message({ from: ANA })),
        { contactId: CONTACT_ID, replyId: 'item-1', why: 'the customer has opted out' },
        desk.scene.now,
      );
      const item = { ...desk.scene.messageItem({ from: ANA }), message: notice, raw: NO_NOTIFICATION };
      const [accepted] = await desk.scene.store.accept(desk.scene.request([item]));
      const dead = { verdict: 'dead', reason: 'refused', error: 'no' } as const;
      await desk.scene.record(await desk.scene.claimOne(), dead);
      expect((await redriveAll()).stdout).toContain('1 put back, to be sent\n');
      expect(await desk.scene.claimOne({ now: Date.now() })).toMatchObject({
        messageId: accepted?.id,
        direction: 'inbound',
        message: notice,
      });
    });
  });

  it('without a route changes what is not understood to what is', async () => {
    const id = await desk.acceptUnrouted({ from: ANA, text: 'hello' });
    const { facts } = await desk.runJson('redrive', String(id), '--yes');
    expect(facts).toEqual({
      plan: { letters: 1, messages: 0, dead: { no_route: 1 }, ignored: 0 },
      isDone: true,
      outcomes: { dead: 1 },
    });
  });

  it('goes through a conversation oldest first, page by page', async () => {
    const count = 501;
    for (let index = 0; index < count; index += 1) {
      await desk.acceptUnrouted({ from: ANA, text: `text ${index}` });
    }
    const run = await desk.run(['redrive', '--reason', 'no_route', '--yes', '--json'], { env: { ROUTES } });
    expect(JSON.parse(run.stdout)).toMatchObject({ outcomes: { accepted: count } });
    desk.scene.now = Date.now();
    const texts = await desk.scene.deliverAll();
    expect(texts).toEqual(Array.from({ length: count }, (_, index) => `text ${index}`));
  });

  it('leaves out those before a time, and of other reasons', async () => {
    desk.scene.now = Date.now() - 7_200_000;
    await desk.acceptUnrouted({ from: ANA, text: 'old' });
    desk.scene.now = Date.now();
    await desk.acceptUnrouted({ from: ANA, text: 'young' });
    await desk.acceptRefused();
    const run = await desk.run(['redrive', '--since', '1h', '--reason', 'no_route', '--yes'], {
      env: { ROUTES },
    });
    expect(run.stdout).toContain('Dead letters: 1.');
    desk.scene.now = Date.now();
    expect(await desk.scene.deliverAll()).toEqual(['young']);
  });

  it('counts what became of each letter', async () => {
    const status = JSON.stringify({ ...whatsAppPayload([]), whatsAppWebhookEntry: '{"changes":[]}' });
    const same = { from: ANA, text: 'twice', inboundMessageId: crypto.randomUUID() };
    await desk.acceptUnrouted(same);
    const strange = await desk.scene.store.accept(
      desk.scene.request([
        {
          kind: 'dead',
          index: 0,
          reason: 'not_understood',
          detail: 'by an older version',
          raw: rawOf(JSON.stringify(smsPayload(same))),
        },
        {
          kind: 'dead',
          index: 1,
          reason: 'not_understood',
          detail: 'by an older version',
          raw: rawOf(status),
        },
      ]),
    );
    expect(strange).toHaveLength(2);
    const run = await desk.run(['redrive', '--all', '--yes', '--json'], { env: { ROUTES } });
    expect(JSON.parse(run.stdout)).toMatchObject({
      plan: { letters: 3, messages: 2, ignored: 1, dead: {} },
      outcomes: { accepted: 1, duplicate: 1, ignored: 1 },
    });
    expect((await desk.scene.status()).books).toMatchObject({
      received: 3,
      pending: 1,
      duplicate: 1,
      ignored: 1,
    });
  });

  it.each([
    { name: 'a yes', typed: 'yes\n', exitCode: 0, pending: 1 },
    { name: 'a no', typed: 'no\n', exitCode: 1, pending: 0 },
  ])('asks at a terminal: $name', async ({ typed, exitCode, pending }) => {
    await desk.acceptUnrouted({ from: ANA, text: 'hello' });
    const run = await desk.run(['redrive', '--all'], { typed, env: { ROUTES } });
    expect(run.exitCode).toBe(exitCode);
    expect(run.stderr).toContain('Redrive 1 dead letters? [y/N]');
    expect((await desk.scene.status()).books.pending).toBe(pending);
  });

  it.each([
    ['nothing that says which', [], {}, 64],
    ['ids and --all', ['1', '--all'], {}, 64],
    ['routes that are none', ['--all'], { ROUTES: '{"routes":' }, 78],
  ])('%s: an error before anything is done', async (_name, options, env, exitCode) => {
    expect(await desk.run(['redrive', ...options, '--yes'], { env })).toMatchObject({ exitCode, stdout: '' });
  });
});

function rawOf(message: string, visibility?: string): string {
  return JSON.stringify({
    Type: 'Notification',
    MessageId: crypto.randomUUID(),
    TopicArn: 'arn:aws:sns:us-east-1:111122223333:inbound-messages',
    Timestamp: new Date().toISOString(),
    Message: message,
    ...(visibility === undefined ? {} : { MessageAttributes: chatAttributes(visibility) }),
  });
}

it('beside a running service, what a mended route takes is delivered', async () => {
  await withFlow({ env: { ROUTES: '' } }, async (flow) => {
    await flow.sms({ from: ANA, text: 'what was written' });
    expect((await flow.books()).deadByReason).toEqual({ no_route: 1 });
    // The service, too, has to know the route.
    await flow.stopBridge();
    Object.assign(flow.environment, { ROUTES });
    await flow.startBridge();
    const env = flow.environment as Record<string, string>;
    expect(await runCommand(['redrive', '--all', '--yes'], { env })).toMatchObject({ exitCode: 0 });
    await flow.connect.untilMessage(({ content }) => content === 'what was written');
    await flow.log.until('message.delivered');
    expect(await flow.books()).toMatchObject({ received: 1, delivered: 1, dead: 0 });
  });
});
