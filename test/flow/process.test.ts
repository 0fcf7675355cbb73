/** What only a process of its own can show. The tests run side by side, those that wait longest first. */
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { runBridgeCommand } from '../../src/sandbox/bridge-child.ts';
import { SEND_TIMEOUT_MS } from '../../src/send/aws-clients.ts';
import { killBridge, startBridgeProcess, terminateBridge } from '../support/bridge-process.ts';
import { withFlow } from '../support/flow-harness.ts';
import type { Flow } from '../support/flow-harness.ts';

const CUSTOMERS = ['+14255550182', '+14255550143', '+14255550166'] as const;
const TEXTS = ['the first message', 'the second message', 'the third message'] as const;

/** A sender that never closes its own side: resolves to the answer once the service has closed both. */
async function untilLetGo(flow: Flow, text: string): Promise<string> {
  const { port } = new URL(flow.bridge.publicUrl);
  const socket = net.connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  const writing = setInterval(() => socket.write('x'), 50);
  await once(socket, 'error'); // what is written to a closed connection comes back as a reset
  clearInterval(writing);
  return Buffer.concat(chunks).toString();
}

describe.concurrent('the process', () => {
  it('SIGTERM while Connect hangs: exits 0 within ten seconds, and the next start goes on', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      flow.connect.faultFor = () => FAULTS.hang;
      const [from] = CUSTOMERS;
      for (const text of TEXTS) await flow.sms({ from, text });
      await flow.connect.untilReceived(1);
      const startedAtMs = performance.now();
      expect(await terminateBridge(flow)).toEqual({ code: 0, signal: null });
      expect(performance.now() - startedAtMs).toBeLessThan(10_000);
      flow.connect.clearFaults();
      await flow.startBridge();
      await flow.connect.until(TEXTS.length);
      expect(flow.connect.transcript(from)).toEqual(TEXTS);
    });
  });

  it('a request without an answer ends after the send time-out, and the message goes again', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      const [from, other] = CUSTOMERS;
      flow.connect.queueFault(FAULTS.takenButHang, 1, { sourceId: from });
      flow.connect.queueFault(FAULTS.hang, 1, { sourceId: other });
      const startedAtMs = performance.now();
      for (const customer of [from, other]) await flow.sms({ from: customer, text: TEXTS[0] });
      await flow.sms({ from, text: TEXTS[1] });
      await flow.connect.until(4, 15_000);
      expect(performance.now() - startedAtMs).toBeGreaterThan(SEND_TIMEOUT_MS);
      expect(flow.connect.transcript(from)).toEqual([TEXTS[0], TEXTS[0], TEXTS[1]]);
      expect(flow.connect.transcript(other)).toEqual([TEXTS[0]]);
      await terminateBridge(flow);
      expect(await flow.books()).toMatchObject({ delivered: 3, possibleDuplicate: 2 });
    });
  });

  it('gives half-sent requests their answer in bounded time, and keeps no connection for them', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      const [silence, ...answers] = await Promise.all([
        flow.postRaw(''),
        flow.postRaw('POST /sns HTTP/1.1\r\nhost: bridge\r\n'),
        flow.postRaw('POST /sns HTTP/1.1\r\nhost: bridge\r\ncontent-length: 100\r\n\r\n{"Type":'),
        untilLetGo(flow, 'POST /sns HTTP/1.1\r\nhost: bridge\r\n'),
      ]);
      expect(silence).toBe('');
      for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*retry-after/i);
      const counted = 'bridge_notifications_total{answer="503",outcome="REQUEST_INCOMPLETE"} 3\n';
      expect(await flow.metrics()).toContain(counted);
    });
  });

  it('acknowledges nothing that the store can’t take, and takes it when SNS comes again', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      const intruder = new DatabaseSync(path.join(flow.directory, 'bridge.db'));
      intruder.exec('BEGIN IMMEDIATE');
      const [from] = CUSTOMERS;
      const sample = { from, text: 'Only once it is safe', inboundMessageId: crypto.randomUUID() };
      const refused = await flow.sms(sample);
      intruder.exec('COMMIT');
      intruder.close();
      expect(refused.attempts).toMatchObject([
        { status: 503, headers: { 'retry-after': expect.any(String) as string } },
      ]);
      expect((await flow.sms(sample)).status).toBe(200);
      await flow.connect.until(1);
      expect(flow.connect.transcript(from)).toEqual(['Only once it is safe']);
    });
  });

  it('kill -9 loses nothing that was acknowledged, and keeps its order', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      flow.connect.faultFor = () => FAULTS.hang;
      for (const text of TEXTS) {
        for (const from of CUSTOMERS) expect((await flow.sms({ from, text })).status).toBe(200);
      }
      await flow.connect.untilReceived(CUSTOMERS.length);
      await killBridge(flow);
      flow.connect.clearFaults();
      await flow.startBridge();
      await flow.connect.until(TEXTS.length * CUSTOMERS.length);
      for (const customer of CUSTOMERS) expect(flow.connect.transcript(customer)).toEqual(TEXTS);
      // Nobody can know whether Connect took what was under way.
      expect((await flow.books()).possibleDuplicate).toBe(CUSTOMERS.length);
    });
  });

  it('kill -9 between the parts of a text: it goes on where it stopped', async () => {
    const env = { TEXT_LIMIT_SMS: '20' };
    await withFlow({ env, startBridge: startBridgeProcess }, async (flow) => {
      const [from] = CUSTOMERS;
      const parts = ['One sentence here. ', 'Another there. ', 'And a third one.'];
      // The first part is taken, the second hangs.
      flow.connect.faultFor = () => (flow.connect.received > 1 ? FAULTS.hang : undefined);
      await flow.sms({ from, text: parts.join('') });
      await flow.connect.untilReceived(2);
      await killBridge(flow);
      flow.connect.clearFaults();
      await flow.startBridge();
      await flow.connect.until(parts.length);
      expect(flow.connect.transcript(from)).toEqual(parts);
      await terminateBridge(flow);
      expect(await flow.books()).toMatchObject({ received: 1, delivered: 1, possibleDuplicate: 1 });
    });
  });

  it('kill -9 after Connect took it: a second copy is counted, never hidden', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      flow.connect.queueFault(FAULTS.takenButHang);
      const [from] = CUSTOMERS;
      for (const text of TEXTS) await flow.sms({ from, text });
      await flow.connect.until(1);
      await killBridge(flow);
      await flow.startBridge();
      await flow.connect.until(TEXTS.length + 1);
      expect(flow.connect.transcript(from)).toEqual([TEXTS[0], ...TEXTS]);
      expect((await flow.books()).possibleDuplicate).toBe(1);
    });
  });

  it('SIGTERM lets what runs end, and exits 0', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      flow.connect.queueFault({ kind: 'delay', ms: 300 });
      const [from] = CUSTOMERS;
      await flow.sms({ from, text: 'under way when the end comes' });
      await flow.connect.untilReceived(1);
      expect(await terminateBridge(flow)).toEqual({ code: 0, signal: null });
      expect(flow.connect.transcript(from)).toEqual(['under way when the end comes']);
      expect(await flow.books()).toMatchObject({ delivered: 1, pending: 0, possibleDuplicate: 0 });
    });
  });

  it('names every problem of its configuration at once, and exits 78', async () => {
    const environment = {
      PATH: process.env['PATH'] ?? '',
      PORT: 'eighty',
      CONNECT_RATE: '0',
      ROUTES: '{"routes":[{"channel":"fax"}]}',
      LOG_LEVEL: 'loud',
      STORE_URL: 'mysql://nowhere',
    };
    const started = runBridgeCommand(environment, ['start']);
    const names = ['TOPIC_ARNS', 'PORT', 'CONNECT_RATE', 'ROUTES', 'LOG_LEVEL', 'STORE_URL'];
    const everyName = new RegExp(`ended with 78: ${names.map((name) => `(?=[^]*- ${name}:\\s)`).join('')}`);
    await expect(started).rejects.toThrow(everyName);
  });
});
