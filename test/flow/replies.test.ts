/** Agents' replies, end to end: from Connect's streaming topic to the customer. */
import { describe, expect, it, vi } from 'vitest';
import { SANDBOX_REPLY_TOPIC_ARN } from '../../src/sandbox/bridge-child.ts';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { EUM_FAULTS } from '../../src/sandbox/eum-faults.ts';
import { SMS_NUMBER, WHATSAPP_NUMBER_ARN, smsPayload } from '../../src/sandbox/end-user-messaging.ts';
import { runCommand } from '../admin/run-command.ts';
import { killBridge, startBridgeProcess, terminateBridge } from '../support/bridge-process.ts';
import { withFlow } from '../support/flow-harness.ts';
import type { Flow } from '../support/flow-harness.ts';

const ANA = '+14255550182';
const BEN = '+14255550143';
const INTERACTIVE = 'application/vnd.amazonaws.connect.message.interactive';
const PARTICIPANT = { method: 'participant' } as const;

/** A chat is open once its first message is in it. */
async function open(flow: Flow, from = ANA): Promise<string> {
  await flow.sms({ from, text: `the first words of ${from.slice(-2)}` });
  const { chat } = await flow.connect.untilMessage((line) => line.chat.sourceId === from);
  return chat.contactId;
}

/** What the agent is told, once it is. */
async function notice(flow: Flow, from = ANA): Promise<string | undefined> {
  const line = await flow.connect.untilMessage(
    ({ chat, content }) => chat.sourceId === from && content.startsWith('[Your message did not reach'),
  );
  return line.content.split('\n')[0];
}

describe('an agent’s reply', () => {
  it('by SMS comes from the number that the customer wrote to, in order and once', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      for (const text of ['How can I help?', 'Take your time.', 'Still there?']) {
        flow.addPersonal({ text });
        flow.connect.reply(ANA, text);
      }
      await flow.eum.untilTextsTo(ANA, 3);
      expect(flow.eum.textsTo(ANA)).toEqual(['How can I help?', 'Take your time.', 'Still there?']);
      expect(flow.eum.texts[0]).toMatchObject({ channel: 'sms', from: SMS_NUMBER });
      await flow.log.until('message.delivered', 4);
      expect((await flow.metrics()).split('\n')).toContain(
        'bridge_replies_total{channel="sms",outcome="delivered"} 3',
      );
    });
  });

  it('by WhatsApp comes from the number’s ARN, to the very id that WhatsApp gave', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await flow.whatsApp([{ from: '+5215512345678', text: 'Hola' }]);
      await flow.connect.untilMessage(({ content }) => content === 'Hola');
      flow.connect.reply('+5215512345678', 'Buenos días');
      const { to, from } = await flow.eum.untilText(({ text }) => text === 'Buenos días');
      expect([to.replace('+', ''), from]).toEqual(['5215512345678', WHATSAPP_NUMBER_ARN]);
    });
  });

  it('is sent once, however often Connect publishes it', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      const publications: { message: string; messageAttributes: object }[] = [];
      const publish = flow.publications.publish.bind(flow.publications);
      flow.connect.onItem = (publication) => {
        publications.push(publication);
        publish(publication);
        publish(publication);
      };
      flow.connect.reply(ANA, 'Only once');
      await flow.eum.untilTextsTo(ANA, 1);
      flow.connect.reply(ANA, 'And then this');
      await flow.eum.untilTextsTo(ANA, 2);
      expect(flow.eum.textsTo(ANA)).toEqual(['Only once', 'And then this']);
    });
  });

  it.each([
    {
      name: 'for agents alone',
      reply: { content: 'a whisper', visibility: 'AGENT' },
      reason: 'not_for_customer',
    },
    {
      name: 'of unknown visibility',
      reply: { content: 'who knows', visibility: 'missing' },
      reason: 'no_visibility',
    },
    {
      name: 'of the customer’s own role',
      reply: { content: 'an echo', role: 'CUSTOMER' },
      reason: 'from_customer',
    },
    {
      name: 'that is an event',
      reply: { type: 'EVENT', contentType: 'application/vnd.amazonaws.connect.event.typing' },
      reason: 'chat_event',
    },
  ] as const)('$name stays in the chat, and is counted', async ({ reply, reason }) => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      await flow.publications.delivered();
      const before = (await flow.books()).ignoredByReason[reason] ?? 0;
      flow.connect.reply(ANA, { role: 'SYSTEM', ...reply });
      await flow.publications.delivered();
      expect((await flow.books()).ignoredByReason[reason]).toBe(before + 1);
      flow.connect.reply(ANA, { role: 'CUSTOM_BOT', content: 'from a bot' });
      await flow.eum.untilTextsTo(ANA, 1);
      expect(flow.eum.textsTo(ANA)).toEqual(['from a bot']);
    });
  });

  it.each(['ALL', ' all '])(
    'in a chat that the bridge did not open is nobody’s: to %j',
    async (visibility) => {
      await withFlow(PARTICIPANT, async (flow) => {
        const item = {
          AbsoluteTime: new Date().toISOString(),
          Content: 'Hello?',
          ContentType: 'text/plain',
          Id: crypto.randomUUID(),
          Type: 'MESSAGE',
          ParticipantRole: 'AGENT',
          InitialContactId: crypto.randomUUID(),
        };
        const messageAttributes = { MessageVisibility: { Type: 'String', Value: visibility } };
        const options = { topicArn: SANDBOX_REPLY_TOPIC_ARN, messageAttributes };
        expect((await flow.sns.publish(JSON.stringify(item), options)).status).toBe(200);
        expect((await flow.books()).ignoredByReason).toEqual({ unknown_chat: 1 });
      });
    },
  );

  it('is one by its topic alone: a customer’s topic brings none, and an SMS on theirs is none', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      flow.connect.onItem = ({ message, messageAttributes }) =>
        void flow.sns.publish(message, { messageAttributes });
      flow.connect.reply(ANA, 'by the wrong way');
      const sms = JSON.stringify(smsPayload({ from: BEN, text: 'by the wrong way' }));
      expect((await flow.sns.publish(sms, { topicArn: SANDBOX_REPLY_TOPIC_ARN })).status).toBe(200);
      await flow.log.until('notification.accepted', 5);
      expect(flow.eum.texts).toEqual([]);
      expect(flow.connect.transcript(BEN)).toEqual([]);
      expect((await flow.books()).deadByReason['not_understood']).toBeGreaterThanOrEqual(2);
    });
  });

  it('is split where one text can’t hold it', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      const text = `${'A sentence of the reply. '.repeat(100)}The end.`;
      flow.connect.reply(ANA, text);
      await flow.eum.until(2);
      expect(flow.eum.textsTo(ANA).join('')).toBe(text);
      expect(flow.eum.textsTo(ANA).every(({ length }) => length <= 1_600)).toBe(true);
    });
  });

  it('with choices is numbered, and the customer’s number or words are the choice', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      const picker = {
        templateType: 'ListPicker',
        version: '1.0',
        data: {
          content: { title: 'What is it about?', elements: [{ title: 'An order' }, { title: 'Else' }] },
        },
      };
      const offer = { contentType: INTERACTIVE, content: JSON.stringify(picker) };
      for (const [count, answer] of ['2', 'an ORDER'].entries()) {
        flow.connect.reply(ANA, offer);
        await flow.eum.untilTextsTo(ANA, count + 1);
        await flow.log.until('message.delivered', 2 + 2 * count);
        await flow.sms({ from: ANA, text: answer });
        await flow.log.until('message.delivered', 3 + 2 * count);
      }
      expect(flow.eum.textsTo(ANA)[0]).toBe('What is it about?\n1. An order\n2. Else');
      await flow.sms({ from: ANA, text: '2' });
      await flow.log.until('message.delivered', 6);
      expect(flow.connect.transcript(ANA).slice(1)).toEqual(['Else', 'An order', '2']);
    });
  });

  it('that the customer has opted out of is told to the agent, once', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      flow.eum.optedOut.add(ANA);
      flow.connect.reply(ANA, 'Can you hear me?');
      expect(await notice(flow)).toMatch(/opted out/);
      await flow.publications.delivered();
      expect(flow.connect.transcript(ANA)).toHaveLength(2);
      expect((await flow.books()).deadByReason).toEqual({ refused: 1 });
      expect(flow.connect.chats.opened).toHaveLength(1);
      const env = flow.environment as Readonly<Record<string, string>>;
      expect((await runCommand(['discard', '--all', '--yes'], { env })).exitCode).toBe(0);
    });
  });

  it('that nobody knows to be sent goes once more, and no third time', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      flow.eum.queueFault(EUM_FAULTS.takenButDrop, 2);
      flow.connect.reply(ANA, 'Is this twice?');
      expect(await notice(flow)).toMatch(/not known whether/);
      expect(flow.eum.textsTo(ANA)).toEqual(['Is this twice?', 'Is this twice?']);
      expect(await flow.books()).toMatchObject({ possibleDuplicate: 2, deadByReason: { gave_up: 1 } });
      const env = flow.environment as Readonly<Record<string, string>>;
      await runCommand(['discard', '--all', '--yes'], { env });
    });
  });

  it('that was surely not sent is tried again, however often', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      flow.eum.queueFault(EUM_FAULTS.throttled, 3);
      flow.connect.reply(ANA, 'In the end');
      await flow.eum.untilTextsTo(ANA, 1);
      await flow.log.until('message.delivered', 2);
      expect(await flow.books()).toMatchObject({ possibleDuplicate: 0, dead: 0 });
    });
  });

  it('waits behind a set-up that is at fault, while customers’ messages go on', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      await open(flow);
      flow.eum.deniedNumbers.add(SMS_NUMBER);
      flow.connect.reply(ANA, 'Later, then');
      await flow.log.until('destination.paused');
      await flow.sms({ from: ANA, text: 'Hello?' });
      await flow.connect.untilMessage(({ content }) => content === 'Hello?');
      flow.eum.deniedNumbers.clear();
      await flow.eum.untilTextsTo(ANA, 1);
      await flow.log.until('destination.resumed');
    });
  });

  it('is not told of in a chat that has ended', async () => {
    await withFlow(PARTICIPANT, async (flow) => {
      const contactId = await open(flow);
      flow.eum.optedOut.add(ANA);
      flow.eum.queueFault(EUM_FAULTS.throttled, 1);
      flow.connect.reply(ANA, 'Good bye');
      flow.connect.endChat(contactId);
      await flow.log.until('message.dead');
      const [discarded] = await flow.log.until('message.discarded');
      expect(discarded).toMatchObject({ reason: 'chat_ended' });
      await flow.publications.delivered();
      expect(flow.connect.chats.opened).toHaveLength(1);
      expect(await flow.books()).toMatchObject({ discarded: 1, dead: 1 });
      const env = flow.environment as Readonly<Record<string, string>>;
      await runCommand(['discard', '--all', '--yes'], { env });
    });
  });

  it('stays with Connect where the route says so', async () => {
    const env = {
      ROUTES: JSON.stringify({
        routes: [
          {
            channel: 'sms',
            number: '*',
            destinationId: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1',
            instanceId: '8a1c7d3e-55f0-4b1e-9d52-2f4f6a0c1b7d',
            contactFlowId: '3e0b9c52-7a14-4c8f-b6d1-90f2e5a7c344',
            replies: 'native',
          },
        ],
      }),
    };
    await withFlow({ ...PARTICIPANT, env }, async (flow) => {
      await open(flow);
      flow.connect.reply(ANA, 'by Connect itself');
      await flow.publications.delivered();
      expect((await flow.books()).ignoredByReason['native_replies']).toBe(1);
      expect(flow.eum.texts).toEqual([]);
    });
  });

  it.concurrent('kill -9 after End User Messaging took it: it may come twice, and is counted', async () => {
    await withFlow({ ...PARTICIPANT, startBridge: startBridgeProcess }, async (flow) => {
      await open(flow);
      flow.eum.queueFault(EUM_FAULTS.takenButHang, 1);
      flow.connect.reply(ANA, 'Perhaps twice');
      await flow.eum.untilTextsTo(ANA, 1);
      await flow.publications.delivered();
      await killBridge(flow);
      await flow.startBridge();
      await flow.eum.untilTextsTo(ANA, 2);
      await terminateBridge(flow);
      expect(await flow.books()).toMatchObject({ possibleDuplicate: 1, pending: 0, dead: 0 });
    });
  });
});

describe('a chat that SendChatIntegrationEvent opened is answered by the bridge where its route says so', () => {
  const env = {
    REPLY_TOPIC_ARNS: SANDBOX_REPLY_TOPIC_ARN,
    ROUTES: JSON.stringify({
      routes: [
        {
          channel: 'sms',
          number: '*',
          destinationId: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1',
          replies: 'bridge',
          streamingEndpointArn: SANDBOX_REPLY_TOPIC_ARN,
        },
      ],
    }),
  };

  it.each([
    { name: 'throttled at first', fault: FAULTS.throttled, copies: 1 },
    { name: 'opened by a request whose answer was lost', fault: FAULTS.takenButDrop, copies: 2 },
  ])('$name', async ({ fault, copies }) => {
    await withFlow({ env }, async (flow) => {
      flow.connect.queueFault(fault);
      await open(flow);
      await flow.connect.until(copies);
      await vi.waitFor(async () => expect(await flow.books()).toMatchObject({ delivered: 1 }));
      flow.connect.reply(ANA, 'By the bridge');
      await flow.eum.untilTextsTo(ANA, 1);
      expect(flow.eum.textsTo(ANA)).toEqual(['By the bridge']);
    });
  });
});
