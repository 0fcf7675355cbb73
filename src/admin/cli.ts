import { Command, CommanderError, Option } from 'commander';
import { BridgeError, errorEntry } from '../errors.ts';
import type { CommandIo } from './command-io.ts';
import { CHAT_EVENT_TYPES } from '../send/chat-event-rules.ts';
import { DEAD_REASONS } from '../queue/message-store.ts';
import type { MessageState } from '../queue/message-store.ts';
import { CONNECT_METHODS } from '../send/route.ts';
import type { SandboxCommandOptions } from './commands/sandbox.ts';
import type { DiscardOptions } from './commands/discard.ts';
import type { DoctorOptions } from './commands/doctor.ts';
import type { EraseOptions } from './commands/erase.ts';
import type { ExplainOptions } from './commands/explain.ts';
import type { ListOptions } from './commands/list.ts';
import type { RedriveOptions } from './commands/redrive.ts';
import type { ReplayOptions } from './commands/replay.ts';
import type { SendEventOptions } from './commands/send-event.ts';
import type { ShowOptions } from './commands/show.ts';
import type { SubscribeOptions } from './commands/subscribe.ts';

/** EX_SOFTWARE of sysexits(3): an error that nobody foresaw. */
const EXIT_UNFORESEEN = 70;
const EXIT_FAILED = 1;

type Runner = (run: () => Promise<number>) => Promise<void>;

/**
 * Runs the command that `argv` (without node and script) names, and resolves to its exit code, by sysexits(3) and the
 * error catalogue; it never rejects. Each command's code is imported when it is called, so that `start` loads nothing
 * of the others.
 */
export async function runCli(argv: readonly string[], io: CommandIo): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(io, async (run) => {
    exitCode = await run();
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(error, io);
  }
}

function buildProgram(io: CommandIo, runner: Runner): Command {
  const program = new Command('bridge')
    .description('Brings SMS and WhatsApp messages from AWS End User Messaging to Amazon Connect chats.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .showHelpAfterError('(bridge help COMMAND tells more)');
  addStart(program, io, runner);
  addSandbox(program, io, runner);
  addSubscribe(program, io, runner);
  addDoctor(program, io, runner);
  addExplain(program, io, runner);
  addStatus(program, io, runner);
  addList(program, io, runner);
  addShow(program, io, runner);
  addRedrive(program, io, runner);
  addDiscard(program, io, runner);
  addErase(program, io, runner);
  addReplay(program, io, runner);
  addSendEvent(program, io, runner);
  return program;
}

function addStart(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('start')
    .description('run the service, configured by environment variables')
    .action(() => runner(async () => (await import('./commands/start.ts')).start(io)));
}

function addSandbox(program: Command, io: CommandIo, runner: Runner): void {
  const sandbox = program
    .command('sandbox')
    .description('run the service between a stand-in SNS and a stand-in Connect: no AWS account needed')
    .option('--exit', 'end after the samples; exit code 0 only if each ended as it should')
    .addOption(
      new Option(
        '--method <method>',
        'how it reaches Connect; as a participant it carries replies back, too',
      ).choices(CONNECT_METHODS),
    )
    .action((options: SandboxCommandOptions) =>
      runner(async () => (await import('./commands/sandbox.ts')).sandbox(options, io)),
    );
  sandbox
    .command('send')
    .description('send one message to the sandbox that runs on this machine')
    .requiredOption('--from <address>', "the customer's number, such as +14255550182")
    .option('--to <address>', 'the business number')
    .option('--channel <channel>', 'sms or whatsapp')
    .argument('<text>', 'what the customer writes')
    .action((text: string, options: { from: string; to?: string; channel?: string }) =>
      runner(async () => (await import('./commands/sandbox.ts')).sandboxSend(options, text, io)),
    );
  sandbox
    .command('reply')
    .description('answer as the agent in the sandbox that runs on this machine with --method participant')
    .option('--to <address>', "the customer's number; otherwise the newest chat's")
    .argument('<text>', 'what the agent writes')
    .action((text: string, options: { to?: string }) =>
      runner(async () => (await import('./commands/sandbox.ts')).sandboxReply(options, text, io)),
    );
}

function addSubscribe(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('subscribe')
    .description('make the service the HTTPS subscriber of an SNS topic')
    .requiredOption('--topic <arn>', 'the SNS topic of inbound messages')
    .requiredOption('--endpoint <url>', 'where SNS reaches the service: https://HOST/sns')
    .option('--dead-letter-queue <arn>', 'standard SQS queue for what SNS could not deliver')
    .option('--dry-run', 'print what would be set, and call nothing')
    .option('--json', 'print facts as JSON')
    .action((options: SubscribeOptions) =>
      runner(async () => (await import('./commands/subscribe.ts')).subscribe(options, io)),
    );
}

function addDoctor(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('doctor')
    .description(
      'walk the set-up in AWS and say what holds, what does not and how to mend it; exit code 1 if anything is wrong',
    )
    .option('--endpoint <url>', 'where SNS reaches the service (https://HOST/sns): looked at from outside in')
    .option('--probe', 'also try the delivery: an event for nobody, or a chat that is ended at once')
    .option('--json', 'print facts as JSON')
    .action((options: DoctorOptions) =>
      runner(async () => (await import('./commands/doctor.ts')).doctor(options, io)),
    );
}

function addExplain(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('explain')
    .description('show what the bridge would make of a payload; stores, sends and fetches nothing')
    .argument(
      '<file>',
      'payloads as JSON (one, an array, one a line): SNS envelopes, Lambda or SQS records, messages of End User Messaging, Meta webhooks or parts of them; - is standard input',
    )
    .option('--json', 'print facts as JSON, a line for each notification')
    .action((file: string, options: ExplainOptions) =>
      runner(async () => (await import('./commands/explain.ts')).explain(file, options, io)),
    );
}

function addStatus(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('status')
    .description('print what is in the store: messages by state, paused destinations, the books')
    .option('--json', 'print facts as JSON')
    .action((options: { json?: boolean }) =>
      runner(async () => (await import('./commands/status.ts')).status(options, io)),
    );
}

const MESSAGE_STATES = [
  'pending',
  'sending',
  'delivered',
  'dead',
  'discarded',
] as const satisfies readonly MessageState[];
const SINCE = 'only those accepted since: a span (2h, 3d) or an instant (2026-11-22T09:00Z)';

function reasonOption(): Option {
  return new Option('--reason <reason>', 'only dead letters with this reason').choices(DEAD_REASONS);
}

function addList(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('list')
    .description('list messages, newest first: dead letters, unless another state is asked for')
    .addOption(new Option('--state <state>', 'state of the messages').choices(MESSAGE_STATES).default('dead'))
    .option('--since <when>', SINCE)
    .addOption(reasonOption())
    .option('--limit <count>', 'how many at most', '50')
    .option('--json', 'print facts as JSON')
    .action((options: ListOptions) =>
      runner(async () => (await import('./commands/list.ts')).list(options, io)),
    );
}

function addShow(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('show')
    .description('print everything about one message: where it is, its attempts, their errors')
    .argument('<id>', 'the message’s id, as list and the log have it (messageId)')
    .option('--text', 'with what the customer wrote, AWS’s words and the raw notification')
    .option('--json', 'print facts as JSON')
    .action((id: string, options: ShowOptions) =>
      runner(async () => (await import('./commands/show.ts')).show(id, options, io)),
    );
}

function addRedrive(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('redrive')
    .description('put dead letters back, understood and routed anew; counts them, then asks')
    .argument('[ids...]', 'ids of dead letters')
    .option('--all', 'all dead letters')
    .option('--since <when>', SINCE)
    .addOption(reasonOption())
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print facts as JSON')
    .action((ids: string[], options: RedriveOptions) =>
      runner(async () => (await import('./commands/redrive.ts')).redrive(ids, options, io)),
    );
}

function addDiscard(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('discard')
    .description('give up on dead letters and erase their content; counts them, then asks')
    .argument('[ids...]', 'ids of dead letters')
    .option('--all', 'all dead letters')
    .option('--since <when>', SINCE)
    .addOption(reasonOption())
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print facts as JSON')
    .action((ids: string[], options: DiscardOptions) =>
      runner(async () => (await import('./commands/discard.ts')).discard(ids, options, io)),
    );
}

function addErase(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('erase')
    .description('erase all data of one customer, at once, and prove it; exit code 1 if anything is left')
    .requiredOption('--customer <address>', "the customer's number, such as +14255550182, or user id")
    .option('--json', 'print facts as JSON')
    .action((options: EraseOptions) =>
      runner(async () => (await import('./commands/erase.ts')).erase(options, io)),
    );
}

function addReplay(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('replay')
    .description('post SNS envelopes into the bridge that runs on this machine (PORT)')
    .argument(
      '<file>',
      'envelopes as JSON (one, an array, one a line) or what `aws sqs receive-message` prints; - is standard input',
    )
    .option('--json', 'print facts as JSON, a line for each')
    .action((file: string, options: ReplayOptions) =>
      runner(async () => (await import('./commands/replay.ts')).replay(file, options, io)),
    );
}

function addSendEvent(program: Command, io: CommandIo, runner: Runner): void {
  program
    .command('send-event')
    .description('send one chat integration event to Amazon Connect by hand')
    .requiredOption('--source-id <id>', "SourceId: the customer's number (E.164) or user id")
    .requiredOption('--destination-id <id>', "DestinationId: the ARN of the business's number")
    .option('--subtype <subtype>', 'Subtype: connect:SMS or connect:WhatsApp')
    .addOption(new Option('--type <type>', 'Event.Type').choices(CHAT_EVENT_TYPES).default('MESSAGE'))
    .option('--content-type <type>', 'Event.ContentType (a MESSAGE without it is text/plain)')
    .option('--content <text>', 'Event.Content')
    .option('--display-name <name>', 'NewSessionDetails: what the agent sees as the name')
    .option('--attribute <key=value>', 'NewSessionDetails: a contact attribute; repeatable', collect)
    .option('--supported-content-type <type>', 'NewSessionDetails: a content type; repeatable', collect)
    .option('--streaming-endpoint-arn <arn>', 'NewSessionDetails: SNS topic for the chat’s messages')
    .option('--region <region>', "AWS Region (otherwise the destination ARN's, then AWS_REGION)")
    .option('--dry-run', 'check and print the request, and call nothing')
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print facts as JSON')
    .action((options: SendEventOptions) =>
      runner(async () => (await import('./commands/send-event.ts')).sendEvent(options, io)),
    );
}

function collect(value: string, values: readonly string[] | undefined): readonly string[] {
  return [...(values ?? []), value];
}

function reportFailure(error: unknown, io: CommandIo): number {
  if (error instanceof CommanderError) {
    // Commander has written help or its complaint already.
    return error.exitCode === 0 ? 0 : (errorEntry('USAGE').exit ?? EXIT_FAILED);
  }
  if (error instanceof BridgeError && error.code !== 'INTERNAL') {
    io.stderr.write(`bridge: ${error.code}: ${error.message.replaceAll(/ +\n/g, '\n')}\n`);
    return errorEntry(error.code).exit ?? EXIT_FAILED;
  }
  io.stderr.write(`bridge: ${describeUnforeseen(error)}\n`);
  return EXIT_UNFORESEEN;
}

function describeUnforeseen(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${describeUnforeseen(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
