/** A Connect whose answers are well-formed HTTP and otherwise nonsense: what it says must not get into logs and metrics. */
import http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { withFlow } from '../support/flow-harness.ts';

const CUSTOMER = '+14255550182';
const WORDS = 'words that a customer wrote';

interface StrangeAnswer {
  readonly status: number;
  readonly requestId: string;
  readonly body: unknown;
}

async function withStrangeConnect(
  answer: StrangeAnswer,
  body: (url: string) => Promise<void>,
): Promise<void> {
  const server = http.createServer((request, response) => {
    request.resume();
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'x-amzn-requestid': answer.requestId,
    });
    response.end(JSON.stringify(answer.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('delivered, and none of it kept', () => {
  it.each([
    { name: 'an object for InitialContactId', contactId: { words: WORDS }, created: true },
    { name: 'a number for InitialContactId', contactId: 7, created: true },
    { name: 'words for InitialContactId', contactId: WORDS, created: true },
    { name: 'a long InitialContactId', contactId: 'a'.repeat(129), created: true },
    { name: 'words for NewChatCreated', contactId: null, created: WORDS },
  ])('$name', async ({ contactId, created }) => {
    const answer = { InitialContactId: contactId, NewChatCreated: created };
    await withStrangeConnect({ status: 200, requestId: WORDS, body: answer }, async (url) => {
      await withFlow({ env: { AWS_ENDPOINT_URL_CONNECT: url } }, async (flow) => {
        flow.addPersonal({ text: WORDS });
        await flow.sms({ from: CUSTOMER, text: 'an ordinary message' });
        const [delivered] = await flow.log.until('message.delivered');
        expect(delivered).not.toHaveProperty('contactId');
        expect(delivered).not.toHaveProperty('requestId');
        const db = new DatabaseSync(path.join(flow.directory, 'bridge.db'));
        const row = db.prepare('SELECT contact_id, new_chat_created FROM messages').get();
        db.close();
        expect(row).toEqual({ contact_id: null, new_chat_created: created === true ? 1 : null });
      });
    });
  });
});

describe('refused, and none of it in the log', () => {
  it.each([
    { name: 'words for the request’s id', requestId: WORDS },
    { name: 'a long request id', requestId: WORDS.replaceAll(' ', '-').repeat(10) },
  ])('$name', async ({ requestId }) => {
    const body = { __type: 'InvalidRequestException', message: WORDS };
    await withStrangeConnect({ status: 400, requestId, body }, async (url) => {
      await withFlow({ env: { AWS_ENDPOINT_URL_CONNECT: url } }, async (flow) => {
        flow.addPersonal({ text: WORDS });
        flow.addPersonal({ text: requestId });
        await flow.sms({ from: CUSTOMER, text: 'an ordinary message' });
        const [dead] = await flow.log.until('message.dead');
        expect(dead).not.toHaveProperty('requestId');
      });
    });
  });
});
