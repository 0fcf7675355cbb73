/** More than can be taken: 200 or 503 at once, bounded memory, and what was acknowledged is delivered. */
import http from 'node:http';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { smsPayload } from '../../src/sandbox/end-user-messaging.ts';
import { SANDBOX_TOPIC_ARN } from '../../src/sandbox/bridge-child.ts';
import { startBridgeProcess, terminateBridge } from '../support/bridge-process.ts';
import { withFlow } from '../support/flow-harness.ts';
import type { Flow } from '../support/flow-harness.ts';

const REQUESTS = 2_000;
const CONNECTIONS = 900;
/** All of them at once would be half a gigabyte. */
const PADDING_BYTES = 250_000;
/** After so many, the disk goes on. */
const REFUSALS_SEEN = 20;
const MEMORY_MAX_BYTES = 450 * 1024 * 1024;
const TEST_TIMEOUT_MS = 60_000;

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly customer: string;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });

afterAll(() => agent.destroy());

/** Large by an attribute, which no signature covers: all of them share it. */
const PADDING = `,"MessageAttributes":{"padding":{"Type":"String","Value":"${'x'.repeat(PADDING_BYTES)}"}}}`;

/** The beginning of a body that PADDING ends. */
function signedSms(flow: Flow, customer: string): string {
  const payload = smsPayload({ from: customer, text: `from ${customer.slice(-2)}` });
  flow.addPersonal({ number: customer, externalId: payload['inboundMessageId'] });
  const envelope = flow.signer.sign({
    Type: 'Notification',
    MessageId: crypto.randomUUID(),
    TopicArn: SANDBOX_TOPIC_ARN,
    Message: JSON.stringify(payload),
    Timestamp: new Date().toISOString(),
    UnsubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe',
  });
  return JSON.stringify(envelope).slice(0, -1);
}

/** Resolves to the answer, whatever it is; rejects where none came. */
function post(url: string, body: string, customer: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      agent,
      headers: { 'content-length': Buffer.byteLength(body) + PADDING.length },
    };
    const request = http.request(`${url}/sns`, options, (response) => {
      response.resume();
      const retryAfter = response.headers['retry-after'];
      response.once('end', () => resolve({ status: response.statusCode ?? 0, retryAfter, customer }));
    });
    request.once('error', reject);
    request.write(body);
    request.end(PADDING);
  });
}

/** The process's memory, as it tells it itself. */
async function readMemoryBytes(flow: Flow): Promise<number> {
  const line = /^process_resident_memory_bytes (\d+)$/m.exec(await flow.metrics());
  return Number(line?.[1]);
}

function customerOf(index: number): string {
  return `+1425555${String(index).padStart(4, '0')}`;
}

describe('2,000 requests while the disk stands still', () => {
  it(
    'are answered 200 or 503 with Retry-After, at bounded memory, and what got 200 is delivered',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      await withFlow({ startBridge: startBridgeProcess, env: { LOG_LEVEL: 'fatal' } }, async (flow) => {
        const url = flow.bridge.publicUrl;
        const customers = Array.from({ length: REQUESTS }, (_, index) => customerOf(index));
        const bodies = customers.map((customer) => signedSms(flow, customer));
        const intruder = new DatabaseSync(path.join(flow.directory, 'bridge.db'), { timeout: 5_000 });
        intruder.exec('BEGIN IMMEDIATE');
        const { promise: refusals, resolve: onRefusals } = Promise.withResolvers<void>();
        let refused = 0;
        const answering = customers.map(async (customer, index) => {
          const answer = await post(url, bodies[index] ?? '', customer);
          if (answer.status === 503 && (refused += 1) === REFUSALS_SEEN) onRefusals();
          return answer;
        });
        await refusals;
        intruder.exec('COMMIT');
        intruder.close();
        const memoryBytes = await readMemoryBytes(flow);
        const answers = await Promise.all(answering);
        const strange = answers.filter(
          ({ status, retryAfter }) => status !== 200 && !(status === 503 && retryAfter === '5'),
        );
        expect(strange).toEqual([]);
        expect(memoryBytes).toBeLessThan(MEMORY_MAX_BYTES);

        // SNS comes again with what was refused; here, one of them will do.
        const last = customerOf(REQUESTS);
        const after = await post(url, signedSms(flow, last), last);
        expect(after.status).toBe(200);
        expect((await flow.readiness()).status).toBe(200);
        const taken = [...answers, after].filter(({ status }) => status === 200);
        await flow.connect.until(taken.length, 30_000);
        const delivered = new Set(flow.connect.lines.map(({ chat }) => chat.sourceId));
        expect(taken.filter(({ customer }) => !delivered.has(customer))).toEqual([]);
        expect(await terminateBridge(flow)).toEqual({ code: 0, signal: null });
        expect((await flow.books()).delivered).toBe(taken.length);
      });
    },
  );
});
