/**
 * `bridge sandbox`: the real bridge, as a process of its own, between a stand-in SNS and a stand-in Connect, all on this
 * machine and in a temporary folder that is gone at the end. It sends the samples, shows what an agent would see, and
 * says what became of each notification.
 */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { CommandIo } from '../admin/command-io.ts';
import { BridgeError } from '../errors.ts';
import { AgentView } from './agent-view.ts';
import { areBooksAsExpected, readIdleBooks } from './books.ts';
import type { SandboxBooks } from './books.ts';
import { BridgeChild, SANDBOX_TOPIC_ARN, describeExit, makeBridgeEnvironment } from './bridge-child.ts';
import { ConnectStandIn } from './connect-stand-in.ts';
import { startControl } from './control.ts';
import { judgeSamples, sendSamples } from './sample-run.ts';
import type { SampleResult } from './sample-run.ts';
import { makeSamples } from './samples.ts';
import { createSnsSigner } from './sns-signer.ts';
import { SnsStandIn } from './sns-stand-in.ts';
import { removeState, writeState } from './state-file.ts';
import { formatTable } from '../admin/table.ts';

const CONFIRMED_TIMEOUT_MS = 10_000;

export interface SandboxOptions {
  /** End after the samples. */
  readonly exit?: boolean;
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
  const scene = await setScene(resources);
  const view = new AgentView(write);
  scene.connect.onLine = (line) => view.show(line);
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
}

/** What is set up first is taken down last. */
async function setScene(resources: AsyncDisposableStack): Promise<Scene> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'sms-connect-bridge-sandbox-'));
  resources.defer(() => fs.rm(directory, { recursive: true, force: true }));
  const signer = await createSnsSigner({ directory: path.join(directory, 'certs') });
  const connect = await ConnectStandIn.start();
  resources.defer(() => connect.close());
  const sns = await SnsStandIn.start({ signer, topicArn: SANDBOX_TOPIC_ARN });
  resources.defer(() => sns.close());
  const environment = await makeBridgeEnvironment({ directory, connectUrl: connect.url, snsUrl: sns.url });
  const bridge = await BridgeChild.start(environment, path.join(directory, 'bridge.log'));
  resources.defer(async () => void (await bridge.stop()));
  sns.subscribe(`${bridge.publicUrl}/sns`);
  return { sns, connect, bridge };
}

async function showSamples(scene: Scene, write: (text: string) => void): Promise<boolean> {
  const { sns, connect, bridge } = scene;
  const confirmation = await confirmSubscription(sns);
  write('\nWhat an agent sees\n');
  const samples = makeSamples();
  const sent = await sendSamples(samples, sns, connect);
  const books = await readIdleBooks(bridge);
  const results = [confirmation, ...judgeSamples(sent, connect)];
  const isBalanced = areBooksAsExpected(books, samples);
  write(`\nWhat became of each notification\n\n${formatResults(results)}`);
  write(`\nThe bridge’s books\n\n${formatBooks(books, isBalanced)}`);
  return isBalanced && results.every((result) => result.isAsExpected);
}

async function confirmSubscription(sns: SnsStandIn): Promise<SampleResult> {
  const delivery = await sns.askForConfirmation();
  const call = await sns.untilCall('ConfirmSubscription', CONFIRMED_TIMEOUT_MS).catch(() => undefined);
  return {
    title: 'Subscription',
    what: 'SNS asks whether the bridge wants the topic',
    answer: delivery.attempts.map((attempt) => attempt.status ?? attempt.error).join(', '),
    becameOf: call ? 'confirmed by an API call' : 'not confirmed',
    isAsExpected: delivery.status === 200 && call?.parameters['TopicArn'] === SANDBOX_TOPIC_ARN,
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
  const { sns, connect, bridge } = scene;
  const control = await startControl(sns, connect);
  resources.defer(() => control.close());
  writeState({ pid: process.pid, controlUrl: control.url, token: control.token });
  resources.defer(() => removeState(process.pid));
  write(`
The sandbox stays up. In another terminal:

  bin/bridge sandbox send --from +14255550182 "text"
  bin/bridge sandbox send --from +12065550137 --channel whatsapp "text"
  curl ${bridge.adminUrl}/readyz
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
