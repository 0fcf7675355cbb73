/** Sends the samples, one after the other, and says of each notification whether it ended as it should. */
import type { ChatLine } from './chats.ts';
import { FAULTS } from './connect-faults.ts';
import type { ConnectStandIn } from './connect-stand-in.ts';
import type { Sample, SampleNotification } from './samples.ts';
import type { Delivery, SnsStandIn } from './sns-stand-in.ts';

const SEEN_TIMEOUT_MS = 20_000;

export interface SampleResult {
  readonly title: string;
  readonly what: string;
  /** What SNS got, such as `200`, or `503, 200` where it had to try again. */
  readonly answer: string;
  readonly becameOf: string;
  readonly isAsExpected: boolean;
}

interface Sent {
  readonly sample: Sample;
  readonly notification: SampleNotification;
  readonly delivery: Delivery;
}

/**
 * Resolves to what was sent, once agents have seen what they should of it or waited too long. What became of it is
 * judged by `judgeSamples`, after the bridge has nothing left to do: only then is it sure that a duplicate stays out.
 */
export async function sendSamples(
  samples: readonly Sample[],
  sns: SnsStandIn,
  connect: ConnectStandIn,
): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  for (const sample of samples) {
    if (sample.throttledForMs) throttleFor(connect, sample.throttledForMs);
    for (const notification of sample.notifications) {
      const { snsMessageId: messageId, tamper, message } = notification;
      const delivery = await sns.publish(message, { messageId, ...(tamper ? { tamper } : {}) });
      sent.push({ sample, notification, delivery });
    }
    await untilSeen(sample, connect);
  }
  return sent;
}

export function judgeSamples(sent: readonly Sent[], connect: ConnectStandIn): readonly SampleResult[] {
  return sent.map(({ sample, notification, delivery }) => {
    const lines = connect.lines.filter((line) => isLineOf(line, notification));
    const refusals = connect.requests.filter(
      (request) => request.sourceId === notification.customerAddress && request.status === 429,
    ).length;
    const place = expectedPlace(sent, notification);
    const { becameOf, isAsExpected } = judge({ notification, lines, refusals, place });
    return {
      title: sample.title,
      what: notification.what,
      answer: delivery.attempts.map((attempt) => attempt.status ?? attempt.error).join(', '),
      becameOf,
      isAsExpected: isAsExpected && delivery.status === notification.answer && delivery.attempts.length === 1,
    };
  });
}

interface Evidence {
  readonly notification: SampleNotification;
  readonly lines: readonly ChatLine[];
  readonly refusals: number;
  /** Where in its chat the line has to be. */
  readonly place: number;
}

function judge({
  notification,
  lines,
  refusals,
  place,
}: Evidence): Pick<SampleResult, 'becameOf' | 'isAsExpected'> {
  const { fate } = notification;
  const [line] = lines;
  const isOnce = lines.length === 1;
  switch (fate.kind) {
    case 'seen': {
      if (!line) return { becameOf: 'no agent saw it', isAsExpected: false };
      const times = isOnce ? '' : `, ${lines.length} times`;
      const throttled = fate.isThrottledFirst ? `, after ${refusals} refused for throttling` : '';
      return {
        becameOf: `seen: chat ${line.chat.number}, line ${line.lineNumber}${times}${throttled}`,
        isAsExpected:
          isOnce &&
          line.content === fate.text &&
          line.lineNumber === place &&
          (!fate.isThrottledFirst || refusals > 0),
      };
    }
    case 'duplicate':
      return {
        becameOf: isOnce ? 'known already: seen once, not again' : `seen ${lines.length} times`,
        isAsExpected: isOnce,
      };
    case 'refused':
      return line
        ? { becameOf: 'an agent saw it', isAsExpected: false }
        : { becameOf: 'refused: no agent saw it', isAsExpected: true };
  }
}

/** Each customer of the samples has one chat: its lines come in the order in which they were sent. */
function expectedPlace(sent: readonly Sent[], notification: SampleNotification): number {
  const ofChat = sent
    .map((one) => one.notification)
    .filter((one) => one.customerAddress === notification.customerAddress && one.fate.kind === 'seen');
  return ofChat.indexOf(notification) + 1;
}

async function untilSeen(sample: Sample, connect: ConnectStandIn): Promise<void> {
  for (const notification of sample.notifications) {
    if (notification.fate.kind !== 'seen') continue;
    const seen = connect.untilMessage((line) => isLineOf(line, notification), SEEN_TIMEOUT_MS);
    // What does not arrive shows in the table.
    await seen.catch(() => undefined);
  }
}

/** From the next request on, so that at least that one is refused, however slow this machine is. */
export function throttleFor(connect: ConnectStandIn, ms: number): void {
  let endsAtMs: number | undefined;
  connect.faultFor = () => {
    endsAtMs ??= performance.now() + ms;
    return performance.now() < endsAtMs ? FAULTS.throttled : undefined;
  };
}

/** Where nothing else tells, by the customer and the words: no sample's customer says the same twice. */
function isLineOf(line: ChatLine, { externalId, customerAddress, fate }: SampleNotification): boolean {
  const id = externalIdOf(line);
  if (id !== undefined) return id === externalId;
  return line.chat.sourceId === customerAddress && (fate.kind === 'refused' || line.content === fate.text);
}

/** By the attributes that came with this message, not those of the chat. SendMessage has none: undefined. */
export function externalIdOf({ request }: ChatLine): string | undefined {
  return 'Event' in request ? request.NewSessionDetails?.Attributes?.['externalId'] : undefined;
}
