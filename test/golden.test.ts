/**
 * What the bridge makes of each type of message, as `bridge explain` shows it: a file for each fixture, to be read by
 * people. A change of what agents see or Connect is told is a change of these files (`npx vitest run test/golden.test.ts -u`).
 */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatExplanation } from '../src/admin/explanation-text.ts';
import { explainNotification } from '../src/admin/explanation.ts';
import type { ExplainedRequest, PartExplanation, Rules } from '../src/admin/explanation.ts';
import { CONTENT_KINDS } from '../src/normalize/inbound-message.ts';
import { sendMessageRule, startChatContactRule } from '../src/sandbox/participant-rules.ts';
import { schemaProblems } from '../src/schema-problems.ts';
import { chatEventProblems } from '../src/send/chat-event-rules.ts';
import { INTERACTIVE, chatEvent, chatMessage, interactiveContent } from './fixtures/chat-item.ts';
import { SMS_MESSAGES } from './fixtures/sms-messages.ts';
import { SMS_PAYLOAD } from './fixtures/sms-payload.ts';
import { WHATSAPP_MESSAGES } from './fixtures/whatsapp-messages.ts';
import {
  whatsAppEntry,
  whatsAppMessage,
  whatsAppPayload,
  whatsAppStatusChange,
  whatsAppText,
} from './fixtures/whatsapp-payload.ts';
import { NOTIFICATION } from './normalize/notification-scene.ts';
import { FLOW, INSTANCE } from './send/participant/participant-scene.ts';
import { findLostContent } from './support/lost-content.ts';

const GOLDEN = path.join(import.meta.dirname, 'golden');

const SMS_ROUTE = {
  channel: 'sms',
  number: SMS_PAYLOAD.destinationNumber,
  destinationId: 'arn:aws:sms-voice:us-west-2:111122223333:phone-number/phone-1',
  attributes: { team: 'shop' },
} as const;

/** WhatsApp needs no route. */
const RULES: Rules = {
  routes: [
    SMS_ROUTE,
    {
      channel: 'sms',
      number: '*',
      destinationId: 'arn:aws:sms-voice:eu-west-2:111122223333:pool/pool-1',
      displayName: 'A customer',
      streamingEndpointArn: 'arn:aws:sns:eu-west-2:111122223333:replies',
    },
  ],
  fallbackRegion: undefined,
  defaultCountry: 'US',
  textLimits: { sms: 1_024, whatsapp: 4_096 },
};

const REPLY_TOPIC = 'arn:aws:sns:us-west-2:111122223333:agents-replies';

const PARTICIPANT_RULES: Partial<Rules> = {
  connectMethod: 'participant',
  replyTopicArns: [REPLY_TOPIC],
  routes: (['sms', 'whatsapp'] as const).map((channel) => ({
    channel,
    number: '*',
    instanceId: INSTANCE,
    contactFlowId: FLOW,
    chatDurationMinutes: 1_440,
    region: 'us-west-2',
    attributes: { team: 'shop' },
  })),
};

interface Case {
  /** Golden file, without its ending. */
  readonly name: string;
  /** The SNS Message. */
  readonly message: string;
  readonly rules?: Partial<Rules>;
  /** Of what Connect streams: the attribute MessageVisibility. */
  readonly visibility?: string;
}

function streamed(name: string, fields: object, visibility = 'ALL'): Case {
  const message = JSON.stringify(fields);
  return { name: `notification/${name}`, message, rules: PARTICIPANT_RULES, visibility };
}

const NOTIFICATIONS: readonly Case[] = [
  {
    name: 'notification/statuses-and-a-message',
    message: JSON.stringify(
      whatsAppPayload(
        whatsAppEntry([
          whatsAppStatusChange(),
          ...JSON.parse(JSON.parse(whatsAppMessage([whatsAppText()])).whatsAppWebhookEntry).changes,
          { field: 'message_template_status_update', value: { event: 'APPROVED' } },
          { field: 'nobody_knows', value: {} },
        ]),
      ),
    ),
  },
  {
    name: 'notification/without-id-or-sender',
    message: whatsAppMessage([
      whatsAppText({ id: undefined }),
      whatsAppText(),
      whatsAppText({ id: 'wamid.FIXTURE0003', from: undefined }),
    ]),
  },
  { name: 'notification/no-route', message: JSON.stringify(SMS_PAYLOAD), rules: { routes: [] } },
  {
    name: 'notification/ignored-by-route',
    message: whatsAppMessage([WHATSAPP_MESSAGES['reaction'], WHATSAPP_MESSAGES['text']]),
    rules: { routes: [{ channel: 'whatsapp', number: '*', ignore: ['reaction', 'request_welcome'] }] },
  },
  {
    name: 'notification/in-parts',
    message: JSON.stringify({
      ...SMS_PAYLOAD,
      messageBody:
        'The first sentence is short. The second one is a little longer, and ends here. \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}',
    }),
    rules: { textLimits: { sms: 40, whatsapp: 40 } },
  },
  {
    name: 'notification/another-region-and-account',
    message: JSON.stringify(SMS_PAYLOAD),
    rules: {
      routes: [
        {
          ...SMS_ROUTE,
          region: 'us-east-1',
          roleArn: 'arn:aws:iam::444455556666:role/connect-writer',
          subtype: 'connect:sms',
        },
      ],
    },
  },
  { name: 'notification/no-payload', message: 'You have chosen to subscribe' },
  {
    name: 'notification/participant-sms',
    message: JSON.stringify(SMS_PAYLOAD),
    rules: PARTICIPANT_RULES,
  },
  {
    name: 'notification/participant-whatsapp-in-parts',
    message: whatsAppMessage([WHATSAPP_MESSAGES['text']]),
    rules: { ...PARTICIPANT_RULES, textLimits: { sms: 40, whatsapp: 15 } },
  },
  {
    name: 'notification/participant-without-a-place',
    message: whatsAppMessage([WHATSAPP_MESSAGES['text']]),
    rules: { ...PARTICIPANT_RULES, routes: [] },
  },
  streamed('reply', chatMessage()),
  streamed(
    'reply-with-choices',
    chatMessage({
      ContentType: INTERACTIVE,
      Content: interactiveContent('ListPicker', {
        title: 'What is it about?',
        elements: [{ title: 'An order', subtitle: 'One of this week' }, { title: 'Something else' }],
      }),
    }),
  ),
  streamed('reply-for-agents', chatMessage(), 'AGENT'),
  streamed('chat-ended', chatEvent('chat.ended')),
];

const CASES: readonly Case[] = [
  ...Object.entries(WHATSAPP_MESSAGES).map(([name, message]) => ({
    name: `whatsapp/${name}`,
    message: whatsAppMessage([message]),
  })),
  ...Object.entries(SMS_MESSAGES).map(([name, payload]) => ({
    name: `sms/${name}`,
    message: JSON.stringify(payload),
  })),
  ...NOTIFICATIONS,
];

function explain({ message, rules, visibility }: Case): readonly PartExplanation[] {
  const topic = visibility === undefined ? {} : { TopicArn: REPLY_TOPIC };
  const notification = { ...NOTIFICATION, ...topic, Message: message };
  return explainNotification(notification, { ...RULES, ...rules }, visibility);
}

/** What the service's own rules say against a request; tokens are added as it goes. */
function requestProblems({ operation, input }: ExplainedRequest): readonly string[] {
  switch (operation) {
    case 'SendChatIntegrationEvent':
      return chatEventProblems(input);
    case 'StartChatContact':
      return schemaProblems(startChatContactRule, input);
    case 'SendMessage':
      return schemaProblems(sendMessageRule, input);
  }
}

describe('golden files', () => {
  it.each(CASES)('$name', async (golden) => {
    const parts = explain(golden);
    const text = formatExplanation({ index: 1, shape: 'SNS envelope', madeUp: [], parts });
    await expect(text).toMatchFileSnapshot(path.join(GOLDEN, `${golden.name}.txt`));
    const requests = parts.flatMap((part) => (part.outcome === 'sent' ? part.requests : []));
    expect(requests.flatMap(requestProblems)).toEqual([]);
  });

  it.each(CASES.filter(({ name }) => !name.startsWith('notification/')))(
    '$name reaches the agent whole',
    (golden) => {
      const parts = explain(golden);
      expect(parts.map(({ outcome }) => outcome)).toEqual(['sent']);
      expect(findLostContent(golden.message, parts)).toEqual([]);
    },
  );

  it('has a fixture for every file', () => {
    const files = fs
      .readdirSync(GOLDEN, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(GOLDEN, path.join(entry.parentPath, entry.name)));
    expect(files.toSorted()).toEqual(CASES.map(({ name }) => `${name}.txt`).toSorted());
  });

  it('has every kind of content', () => {
    const kinds = new Set(CASES.flatMap(explain).map((part) => part.message?.content));
    // A notice is the bridge's own, and comes by no notification.
    expect(CONTENT_KINDS.filter((kind) => !kinds.has(kind))).toEqual(['notice']);
  });
});
