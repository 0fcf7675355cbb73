/** The sandbox's control port: takes a message for the stand-in SNS to publish, and answers when an agent sees it. */
import crypto from 'node:crypto';
import type http from 'node:http';
import { z } from 'zod';
import { CHANNELS } from '../normalize/channel.ts';
import { chatHead, formatLine } from './agent-view.ts';
import type { ConnectStandIn } from './connect-stand-in.ts';
import { makeWamid, smsPayload, whatsAppPayload } from './end-user-messaging.ts';
import { listenLocally, readBody } from './local-server.ts';
import { externalIdOf } from './sample-run.ts';
import type { SnsStandIn } from './sns-stand-in.ts';

const SEEN_TIMEOUT_MS = 10_000;
/** The answer to SNS may itself take several attempts. */
export const CONTROL_TIMEOUT_MS = 60_000;

const orderSchema = z.strictObject({
  from: z.string().min(1),
  to: z.string().min(1).optional(),
  channel: z.enum(CHANNELS),
  text: z.string(),
});

export type SendOrder = z.infer<typeof orderSchema>;

const reportSchema = z.strictObject({
  /** The bridge's answer to SNS; undefined where none came. */
  answer: z.number().optional(),
  /** Undefined where no agent saw it in time. */
  seen: z.strictObject({ head: z.string(), line: z.string() }).optional(),
});

export type SendReport = z.infer<typeof reportSchema>;

export interface Control {
  readonly url: string;
  /** Whoever sends orders has to know it: other users of this machine reach the port too. */
  readonly token: string;
  readonly close: () => Promise<void>;
}

export async function startControl(sns: SnsStandIn, connect: ConnectStandIn): Promise<Control> {
  const token = crypto.randomBytes(24).toString('hex');
  const server = await listenLocally(async (request, response) => {
    if (request.method !== 'POST' || request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(403).end();
      return;
    }
    await answerOrder(request, response, sns, connect);
  });
  return { url: server.url, token, close: server.close };
}

/** For the other terminal. Rejects where the sandbox is gone or does not understand. */
export async function sendOrder(controlUrl: string, token: string, order: SendOrder): Promise<SendReport> {
  const response = await fetch(controlUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(order),
    signal: AbortSignal.timeout(CONTROL_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`The sandbox answered ${response.status}.`);
  return reportSchema.parse(await response.json());
}

async function answerOrder(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  sns: SnsStandIn,
  connect: ConnectStandIn,
): Promise<void> {
  const body = await readBody(request);
  const order = orderSchema.safeParse(parseJson(body));
  if (!order.success) {
    response.writeHead(400).end();
    return;
  }
  const report = await carryOut(order.data, sns, connect);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(report));
}

async function carryOut(order: SendOrder, sns: SnsStandIn, connect: ConnectStandIn): Promise<SendReport> {
  const { externalId, payload } = makePayload(order);
  const delivery = await sns.publish(JSON.stringify(payload));
  const answer = delivery.status === undefined ? {} : { answer: delivery.status };
  if (delivery.end !== 'taken') return answer;
  try {
    const line = await connect.untilMessage((line) => externalIdOf(line) === externalId, SEEN_TIMEOUT_MS);
    return { ...answer, seen: { head: chatHead(line), line: formatLine(line) } };
  } catch {
    return answer;
  }
}

function makePayload(order: SendOrder): { readonly externalId: string; readonly payload: unknown } {
  const { from, to, channel, text } = order;
  switch (channel) {
    case 'sms': {
      const inboundMessageId = crypto.randomUUID();
      return {
        externalId: inboundMessageId,
        payload: smsPayload({ from, text, inboundMessageId, ...(to ? { to } : {}) }),
      };
    }
    case 'whatsapp': {
      const id = makeWamid(from);
      return { externalId: id, payload: whatsAppPayload([{ from, text, id, ...(to ? { to } : {}) }]) };
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
