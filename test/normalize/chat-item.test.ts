import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StreamedItem } from '../../src/normalize/agent-reply.ts';
import { normalizeStreamed, parseStreamedItem, visibilityOf } from '../../src/normalize/chat-item.ts';
import type { NotificationFields } from '../../src/normalize/normalize-notification.ts';
import { isVisible } from '../../src/normalize/visible-text.ts';
import {
  CHAT_MESSAGE,
  CHAT_SENT_AT,
  CONTACT_ID,
  INTERACTIVE,
  chatAttributes,
  chatEvent,
  chatMessage,
  interactiveContent,
} from '../fixtures/chat-item.ts';

// One seed, so that a run that passed passes again.
fc.configureGlobal({ seed: 20_260_304 });

type Fields = Readonly<Record<string, unknown>>;

const SNS_TIME = CHAT_SENT_AT + 2_000;

function notificationOf(message: string, changes: Partial<NotificationFields> = {}): NotificationFields {
  return {
    MessageId: '1b0f6c1e-3f5d-5a8e-9c57-3a4b5c6d7e8f',
    TopicArn: 'arn:aws:sns:us-west-2:111122223333:chats',
    Timestamp: new Date(SNS_TIME).toISOString(),
    Message: message,
    ...changes,
  };
}

function parse(item: unknown, visibility: string | undefined = 'ALL'): StreamedItem {
  return parseStreamedItem(notificationOf(JSON.stringify(item)), visibility);
}

const REPLY = {
  kind: 'reply',
  item: {
    contactId: CONTACT_ID,
    externalId: CHAT_MESSAGE.Id,
    sentAt: CHAT_SENT_AT,
    content: { kind: 'text', text: CHAT_MESSAGE.Content },
  },
} as const;

const ATTACHMENT = {
  AttachmentName: 'bill.pdf',
  ContentType: 'application/pdf',
  AttachmentId: 'a',
  Status: 'APPROVED',
};

function attachments(...list: readonly unknown[]): Fields {
  const { Content: _none, ContentType: _neither, ...fields } = CHAT_MESSAGE;
  return { ...fields, Type: 'ATTACHMENT', Attachments: list };
}

describe('a reply', () => {
  it.each(['ALL', 'CUSTOMER'])('is a message that %s may see', (visibility) => {
    expect(parse(chatMessage(), visibility)).toEqual(REPLY);
  });

  it.each(['AGENT', 'SYSTEM', 'CUSTOM_BOT', 'SUPERVISOR', 'SOMETHING_NEW'])('is one of %s', (role) => {
    expect(parse(chatMessage({ ParticipantRole: role }))).toEqual(REPLY);
  });

  it('is of the leg’s contact where the first one is not named', () => {
    const { InitialContactId: _none, ...fields } = CHAT_MESSAGE;
    expect(parse(fields)).toMatchObject({ item: { contactId: CHAT_MESSAGE.ContactId } });
  });

  it.each([
    ['missing', undefined],
    ['no instant', 'yesterday'],
    ['a number', 5],
    ['impossible', '2026-13-41T00:00:00Z'],
  ])('was sent when SNS took it, if AbsoluteTime is %s', (_name, AbsoluteTime) => {
    expect(parse(chatMessage({ AbsoluteTime }))).toMatchObject({ item: { sentAt: SNS_TIME } });
  });

  it.each<[name: string, changes: Fields, content: unknown]>([
    ['text', {}, { kind: 'text', text: CHAT_MESSAGE.Content }],
    [
      'text with a character set',
      { ContentType: 'text/plain; charset=utf-8' },
      { kind: 'text', text: CHAT_MESSAGE.Content },
    ],
    ['text of no type', { ContentType: undefined }, { kind: 'text', text: CHAT_MESSAGE.Content }],
    ['Markdown', { ContentType: 'text/markdown', Content: '**now**' }, { kind: 'markdown', text: '**now**' }],
    [
      'JSON as text',
      { ContentType: 'application/json', Content: '{"a":1}' },
      { kind: 'text', text: '{"a":1}' },
    ],
    ['text without lone surrogates', { Content: 'a\uD800b' }, { kind: 'text', text: 'a\uFFFDb' }],
    [
      'an interactive message',
      {
        ContentType: INTERACTIVE,
        Content: interactiveContent('QuickReply', { title: 'Which?', elements: [{ title: 'One' }] }),
      },
      { kind: 'choices', lines: ['Which?'], choices: [{ title: 'One' }] },
    ],
  ])('has content: %s', (_name, changes, content) => {
    expect(parse(chatMessage(changes))).toMatchObject({ kind: 'reply', item: { content } });
  });

  it('is attachments that were approved', () => {
    const rejected = { ...ATTACHMENT, Status: 'REJECTED' };
    expect(parse(attachments(ATTACHMENT, rejected, { Status: 'APPROVED' }, null))).toMatchObject({
      kind: 'reply',
      item: {
        content: {
          kind: 'attachments',
          attachments: [{ name: 'bill.pdf', contentType: 'application/pdf' }, {}],
        },
      },
    });
  });
});

describe('what is not for the customer', () => {
  it.each<[reason: string, item: Fields, visibility: string | undefined]>([
    ['from_customer', chatMessage({ ParticipantRole: 'CUSTOMER' }), 'ALL'],
    ['from_customer', chatMessage({ ParticipantRole: 'customer' }), undefined],
    ['from_customer', { ...attachments(ATTACHMENT), ParticipantRole: 'CUSTOMER' }, 'ALL'],
    ['no_visibility', chatMessage(), undefined],
    ['not_for_customer', chatMessage(), 'AGENT'],
    ['not_for_customer', chatMessage(), 'SOMETHING_NEW'],
    ['chat_event', chatMessage({ Content: ' \u200B\n' }), 'ALL'],
    ['chat_event', attachments({ ...ATTACHMENT, Status: 'IN_PROGRESS' }), 'ALL'],
    ['chat_event', attachments(), 'ALL'],
    ['chat_event', chatEvent('typing'), 'ALL'],
    ['chat_event', chatEvent('participant.joined'), undefined],
    ['chat_event', chatEvent('message.read'), 'ALL'],
    ['chat_event', chatMessage({ Type: 'MESSAGEMETADATA' }), 'ALL'],
    ['chat_event', chatMessage({ Type: 'SOMETHING_NEW' }), 'ALL'],
  ])('%s', (reason, item, visibility) => {
    expect(parseStreamedItem(notificationOf(JSON.stringify(item)), visibility)).toEqual({
      kind: 'ignored',
      reason,
    });
  });
});

describe('the end of a chat', () => {
  it.each<[name: string, item: Fields, contactId: string]>([
    ['of the first contact', chatEvent('chat.ended'), CONTACT_ID],
    ['of the one that there is', chatEvent('chat.ended', { InitialContactId: '' }), CHAT_MESSAGE.ContactId],
    ['whoever ended it', chatEvent('chat.ended', { ParticipantRole: 'CUSTOMER' }), CONTACT_ID],
  ])('%s, whoever may see it', (_name, item, contactId) => {
    expect(parse(item, undefined)).toEqual({ kind: 'chatEnded', contactId });
  });
});

describe('what is not understood', () => {
  it.each<[name: string, item: unknown, detail: RegExp]>([
    ['no object', 'x', /no JSON object/],
    ['no type', chatMessage({ Type: undefined }), /Type/],
    ['no id', chatMessage({ Id: undefined }), /Id/],
    ['an id with a line break', chatMessage({ Id: 'a\nb' }), /Id/],
    ['no contact', chatMessage({ InitialContactId: undefined, ContactId: undefined }), /ContactId/],
    [
      'a chat’s end without contact',
      chatEvent('chat.ended', { InitialContactId: null, ContactId: {} }),
      /ContactId/,
    ],
    ['nobody who wrote it', chatMessage({ ParticipantRole: undefined }), /ParticipantRole/],
    ['no content', chatMessage({ Content: undefined }), /Content/],
    ['content that is no text', chatMessage({ Content: { a: 1 } }), /Content/],
  ])('%s', (_name, item, detail) => {
    expect(parse(item)).toEqual({ kind: 'notUnderstood', detail: expect.stringMatching(detail) });
  });

  it('no JSON, and no time', () => {
    expect(parseStreamedItem(notificationOf('{'), 'ALL')).toMatchObject({ kind: 'notUnderstood' });
    const untimed = notificationOf(JSON.stringify(CHAT_MESSAGE), { Timestamp: 'x' });
    expect(parseStreamedItem(untimed, 'ALL')).toMatchObject({ kind: 'notUnderstood' });
  });
});

describe('the visibility', () => {
  it.each<[name: string, envelope: unknown, visibility: string | undefined]>([
    ['of an envelope', { MessageAttributes: chatAttributes('CUSTOMER') }, 'CUSTOMER'],
    ['of its JSON', JSON.stringify({ MessageAttributes: chatAttributes('ALL') }), 'ALL'],
    ['with space around it', { MessageAttributes: chatAttributes(' ALL ') }, 'ALL'],
    ['that is empty', { MessageAttributes: chatAttributes('') }, undefined],
    ['that is no text', { MessageAttributes: { MessageVisibility: { Value: 5 } } }, undefined],
    ['that is missing', { MessageAttributes: {} }, undefined],
    ['without attributes', {}, undefined],
    ['of what is no JSON', '{', undefined],
    ['of nothing', undefined, undefined],
  ])('%s', (_name, envelope, visibility) => {
    expect(visibilityOf(envelope)).toBe(visibility);
  });

  it('is kept in raw, so that a redrive knows it', () => {
    const { raw } = normalizeStreamed(notificationOf(JSON.stringify(CHAT_MESSAGE)), 'CUSTOMER');
    expect(JSON.parse(raw)).toMatchObject({ Type: 'Notification', Message: JSON.stringify(CHAT_MESSAGE) });
    expect(visibilityOf(raw)).toBe('CUSTOMER');
    const without = normalizeStreamed(notificationOf(JSON.stringify(CHAT_MESSAGE)), undefined);
    expect(without.raw).not.toContain('MessageAttributes');
  });
});

const anyJson = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });

function field(value: unknown): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constant(value) },
    { weight: 1, arbitrary: anyJson },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

/** The object with some of its fields put to any JSON or left out. */
function mangled(fields: Fields): fc.Arbitrary<Fields> {
  return fc.record(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, field(value)])));
}

function expectInvariants(message: string, visibility: string | undefined): void {
  const { item, raw } = normalizeStreamed(notificationOf(message), visibility);
  expect(raw.isWellFormed()).toBe(true);
  expect(normalizeStreamed(JSON.parse(raw) as NotificationFields, visibilityOf(raw))).toEqual({
    item,
    raw,
  });
  if (item.kind !== 'reply') return;
  const { contactId, externalId, sentAt, content } = item.item;
  expect(contactId).not.toBe('');
  expect(externalId).not.toBe('');
  expect(sentAt).toSatisfy(Number.isSafeInteger);
  expect(JSON.stringify(item)).not.toMatch(/\\ud[89a-f]/i);
  expect(JSON.parse(JSON.stringify(item))).toStrictEqual(item);
  if ('text' in content) expect(content.text).toSatisfy(isVisible);
}

describe('anything', () => {
  const anyVisibility = fc.option(fc.constantFrom('ALL', 'CUSTOMER', 'AGENT', 'x'), { nil: undefined });

  it.each<[name: string, item: fc.Arbitrary<unknown>]>([
    ['in any field of a message', mangled(CHAT_MESSAGE)],
    ['in any field of attachments', mangled(attachments(ATTACHMENT, ATTACHMENT))],
    ['in any field of an event', mangled(chatEvent('chat.ended'))],
    [
      'as the content of an interactive message',
      anyJson.map((json) => chatMessage({ ContentType: INTERACTIVE, Content: JSON.stringify(json) })),
    ],
    ['as Message', anyJson],
  ])('%s never throws, and its raw gives it again', (_name, item) => {
    fc.assert(
      fc.property(item, anyVisibility, (value, visibility) => {
        expectInvariants(JSON.stringify(value), visibility);
      }),
      { numRuns: 500 },
    );
  });

  it('as Message without JSON', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), anyVisibility, expectInvariants));
  });
});
