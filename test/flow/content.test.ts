/** What a message becomes on its way to the agent. */
import fs from 'node:fs';
import path from 'node:path';
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
import { runCommand } from '../admin/run-command.ts';
import { Flow, withFlow } from '../support/flow-harness.ts';

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
  const messages = [{ ...good, from: undefined }, 7, good];
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

it('what is no text reaches the agent in words', async () => {
  const from = '+14255550110';
  const address = '1 Example Way, Seattle';
  flow.addPersonal({ text: address });
  await flow.whatsApp([
    {
      from,
      text: '',
      content: { type: 'location', location: { latitude: 47.6205063, longitude: -122.349, address } },
    },
    { from, text: '', content: { type: 'button', button: { text: 'Not now', payload: 'not-now' } } },
  ]);
  const [location, button] = await seen(from, 2);
  expect(location).toContain(address);
  expect(location).toContain('47.6205063, -122.349');
  expect(button).toBe('Not now');
});

it('a type that this version does not know is shown for what it is, and counted', async () => {
  const from = '+14255550111';
  const words = 'Words in a hologram';
  flow.addPersonal({ text: words });
  await flow.whatsApp([{ from, text: '', content: { type: 'hologram', hologram: { title: words } } }]);
  const [text] = await seen(from);
  expect(text).toContain('hologram');
  expect(text).toContain(words);
  expect(flow.log.events('notification.accepted').at(-1)).toMatchObject({
    messages: [{ outcome: 'accepted', channel: 'whatsapp', content: 'unknown', type: 'hologram' }],
  });
  expect((await flow.metrics()).split('\n')).toEqual(
    expect.arrayContaining([
      'bridge_contents_total{channel="whatsapp",kind="unknown"} 1',
      'bridge_unknown_types_total{type="hologram"} 1',
    ]),
  );
});

it('an SMS that does not say to whom goes by the default route, and no other', async () => {
  const payload: Record<string, unknown> = {
    ...smsPayload({ from: '+14255550112', text: 'To whom?' }),
    destinationNumber: undefined,
  };
  flow.addPersonal({
    number: '+14255550112',
    text: 'To whom?',
    externalId: String(payload['inboundMessageId']),
  });
  await flow.sns.publish(JSON.stringify(payload));
  expect(flow.log.events('notification.accepted').at(-1)).toMatchObject({
    outcome: 'dead',
    messages: [{ reason: 'no_route', detail: expect.stringContaining('no sms route for *') as string }],
  });
});

it('characters that Connect can’t take don’t keep a message from the agent', async () => {
  const from = '+14255550109';
  flow.addPersonal({ number: from });
  const payload = JSON.stringify(smsPayload({ from, text: 'REPLACED' }));
  const text = String.raw`nul \u0000, bell \u0007, half a pair \ud83d, tab\there`;
  expect((await flow.sns.publish(payload.replace('REPLACED', text))).status).toBe(200);
  expect(await seen(from)).toEqual(['nul \uFFFD, bell \uFFFD, half a pair \uFFFD, tab\there']);
});

it('what a route ignores opens no chat, and is counted with what comes beside it', async () => {
  const routes = { routes: [{ channel: 'whatsapp', number: '*', ignore: ['reaction', 'request_welcome'] }] };
  await withFlow({ env: { ROUTES: JSON.stringify(routes) } }, async (ignoring) => {
    const from = '+14255550113';
    const welcome = { type: 'request_welcome' };
    const reaction = { type: 'reaction', reaction: { message_id: 'wamid.earlier', emoji: '👍' } };
    await ignoring.whatsApp([{ from, text: '', content: welcome }]);
    await ignoring.whatsApp([
      { from, text: '', content: reaction },
      { from, text: 'Are you open?' },
    ]);
    await ignoring.sns.publish(JSON.stringify(socialPayload([{ field: 'flows', value: {} }])));
    await ignoring.connect.untilMessage(({ lineNumber }) => lineNumber === 1);
    expect(ignoring.connect.transcript(from)).toEqual(['Are you open?']);
    const { received, ignored, ignoredByReason } = await ignoring.books();
    expect({ received, ignored, ignoredByReason }).toEqual({
      received: 4,
      ignored: 3,
      ignoredByReason: { by_route: 2, other_field: 1 },
    });
    expect((await ignoring.metrics()).split('\n')).toEqual(
      expect.arrayContaining([
        'bridge_ignored_total{reason="by_route",field="messages"} 2',
        'bridge_ignored_total{reason="other_field",field="flows"} 1',
      ]),
    );
    expect(ignoring.log.events('notification.accepted').flatMap(({ ignored }) => ignored ?? [])).toEqual([
      { reason: 'by_route', field: 'messages', count: 1 },
      { reason: 'by_route', field: 'messages', count: 1 },
      { reason: 'other_field', field: 'flows', count: 1 },
    ]);
  });
});

it('a dead letter for want of a route goes out by redrive once there is one', async () => {
  const from = '+14255550114';
  await withFlow({ env: { ROUTES: '' } }, async (unrouted) => {
    const file = path.join(unrouted.directory, 'routes.json');
    await unrouted.sms({ from, text: 'Where does it go?' });
    expect((await unrouted.books()).deadByReason).toEqual({ no_route: 1 });

    const routes = [{ channel: 'sms', number: SMS_NUMBER, destinationId: SMS_NUMBER_ARN }];
    fs.writeFileSync(file, JSON.stringify({ routes }));
    await unrouted.restartWith({ ROUTES: file });
    const env = unrouted.environment as Readonly<Record<string, string>>;
    const redriven = await runCommand(['redrive', '--reason', 'no_route', '--yes'], { env });
    expect(redriven).toMatchObject({ exitCode: 0, stderr: '' });
    await unrouted.connect.untilMessage(({ chat }) => chat.sourceId === from);
    expect(unrouted.connect.transcript(from)).toEqual(['Where does it go?']);
  });
});
