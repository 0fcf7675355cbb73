import { asBridgeError, BridgeError } from '../../errors.ts';
import { CHANNELS } from '../../normalize/channel.ts';
import { CONNECT_METHODS } from '../../send/route.ts';
import type { ReplyReport, SendReport } from '../../sandbox/control.ts';
import type { runSandbox } from '../../sandbox/sandbox.ts';
import { readState } from '../../sandbox/state-file.ts';
import type { SandboxState } from '../../sandbox/state-file.ts';
import type { CommandIo } from '../command-io.ts';

export interface SandboxCommandOptions {
  /** End after the samples. */
  readonly exit?: boolean;
  /** `integration-event` unless given. */
  readonly method?: string;
}

export interface SandboxReplyOptions {
  /** The customer's number; the newest chat's unless given. */
  readonly to?: string;
}

export interface SandboxSendOptions {
  /** The customer's number. */
  readonly from: string;
  /** The business's number; the sandbox's own unless given. */
  readonly to?: string;
  /** `sms` unless given. */
  readonly channel?: string;
}

/** Resolves to 0 only if each sample ended as it should; see `runSandbox`. */
export async function sandbox(options: SandboxCommandOptions, io: CommandIo): Promise<number> {
  const { exit = false, method: given = 'integration-event' } = options;
  const method = CONNECT_METHODS.find((method) => method === given);
  if (!method)
    throw new BridgeError('USAGE', { detail: `--method is none of ${CONNECT_METHODS.join(', ')}.` });
  const run = await loadSandbox();
  return run({ exit, method }, io);
}

/** Sends one message through the sandbox that runs; resolves to 0 once an agent would see it, to 1 if none does. */
export async function sandboxSend(options: SandboxSendOptions, text: string, io: CommandIo): Promise<number> {
  const channel = CHANNELS.find((channel) => channel === (options.channel ?? 'sms'));
  if (!channel) throw new BridgeError('USAGE', { detail: `--channel is none of ${CHANNELS.join(', ')}.` });
  if (!options.from.trim()) throw new BridgeError('USAGE', { detail: '--from is empty.' });
  const { controlUrl, token } = findSandbox();
  const { sendOrder } = await import('../../sandbox/control.ts');
  const order = {
    kind: 'send',
    from: options.from,
    channel,
    text,
    ...(options.to ? { to: options.to } : {}),
  } as const;
  const report = await sendOrder(controlUrl, token, order).catch(failUnavailable);
  io.stdout.write(`${describeReport(report)}\n`);
  return report.seen ? 0 : 1;
}

/** Answers as the agent in the sandbox that runs; resolves to 0 once the customer would have it, to 1 if not. */
export async function sandboxReply(
  options: SandboxReplyOptions,
  text: string,
  io: CommandIo,
): Promise<number> {
  if (!text) throw new BridgeError('USAGE', { detail: 'The text is empty.' });
  const { controlUrl, token } = findSandbox();
  const { replyOrder } = await import('../../sandbox/control.ts');
  const order = { kind: 'reply', text, ...(options.to ? { to: options.to } : {}) } as const;
  const report = await replyOrder(controlUrl, token, order).catch(failUnavailable);
  io.stdout.write(`${describeReply(report)}\n`);
  return report.outcome === 'written' && report.texts.length > 0 ? 0 : 1;
}

function findSandbox(): SandboxState {
  const state = readState();
  if (!state) throw new BridgeError('SANDBOX_UNAVAILABLE');
  return state;
}

function failUnavailable(error: unknown): never {
  throw new BridgeError('SANDBOX_UNAVAILABLE', { cause: error });
}

/** The certificate is made by a development dependency, which an installation without those does not have. */
async function loadSandbox(): Promise<typeof runSandbox> {
  try {
    return (await import('../../sandbox/sandbox.ts')).runSandbox;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw asBridgeError(error);
    const detail = 'The sandbox needs the development dependencies: run it in a checkout, after `npm ci`.';
    throw new BridgeError('USAGE', { detail, cause: error });
  }
}

function describeReport({ answer, seen }: SendReport): string {
  if (seen) return `${seen.head}\n${seen.line}`;
  if (answer === undefined) return 'The bridge did not answer.';
  if (answer !== 200) return `The bridge refused it: ${answer}.`;
  return 'The bridge took it, but no agent has seen it: its log, whose path the sandbox prints, says why.';
}

function describeReply(report: ReplyReport): string {
  switch (report.outcome) {
    case 'noChat':
      return 'There is no open chat to answer in.';
    case 'notByBridge':
      return 'By this method Connect itself answers customers: start the sandbox with --method participant.';
    case 'written': {
      const { head, texts } = report;
      if (texts.length === 0)
        return `${head}\nThe customer has not received it: the bridge’s log, whose path the sandbox prints, says why.`;
      return [head, ...texts.map((text) => `    to the customer: ${text}`)].join('\n');
    }
  }
}
