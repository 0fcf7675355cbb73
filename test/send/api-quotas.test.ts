import { describe, expect, it } from 'vitest';
import { limitsOf } from '../../src/queue/pace.ts';
import { makePaces, paceKeyOf } from '../../src/send/api-quotas.ts';

type Operation = Parameters<typeof paceKeyOf>[0];

const OPERATIONS = [
  'StartChatContact',
  'StartContactStreaming',
  'CreateParticipantConnection',
  'SendMessage',
  'SendTextMessage',
  'SendWhatsAppMessage',
] as const satisfies readonly Operation[];

/** Of SendChatIntegrationEvent, whose key is account and Region alone. */
const EVENT_KEY = '111122223333/us-east-1';

function limits(paces: ReturnType<typeof makePaces>): Record<string, readonly number[]> {
  const keys = {
    event: EVENT_KEY,
    ...Object.fromEntries(OPERATIONS.map((name) => [name, paceKeyOf(name, 'a/b')])),
  };
  return Object.fromEntries(
    Object.entries(keys).map(([name, key]) => {
      const { rate, burst } = limitsOf(paces, key);
      return [name, [rate, burst]];
    }),
  );
}

describe('the pace of each operation', () => {
  it.each<{ name: string; paces: ReturnType<typeof makePaces>; expected: Record<string, readonly number[]> }>(
    [
      {
        name: 'is its default quota',
        paces: makePaces({}, 5),
        expected: {
          event: [17, 26],
          StartChatContact: [5, 8],
          StartContactStreaming: [5, 8],
          CreateParticipantConnection: [6, 9],
          SendMessage: [10, 15],
          SendTextMessage: [5, 5],
          SendWhatsAppMessage: [5, 5],
        },
      },
      {
        name: 'is what is set for Connect, and for replies apart',
        paces: makePaces({ rate: 40, burst: 60 }, 1),
        expected: {
          event: [40, 60],
          StartChatContact: [40, 60],
          StartContactStreaming: [40, 60],
          CreateParticipantConnection: [40, 60],
          SendMessage: [40, 60],
          SendTextMessage: [1, 1],
          SendWhatsAppMessage: [1, 1],
        },
      },
      {
        name: 'keeps its burst where the rate alone is set',
        paces: makePaces({ rate: 3 }, 5),
        expected: {
          event: [3, 26],
          StartChatContact: [3, 8],
          StartContactStreaming: [3, 8],
          CreateParticipantConnection: [3, 9],
          SendMessage: [3, 15],
          SendTextMessage: [5, 5],
          SendWhatsAppMessage: [5, 5],
        },
      },
    ],
  )('$name', ({ paces, expected }) => {
    expect(limits(paces)).toEqual(expected);
  });

  it('is kept apart for each operation and scope', () => {
    const keys = OPERATIONS.flatMap((name) => ['a', 'b'].map((scope) => paceKeyOf(name, scope)));
    expect(new Set(keys).size).toBe(keys.length);
  });
});
