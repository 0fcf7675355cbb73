import { describe, expect, it } from 'vitest';
import { trackingIdOf } from '../../src/normalize/reply-tracking.ts';
import type { AgentReply } from '../../src/normalize/agent-reply.ts';
import type { NextRequest } from '../../src/send/delivery-method.ts';
import type { ReplySender, SentReply } from '../../src/send/eum-client.ts';
import { nextReply } from '../../src/send/reply-method.ts';
import type { Route, Routing } from '../../src/send/route.ts';
import { REPLY, REPLY_CLAIM } from './claim-scene.ts';
import type { OutboundClaim } from './claim-scene.ts';
import { awsError } from './participant/participant-scene.ts';

const SMS_ARN = 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1';
const WHATSAPP_ARN = 'arn:aws:social-messaging:eu-west-2:444455556666:phone-number-id/own';
const ROLE_ARN = 'arn:aws:iam::777788889999:role/connect-writer';

const SMS: Route = {
  channel: 'sms',
  number: REPLY.businessAddress,
  destinationId: SMS_ARN,
  replies: 'bridge',
};
const WHATSAPP_REPLY: AgentReply = {
  ...REPLY,
  channel: 'whatsapp',
  businessNumberArn: WHATSAPP_ARN,
};

/** Takes everything, and keeps what it was given. */
class FakeSender implements ReplySender {
  readonly sent: { readonly reply: object; readonly place: object }[] = [];

  sendSms(reply: object, place: object): Promise<SentReply> {
    return this.#take(reply, place);
  }

  sendWhatsApp(reply: object, place: object): Promise<SentReply> {
    return this.#take(reply, place);
  }

  close(): void {}

  #take(reply: object, place: object): Promise<SentReply> {
    this.sent.push({ reply, place });
    return Promise.resolve({ messageId: 'message-1', requestId: 'request-1' });
  }
}

function next(
  reply: AgentReply,
  { routes = [SMS], ...routing }: Partial<Routing> = {},
  over: Partial<OutboundClaim> = {},
) {
  const sender = new FakeSender();
  const step = nextReply({ ...REPLY_CLAIM, ...over, message: reply }, reply, {
    routing: { routes, fallbackRegion: 'us-east-1', ...routing },
    sender,
    metaApiVersion: 'v24.0',
  });
  return { step, sender };
}

function request(...given: Parameters<typeof next>): { step: NextRequest; sender: FakeSender } {
  const { step, sender } = next(...given);
  if (step.kind !== 'request') throw new Error(`It is no request: ${step.kind}`);
  return { step, sender };
}

describe('a reply goes', () => {
  it.each<{
    name: string;
    reply: AgentReply;
    routes?: readonly Route[];
    placement: object;
    sent: object;
    place: object;
  }>([
    {
      name: 'as a text message from the number that the customer wrote to',
      reply: REPLY,
      placement: {
        destination: `reply/${SMS_ARN}`,
        paceKey: 'SendTextMessage 111122223333/us-east-1',
      },
      sent: { to: REPLY.customerAddress, from: REPLY.businessAddress, text: 'How can I help?' },
      place: { region: 'us-east-1', roleArn: undefined },
    },
    {
      name: 'from a number without an ARN, in the fallback Region',
      reply: REPLY,
      routes: [{ ...SMS, destinationId: 'phone-1' }],
      placement: { destination: 'reply/phone-1', paceKey: 'SendTextMessage /us-east-1' },
      sent: { from: REPLY.businessAddress },
      place: { region: 'us-east-1', roleArn: undefined },
    },
    {
      name: 'by the role of its route',
      reply: REPLY,
      routes: [{ ...SMS, roleArn: ROLE_ARN }],
      placement: { paceKey: 'SendTextMessage 111122223333/us-east-1' },
      sent: {},
      place: { region: 'us-east-1', roleArn: ROLE_ARN },
    },
    {
      name: 'by WhatsApp from the ARN that came with the customer’s message, marked',
      reply: WHATSAPP_REPLY,
      placement: {
        destination: `reply/${WHATSAPP_ARN}`,
        paceKey: 'SendWhatsAppMessage 444455556666/eu-west-2',
      },
      sent: {
        to: REPLY.customerAddress,
        phoneNumberArn: WHATSAPP_ARN,
        text: 'How can I help?',
        trackingId: trackingIdOf({ contactId: 'contact-1', replyId: 'item-1' }),
        metaApiVersion: 'v24.0',
      },
      place: { region: 'eu-west-2', roleArn: undefined },
    },
    {
      name: 'in the Region of the number, where its chats are in another',
      reply: REPLY,
      routes: [{ ...SMS, region: 'eu-central-1' }],
      placement: { paceKey: 'SendTextMessage 111122223333/us-east-1' },
      sent: { from: REPLY.businessAddress },
      place: { region: 'us-east-1' },
    },
    {
      name: 'by WhatsApp in the Region of the number, where its chats are in another',
      reply: WHATSAPP_REPLY,
      routes: [{ channel: 'whatsapp', number: '*', region: 'eu-central-1' }],
      placement: { paceKey: 'SendWhatsAppMessage 444455556666/eu-west-2' },
      sent: { phoneNumberArn: WHATSAPP_ARN },
      place: { region: 'eu-west-2' },
    },
    {
      name: 'by WhatsApp from the number that was written to, whichever its route leads to',
      reply: WHATSAPP_REPLY,
      routes: [{ ...SMS, channel: 'whatsapp', destinationId: `${WHATSAPP_ARN}-of-another` }],
      placement: { destination: `reply/${WHATSAPP_ARN}` },
      sent: { phoneNumberArn: WHATSAPP_ARN },
      place: { region: 'eu-west-2' },
    },
    {
      name: 'to a WhatsApp user who shows no number',
      reply: { ...WHATSAPP_REPLY, customerAddress: 'US.abc', customerAddressKind: 'whatsappUser' },
      placement: {},
      sent: { userId: 'US.abc' },
      place: {},
    },
    {
      name: 'by the ARN of a WhatsApp route where the message brought none',
      reply: { ...REPLY, channel: 'whatsapp' },
      routes: [{ channel: 'whatsapp', number: '*', destinationId: WHATSAPP_ARN }],
      placement: { destination: `reply/${WHATSAPP_ARN}` },
      sent: { phoneNumberArn: WHATSAPP_ARN },
      place: { region: 'eu-west-2' },
    },
  ])('$name', async ({ reply, routes, placement, sent, place }) => {
    const { step, sender } = request(reply, routes ? { routes } : {});
    expect(step.placement).toMatchObject(placement);
    await step.send();
    expect(sender.sent).toMatchObject([{ reply: sent, place }]);
  });

  it('nowhere without a route, or without a WhatsApp number to send from', () => {
    expect(next(REPLY, { routes: [] }).step).toEqual({ kind: 'nowhere' });
    const { businessNumberArn: _none, ...unknown } = WHATSAPP_REPLY;
    const chat = {
      channel: 'whatsapp',
      number: '*',
      method: 'participant',
      instanceId: 'i',
      contactFlowId: 'f',
      streamingEndpointArn: 'arn:aws:sns:us-east-1:111122223333:replies',
    } as const;
    expect(next(unknown, { routes: [chat] }).step).toEqual({ kind: 'nowhere' });
  });
});

describe('the parts of a reply', () => {
  it.each<{ channel: 'sms' | 'whatsapp'; most: number }>([
    { channel: 'sms', most: 1_600 },
    { channel: 'whatsapp', most: 4_096 },
  ])('hold what $channel takes at once', ({ channel, most }) => {
    const text = 'x'.repeat(most + 1);
    const { step } = request({ ...WHATSAPP_REPLY, channel, content: { kind: 'text', text } });
    expect(step.parts.map(({ length }) => length)).toEqual([most, 1]);
  });

  it('are those that were fixed, each sent by itself', async () => {
    const { step, sender } = request(REPLY, {}, { parts: ['one ', 'two'], partsDelivered: 1 });
    await step.send();
    expect(step.parts).toEqual(['one ', 'two']);
    expect(sender.sent).toMatchObject([{ reply: { text: 'two' } }]);
  });
});

it.each<{ name: string; content: AgentReply['content']; choices: readonly object[] }>([
  { name: 'nothing to choose from', content: REPLY.content, choices: [] },
  {
    name: 'its choices',
    content: { kind: 'choices', lines: ['Which?'], choices: [{ title: 'Yes' }, { title: 'No' }] },
    choices: [{ title: 'Yes' }, { title: 'No' }],
  },
])('a reply that is sent offers $name, in its chat', async ({ content, choices }) => {
  expect(await request({ ...REPLY, content }).step.send()).toEqual({
    kind: 'delivered',
    contactId: 'contact-1',
    offers: { contactId: 'contact-1', choices },
    requestId: 'request-1',
  });
});

it('errors are judged by the table of the service', () => {
  const optedOut = Object.assign(awsError('ConflictException', 409), {
    Reason: 'DESTINATION_PHONE_NUMBER_OPTED_OUT',
  });
  expect(request(REPLY).step.classify(optedOut)).toMatchObject({
    verdict: 'dead',
    code: 'ConflictException.DESTINATION_PHONE_NUMBER_OPTED_OUT',
  });
  expect(request(WHATSAPP_REPLY).step.classify(awsError('AccessDeniedByMetaException', 403)).verdict).toBe(
    'pause',
  );
});
