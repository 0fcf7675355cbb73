import { describe, expect, it } from 'vitest';
import { Chats } from '../../src/sandbox/chats.ts';
import type { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import { judgeSamples } from '../../src/sandbox/sample-run.ts';
import type { Fate, Sample } from '../../src/sandbox/samples.ts';
import type { Delivery } from '../../src/sandbox/sns-stand-in.ts';

const CUSTOMER = '+14255550182';

function notification(externalId: string, fate: Fate, answer = 200) {
  return { what: '', customerAddress: CUSTOMER, externalId, snsMessageId: 'sns', message: '', answer, fate };
}

/** What came of one sample whose notifications these are, where Connect took `lines` and refused `throttled` times. */
function judge(setting: {
  readonly notifications: Sample['notifications'];
  readonly lines: readonly (readonly [externalId: string, text: string])[];
  readonly statuses?: readonly number[];
  readonly throttled?: number;
}) {
  const { notifications, lines, statuses, throttled = 0 } = setting;
  const chats = new Chats();
  for (const [externalId, text] of lines) {
    chats.take({
      SourceId: CUSTOMER,
      DestinationId: 'arn',
      Event: { Type: 'MESSAGE', Content: text },
      NewSessionDetails: { Attributes: { externalId } },
    });
  }
  const requests = Array.from({ length: throttled }, () => ({ sourceId: CUSTOMER, status: 429 }));
  const connect = { lines: chats.lines, requests } as unknown as ConnectStandIn;
  const sample: Sample = { title: 'sample', notifications };
  const sent = notifications.map((notification, index) => {
    const status = statuses?.[index] ?? notification.answer;
    return { sample, notification, delivery: { status, attempts: [{ status }] } as unknown as Delivery };
  });
  return judgeSamples(sent, connect).map((result) => result.isAsExpected);
}

const SEEN: Fate = { kind: 'seen', text: 'one' };
const SECOND: Fate = { kind: 'seen', text: 'two' };
const THROTTLED: Fate = { kind: 'seen', text: 'one', isThrottledFirst: true };

describe('a sample ended as it should only if it did', () => {
  const one = [notification('a', SEEN)];
  const two = [notification('a', SEEN), notification('b', SECOND)];
  const again = [notification('a', SEEN), notification('a', { kind: 'duplicate', text: 'one' })];
  const forged = [notification('a', { kind: 'refused' }, 403)];
  it.each([
    { name: 'seen', notifications: one, lines: [['a', 'one']], good: [true] },
    { name: 'lost', notifications: one, lines: [], good: [false] },
    { name: 'seen with other words', notifications: one, lines: [['a', 'x']], good: [false] },
    {
      name: 'seen but refused to SNS',
      notifications: one,
      lines: [['a', 'one']],
      statuses: [503],
      good: [false],
    },
    {
      name: 'in order',
      notifications: two,
      lines: [
        ['a', 'one'],
        ['b', 'two'],
      ],
      good: [true, true],
    },
    {
      name: 'in the wrong order',
      notifications: two,
      lines: [
        ['b', 'two'],
        ['a', 'one'],
      ],
      good: [false, false],
    },
    { name: 'seen once', notifications: again, lines: [['a', 'one']], good: [true, true] },
    {
      name: 'seen twice',
      notifications: again,
      lines: [
        ['a', 'one'],
        ['a', 'one'],
      ],
      good: [false, false],
    },
    { name: 'refused', notifications: forged, lines: [], good: [true] },
    { name: 'forged and seen', notifications: forged, lines: [['a', 'one']], good: [false] },
    { name: 'forged and taken', notifications: forged, lines: [], statuses: [200], good: [false] },
    {
      name: 'throttled',
      notifications: [notification('a', THROTTLED)],
      lines: [['a', 'one']],
      throttled: 1,
      good: [true],
    },
    {
      name: 'not throttled',
      notifications: [notification('a', THROTTLED)],
      lines: [['a', 'one']],
      good: [false],
    },
  ] as const)('$name', ({ good, ...setting }) => {
    expect(judge(setting)).toEqual(good);
  });
});
