/**
 * The thread of the AWS clients: a send costs more CPU than all the rest of a message's way, and must not hold up the
 * thread that accepts.
 */
import { parentPort } from 'node:worker_threads';
import type { Call, Reply } from '../../worker-calls.ts';
import type { Place } from '../aws-clients.ts';
import { SendNotBegun } from '../send-outcome.ts';
import { packError } from './packed-error.ts';
import type { PackedError } from './packed-error.ts';
import { readMonotonicMs } from './protocol.ts';
import type { SenderName, SendRequest, Senders } from './protocol.ts';

/** Each imported when it is needed: most services need one of them. */
const LOADS: { readonly [Name in SenderName]: () => Promise<Senders[Name]> } = {
  connect: async () => (await import('../connect-client.ts')).createConnectSender(),
  participant: async () => (await import('../participant/participant-client.ts')).createParticipantSender(),
  replies: async () => (await import('../eum-client.ts')).createReplySender(),
};

type Operations = Readonly<
  Record<string, (request: unknown, place: Place, timeoutMs: number) => Promise<unknown>>
>;

if (!parentPort) throw new Error('The AWS clients’ thread is started by AwsThread.');
const port = parentPort;
const loaded = new Map<SenderName, Promise<Operations>>();
const replies: Reply<PackedError>[] = [];

port.on('message', (calls: readonly Call<SendRequest>[]) => {
  for (const call of calls) void answer(call);
});
void load('connect'); // its first send does not wait for it

async function answer(call: Call<SendRequest>): Promise<void> {
  if (replies.push(await replyTo(call)) === 1) setImmediate(postReplies);
}

/** What has come in one turn of the event loop goes together. */
function postReplies(): void {
  port.postMessage(replies);
  replies.length = 0;
}

async function replyTo({ id, ...request }: Call<SendRequest>): Promise<Reply<PackedError>> {
  try {
    return { id, result: await send(request) };
  } catch (error) {
    return { id, fault: packError(error) };
  }
}

async function send({ sender, operation, request, place, endsAt }: SendRequest): Promise<unknown> {
  const operate = (await load(sender))[operation];
  if (!operate) throw new SendNotBegun(`There is no ${sender}.${operation}.`);
  const timeoutMs = endsAt - readMonotonicMs();
  if (timeoutMs <= 0) throw new SendNotBegun('Its time was over before it began.');
  return operate(request, place, timeoutMs);
}

function load(name: SenderName): Promise<Operations> {
  const operations = loaded.get(name) ?? (LOADS[name]() as Promise<unknown> as Promise<Operations>);
  loaded.set(name, operations);
  return operations;
}
