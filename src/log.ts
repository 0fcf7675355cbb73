import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * One JSON line per event on standard output. Events are named in the dotted past tense (`notification.accepted`,
 * `message.delivered`) in the field `event`. No customer's number unmasked, no external id and no text is ever given
 * to it, on any level: what must not be in a log is kept out where the line is written, since a redacting filter here
 * would only know the field names that somebody thought of.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** An address with all but its last two characters hidden: enough to tell two customers apart in a trail. */
export function maskAddress(address: string): string {
  return `***${address.slice(-2)}`;
}

const CAUSES_SHOWN = 4;

/**
 * An error as log fields: names, codes and our own sentences, with stacks' frames but without foreign messages, which
 * may quote what a customer wrote (an AWS validation message does).
 */
export function describeError(thrown: unknown, depth = 0): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { name: typeof thrown };
  const { code, $metadata } = thrown as {
    code?: unknown;
    $metadata?: { httpStatusCode?: number; requestId?: string };
  };
  return {
    name: thrown.name,
    ...(typeof code === 'string' ? { code } : {}),
    ...(thrown.name === 'BridgeError' ? { message: thrown.message } : {}),
    ...($metadata ? { httpStatus: $metadata.httpStatusCode, requestId: $metadata.requestId } : {}),
    ...(depth === 0 ? { at: stackFrames(thrown) } : {}),
    ...(thrown.cause !== undefined && depth < CAUSES_SHOWN
      ? { cause: describeError(thrown.cause, depth + 1) }
      : {}),
  };
}

/** The message in front of the frames may have lines of its own that look like some. */
function stackFrames(error: Error): string[] {
  const stack = error.stack ?? '';
  const messageAt = stack.indexOf(error.message);
  return stack
    .slice(messageAt < 0 ? 0 : messageAt + error.message.length)
    .split('\n')
    .filter((line) => /^\s+at .*:\d+:\d+\)?$/.test(line))
    .slice(0, 6)
    .map((line) => line.trim());
}
