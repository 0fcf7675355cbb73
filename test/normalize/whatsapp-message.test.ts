import { describe, expect, it } from 'vitest';
import { parseWhatsAppMessage } from '../../src/normalize/whatsapp-message.ts';
import type { WhatsAppSurroundings } from '../../src/normalize/whatsapp-message.ts';
import {
  PHONE_NUMBER_ARN,
  WHATSAPP_CONTACT,
  WHATSAPP_METADATA,
  WHATSAPP_SENT_AT,
  WHATSAPP_TEXT,
  whatsAppText,
} from '../fixtures/whatsapp-payload.ts';

const SURROUNDINGS: WhatsAppSurroundings = {
  contact: WHATSAPP_CONTACT,
  metadata: WHATSAPP_METADATA,
  businessNumberArn: PHONE_NUMBER_ARN,
  snsTimestamp: WHATSAPP_SENT_AT + 2_000,
};

const MESSAGE = {
  channel: 'whatsapp',
  customerAddress: '+14255550182',
  customerAddressKind: 'phone',
  customerNumber: '+14255550182',
  businessAddress: '+12065550100',
  externalId: WHATSAPP_TEXT.id,
  sentAt: WHATSAPP_SENT_AT,
  content: { kind: 'text', text: WHATSAPP_TEXT.text.body },
  profileName: 'Ana Example',
  businessNumberArn: PHONE_NUMBER_ARN,
};

const WHATSAPP_IMAGE = { type: 'image', text: undefined, image: { id: '3', mime_type: 'image/jpeg' } };
const WHATSAPP_IMAGE_CONTENT = { kind: 'image', mimeType: 'image/jpeg', source: '3' };

type Fields = Readonly<Record<string, unknown>>;

function parse(changes: Fields, surroundings: Partial<WhatsAppSurroundings> = {}): unknown {
  return parseWhatsAppMessage(whatsAppText(changes), { ...SURROUNDINGS, ...surroundings });
}

describe('parseWhatsAppMessage', () => {
  it('reads a text', () => {
    expect(parse({})).toEqual({ kind: 'message', message: MESSAGE });
  });

  const userId = 'US.13491208655302741918';
  const parentId = 'US.ENT.11815799212886844830';

  it.each<[name: string, changes: Fields, surroundings: Partial<WhatsAppSurroundings>, expected: Fields]>([
    ['an empty text', { text: { body: '' } }, {}, { content: { kind: 'empty' } }],
    ['a lone surrogate', { text: { body: '\udc00a' } }, {}, { content: { kind: 'text', text: '\ufffda' } }],
    ['a number for the sender', { from: 14_255_550_182 }, {}, {}],
    ['a number for the id', { id: 5 }, {}, { externalId: '5' }],
    [
      'a Mexican id',
      { from: '5215512345678' },
      {},
      { customerAddress: '+5215512345678', customerNumber: '+525512345678' },
    ],
    ['a number rather than a user id', { from_user_id: userId }, {}, {}],
    [
      'a number with separators',
      {},
      { metadata: { display_phone_number: '+1 206-555-0100' } },
      { businessAddress: '+12065550100' },
    ],
    [
      'a short display number',
      {},
      { metadata: { display_phone_number: '23333' } },
      { businessAddress: '23333' },
    ],
    [
      'a display number that is none',
      {},
      { metadata: { display_phone_number: 'XXXX' } },
      { businessAddress: 'XXXX' },
    ],
    ['no metadata', {}, { metadata: undefined }, { businessAddress: PHONE_NUMBER_ARN }],
    ['no display number', {}, { metadata: { phone_number_id: '1' } }, { businessAddress: PHONE_NUMBER_ARN }],
    ['an image', WHATSAPP_IMAGE, {}, { content: WHATSAPP_IMAGE_CONTENT }],
    [
      'a type not known yet',
      { type: 'some_future_type', text: undefined },
      {},
      { content: { kind: 'unknown', type: 'some_future_type', fields: [] } },
    ],
    [
      'a context',
      { context: { id: 'wamid.Q', forwarded: true }, group_id: 'G' },
      {},
      { repliesTo: 'wamid.Q', forwarded: 'once', groupId: 'G' },
    ],
    [
      'a name with spaces around',
      {},
      { contact: { profile: { name: ' Bo\ud800 ' } } },
      { profileName: 'Bo\ufffd' },
    ],
  ])('takes %s', (_name, changes, surroundings, expected) => {
    expect(parse(changes, surroundings)).toEqual({ kind: 'message', message: { ...MESSAGE, ...expected } });
  });

  it.each<[name: string, changes: Fields, contact: Fields, address: string, kind: string]>([
    ['its user id', { from: undefined, from_user_id: userId }, {}, userId, 'whatsappUser'],
    ['its user id, its number being empty', { from: '', from_user_id: userId }, {}, userId, 'whatsappUser'],
    [
      'its user id, all digits',
      { from: null, from_user_id: '14255550182' },
      {},
      '14255550182',
      'whatsappUser',
    ],
    ['its contact’s user id', { from: undefined }, { user_id: userId }, userId, 'whatsappUser'],
    [
      'its parent’s user id',
      { from: undefined, from_parent_user_id: parentId },
      {},
      parentId,
      'whatsappUser',
    ],
    ['that of its contact', { from: undefined }, { parent_user_id: parentId }, parentId, 'whatsappUser'],
    [
      'its own rather than its parent’s',
      { from: undefined, from_parent_user_id: parentId },
      { user_id: userId },
      userId,
      'whatsappUser',
    ],
    ['its user id as from', { from: userId }, {}, userId, 'whatsappUser'],
    ['what is no address', { from: 'unknown sender' }, {}, 'unknown sender', 'unknown'],
  ])('has as customer without a number %s', (_name, changes, contact, address, kind) => {
    const { profileName, customerNumber, ...numberless } = MESSAGE;
    expect([profileName, customerNumber]).not.toContain(undefined);
    expect(parse(changes, { contact })).toEqual({
      kind: 'message',
      message: { ...numberless, customerAddress: address, customerAddressKind: kind },
    });
  });

  it.each<[name: string, changes: Fields, address: string]>([
    ['the user id before', { type: 'system', system: { previous_user_id: userId, user_id: 'MX.1' } }, userId],
    [
      'the number before',
      { type: 'system', system: { customer: '14255550182', wa_id: '1' } },
      '+14255550182',
    ],
  ])('has as customer of a notice without a sender %s', (_name, changes, address) => {
    expect(parse({ ...changes, from: undefined }, { contact: {} })).toMatchObject({
      message: { customerAddress: address, content: { kind: 'system' } },
    });
  });

  it('takes no sender from the notice of another type', () => {
    const changes = { from: undefined, system: { customer: '14255550182' } };
    expect(parse(changes, { contact: {} })).toMatchObject({ kind: 'notUnderstood' });
  });

  it.each<[name: string, metadata: unknown, businessAddress: string]>([
    ['its id', { phone_number_id: '100000000000001' }, '100000000000001'],
    ['its id as a number', { phone_number_id: 100_000_000_000_001 }, '100000000000001'],
    ['that it is not known', {}, 'unknown'],
    ['that it is not known, of odd metadata', [null], 'unknown'],
  ])('has as business address, for want of number and ARN, %s', (_name, metadata, businessAddress) => {
    expect(parse({}, { metadata, businessNumberArn: undefined })).toMatchObject({
      message: { businessAddress },
    });
  });

  it.each<[name: string, contact: Fields | undefined]>([
    ['no contact', undefined],
    ['no profile', {}],
    ['a null profile', { profile: null }],
    ['a blank name', { profile: { name: ' \t' } }],
    ['a name that is no string', { profile: { name: 5 } }],
  ])('gives no name for %s', (_name, contact) => {
    const { profileName, ...nameless } = MESSAGE;
    expect(profileName).toBeDefined();
    expect(parse({}, { contact })).toEqual({ kind: 'message', message: nameless });
  });

  it('gives no ARN where there is none', () => {
    const { businessNumberArn, ...bare } = MESSAGE;
    expect(businessNumberArn).toBeDefined();
    expect(parse({}, { businessNumberArn: undefined })).toEqual({ kind: 'message', message: bare });
  });

  const seconds = WHATSAPP_SENT_AT / 1_000;
  const minutes = 60;
  const days = 86_400;
  it.each<[name: string, timestamp: unknown, snsSeconds: number, sentSeconds: number]>([
    ['a string', String(seconds), seconds + 5, seconds],
    ['a number', seconds, seconds + 5, seconds],
    ['15 minutes ahead', String(seconds), seconds - 15 * minutes, seconds],
    ['more than 15 minutes ahead', String(seconds), seconds - 15 * minutes - 1, seconds - 15 * minutes - 1],
    ['30 days behind', String(seconds), seconds + 30 * days, seconds],
    ['more than 30 days behind', String(seconds), seconds + 30 * days + 1, seconds + 30 * days + 1],
    ['milliseconds', String(WHATSAPP_SENT_AT), seconds + 5, seconds + 5],
    ['missing', undefined, seconds, seconds],
    ['null', null, seconds, seconds],
    ['no number', 'yesterday', seconds, seconds],
    ['a fraction', seconds + 0.5, seconds, seconds],
    ['negative', -seconds, seconds, seconds],
    ['hexadecimal', '0x69a7bd68', seconds, seconds],
    ['empty', '', seconds, seconds],
  ])('takes a timestamp that is %s', (_name, timestamp, snsSeconds, sentSeconds) => {
    const parsed = parse({ timestamp }, { snsTimestamp: snsSeconds * 1_000 });
    expect(parsed).toMatchObject({ message: { sentAt: sentSeconds * 1_000 } });
  });

  it.each<[name: string, changes: Fields, surroundings: Partial<WhatsAppSurroundings>, detail: string]>([
    ['no id', { id: undefined }, {}, 'id is missing or unusable'],
    ['an empty id', { id: '' }, {}, 'id is missing or unusable'],
    ['an id that is no id', { id: [5] }, {}, 'id is missing or unusable'],
    ['an endless id', { id: 'w'.repeat(513) }, {}, 'id is missing or unusable'],
    ['no sender', { from: undefined }, {}, 'from and from_user_id are missing or unusable'],
    ['an unusable sender', { from: '+1\n425' }, {}, 'from and from_user_id are missing or unusable'],
  ])('does not understand %s', (_name, changes, surroundings, detail) => {
    expect(parse(changes, surroundings)).toEqual({ kind: 'notUnderstood', detail: `WhatsApp: ${detail}` });
  });

  it.each([null, 'text', 5, [], undefined])('does not understand the message %j', (message) => {
    expect(parseWhatsAppMessage(message, SURROUNDINGS)).toEqual({
      kind: 'notUnderstood',
      detail: 'WhatsApp: message is no object',
    });
  });
});
