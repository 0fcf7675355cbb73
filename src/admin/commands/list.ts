import { BridgeError } from '../../errors.ts';
import { maskAddress } from '../../log.ts';
import type {
  DeadReason,
  MessageDetail,
  MessageFilter,
  MessageState,
  MessageStore,
} from '../../queue/message-store.ts';
import { formatTable } from '../table.ts';
import type { CommandIo } from '../command-io.ts';
import { withStore } from '../command-store.ts';
import { formatInstant, parseSince } from '../instants.ts';

export interface ListOptions {
  readonly state: MessageState;
  readonly since?: string;
  readonly reason?: DeadReason;
  readonly limit: string;
  readonly json?: boolean;
}

const LIMIT_MAX = 1_000;

/** A message as `--json` lists it: its summary, with the customer masked and the code of its last attempt. */
interface Listed extends Omit<MessageDetail, 'message' | 'raw' | 'lastError' | 'recordedAttempts'> {
  readonly lastCode: string | undefined;
}

/** Prints messages of a state, newest first. Throws USAGE. */
export async function list(options: ListOptions, io: CommandIo): Promise<number> {
  const limit = parseLimit(options.limit);
  const filter = toFilter(options, Date.now());
  const { messages, total } = await withStore(io, async (store) => ({
    messages: await readMessages(store, filter, limit),
    total: await store.countMessages(filter),
  }));
  const facts = { messages, total };
  io.stdout.write(options.json ? `${JSON.stringify(facts, undefined, 2)}\n` : describe(facts, options));
  return 0;
}

function parseLimit(text: string): number {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (limit >= 1 && limit <= LIMIT_MAX) return limit;
  throw new BridgeError('USAGE', { detail: `--limit is no whole number from 1 to ${LIMIT_MAX}: ${text}` });
}

function toFilter({ state, since, reason }: ListOptions, now: number): MessageFilter {
  return {
    state,
    ...(since === undefined ? {} : { since: parseSince(since, now) }),
    ...(reason === undefined ? {} : { reason }),
  };
}

async function readMessages(store: MessageStore, filter: MessageFilter, limit: number): Promise<Listed[]> {
  const listed: Listed[] = [];
  for (const { id } of await store.listMessages(filter, { limit })) {
    const detail = await store.readMessage(id);
    if (detail) listed.push(toListed(detail));
  }
  return listed;
}

function toListed({ message: _message, raw: _raw, lastError: _lastError, ...detail }: MessageDetail): Listed {
  const { recordedAttempts, customerAddress, ...summary } = detail;
  return {
    ...summary,
    customerAddress: customerAddress && maskAddress(customerAddress),
    lastCode: recordedAttempts.at(-1)?.code,
  };
}

function describe(facts: { messages: readonly Listed[]; total: number }, { state }: ListOptions): string {
  const { messages, total } = facts;
  if (messages.length === 0) return `No message is ${state}, of those asked for.\n`;
  const heading = ['id', 'state', 'reason', 'channel', 'customer', 'accepted', 'attempts', 'last code'];
  const rows = messages.map((message) => [
    String(message.id),
    message.state,
    message.reason ?? '-',
    describeChannel(message),
    message.customerAddress ?? '-',
    formatInstant(message.acceptedAt),
    String(message.attempts),
    message.lastCode ?? '-',
  ]);
  const more =
    total > messages.length ? `The newest ${messages.length} of ${total}: --limit shows more.\n` : '';
  return `${formatTable([heading, ...rows], '')}${more}`;
}

/** Customers' messages are the rule. */
function describeChannel({ channel, direction }: Listed): string {
  return `${channel ?? 'unknown'}${direction === 'outbound' ? ' (reply)' : ''}`;
}
