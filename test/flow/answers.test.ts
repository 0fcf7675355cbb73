/** The table of what each answer to SNS means, row by row. */
import http from 'node:http';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../src/clock.ts';
import { SANDBOX_TOPIC_ARN } from '../../src/sandbox/bridge-child.ts';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { smsPayload, socialPayload } from '../../src/sandbox/end-user-messaging.ts';
import type { PublishOptions } from '../../src/sandbox/sns-stand-in.ts';
import { Flow, withFlow } from '../support/flow-harness.ts';

const CUSTOMER = '+14255550182';
const OTHER_TOPIC_ARN = 'arn:aws:sns:us-east-1:999999999999:inbound-messages';

let flow: Flow;

beforeAll(async () => {
  flow = await Flow.start({});
});

afterAll(() => flow.end());

function hoursAgo(hours: number): string {
  return new Date(Date.now() - hours * 60 * MINUTE_MS).toISOString();
}

function ahead(minutes: number): PublishOptions {
  return { timestamp: new Date(Date.now() + minutes * MINUTE_MS).toISOString() };
}

function withUrl(SigningCertURL: string): PublishOptions {
  return { tamper: (envelope) => ({ ...envelope, SigningCertURL }) };
}

async function countOf(answer: number, outcome: string): Promise<number> {
  const line = `bridge_notifications_total{answer="${answer}",outcome="${outcome}"} `;
  const found = (await flow.metrics()).split('\n').find((text) => text.startsWith(line));
  return Number(found?.slice(line.length) ?? 0);
}

async function sumOf(metric: string): Promise<number> {
  const lines = (await flow.metrics()).split('\n').filter((line) => line.startsWith(`${metric}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('403: SNS can’t mend it by trying again', () => {
  const certificate = 'SimpleNotificationService-0123456789abcdef0123456789abcdef.pem';
  it.each([
    {
      name: 'a topic that is not on the list',
      code: 'TOPIC_NOT_LISTED',
      options: { topicArn: OTHER_TOPIC_ARN },
    },
    {
      name: 'a changed text',
      code: 'SIGNATURE_WRONG',
      options: {
        tamper: (envelope) => ({ ...envelope, Message: envelope.Message.replace('Hello', 'Goodbye') }),
      },
    },
    {
      name: 'a changed Timestamp',
      code: 'SIGNATURE_WRONG',
      options: { tamper: (envelope) => ({ ...envelope, Timestamp: hoursAgo(1) }) },
    },
    {
      name: 'a signature that is no base64',
      code: 'SIGNATURE_WRONG',
      options: { tamper: (envelope) => ({ ...envelope, Signature: '%%%' }) },
    },
    {
      name: 'signature version 3',
      code: 'SIGNATURE_VERSION_UNKNOWN',
      options: { tamper: (envelope) => ({ ...envelope, SignatureVersion: '3' }) },
    },
    {
      name: 'older than the retention',
      code: 'NOTIFICATION_TOO_OLD',
      options: { timestamp: new Date(Date.now() - 15 * DAY_MS).toISOString() },
    },
    {
      name: 'a certificate of another Region',
      code: 'CERTIFICATE_URL_REFUSED',
      options: withUrl(`https://sns.eu-west-1.amazonaws.com/${certificate}`),
    },
    {
      name: 'a certificate of another host',
      code: 'CERTIFICATE_URL_REFUSED',
      options: withUrl(`https://sns.us-east-1.amazonaws.com.example.com/${certificate}`),
    },
    {
      name: 'a certificate over http',
      code: 'CERTIFICATE_URL_REFUSED',
      options: withUrl(`http://sns.us-east-1.amazonaws.com/${certificate}`),
    },
  ] satisfies { name: string; code: string; options: PublishOptions }[])(
    '$name: $code',
    async ({ code, options }) => {
      const before = await countOf(403, code);
      const delivery = await flow.sms({ from: CUSTOMER, text: 'Hello, this must not arrive' }, options);
      expect(delivery).toMatchObject({ status: 403, end: 'discarded' });
      expect(await countOf(403, code)).toBe(before + 1);
      expect(flow.log.events('notification.refused').at(-1)).toMatchObject({ code, answer: 403 });
      expect(flow.connect.transcript(CUSTOMER)).toEqual([]);
    },
  );

  it.each([
    { name: 'of a topic on the list: an alert', topic: SANDBOX_TOPIC_ARN, code: 'RAW_DELIVERY', alerts: 1 },
    {
      name: 'of another topic: no alert, which any stranger could raise',
      topic: OTHER_TOPIC_ARN,
      code: 'TOPIC_NOT_LISTED',
      alerts: 0,
    },
    { name: 'of no topic: no alert', topic: undefined, code: 'TOPIC_NOT_LISTED', alerts: 0 },
  ])('raw delivery, which is unsigned, $name', async ({ topic, code, alerts }) => {
    const body = JSON.stringify(smsPayload({ from: CUSTOMER, text: 'Raw words of a customer' }));
    flow.addPersonal({ text: 'Raw words of a customer' });
    const before = await countOf(403, code);
    const headers = { 'x-amz-sns-rawdelivery': 'true', ...(topic ? { 'x-amz-sns-topic-arn': topic } : {}) };
    const alertsBefore = await sumOf('bridge_alerts_total');
    expect(await flow.post(body, headers)).toMatchObject({ status: 403 });
    expect(await countOf(403, code)).toBe(before + 1);
    expect(await sumOf('bridge_alerts_total')).toBe(alertsBefore + alerts);
  });
});

describe('200: it is safe, or there is nothing to keep', () => {
  it.each(['1', '2'] as const)('a message, with signature version %s', async (signatureVersion) => {
    const from = `+1425555010${signatureVersion}`;
    const text = 'Hello, I need help 👋';
    expect(await flow.sms({ from, text }, { signatureVersion, subject: 'a subject' })).toMatchObject({
      status: 200,
    });
    const line = await flow.connect.untilMessage(({ chat }) => chat.sourceId === from);
    expect(line).toMatchObject({
      content: text,
      newChatCreated: true,
      chat: { displayName: from, subtype: 'connect:SMS' },
    });
  });

  it('a receipt, which is no message', async () => {
    const status = {
      id: 'wamid.HBgLMTQyNTU1NTAxODIVAgARGBI5',
      status: 'read',
      recipient_id: '14255550182',
      timestamp: '1',
    };
    const metadata = { display_phone_number: '12065550199', phone_number_id: '203040506070809' };
    const value = { messaging_product: 'whatsapp', metadata, statuses: [status] };
    flow.addPersonal({ externalId: status.id, number: CUSTOMER });
    const delivery = await flow.sns.publish(JSON.stringify(socialPayload([{ field: 'messages', value }])));
    expect(delivery.status).toBe(200);
    expect((await flow.books()).ignoredByReason).toEqual({ status: 1 });
  });

  it.each(['plain words of somebody', '{"some":"json"}', '[]', '', 'null', '"text"', '7'])(
    'not understood, kept as a dead letter: %s',
    async (message) => {
      flow.addPersonal({ text: message });
      const before = (await flow.books()).deadByReason['not_understood'] ?? 0;
      expect((await flow.sns.publish(message)).status).toBe(200);
      expect((await flow.books()).deadByReason['not_understood']).toBe(before + 1);
    },
  );

  it('no route, kept as a dead letter', async () => {
    const delivery = await flow.sms({
      from: CUSTOMER,
      to: '+12065550177',
      text: 'To a number without a route',
    });
    expect(delivery.status).toBe(200);
    expect((await flow.books()).deadByReason['no_route']).toBe(1);
    expect(flow.connect.transcript(CUSTOMER)).toEqual([]);
  });
});

describe('503: SNS is to try again', () => {
  it('a certificate that can’t be fetched', async () => {
    const SigningCertURL = `https://sns.us-east-1.amazonaws.com/SimpleNotificationService-${'f'.repeat(32)}.pem`;
    const tamper: PublishOptions['tamper'] = (envelope) => ({ ...envelope, SigningCertURL });
    const delivery = await flow.sms({ from: CUSTOMER, text: 'Hello, is anybody there' }, { tamper });
    expect(delivery).toMatchObject({
      status: 503,
      attempts: [{ headers: { 'retry-after': expect.any(String) as string } }],
    });
    expect(await countOf(503, 'CERTIFICATE_UNAVAILABLE')).toBe(1);
    expect(await flow.metrics()).toContain('bridge_alerts_total{code="CERTIFICATE_UNAVAILABLE"} 1');
  });

  it('a Timestamp more than 15 minutes ahead', async () => {
    expect(await flow.sms({ from: CUSTOMER, text: 'From the future' }, ahead(16))).toMatchObject({
      status: 503,
    });
    expect(await countOf(503, 'TIMESTAMP_AHEAD')).toBe(1);
    expect(await flow.sms({ from: '+14255550143', text: 'From the near future' }, ahead(14))).toMatchObject({
      status: 200,
    });
  });

  it('more bytes announced than the service holds at once', async () => {
    const announced = Array.from({ length: 33 }, () =>
      announceBody(flow.bridge.publicUrl, 2 * 1024 * 1024 - 1),
    );
    const { status, headers } = await Promise.race(announced.map((one) => one.answered));
    expect(status).toBe(503);
    expect(headers['retry-after']).toBeDefined();
    for (const { request } of announced) request.destroy();
  });

  it('shutting down: what comes over a connection that is still open is counted and logged', async () => {
    await withFlow({}, async (flow) => {
      flow.connect.queueFault(FAULTS.hang);
      await flow.sms({ from: CUSTOMER, text: 'What hangs holds up the end' });
      await flow.connect.untilReceived(1);
      const { publicUrl, adminUrl } = flow.bridge;
      // Connections that are there before the end begins: new ones are refused from then on.
      const begun = announceBody(publicUrl, 2);
      const open = net.connect(Number(new URL(publicUrl).port), '127.0.0.1');
      open.write('POST /sns HTTP/1.1\r\nhost: bridge\r\n');
      await flow.get(`${publicUrl}/healthz`);
      const stopped = flow.stopBridge();
      const late = text(open);
      open.write('content-length: 2\r\n\r\n{}');
      expect(await late).toMatch(
        /^HTTP\/1\.1 503 [^]*\r\nretry-after: 5\r\n[^]*\r\n\r\n\{"code":"SHUTTING_DOWN"/,
      );
      const [line] = await flow.log.until('notification.deferred');
      expect(line).toMatchObject({ level: 'warn', answer: 503, code: 'SHUTTING_DOWN' });
      const metrics = (await flow.get(`${adminUrl}/metrics`)).body;
      expect(metrics).toContain('bridge_notifications_total{answer="503",outcome="SHUTTING_DOWN"} 1\n');
      // What had begun before is still taken.
      begun.request.end('{}');
      expect((await begun.answered).status).toBe(400);
      flow.connect.releaseHanging();
      await stopped;
      await flow.startBridge();
      await flow.connect.until(1);
    });
  });
});

/** A request whose body is announced but not sent. */
function announceBody(url: string, bytes: number) {
  const { promise, resolve } = Promise.withResolvers<{ status: number; headers: http.IncomingHttpHeaders }>();
  const options = { method: 'POST', headers: { 'content-length': bytes }, agent: false };
  const request = http.request(`${url}/sns`, options, (response) => {
    response.resume();
    resolve({ status: response.statusCode ?? 0, headers: response.headers });
  });
  request.on('error', () => undefined); // those that are let wait are broken off in the end
  request.flushHeaders();
  return { request, answered: promise };
}
