/**
 * The sandbox's control port. It takes a message for the stand-in SNS to publish, and answers when an agent sees it; or an
 * agent's reply, and answers when the customer has it.
 */
import crypto from 'node:crypto';
import type http from 'node:http';
import { z } from 'zod';
import { CHANNELS } from '../normalize/channel.ts';
import { chatHead, formatLine } from './agent-view.ts';
import type { ChatLine } from './chats.ts';
import type { ConnectStandIn } from './connect-stand-in.ts';
import { makeWamid, smsPayload, whatsAppPayload } from './end-user-messaging.ts';
import type { EumStandIn } from './eum-stand-in.ts';
import { parseJson } from './json-text.ts';
import { listenLocally, readBody } from './local-server.ts';
import { receivedAfter } from './reply-run.ts';
import { externalIdOf } from './sample-run.ts';
import type { SnsStandIn } from './sns-stand-in.ts';

const SEEN_TIMEOUT_MS = 10_000;
/** The answer to SNS may itself take several attempts. */
const CONTROL_TIMEOUT_MS = 60_000;

const sendOrderSchema = z.strictObject({
  kind: z.literal('send'),
  from: z.string().min(1),
  to: z.string().min(1).optional(),
  channel: z.enum(CHANNELS),
  text: z.string(),
});
const replyOrderSchema = z.strictObject({
  kind: z.literal('reply'),
  /** The customer; without one, the newest chat's. */
  to: z.string().min(1).optional(),
  text: z.string().min(1),
});
const orderSchema = z.discriminatedUnion('kind', [sendOrderSchema, replyOrderSchema]);

export type SendOrder = z.infer<typeof sendOrderSchema>;
export type ReplyOrder = z.infer<typeof replyOrderSchema>;

const sendReportSchema = z.strictObject({
  /** The bridge's answer to SNS; undefined where none came. */
  answer: z.number().optional(),
  /** Undefined where no agent saw it in time. */
  seen: z.strictObject({ head: z.string(), line: z.string() }).optional(),
});
const replyReportSchema = z.discriminatedUnion('outcome', [
  /** `texts`: none where nothing came in time. */
  z.strictObject({ outcome: z.literal('written'), head: z.string(), texts: z.array(z.string()) }),
  z.strictObject({ outcome: z.literal('noChat') }),
  /** Connect itself answers the customer, by this sandbox's method. */
  z.strictObject({ outcome: z.literal('notByBridge') }),
]);

export type SendReport = z.infer<typeof sendReportSchema>;
export type ReplyReport = z.infer<typeof replyReportSchema>;

/** `eum`: where replies arrive, if it is the bridge that carries them. */
export interface ControlledScene {
  readonly sns: SnsStandIn;
  readonly connect: ConnectStandIn;
  readonly eum: EumStandIn | undefined;
}

export interface Control {
  readonly url: string;
  /** Whoever sends orders has to know it: other users of this machine reach the port too. */
  readonly token: string;
  readonly close: () => Promise<void>;
}

export async function startControl(scene: ControlledScene): Promise<Control> {
  const token = crypto.randomBytes(24).toString('hex');
  const server = await listenLocally(async (request, response) => {
    if (request.method !== 'POST' || request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(403).end();
      return;
    }
    await answerOrder(request, response, scene);
  });
  return { url: server.url, token, close: server.close };
}

/** For the other terminal. Rejects where the sandbox is gone or does not understand. */
export async function sendOrder(controlUrl: string, token: string, order: SendOrder): Promise<SendReport> {
  return sendReportSchema.parse(await postOrder(controlUrl, token, order));
}

/** Likewise. */
export async function replyOrder(controlUrl: string, token: string, order: ReplyOrder): Promise<ReplyReport> {
  return replyReportSchema.parse(await postOrder(controlUrl, token, order));
}

async function postOrder(controlUrl: string, token: string, order: SendOrder | ReplyOrder): Promise<unknown> {
  const response = await fetch(controlUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(order),
    signal: AbortSignal.timeout(CONTROL_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`The sandbox answered ${response.status}.`);
  return response.json();
}

async function answerOrder(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  scene: ControlledScene,
): Promise<void> {
  const body = await readBody(request);
  const order = orderSchema.safeParse(parseJson(body));
  if (!order.success) {
    response.writeHead(400).end();
    return;
  }
  const report = await carryOut(order.data, scene);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(report));
}

function carryOut(
  order: z.infer<typeof orderSchema>,
  scene: ControlledScene,
): Promise<SendReport | ReplyReport> {
  switch (order.kind) {
    case 'send':
      return sendMessage(order, scene);
    case 'reply':
      return writeReply(order, scene);
  }
}

async function sendMessage(order: SendOrder, { sns, connect }: ControlledScene): Promise<SendReport> {
  const { externalId, payload } = makePayload(order);
  const before = new Set(connect.lines);
  const delivery = await sns.publish(JSON.stringify(payload));
  const answer = delivery.status === undefined ? {} : { answer: delivery.status };
  if (delivery.end !== 'taken') return answer;
  const isIt = (line: ChatLine): boolean => {
    const id = externalIdOf(line);
    if (id !== undefined) return id === externalId;
    return !before.has(line) && isSameNumber(line.chat.sourceId, order.from);
  };
  try {
    const line = await connect.untilMessage(isIt, SEEN_TIMEOUT_MS);
    return { ...answer, seen: { head: chatHead(line.chat, line.newChatCreated), line: formatLine(line) } };
  } catch {
    return answer;
  }
}

async function writeReply({ to, text }: ReplyOrder, { connect, eum }: ControlledScene): Promise<ReplyReport> {
  if (!eum) return { outcome: 'notByBridge' };
  const chat = connect.newestChat(to);
  if (!chat) return { outcome: 'noChat' };
  const texts = await receivedAfter(
    () => connect.reply(chat.contactId, text),
    { eum, customer: chat.sourceId },
    SEEN_TIMEOUT_MS,
  );
  return { outcome: 'written', head: chatHead(chat, false), texts: [...texts] };
}

function isSameNumber(one: string, other: string): boolean {
  return one.replaceAll(/\D/g, '') === other.replaceAll(/\D/g, '');
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
