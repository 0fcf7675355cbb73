import { describe, expect, it } from 'vitest';
import { UNKNOWN_BUSINESS_ADDRESS } from '../../src/normalize/inbound-message.ts';
import type { InboundMessage, MessageContent, NormalizedItem } from '../../src/normalize/inbound-message.ts';
import { makeAcceptItems } from '../../src/send/accept-item.ts';
import { resolveDestination } from '../../src/send/route.ts';
import type { Route } from '../../src/send/route.ts';

const SMS_ARN = 'arn:aws:sms-voice:eu-west-2:111122223333:phone-number/phone-1';
const ANY_SMS_ARN = 'arn:aws:sms-voice:us-west-2:111122223333:phone-number/phone-any';
const WHATSAPP_ARN = 'arn:aws:social-messaging:us-west-2:111122223333:phone-number-id/own';
const SMS: Route = { channel: 'sms', number: '+12065550100', destinationId: SMS_ARN };
const ANY_SMS: Route = { channel: 'sms', number: '*', destinationId: ANY_SMS_ARN };
const ANY_WHATSAPP: Route = { channel: 'whatsapp', number: '*' };

const TEXT: MessageContent = { kind: 'text', text: 'hello' };
const REACTION: MessageContent = { kind: 'reaction', emoji: '👍' };
const WELCOME: MessageContent = { kind: 'request_welcome' };

function message(changes: Partial<InboundMessage> = {}): NormalizedItem {
  return {
    kind: 'message',
    raw: 'raw',
    message: {
      channel: 'sms',
      customerAddress: '+14255550182',
      customerAddressKind: 'phone',
      businessAddress: '+12065550100',
      externalId: 'external-1',
      sentAt: 0,
      content: TEXT,
      ...changes,
    },
  };
}

const whatsApp = (changes: Partial<InboundMessage> = {}): NormalizedItem =>
  message({ channel: 'whatsapp', businessNumberArn: WHATSAPP_ARN, ...changes });

const STATUS: NormalizedItem = { kind: 'ignored', reason: 'status', field: 'messages' };
const FLOWS: NormalizedItem = { kind: 'ignored', reason: 'other_field', field: 'flows' };
const BROKEN: NormalizedItem = { kind: 'notUnderstood', detail: 'it is broken', raw: 'raw of it' };

const TOPIC = 'arn:aws:sns:eu-west-2:111122223333:replies';
const CHAT: Route = {
  ...SMS,
  method: 'participant',
  instanceId: 'instance-1',
  contactFlowId: 'flow-1',
  streamingEndpointArn: TOPIC,
};

function plan(parts: readonly NormalizedItem[], routes: readonly Route[] = [SMS], fallbackRegion?: string) {
  return makeAcceptItems(parts, { routes, fallbackRegion });
}

describe('what the parts of a notification are to the store', () => {
  it('a message goes where its route leads', () => {
    expect(plan([message()])).toEqual({
      items: [
        {
          ...message(),
          index: 0,
          placement: { destination: SMS_ARN, paceKey: '111122223333/eu-west-2' },
        },
      ],
      ignored: [],
      ignoredUnits: [],
    });
  });

  it('a message goes where its route has chats opened, by requests that bear tokens', () => {
    expect(plan([message()], [CHAT]).items).toMatchObject([
      {
        kind: 'message',
        placement: {
          destination: 'instance/instance-1/contact-flow/flow-1',
          paceKey: 'SendMessage instance-1',
          isIdempotent: true,
        },
      },
    ]);
  });

  it('a reply that failed is a status, where nobody has made a notice of it', () => {
    const failed = { kind: 'replyFailure', contactId: 'c', replyId: 'r', why: 'too late' } as const;
    expect(plan([failed])).toEqual({
      items: [],
      ignored: [{ kind: 'ignored', reason: 'status', field: 'messages' }],
      ignoredUnits: ['status'],
    });
  });

  it('what is not understood is a dead letter, and its neighbours are not', () => {
    const { items } = plan([BROKEN, message()]);
    expect(items).toMatchObject([
      { kind: 'dead', index: 0, reason: 'not_understood', detail: 'it is broken', raw: 'raw of it' },
      { kind: 'message', index: 1 },
    ]);
  });

  it.each<{ name: string; part: NormalizedItem; routes: readonly Route[]; detail: string }>([
    {
      name: 'no route',
      part: message(),
      routes: [],
      detail: 'No route takes sms messages to +12065550100.',
    },
    {
      name: 'a route without destination, and no ARN',
      part: message({ channel: 'whatsapp' }),
      routes: [ANY_WHATSAPP],
      detail: 'The whatsapp route for * has no destinationId, and the notification names no ARN that fits.',
    },
    {
      name: 'no Region',
      part: message(),
      routes: [{ ...SMS, destinationId: 'phone-1' }],
      detail:
        "The destination for sms messages to +12065550100 has no Region: a route's region or AWS_REGION has to say it.",
    },
    {
      name: 'a chat without an instance',
      part: message(),
      routes: [{ ...CHAT, instanceId: undefined }],
      detail:
        'The sms route for +12065550100 is of the method participant, and has no instanceId or contactFlowId.',
    },
    {
      name: 'a chat without a topic',
      part: message(),
      routes: [{ ...CHAT, streamingEndpointArn: undefined }],
      detail:
        'The sms route for +12065550100 is of the method participant, and has no Region, or no topic in its Region to stream chats to (REPLY_TOPIC_ARNS, streamingEndpointArn).',
    },
    {
      name: 'nothing that says to whom, and no default',
      part: message({ businessAddress: UNKNOWN_BUSINESS_ADDRESS }),
      routes: [SMS],
      detail: 'The message does not say to which number it was sent, and there is no sms route for *.',
    },
  ])('a dead letter says what to mend: $name', ({ part, routes, detail }) => {
    const { items } = plan([part], routes);
    expect(items).toMatchObject([{ kind: 'dead', index: 0, reason: 'no_route', detail, raw: 'raw' }]);
    expect(items[0]?.message).toEqual(part.kind === 'message' ? part.message : undefined);
  });
});

it('a dead letter says what to mend: WhatsApp without a route, which the method participant needs', () => {
  const routing = { routes: [], fallbackRegion: 'us-east-1', connectMethod: 'participant' } as const;
  expect(makeAcceptItems([whatsApp()], routing).items).toMatchObject([
    { kind: 'dead', reason: 'no_route', detail: 'No route takes whatsapp messages to +12065550100.' },
  ]);
});

describe('a message that does not say to whom it was sent', () => {
  const businessAddress = UNKNOWN_BUSINESS_ADDRESS;

  it.each<{ name: string; part: NormalizedItem; routes: readonly Route[]; expected: string | undefined }>([
    {
      name: 'an SMS, by the default route',
      part: message({ businessAddress }),
      routes: [SMS, ANY_SMS],
      expected: ANY_SMS_ARN,
    },
    { name: 'an SMS without one', part: message({ businessAddress }), routes: [SMS], expected: undefined },
    {
      name: 'no route is for the word itself',
      part: message({ businessAddress }),
      routes: [{ ...SMS, number: UNKNOWN_BUSINESS_ADDRESS }],
      expected: undefined,
    },
    {
      name: 'WhatsApp, by the ARN in its notification',
      part: whatsApp({ businessAddress }),
      routes: [ANY_WHATSAPP],
      expected: WHATSAPP_ARN,
    },
    {
      name: 'WhatsApp, by the default route where there is no ARN',
      part: message({ channel: 'whatsapp', businessAddress }),
      routes: [{ ...ANY_WHATSAPP, destinationId: WHATSAPP_ARN }],
      expected: WHATSAPP_ARN,
    },
    {
      name: 'WhatsApp, where the default route names no destination',
      part: message({ channel: 'whatsapp', businessAddress }),
      routes: [ANY_WHATSAPP],
      expected: undefined,
    },
    {
      name: 'a destination that is a number with a route of its own',
      part: message({ businessAddress }),
      routes: [SMS, { ...ANY_SMS, destinationId: '+12065550100' }],
      expected: undefined,
    },
  ])('$name', ({ part, routes, expected }) => {
    const [item] = plan([part], routes, 'us-east-1').items;
    if (expected === undefined) {
      expect(item).toMatchObject({ kind: 'dead', reason: 'no_route' });
      return;
    }
    expect(item).toMatchObject({
      kind: 'message',
      message: { businessAddress: expected },
      placement: { destination: expected },
    });
    // The attempt resolves it anew, by what was kept of it.
    const kept = item?.message as InboundMessage;
    expect(resolveDestination({ routes, fallbackRegion: 'us-east-1' }, kept)?.destination).toBe(expected);
  });
});

it('a message that does not say to whom it was sent can be answered, by the ARN of the number that its chat is for', () => {
  const [item] = plan(
    [message({ businessAddress: UNKNOWN_BUSINESS_ADDRESS })],
    [{ ...CHAT, number: '*' }],
  ).items;
  expect(item).toMatchObject({
    kind: 'message',
    message: { businessAddress: SMS_ARN },
    placement: { destination: 'instance/instance-1/contact-flow/flow-1' },
  });
});

describe('a route ignores', () => {
  const ignoring: readonly Route[] = [
    { ...SMS, ignore: ['reaction'] },
    { ...ANY_SMS, ignore: ['request_welcome'] },
    { ...ANY_WHATSAPP, ignore: ['reaction', 'request_welcome'] },
  ];

  it.each<{ name: string; part: NormalizedItem; isIgnored: boolean }>([
    { name: 'the kind that it names', part: message({ content: REACTION }), isIgnored: true },
    { name: 'no other kind', part: message(), isIgnored: false },
    {
      name: 'not what only the default route names, where there is an exact one',
      part: message({ content: WELCOME }),
      isIgnored: false,
    },
    {
      name: 'for numbers without a route of their own, by the default one',
      part: message({ content: WELCOME, businessAddress: '+12065550199' }),
      isIgnored: true,
    },
    { name: 'WhatsApp that goes by its ARN', part: whatsApp({ content: WELCOME }), isIgnored: true },
    {
      name: 'a kind, even where it has no destination',
      part: message({ channel: 'whatsapp', content: WELCOME }),
      isIgnored: true,
    },
  ])('$name', ({ part, isIgnored }) => {
    const { items, ignored } = plan([part], ignoring);
    expect({ items: items.length, ignored: ignored.length }).toEqual(
      isIgnored ? { items: 0, ignored: 1 } : { items: 1, ignored: 0 },
    );
  });
});

describe('the books count', () => {
  const routes: readonly Route[] = [{ ...ANY_WHATSAPP, ignore: ['reaction'] }];
  const reaction = whatsApp({ content: REACTION });

  it.each<{
    name: string;
    parts: readonly NormalizedItem[];
    units: readonly string[];
    ignored: readonly string[];
  }>([
    {
      name: 'one notification that yields nothing, by its first reason',
      parts: [STATUS, FLOWS, STATUS],
      units: ['status'],
      ignored: ['status messages', 'other_field flows', 'status messages'],
    },
    {
      name: 'no notification that yields a message',
      parts: [STATUS, whatsApp()],
      units: [],
      ignored: ['status messages'],
    },
    {
      name: 'nor one that yields a dead letter',
      parts: [STATUS, BROKEN],
      units: [],
      ignored: ['status messages'],
    },
    {
      name: 'each message that a route ignores, alone',
      parts: [reaction],
      units: ['by_route'],
      ignored: ['by_route messages'],
    },
    {
      name: 'each message that a route ignores, beside others',
      parts: [reaction, whatsApp(), reaction],
      units: ['by_route', 'by_route'],
      ignored: ['by_route messages', 'by_route messages'],
    },
    {
      name: 'the message that a route ignores, and not the status beside it',
      parts: [STATUS, reaction],
      units: ['by_route'],
      ignored: ['status messages', 'by_route messages'],
    },
  ])('$name', ({ parts, units, ignored }) => {
    const made = plan(parts, routes);
    expect(made.ignoredUnits).toEqual(units);
    expect(made.ignored.map(({ reason, field }) => `${reason} ${field}`)).toEqual(ignored);
    // A part's index stays what it was in the notification: it is half of its dedup key.
    expect(made.items.map(({ index }) => parts[index]?.kind === 'ignored')).not.toContain(true);
  });
});
