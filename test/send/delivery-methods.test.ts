import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentReply, Choice } from '../../src/normalize/agent-reply.ts';
import type { InboundMessage, MessageContent } from '../../src/normalize/inbound-message.ts';
import type { Outcome } from '../../src/queue/message-store.ts';
import { createDeliveryMethods } from '../../src/send/delivery-methods.ts';
import type { DeliveryMethods } from '../../src/send/delivery-methods.ts';
import type { Answer, NextStep } from '../../src/send/delivery-method.ts';
import type { Route } from '../../src/send/route.ts';
import { LIMITS, MESSAGE } from './chat-event-scene.ts';
import { CLAIM, NOW, REPLY, REPLY_CLAIM } from './claim-scene.ts';
import type { InboundClaim, OutboundClaim } from './claim-scene.ts';
import { FLOW, INSTANCE, USED } from './participant/participant-scene.ts';

const SMS_ARN = 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1';
const EVENTS: Route = { channel: 'sms', number: MESSAGE.businessAddress, destinationId: SMS_ARN };
const PARTICIPANT: Route = {
  ...EVENTS,
  method: 'participant',
  instanceId: INSTANCE,
  contactFlowId: FLOW,
  streamingEndpointArn: 'arn:aws:sns:us-east-1:111122223333:agents-replies',
};

/** The texts that went, each with the operation that brought it. */
let sent: [operation: string, text: string][];

beforeEach(() => {
  sent = [];
});

function take(operation: string, text: string | undefined): Promise<{ requestId: string }> {
  sent.push([operation, text ?? '']);
  return Promise.resolve({ requestId: 'request-1' });
}

const never = (): Promise<never> => Promise.reject(new Error('Nobody asked for it'));

function methodsOf(route: Route | undefined): DeliveryMethods {
  return createDeliveryMethods({
    routing: { routes: route ? [route] : [], fallbackRegion: undefined },
    textLimits: LIMITS,
    metaApiVersion: 'v24.0',
    random: () => 0,
    connect: { send: ({ Event }) => take('SendChatIntegrationEvent', Event?.Content) },
    participant: {
      startChat: never,
      startStreaming: never,
      connect: () => Promise.resolve({ connectionToken: 'another', expiresAt: NOW }),
      sendMessage: ({ content }) => take('SendMessage', content),
    },
    replies: {
      sendSms: ({ text }) => take('SendTextMessage', text),
      sendWhatsApp: ({ text }) => take('SendWhatsAppMessage', text),
    },
  });
}

function inbound(content: MessageContent, over: Partial<InboundClaim> = {}): InboundClaim {
  const message: InboundMessage = { ...CLAIM.message, content };
  return { ...CLAIM, session: USED, ...over, message };
}

async function answerTo(step: NextStep): Promise<Answer> {
  if (step.kind !== 'request') throw new Error(`It is no request: ${step.kind}`);
  return step.send();
}

const TEXT: MessageContent = { kind: 'text', text: 'Hello' };

describe('the method', () => {
  it.each<{ name: string; claim: InboundClaim | OutboundClaim; route: Route; expected: string }>([
    {
      name: 'of a customer’s message',
      claim: inbound(TEXT),
      route: EVENTS,
      expected: 'SendChatIntegrationEvent',
    },
    { name: 'of one whose route says so', claim: inbound(TEXT), route: PARTICIPANT, expected: 'SendMessage' },
    {
      name: 'of a reply, whatever the route',
      claim: REPLY_CLAIM,
      route: EVENTS,
      expected: 'SendTextMessage',
    },
    {
      name: 'of a reply in a chat of its own',
      claim: REPLY_CLAIM,
      route: PARTICIPANT,
      expected: 'SendTextMessage',
    },
  ])('$name is $expected', async ({ claim, route, expected }) => {
    await answerTo(methodsOf(route).next(claim, NOW));
    expect(sent.map(([operation]) => operation)).toEqual([expected]);
  });

  it('begins with a session where a chat is to be opened', () => {
    expect(methodsOf(PARTICIPANT).next(inbound(TEXT, { session: undefined }), NOW).kind).toBe('begin');
  });

  it.each([inbound(TEXT), REPLY_CLAIM])('is none without a route: $direction', (claim) => {
    expect(methodsOf(undefined).next(claim, NOW)).toEqual({ kind: 'nowhere' });
  });
});

describe('a notice', () => {
  const notice: MessageContent = { kind: 'notice', contactId: 'contact-1', why: 'it was refused' };

  it.each([EVENTS, PARTICIPANT])('goes into its chat: $method', async (route) => {
    await answerTo(methodsOf(route).next(inbound(notice), NOW));
    expect(sent[0]?.[1]).toContain('it was refused');
  });

  it.each<{ name: string; session: InboundClaim['session'] }>([
    { name: 'the chat is another', session: { ...USED, contactId: 'contact-2' } },
    { name: 'the chat has ended', session: { ...USED, generation: 2, contactId: undefined } as never },
    { name: 'the chat is not known any more', session: undefined },
  ])('is useless where $name', ({ session }) => {
    for (const route of [EVENTS, PARTICIPANT]) {
      expect(methodsOf(route).next(inbound(notice, { session }), NOW)).toEqual({
        kind: 'useless',
        reason: 'chat_ended',
      });
    }
  });
});

describe('a choice', () => {
  const choices: readonly Choice[] = [{ title: 'An order' }, { title: 'Else', answer: 'something else' }];

  it.each<{ name: string; text: string; expected: string; isChoice: boolean }>([
    { name: 'its number', text: '2', expected: 'something else', isChoice: true },
    { name: 'its words', text: ' an ORDER', expected: 'An order', isChoice: true },
    { name: 'no number of theirs', text: '3', expected: '3', isChoice: false },
    { name: 'other words', text: 'neither', expected: 'neither', isChoice: false },
  ])('is read from $name', async ({ text, expected, isChoice }) => {
    for (const route of [EVENTS, PARTICIPANT]) {
      const step = methodsOf(route).next(inbound({ kind: 'text', text }, { choices }), NOW);
      const answer = await answerTo(step);
      expect(answer.kind === 'delivered' && answer.isChoiceMade === true).toBe(isChoice);
    }
    expect(sent.map(([, content]) => content)).toEqual([expected, expected]);
  });

  it('is none where nothing was offered, or the customer wrote no text', async () => {
    const methods = methodsOf(PARTICIPANT);
    expect(await answerTo(methods.next(inbound({ kind: 'text', text: '2' }), NOW))).not.toHaveProperty(
      'isChoiceMade',
    );
    const location: MessageContent = { kind: 'location', name: '2' };
    expect(await answerTo(methods.next(inbound(location, { choices }), NOW))).not.toHaveProperty(
      'isChoiceMade',
    );
  });

  it('is not made before it is in the chat', async () => {
    const opening = { ...USED, connectionExpiresAt: NOW + 1 };
    const methods = methodsOf(PARTICIPANT);
    const step = methods.next(inbound({ kind: 'text', text: '2' }, { choices, session: opening }), NOW);
    const answer = await answerTo(step);
    expect(answer.kind).toBe('step');
    expect(answer).not.toHaveProperty('isChoiceMade');
  });
});

describe('the notice of a reply', () => {
  const refused: Outcome = { verdict: 'dead', reason: 'refused', error: 'no' };

  it.each<{ name: string; outcome: Outcome; why?: string; expected: string }>([
    {
      name: 'what the service said',
      outcome: refused,
      why: 'the customer has opted out',
      expected: 'the customer has opted out',
    },
    { name: 'that it was refused', outcome: refused, expected: 'it was refused' },
    {
      name: 'that nobody knows',
      outcome: { ...refused, reason: 'gave_up' },
      expected: 'it is not known whether it was sent',
    },
    {
      name: 'that it took too long',
      outcome: { ...refused, reason: 'too_old' },
      expected: 'it could not be sent for too long',
    },
  ])('says $name', ({ outcome, why, expected }) => {
    expect(methodsOf(PARTICIPANT).noticeOf(REPLY_CLAIM, outcome, why, NOW)).toEqual({
      snsMessageId: 'sns-1:notice',
      item: {
        kind: 'message',
        index: 0,
        raw: '{}',
        message: {
          channel: 'sms',
          customerAddress: REPLY.customerAddress,
          customerAddressKind: 'phone',
          businessAddress: REPLY.businessAddress,
          externalId: 'notice:item-1',
          sentAt: NOW,
          content: { kind: 'notice', contactId: 'contact-1', why: expected, about: 'How can I help?' },
        },
        placement: {
          destination: `instance/${INSTANCE}/contact-flow/${FLOW}`,
          paceKey: `SendMessage ${INSTANCE}`,
          isIdempotent: true,
        },
      },
    });
  });

  it.each<{ name: string; claim: InboundClaim | OutboundClaim; outcome: Outcome; route?: Route }>([
    { name: 'a customer’s message', claim: inbound(TEXT), outcome: refused, route: PARTICIPANT },
    {
      name: 'a reply that is sent',
      claim: REPLY_CLAIM,
      outcome: { verdict: 'delivered' },
      route: PARTICIPANT,
    },
    {
      name: 'a reply that is tried again',
      claim: REPLY_CLAIM,
      outcome: { verdict: 'retry', retryAt: NOW, error: 'e', isAmbiguous: false },
      route: PARTICIPANT,
    },
    { name: 'a reply whose chat has no route any more', claim: REPLY_CLAIM, outcome: refused },
  ])('is none of $name', ({ claim, outcome, route }) => {
    expect(methodsOf(route).noticeOf(claim, outcome, undefined, NOW)).toBeUndefined();
  });

  it('quotes a reply as its customer would have read it', () => {
    const content: AgentReply['content'] = { kind: 'markdown', text: '**Soon**' };
    const claim = { ...REPLY_CLAIM, message: { ...REPLY, content } };
    expect(
      methodsOf(PARTICIPANT).noticeOf(claim, refused, undefined, NOW)?.item.message.content,
    ).toMatchObject({
      about: 'Soon',
    });
  });
});
