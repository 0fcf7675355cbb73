/**
 * `bridge sandbox`: the real bridge, as a process of its own, between a stand-in SNS and a stand-in Connect, all on this
 * machine and in a temporary folder that is gone at the end. It sends the samples, shows what an agent would see, and
 * says what became of each notification. By the method participant the agent answers too, through a stand-in End User
 * Messaging, and it shows what the customers got.
 */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { CommandIo } from '../admin/command-io.ts';
import { BridgeError } from '../errors.ts';
import { AgentView, channelName } from './agent-view.ts';
import { areBooksAsExpected, readIdleBooks } from './books.ts';
import type { SandboxBooks } from './books.ts';
import {
  BridgeChild,
  SANDBOX_REPLY_TOPIC_ARN,
  SANDBOX_TOPIC_ARN,
  describeExit,
  makeBridgeEnvironment,
} from './bridge-child.ts';
import type { Publication } from './chat-streaming.ts';
import { ConnectStandIn } from './connect-stand-in.ts';
import { startControl } from './control.ts';
import { EumStandIn } from './eum-stand-in.ts';
import { Publications } from './publications.ts';
import { showReplies, unitsOf } from './reply-run.ts';
import { judgeSamples, sendSamples } from './sample-run.ts';
import type { SampleResult } from './sample-run.ts';
import { makeSamples } from './samples.ts';
import { createSnsSigner } from './sns-signer.ts';
import { SnsStandIn } from './sns-stand-in.ts';
import { removeState, writeState } from './state-file.ts';
import { formatTable } from '../admin/table.ts';
import type { ConnectMethod } from '../send/route.ts';

const CONFIRMED_TIMEOUT_MS = 10_000;

export interface SandboxOptions {
  /** End after the samples. */
  readonly exit?: boolean;
  /** How the bridge reaches Connect: `integration-event` unless given. */
  readonly method?: ConnectMethod;
}

/** Resolves to the exit code: 0 only if each sample ended as it should. SIGINT and SIGTERM end it in order. */
export async function runSandbox(options: SandboxOptions, io: CommandIo): Promise<number> {
  const write = (text: string): void => void io.stdout.write(text);
  const interruption = waitForInterruption();
  await using resources = new AsyncDisposableStack();
  resources.defer(interruption.forget);
  write(
    '\nThe sandbox: the real bridge between a stand-in SNS and a stand-in Connect, all on this machine.\n',
  );
  const scene = await setScene(resources, options.method ?? 'integration-event');
  const view = new AgentView(write);
  scene.connect.onLine = (line) => view.show(line);
  scene.connect.onItem = (publication) => {
    showItem(view, publication);
    scene.back?.publications.publish(publication);
  };
  const ended = scene.bridge.exited.then((exit) => {
    const detail = `The bridge ended by itself, with ${describeExit(exit)}:\n${scene.bridge.logTail()}`;
    throw new BridgeError('INTERNAL', { detail });
  });
  const session = async (): Promise<number> => {
    const isAllAsExpected = await showSamples(scene, write);
    if (options.exit) return isAllAsExpected ? 0 : 1;
    await offerMore(resources, scene, write);
    view.interrupt();
    await interruption.happened;
    return 0;
  };
  // Interrupted among the samples, it has not shown that each ended as it should.
  const interrupted = interruption.happened.then(() => (options.exit ? 1 : 0));
  const code = await Promise.race([session(), ended, interrupted]);
  if (!options.exit) write('\nThe sandbox ends: the bridge drains, and the temporary folder goes.\n');
  return code;
}

interface Scene {
  readonly sns: SnsStandIn;
  readonly connect: ConnectStandIn;
  readonly bridge: BridgeChild;
  /** The way of replies, where it leads through the bridge. */
  readonly back: { readonly eum: EumStandIn; readonly publications: Publications } | undefined;
}

/** What is set up first is taken down last. */
async function setScene(resources: AsyncDisposableStack, method: ConnectMethod): Promise<Scene> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'sms-connect-bridge-sandbox-'));
  resources.defer(() => fs.rm(directory, { recursive: true, force: true }));
  const signer = await createSnsSigner({ directory: path.join(directory, 'certs') });
  const connect = await ConnectStandIn.start();
  resources.defer(() => connect.close());
  const sns = await SnsStandIn.start({ signer, topicArn: SANDBOX_TOPIC_ARN });
  resources.defer(() => sns.close());
  const eum = await EumStandIn.start();
  resources.defer(() => eum.close());
  const urls = { connectUrl: connect.url, snsUrl: sns.url, eumUrl: eum.url };
  const environment = await makeBridgeEnvironment({ directory, ...urls, method });
  const bridge = await BridgeChild.start(environment, path.join(directory, 'bridge.log'));
  resources.defer(async () => void (await bridge.stop()));
  sns.subscribe(`${bridge.publicUrl}/sns`);
  const back = method === 'participant' ? { eum, publications: new Publications(sns) } : undefined;
  return { sns, connect, bridge, back };
}

/** What the agent, a flow or a bot writes. */
function showItem(view: AgentView, { chat, item }: Publication): void {
  if (item.type !== 'MESSAGE' || item.role === 'CUSTOMER') return;
  view.showReply(chat, item.displayName, item.content ?? '');
}

async function showSamples(scene: Scene, write: (text: string) => void): Promise<boolean> {
  const { sns, connect, bridge, back } = scene;
  const confirmations = [await confirmSubscription(sns, SANDBOX_TOPIC_ARN)];
  if (back) confirmations.push(await confirmSubscription(sns, SANDBOX_REPLY_TOPIC_ARN));
  write('\nWhat an agent sees\n');
  const samples = makeSamples();
  const sent = await sendSamples(samples, sns, connect);
  const replies = back ? await showReplies({ sns, connect, ...back }) : [];
  await back?.publications.delivered();
  const books = await readIdleBooks(bridge);
  const results = [...confirmations, ...judgeSamples(sent, connect), ...replies];
  const isBalanced = areBooksAsExpected(books, samples, back && unitsOf(back.publications));
  if (back) write(`\nWhat the customers received\n\n${formatReceived(back.eum)}`);
  write(`\nWhat became of each notification\n\n${formatResults(results)}`);
  write(`\nThe bridge’s books\n\n${formatBooks(books, isBalanced)}`);
  return isBalanced && results.every((result) => result.isAsExpected);
}

async function confirmSubscription(sns: SnsStandIn, topicArn: string): Promise<SampleResult> {
  const delivery = await sns.askForConfirmation({ topicArn });
  const call = await sns
    .untilCall('ConfirmSubscription', CONFIRMED_TIMEOUT_MS, topicArn)
    .catch(() => undefined);
  return {
    title: 'Subscription',
    what: `SNS asks whether the bridge wants the topic ${topicArn.split(':').at(-1)}`,
    answer: delivery.attempts.map((attempt) => attempt.status ?? attempt.error).join(', '),
    becameOf: call ? 'confirmed by an API call' : 'not confirmed',
    isAsExpected: delivery.status === 200 && call !== undefined,
  };
}

function formatResults(results: readonly SampleResult[]): string {
  const rows = results.map((result, index) => [
    result.isAsExpected ? '✓' : '✗',
    result.title === results[index - 1]?.title ? '' : result.title,
    result.what,
    result.answer,
    result.becameOf,
  ]);
  return formatTable([['', 'Sample', 'Notification', 'Answer', 'What became of it'], ...rows]);
}

function formatReceived({ texts }: EumStandIn): string {
  const rows = texts.map(({ channel, to, text }) => [channelName(channel), to, text.replaceAll('\n', ' ⏎ ')]);
  return formatTable([['Channel', 'Customer', 'Text'], ...rows]);
}

function formatBooks(books: SandboxBooks, isAsExpected: boolean): string {
  const { received, delivered, duplicate, ignored, dead, discarded, pending } = books;
  const right = Object.entries({ delivered, duplicate, ignored, dead, discarded, pending });
  const sum = right.map(([name, count]) => `${count} ${name}`).join(' + ');
  return `  ${isAsExpected ? '✓' : '✗'}  ${received} received = ${sum}\n`;
}

async function offerMore(
  resources: AsyncDisposableStack,
  scene: Scene,
  write: (text: string) => void,
): Promise<void> {
  const { sns, connect, bridge, back } = scene;
  const control = await startControl({ sns, connect, eum: back?.eum });
  resources.defer(() => control.close());
  writeState({ pid: process.pid, controlUrl: control.url, token: control.token });
  resources.defer(() => removeState(process.pid));
  write(`
The sandbox stays up. In another terminal:

  bin/bridge sandbox send --from +14255550182 "text"
  bin/bridge sandbox send --from +12065550137 --channel whatsapp "text"
${back ? '  bin/bridge sandbox reply "text"\n' : ''}  curl ${bridge.adminUrl}/readyz
  curl ${bridge.adminUrl}/metrics
  tail -f ${bridge.logPath}

What arrives shows here. Ctrl-C ends it.
`);
}

/** The first SIGINT or SIGTERM; a second one of the same kind ends the process at once, as it would any other. */
function waitForInterruption(): { readonly happened: Promise<void>; readonly forget: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onSignal = (): void => resolve();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  return {
    happened: promise,
    forget: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal),
  };
}
