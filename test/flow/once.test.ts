/** What SNS, End User Messaging or Meta sends twice reaches Connect once. */
import crypto from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { makeWamid } from '../../src/sandbox/end-user-messaging.ts';
import { Flow } from '../support/flow-harness.ts';

const TEXT = 'Please send it only once';
const LAST = 'That was all of it';

let flow: Flow;

beforeAll(async () => {
  flow = await Flow.start({});
});

afterAll(() => flow.end());

/** One lane is in order: what came before the last message has ended when that arrives. */
async function expectOnce(from: string): Promise<void> {
  await flow.sms({ from, text: LAST });
  await flow.connect.untilMessage(({ content, chat }) => content === LAST && chat.sourceId === from);
  expect(flow.connect.transcript(from)).toEqual([TEXT, LAST]);
}

async function duplicates(): Promise<number> {
  return (await flow.books()).duplicate;
}

it('the same SNS MessageId', async () => {
  const sample = { from: '+14255550101', text: TEXT, inboundMessageId: crypto.randomUUID() };
  const options = { messageId: crypto.randomUUID() };
  expect((await flow.sms(sample, options)).status).toBe(200);
  expect((await flow.sms(sample, options)).status).toBe(200);
  await expectOnce(sample.from);
});

it('the same SMS under another SNS MessageId', async () => {
  const sample = { from: '+14255550102', text: TEXT, inboundMessageId: crypto.randomUUID() };
  expect((await flow.sms(sample)).status).toBe(200);
  expect((await flow.sms(sample)).status).toBe(200);
  await expectOnce(sample.from);
});

it('the same WhatsApp message under another SNS MessageId, beside a new one', async () => {
  const from = '+14255550103';
  const sample = { from, text: TEXT, id: makeWamid(from) };
  await flow.whatsApp([sample]);
  await flow.whatsApp([sample, { from, text: LAST }]);
  await flow.connect.untilMessage(({ content, chat }) => content === LAST && chat.sourceId === from);
  expect(flow.connect.transcript(from)).toEqual([TEXT, LAST]);
});

it('twenty at the same moment', async () => {
  const before = await duplicates();
  const sample = { from: '+14255550104', text: TEXT, inboundMessageId: crypto.randomUUID() };
  const deliveries = await Promise.all(Array.from({ length: 20 }, () => flow.sms(sample)));
  expect(new Set(deliveries.map(({ status }) => status))).toEqual(new Set([200]));
  await expectOnce(sample.from);
  expect(await duplicates()).toBe(before + 19);
});

it('while the first waits for another attempt', async () => {
  const sample = { from: '+14255550105', text: TEXT, inboundMessageId: crypto.randomUUID() };
  flow.connect.queueFault(FAULTS.throttled, 1, { sourceId: sample.from });
  const { received } = flow.connect;
  await flow.sms(sample);
  await flow.connect.untilReceived(received + 1);
  await flow.sms(sample);
  await expectOnce(sample.from);
});

it('again after the delivery, and after a restart', async () => {
  const sample = { from: '+14255550106', text: TEXT, inboundMessageId: crypto.randomUUID() };
  await flow.sms(sample);
  await flow.connect.untilMessage(({ chat }) => chat.sourceId === sample.from);
  await flow.stopBridge();
  await flow.startBridge();
  await flow.sms(sample);
  await expectOnce(sample.from);
});

it('the same id on the other channel is another message', async () => {
  const id = makeWamid('+14255550107');
  await flow.sms({ from: '+14255550107', text: 'by SMS', inboundMessageId: id });
  await flow.whatsApp([{ from: '+14255550107', text: 'by WhatsApp', id }]);
  await flow.connect.untilMessage(({ content }) => content === 'by SMS');
  await flow.connect.untilMessage(({ content }) => content === 'by WhatsApp');
});
