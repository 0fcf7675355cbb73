import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trackingIdOf } from '../../src/normalize/reply-tracking.ts';
import { SMS_MESSAGES } from '../fixtures/sms-messages.ts';
import { SMS_PAYLOAD, smsMessage } from '../fixtures/sms-payload.ts';
import { WHATSAPP_MESSAGES } from '../fixtures/whatsapp-messages.ts';
import {
  WHATSAPP_STATUS,
  whatsAppChange,
  whatsAppEntry,
  whatsAppMessage,
  whatsAppPayload,
  whatsAppStatusChange,
  whatsAppText,
} from '../fixtures/whatsapp-payload.ts';
import { expectInvariants, normalize } from './notification-scene.ts';

// One seed, so that a run that passed passes again.
fc.configureGlobal({ seed: 20_260_304 });

const FAILED_STATUS = {
  ...WHATSAPP_STATUS,
  status: 'failed',
  biz_opaque_callback_data: trackingIdOf({ contactId: 'contact-1', replyId: 'reply-1' }),
  errors: [{ code: 131047, title: 'Re-engagement message', error_data: { details: 'Too late.' } }],
};

type Path = readonly string[];

/** Paths to every node of a value, its root too. */
function* pathsOf(value: unknown, path: Path = []): Generator<Path, void> {
  yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, node] of Object.entries(value)) yield* pathsOf(node, [...path, key]);
}

function replaceAt(value: unknown, [key, ...rest]: Path, node: unknown): unknown {
  if (key === undefined) return node;
  const changed = replaceAt((value as Record<string, unknown>)[key], rest, node);
  return Array.isArray(value) ? value.with(Number(key), changed) : { ...(value as object), [key]: changed };
}

describe('anything', () => {
  const anyJson = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });

  /** The object with some of its fields, at any depth of it, put to any JSON or left out. */
  function mangled(value: unknown): fc.Arbitrary<unknown> {
    const intact = Array.isArray(value)
      ? fc.tuple(...value.map(mangled))
      : typeof value === 'object' && value !== null
        ? fc.record(Object.fromEntries(Object.entries(value).map(([key, field]) => [key, mangled(field)])))
        : fc.constant(value);
    return fc.oneof(
      { weight: 12, arbitrary: intact },
      { weight: 1, arbitrary: anyJson },
      { weight: 1, arbitrary: fc.constant(undefined) },
    );
  }

  const messages = [whatsAppText(), whatsAppText({ id: 'W2', from_user_id: 'US.13491208655302741918' })];
  const entry = whatsAppEntry([
    whatsAppChange(messages),
    whatsAppStatusChange([WHATSAPP_STATUS, FAILED_STATUS]),
    whatsAppChange([whatsAppText({ id: 'W3' })]),
  ]);
  const whatsApp = fc
    .tuple(mangled(entry), mangled(whatsAppPayload({})))
    .map(([entry, payload]) =>
      JSON.stringify({ ...(payload as object), whatsAppWebhookEntry: JSON.stringify(entry) }),
    );
  const wrapped = fc
    .tuple(mangled(entry), mangled(entry))
    .map((entries) => JSON.stringify(whatsAppPayload({ entry: entries })));

  it.each<[name: string, message: fc.Arbitrary<string>]>([
    ['in any field of an SMS', mangled(SMS_PAYLOAD).map((payload) => JSON.stringify(payload) ?? '')],
    ['in any field of a WhatsApp payload', whatsApp],
    ['in any field of a WhatsApp webhook', wrapped],
    ['as whatsAppWebhookEntry', anyJson.map((json) => JSON.stringify({ whatsAppWebhookEntry: json }))],
    [
      'as Message',
      fc.oneof(
        anyJson.map((json) => JSON.stringify(json)),
        fc.string({ unit: 'binary' }),
      ),
    ],
  ])('%s never throws, and every raw gives its item again', (_name, message) => {
    fc.assert(
      fc.property(message, (text) => {
        expectInvariants(normalize(text));
      }),
      { numRuns: 500 },
    );
  });

  function withOneNodeReplaced(values: readonly unknown[]): fc.Arbitrary<unknown> {
    const places = values.flatMap((value) =>
      pathsOf(value)
        .map((path) => ({ value, path }))
        .toArray(),
    );
    return fc
      .tuple(fc.constantFrom(...places), anyJson)
      .map(([{ value, path }, node]) => replaceAt(value, path, node));
  }

  it('in any one place of any fixture never throws, and leaves the neighbours as they are', () => {
    const whatsAppMessages = withOneNodeReplaced(Object.values(WHATSAPP_MESSAGES));
    fc.assert(
      fc.property(whatsAppMessages, withOneNodeReplaced(Object.values(SMS_MESSAGES)), (message, payload) => {
        const items = normalize(whatsAppMessage([message, whatsAppText()]));
        expectInvariants(items);
        expect(items).toHaveLength(2);
        expect(items[1]).toMatchObject({ message: { content: { kind: 'text' } } });
        expectInvariants(normalize(whatsAppMessage([message])));
        expectInvariants(normalize(JSON.stringify(payload)));
      }),
      { numRuns: 1_500 },
    );
  });

  it('as any of the other fields never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (timestamp, other) => {
        const fields = { Timestamp: timestamp, Subject: other, TopicArn: other, MessageId: other };
        expect(normalize(smsMessage(), fields)).toHaveLength(1);
      }),
    );
  });
});
