import { describe, expect, it } from 'vitest';
import type { ChatParties, StreamedItem } from '../../src/normalize/agent-reply.ts';
import type { IgnoredReason, NormalizedItem } from '../../src/normalize/inbound-message.ts';
import { planReply, tellOfFailures } from '../../src/send/accept-reply.ts';
import type { Route, Routing } from '../../src/send/route.ts';
import { partiesOf } from '../../src/send/chat-parties.ts';
import { NOW, REPLY } from './claim-scene.ts';

const SMS_ARN = 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1';
const SMS: Route = {
  channel: 'sms',
  number: REPLY.businessAddress,
  destinationId: SMS_ARN,
  replies: 'bridge',
};
const PARTIES = partiesOf(REPLY);
const { contactId, externalId, sentAt, content } = REPLY;
const ITEM: StreamedItem = { kind: 'reply', item: { contactId, externalId, sentAt, content } };

function plan(
  item: StreamedItem,
  { parties = PARTIES, ...routing }: Partial<Routing> & { parties?: ChatParties | null } = {},
) {
  return planReply(item, 'raw', { routes: [SMS], fallbackRegion: undefined, ...routing }, (asked) =>
    Promise.resolve(asked === contactId ? (parties ?? undefined) : undefined),
  );
}

function ignoring(reason: IgnoredReason): object {
  return { items: [], ignored: [{ kind: 'ignored', reason }], ignoredUnits: [reason] };
}

describe('what Connect streams', () => {
  it('of a chat of the bridge is for its customer', async () => {
    expect(await plan(ITEM)).toEqual({
      items: [
        {
          kind: 'message',
          index: 0,
          message: REPLY,
          raw: 'raw',
          placement: {
            destination: `reply/${SMS_ARN}`,
            paceKey: 'SendTextMessage 111122223333/us-east-1',
          },
        },
      ],
      ignored: [],
      ignoredUnits: [],
    });
  });

  it.each<{ name: string; item?: StreamedItem; routing?: Parameters<typeof plan>[1]; reason: IgnoredReason }>(
    [
      { name: 'of no chat of the bridge', routing: { parties: null }, reason: 'unknown_chat' },
      {
        name: 'where Connect answers the customer itself',
        routing: { routes: [{ ...SMS, replies: 'native' }] },
        reason: 'native_replies',
      },
      {
        name: 'for agents alone',
        item: { kind: 'ignored', reason: 'not_for_customer' },
        reason: 'not_for_customer',
      },
    ],
  )('$name is counted', async ({ item = ITEM, routing = {}, reason }) => {
    expect(await plan(item, routing)).toEqual(ignoring(reason));
  });

  it('tells that a chat has ended, whoever’s it was', async () => {
    expect(await plan({ kind: 'chatEnded', contactId: 'contact-9' })).toEqual({
      ...ignoring('chat_event'),
      endedContacts: ['contact-9'],
    });
  });

  it.each<{ name: string; item?: StreamedItem; routing?: Parameters<typeof plan>[1]; dead: object }>([
    {
      name: 'is not understood',
      item: { kind: 'notUnderstood', detail: 'Chat: Id is missing' },
      dead: { reason: 'not_understood', detail: 'Chat: Id is missing' },
    },
    {
      name: 'has no route any more',
      routing: { routes: [] },
      dead: {
        reason: 'no_route',
        detail:
          'No route carries replies from +12065550100 (sms): it has to have a Region, and for WhatsApp the ARN of the number.',
        message: REPLY,
      },
    },
    {
      name: 'has no WhatsApp number to send from',
      routing: {
        parties: { ...PARTIES, channel: 'whatsapp' },
        routes: [
          {
            channel: 'whatsapp',
            number: '*',
            method: 'participant',
            instanceId: 'i',
            contactFlowId: 'f',
            region: 'us-east-1',
            streamingEndpointArn: 'arn:aws:sns:us-east-1:111122223333:replies',
          },
        ],
      },
      dead: { reason: 'no_route', message: { ...REPLY, channel: 'whatsapp' } },
    },
  ])('that $name is a dead letter', async ({ item = ITEM, routing = {}, dead }) => {
    const { items, ignored } = await plan(item, routing);
    expect(items).toMatchObject([{ kind: 'dead', index: 0, raw: 'raw', ...dead }]);
    expect(ignored).toEqual([]);
  });
});

describe('WhatsApp’s word that a reply failed', () => {
  const failure = { kind: 'replyFailure', contactId, replyId: externalId, why: 'it is too late' } as const;
  const other: NormalizedItem = { kind: 'notUnderstood', detail: 'it is broken', raw: 'raw of it' };

  it('is a notice to the agent, in its place among the others', async () => {
    const parts = await tellOfFailures([other, failure], () => Promise.resolve(PARTIES), NOW);
    expect(parts).toEqual([
      other,
      {
        kind: 'message',
        raw: '{}',
        message: {
          ...PARTIES,
          externalId: 'notice:item-1',
          sentAt: NOW,
          content: { kind: 'notice', contactId, why: 'it is too late' },
        },
      },
    ]);
  });

  it('is a status like any other where the chat is not the bridge’s', async () => {
    expect(await tellOfFailures([failure], () => Promise.resolve(undefined), NOW)).toEqual([
      { kind: 'ignored', reason: 'status', field: 'messages' },
    ]);
  });
});
