import { asBridgeError, BridgeError } from '../../errors.ts';
import { CHANNELS } from '../../normalize/channel.ts';
import type { SendReport } from '../../sandbox/control.ts';
import type { runSandbox, SandboxOptions } from '../../sandbox/sandbox.ts';
import { readState } from '../../sandbox/state-file.ts';
import type { CommandIo } from '../command-io.ts';

export interface SandboxSendOptions {
  /** The customer's number. */
  readonly from: string;
  /** The business's number; the sandbox's own unless given. */
  readonly to?: string;
  /** `sms` unless given. */
  readonly channel?: string;
}

/** Resolves to 0 only if each sample ended as it should; see `runSandbox`. */
export async function sandbox(options: SandboxOptions, io: CommandIo): Promise<number> {
  const run = await loadSandbox();
  return run(options, io);
}

/** Sends one message through the sandbox that runs; resolves to 0 once an agent would see it, to 1 if none does. */
export async function sandboxSend(options: SandboxSendOptions, text: string, io: CommandIo): Promise<number> {
  const channel = CHANNELS.find((channel) => channel === (options.channel ?? 'sms'));
  if (!channel) throw new BridgeError('USAGE', { detail: `--channel is none of ${CHANNELS.join(', ')}.` });
  if (!options.from.trim()) throw new BridgeError('USAGE', { detail: '--from is empty.' });
  const state = readState();
  if (!state) throw new BridgeError('SANDBOX_UNAVAILABLE');
  const { sendOrder } = await import('../../sandbox/control.ts');
  const order = { from: options.from, channel, text, ...(options.to ? { to: options.to } : {}) };
  const report = await sendOrder(state.controlUrl, state.token, order).catch((error: unknown) => {
    throw new BridgeError('SANDBOX_UNAVAILABLE', { cause: error });
  });
  io.stdout.write(`${describeReport(report)}\n`);
  return report.seen ? 0 : 1;
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
