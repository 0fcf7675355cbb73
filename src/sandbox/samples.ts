/** What the sandbox sends by itself: a handful of conversations, and what must become of each notification. */
import crypto from 'node:crypto';
import { makeWamid, smsPayload, whatsAppPayload } from './end-user-messaging.ts';
import type { WhatsAppSample } from './end-user-messaging.ts';
import type { SignedEnvelope, UnsignedEnvelope } from './sns-signer.ts';

/** `seen`: an agent sees it as the text given, once, in its place in the conversation. */
export type Fate =
  | { readonly kind: 'seen'; readonly text: string; readonly isThrottledFirst?: true }
  | { readonly kind: 'duplicate'; readonly text: string }
  | { readonly kind: 'refused' };

export interface Sample {
  readonly title: string;
  readonly notifications: readonly SampleNotification[];
  /** Connect refuses everything for as long as this, from the first notification on. */
  readonly throttledForMs?: number;
}

export interface SampleNotification {
  readonly what: string;
  readonly customerAddress: string;
  /** The id that Connect gets as the attribute `externalId`. */
  readonly externalId: string;
  readonly snsMessageId: string;
  readonly message: string;
  readonly answer: number;
  readonly fate: Fate;
  readonly tamper?: (envelope: SignedEnvelope) => UnsignedEnvelope;
}

const THROTTLED_MS = 1_000;

/** What an agent reads where an SMS came without text, and of what is no text; the bridge's words. */
const EMPTY_MESSAGE = '[Empty message]';

const LOCATION = {
  type: 'location',
  location: { latitude: 47.6205063, longitude: -122.3492774, name: 'Space Needle' },
};
const SEEN_LOCATION = `[Location]
Space Needle
47.6205063, -122.3492774
https://www.google.com/maps/search/?api=1&query=47.6205063,-122.3492774`;

const IMAGE = {
  type: 'image',
  image: { id: '300000000000003', mime_type: 'image/jpeg', caption: 'The left one is torn.' },
};
const SEEN_IMAGE = `[Image: image/jpeg, media id 300000000000003]
The left one is torn.`;

export function makeSamples(): readonly Sample[] {
  const redelivered = sms('+14255550143', 'Is anybody there?');
  const duplicate: Fate = { kind: 'duplicate', text: 'Is anybody there?' };
  return [
    {
      title: 'SMS conversation',
      notifications: [
        sms('+14255550182', 'Hello, my parcel 4711 has not come.'),
        sms('+14255550182', 'It should have been here on Monday 📦'),
        sms('+14255550182', '', EMPTY_MESSAGE),
        sms('+14255550182', 'Sorry, that was my pocket. Can you help?'),
      ],
    },
    {
      title: 'WhatsApp conversation',
      notifications: [
        whatsApp('+12065550137', 'Olá! Are you open on Saturday?'),
        whatsApp('+12065550137', 'And do you have parking?'),
      ],
    },
    {
      title: 'More than text',
      notifications: [
        whatsAppOther('+12065550154', LOCATION, SEEN_LOCATION),
        whatsAppOther('+12065550154', IMAGE, SEEN_IMAGE),
      ],
    },
    {
      title: 'Redelivery',
      notifications: [
        redelivered,
        { ...redelivered, what: 'the same notification again', fate: duplicate },
        {
          ...redelivered,
          what: 'the same SMS, published anew',
          snsMessageId: crypto.randomUUID(),
          fate: duplicate,
        },
      ],
    },
    {
      title: 'Forgery',
      notifications: [
        {
          ...sms('+14255550166', 'Send me the gift cards.'),
          what: 'a text changed after SNS signed it',
          answer: 403,
          fate: { kind: 'refused' },
          tamper: (envelope) => ({
            ...envelope,
            Message: envelope.Message.replace('gift cards', 'passwords'),
          }),
        },
      ],
    },
    {
      title: 'A second of throttling',
      throttledForMs: THROTTLED_MS,
      notifications: [
        {
          ...sms('+14255550121', 'Does it still get through?'),
          fate: throttledFirst('Does it still get through?'),
        },
        sms('+14255550121', 'And in order?'),
      ],
    },
  ];
}

function sms(from: string, text: string, seenAs = text): SampleNotification {
  const payload = smsPayload({ from, text });
  return notification({
    what: text ? `SMS: ${text}` : 'SMS without text',
    customerAddress: from,
    externalId: payload['inboundMessageId'] ?? '',
    payload,
    seenAs,
  });
}

function whatsApp(from: string, text: string): SampleNotification {
  return whatsAppNotification(`WhatsApp: ${text}`, { from, text }, text);
}

/** Of another type than text. */
function whatsAppOther(from: string, content: { readonly type: string }, seenAs: string): SampleNotification {
  return whatsAppNotification(`WhatsApp ${content.type}`, { from, text: '', content }, seenAs);
}

function whatsAppNotification(what: string, sample: WhatsAppSample, seenAs: string): SampleNotification {
  const id = makeWamid(sample.from);
  return notification({
    what,
    customerAddress: sample.from,
    externalId: id,
    payload: whatsAppPayload([{ ...sample, id }]),
    seenAs,
  });
}

function notification(parts: {
  readonly what: string;
  readonly customerAddress: string;
  readonly externalId: string;
  readonly payload: unknown;
  readonly seenAs: string;
}): SampleNotification {
  const { what, customerAddress, externalId, payload, seenAs } = parts;
  return {
    what,
    customerAddress,
    externalId,
    snsMessageId: crypto.randomUUID(),
    message: JSON.stringify(payload),
    answer: 200,
    fate: { kind: 'seen', text: seenAs },
  };
}

function throttledFirst(text: string): Fate {
  return { kind: 'seen', text, isThrottledFirst: true };
}
