/** What a message becomes on its way to the agent. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  SMS_NUMBER,
  SMS_NUMBER_ARN,
  WHATSAPP_NUMBER_ARN,
  smsPayload,
  socialPayload,
  whatsAppMessage,
  whatsAppPayload,
} from '../../src/sandbox/end-user-messaging.ts';
import { Flow } from '../support/flow-harness.ts';

let flow: Flow;

beforeAll(async () => {
  flow = await Flow.start({});
});

afterAll(() => flow.end());

/** What the agent sees of a customer, once there is so much of it. */
async function seen(from: string, count = 1): Promise<readonly string[]> {
  await flow.connect.untilMessage(({ chat, lineNumber }) => chat.sourceId === from && lineNumber === count);
  return flow.connect.transcript(from);
}

it('an SMS, with all that Connect is told of it', async () => {
  const from = '+14255550101';
  const inboundMessageId = '5f1c2a60-7e0b-4f7e-9a51-0c8f1b7a2d11';
  await flow.sms({ from, text: 'Is my order on its way?', inboundMessageId });
  await seen(from);
  expect(flow.connect.chats.of(from)[0]?.request).toMatchObject({
    SourceId: from,
    DestinationId: SMS_NUMBER_ARN,
    Subtype: 'connect:SMS',
    Event: { Type: 'MESSAGE', ContentType: 'text/plain', Content: 'Is my order on its way?' },
    NewSessionDetails: {
      SupportedMessagingContentTypes: ['text/plain'],
      ParticipantDetails: { DisplayName: from },
      Attributes: {
        channel: 'sms',
        customerAddress: from,
        businessAddress: SMS_NUMBER,
        externalId: inboundMessageId,
      },
    },
  });
});

it.each([
  { name: 'an empty body', from: '+14255550102', text: '' },
  { name: 'no body', from: '+14255550103', text: undefined },
  { name: 'white space only', from: '+14255550104', text: ' \n ' },
])('an SMS with $name still tells the agent that it came', async ({ from, text }) => {
  await flow.sms({ from, text });
  expect(await seen(from)).toEqual(['[Empty message]']);
});

it('WhatsApp goes to the ARN in the notification’s context, without a route', async () => {
  const from = '+14255550105';
  flow.addPersonal({ text: 'Ana Example' });
  await flow.whatsApp([{ from, text: 'Olá! Are you open?', profileName: 'Ana Example' }]);
  expect(await seen(from)).toEqual(['Olá! Are you open?']);
  expect(flow.connect.chats.of(from)[0]?.chat).toMatchObject({
    sourceId: from,
    destinationId: WHATSAPP_NUMBER_ARN,
    subtype: 'connect:WhatsApp',
    displayName: 'Ana Example',
  });
});

it('several messages in one notification, each on its own feet', async () => {
  const [one, other] = ['+14255550106', '+14255550107'];
  const samples = [one, other, one].map((from, index) => ({ from, text: `message number ${index + 1}` }));
  expect((await flow.whatsApp(samples)).status).toBe(200);
  expect(await seen(one, 2)).toEqual(['message number 1', 'message number 3']);
  expect(await seen(other)).toEqual(['message number 2']);
});

it('what is not understood does not take the rest of its notification along', async () => {
  const from = '+14255550108';
  const payload = whatsAppPayload([{ from, text: '' }]);
  const entry = JSON.parse(String(payload['whatsAppWebhookEntry'])) as {
    changes: [{ value: object; field: string }];
  };
  const [{ value, field }] = entry.changes;
  const good = whatsAppMessage({ from, text: 'an ordinary message' });
  flow.addPersonal({ number: from, externalId: String(good['id']), text: 'an ordinary message' });
  const messages = [{ ...good, id: 'wamid.of-a-kind-that-nobody-knows', type: 'hologram' }, 7, good];
  const before = await flow.books();
  const delivery = await flow.sns.publish(
    JSON.stringify(socialPayload([{ value: { ...value, messages }, field }])),
  );
  expect(delivery.status).toBe(200);
  expect(await seen(from)).toEqual(['an ordinary message']);
  const after = await flow.books();
  expect({ received: after.received - before.received, dead: after.dead - before.dead }).toEqual({
    received: 3,
    dead: 2,
  });
  expect(after.deadByReason).toEqual({ not_understood: 2 });
});

it('characters that Connect can’t take don’t keep a message from the agent', async () => {
  const from = '+14255550109';
  flow.addPersonal({ number: from });
  const payload = JSON.stringify(smsPayload({ from, text: 'REPLACED' }));
  const text = String.raw`nul \u0000, bell \u0007, half a pair \ud83d, tab\there`;
  expect((await flow.sns.publish(payload.replace('REPLACED', text))).status).toBe(200);
  expect(await seen(from)).toEqual(['nul \uFFFD, bell \uFFFD, half a pair \uFFFD, tab\there']);
});
