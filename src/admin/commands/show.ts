import { BridgeError } from '../../errors.ts';
import type { MessageDetail, RecordedAttempt } from '../../queue/message-store.ts';
import type { AgentReply } from '../../normalize/agent-reply.ts';
import type { InboundMessage } from '../../normalize/inbound-message.ts';
import { renderMessage } from '../../send/chat-event.ts';
import { renderReply } from '../../send/reply-text.ts';
import { formatTable } from '../table.ts';
import type { CommandIo } from '../command-io.ts';
import { withStore } from '../command-store.ts';
import { parseMessageId } from '../dead-letters.ts';
import { formatInstant } from '../instants.ts';

export interface ShowOptions {
  /** What may hold the customer's words too: the text, errors, the raw notification. */
  readonly text?: boolean;
  readonly json?: boolean;
}

/** Prints everything about one message. Throws USAGE, MESSAGE_MISSING. */
export async function show(id: string, options: ShowOptions, io: CommandIo): Promise<number> {
  const messageId = parseMessageId(id);
  const detail = await withStore(io, (store) => store.readMessage(messageId));
  if (!detail) throw new BridgeError('MESSAGE_MISSING', { detail: `Id: ${messageId}` });
  const shown = options.text ? detail : withoutWords(detail);
  io.stdout.write(
    options.json ? `${JSON.stringify(shown, undefined, 2)}\n` : describe(shown, options.text === true),
  );
  return 0;
}

function withoutWords(detail: MessageDetail): MessageDetail {
  return {
    ...detail,
    lastError: undefined,
    message: undefined,
    raw: undefined,
    recordedAttempts: detail.recordedAttempts.map((attempt) =>
      Object.assign({}, attempt, { error: undefined }),
    ),
  };
}

function describe(detail: MessageDetail, hasText: boolean): string {
  const { id, state, reason, direction, channel, attempts, recordedAttempts } = detail;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Message', String(id)],
    ['State', reason ? `${state} (${reason})` : state],
    ['Channel', `${channel ?? 'unknown'}, ${direction}`],
    ['Customer', detail.customerAddress],
    ['Business', detail.businessAddress],
    ['Goes to', detail.destination],
    ['Contact', detail.contactId],
    ['SNS id', detail.snsMessageId],
    ['Sent', formatInstant(detail.sentAt)],
    ['Accepted', formatInstant(detail.acceptedAt)],
    ['Next try', detail.dueAt === undefined ? undefined : formatInstant(detail.dueAt)],
    ['Ended', detail.endedAt === undefined ? undefined : formatInstant(detail.endedAt)],
    ['Parts', describeParts(detail)],
    ['Attempts', `${attempts} failed or lost${recordedAttempts.length === 0 ? ', none recorded' : ''}`],
  ];
  const rows = facts.flatMap(([title, value]) => (value === undefined ? [] : [[title, value]]));
  return [
    formatTable(rows, ''),
    describeAttempts(recordedAttempts),
    ...(hasText ? describeWords(detail) : []),
  ].join('');
}

function describeParts({ partCount, partsDelivered }: MessageDetail): string | undefined {
  if (partCount !== undefined) return `${partsDelivered} of ${partCount} delivered`;
  return partsDelivered > 0 ? `${partsDelivered} delivered` : undefined;
}

function describeAttempts(attempts: readonly RecordedAttempt[]): string {
  if (attempts.length === 0) return '';
  const rows = attempts.map(({ startedAt, verdict, code = '-', requestId = '-', durationMs }) => [
    new Date(startedAt).toISOString(),
    verdict,
    code,
    `${durationMs} ms`,
    requestId,
  ]);
  return formatTable([['at', 'verdict', 'code', 'took', 'request id'], ...rows]);
}

function describeWords(detail: MessageDetail): string[] {
  const { lastError, recordedAttempts, raw } = detail;
  return [
    `Text: ${readText(detail) ?? 'erased, or never understood'}\n`,
    ...(lastError === undefined ? [] : [`Last error: ${lastError}\n`]),
    ...recordedAttempts.flatMap(({ startedAt, error }) =>
      error === undefined ? [] : [`Error at ${new Date(startedAt).toISOString()}: ${error}\n`],
    ),
    ...(raw === undefined ? [] : [`Raw notification:\n${raw}\n`]),
  ];
}

/** As its reader reads it: the agent, or of a reply the customer. Direction and message were stored together. */
function readText({ direction, message }: MessageDetail): string | undefined {
  if (!message) return undefined;
  return direction === 'outbound'
    ? renderReply((message as AgentReply).content)
    : renderMessage(message as InboundMessage, message.sentAt);
}
