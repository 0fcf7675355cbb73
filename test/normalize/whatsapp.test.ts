import { describe, expect, it } from 'vitest';
import { trackingIdOf } from '../../src/normalize/reply-tracking.ts';
import { PARTS_MAX, parseWhatsAppNotification } from '../../src/normalize/whatsapp.ts';
import {
  OTHER_PHONE_NUMBER_ARN,
  PHONE_NUMBER_ARN,
  PHONE_NUMBER_ID,
  WHATSAPP_CONTACT,
  WHATSAPP_METADATA,
  WHATSAPP_SENT_AT,
  WHATSAPP_STATUS,
  whatsAppChange,
  whatsAppEntry,
  whatsAppPayload,
  whatsAppStatusChange,
  whatsAppText,
} from '../fixtures/whatsapp-payload.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Each part in a word: the id of a message, the detail or the reason. */
function outcomes(payload: Fields): string[] {
  return parseWhatsAppNotification(payload, WHATSAPP_SENT_AT).map(({ parsed }) => {
    switch (parsed.kind) {
      case 'message':
        return parsed.message.externalId;
      case 'notUnderstood':
        return parsed.detail;
      case 'ignored':
        return `ignored: ${parsed.reason}${parsed.field === undefined ? '' : ` of ${parsed.field}`}`;
      case 'replyFailure':
        return `failed: ${parsed.replyId} in ${parsed.contactId}: ${parsed.why}`;
    }
  });
}

function messageOf(payload: Fields): unknown {
  const [first] = parseWhatsAppNotification(payload, WHATSAPP_SENT_AT);
  return first?.parsed.kind === 'message' ? first.parsed.message : first?.parsed;
}

/** The status of a reply that the bridge sent and WhatsApp could not deliver. */
function failed(replyId: string): Fields {
  const biz_opaque_callback_data = trackingIdOf({ contactId: 'contact-1', replyId });
  return { ...WHATSAPP_STATUS, status: 'failed', biz_opaque_callback_data };
}

function statuses(value: unknown): Fields {
  return { field: 'messages', value: { statuses: value } };
}

const A = whatsAppText({ id: 'A' });
const B = whatsAppText({ id: 'B' });
const C = whatsAppText({ id: 'C' });

/** The entries of one part: its message and its contact, and nothing else. */
function cutEntries(contact: Fields, message: Fields): unknown {
  return [
    whatsAppEntry([
      {
        field: 'messages',
        value: {
          messaging_product: 'whatsapp',
          metadata: WHATSAPP_METADATA,
          contacts: [contact],
          messages: [message],
        },
      },
    ]),
  ];
}

describe('the parts of a notification', () => {
  it.each<[name: string, entry: unknown, outcomes: string[]]>([
    ['one message', whatsAppEntry([whatsAppChange([A])]), ['A']],
    [
      'several messages in several changes',
      whatsAppEntry([whatsAppChange([A, B]), whatsAppChange([C])]),
      ['A', 'B', 'C'],
    ],
    [
      'broken messages between good ones',
      whatsAppEntry([whatsAppChange([A, null, { ...B, id: '' }, C])]),
      ['A', 'WhatsApp: message is no object', 'WhatsApp: id is missing or unusable', 'C'],
    ],
    [
      'broken changes between good ones',
      whatsAppEntry([5, whatsAppChange([A]), { field: 'messages', value: 'x' }, whatsAppChange([B])]),
      ['WhatsApp: change is no object', 'A', 'WhatsApp: value is no object', 'B'],
    ],
    ['a change without field', whatsAppEntry([{ ...whatsAppChange([A]), field: undefined }]), ['A']],
    [
      'messages that are no array',
      whatsAppEntry([whatsAppChange([], { messages: A })]),
      ['WhatsApp: messages are no array'],
    ],
    ['a status', whatsAppEntry([whatsAppStatusChange()]), ['ignored: status of messages']],
    [
      'a status beside a message',
      whatsAppEntry([whatsAppStatusChange(), whatsAppChange([A])]),
      ['ignored: status of messages', 'A'],
    ],
    [
      'a reply that failed, among other statuses',
      whatsAppEntry([whatsAppStatusChange([WHATSAPP_STATUS, failed('reply-1'), { status: 'failed' }])]),
      ['failed: reply-1 in contact-1: WhatsApp gives no reason', 'ignored: status of messages'],
    ],
    [
      'nothing but replies that failed',
      whatsAppEntry([whatsAppStatusChange([failed('reply-1'), failed('reply-2')])]),
      [
        'failed: reply-1 in contact-1: WhatsApp gives no reason',
        'failed: reply-2 in contact-1: WhatsApp gives no reason',
      ],
    ],
    [
      'a reply that failed, in the change of a message',
      whatsAppEntry([whatsAppChange([A], { statuses: [failed('reply-1'), WHATSAPP_STATUS] })]),
      ['failed: reply-1 in contact-1: WhatsApp gives no reason', 'A'],
    ],
    [
      'statuses that are no list',
      whatsAppEntry([statuses({ status: 'failed' })]),
      ['ignored: status of messages'],
    ],
    [
      'errors',
      whatsAppEntry([{ field: 'messages', value: { errors: [{ code: 130429 }] } }]),
      ['ignored: errors of messages'],
    ],
    ['errors beside messages', whatsAppEntry([whatsAppChange([A], { errors: [{ code: 1 }] })]), ['A']],
    [
      'another field',
      whatsAppEntry([{ field: 'account_update', value: { event: 'X' } }]),
      ['ignored: other_field of account_update'],
    ],
    [
      'a field that is not known',
      whatsAppEntry([{ field: 'my number is 14255550182', value: {} }]),
      ['ignored: other_field of other'],
    ],
    [
      'a field that every object inherits',
      whatsAppEntry([{ field: 'toString', value: { messages: [A] } }]),
      ['ignored: other_field of other'],
    ],
    ['an empty field', whatsAppEntry([{ ...whatsAppChange([A]), field: '' }]), ['A']],
    ['an empty list of messages', whatsAppEntry([whatsAppChange([])]), ['ignored: no_messages of messages']],
    ['an empty change', whatsAppEntry([{}]), ['ignored: no_messages of messages']],
    ['no changes', whatsAppEntry([]), ['ignored: no_messages']],
    ['nothing', {}, ['WhatsApp: changes are no array']],
    ['changes that are no array', { changes: {} }, ['WhatsApp: changes are no array']],
    [
      'Meta’s whole webhook',
      { entry: [whatsAppEntry([whatsAppChange([A])]), whatsAppEntry([whatsAppChange([B])])] },
      ['A', 'B'],
    ],
    [
      'a webhook with a broken entry',
      { entry: [null, whatsAppEntry([whatsAppChange([A])])] },
      ['WhatsApp: changes are no array', 'A'],
    ],
    ['a webhook without entries', { entry: [] }, ['ignored: no_messages']],
    ['a number', 5, ['WhatsApp: whatsAppWebhookEntry is no JSON object']],
    ['null', null, ['WhatsApp: whatsAppWebhookEntry is no JSON object']],
    ['a list', [whatsAppEntry([])], ['WhatsApp: whatsAppWebhookEntry is no JSON object']],
  ])('%s', (_name, entry, expected) => {
    expect(outcomes(whatsAppPayload(entry))).toEqual(expected);
    // The entry as an object in the payload means the same as its JSON.
    expect(
      outcomes({ ...whatsAppPayload(entry), whatsAppWebhookEntry: JSON.parse(JSON.stringify(entry)) }),
    ).toEqual(expected);
  });

  it('does not understand an entry that is no JSON', () => {
    const payload = whatsAppPayload({}, { whatsAppWebhookEntry: '{"id":' });
    expect(outcomes(payload)).toEqual(['WhatsApp: whatsAppWebhookEntry is no JSON object']);
  });

  it('takes at most PARTS_MAX parts, and the rest as one', () => {
    const messages = Array.from({ length: PARTS_MAX + 2 }, (_, index) => whatsAppText({ id: `M${index}` }));
    const entry = whatsAppEntry([whatsAppChange(messages), whatsAppChange([A])]);
    const parts = parseWhatsAppNotification(whatsAppPayload(entry), WHATSAPP_SENT_AT);
    expect(parts).toHaveLength(PARTS_MAX + 1);
    expect(parts.at(-1)?.parsed).toEqual({
      kind: 'notUnderstood',
      detail: `WhatsApp: more than ${PARTS_MAX} messages in one notification`,
    });
    const rest = { entry: parts.at(-1)?.entries };
    expect(outcomes(whatsAppPayload(rest))).toEqual([`M${PARTS_MAX}`, `M${PARTS_MAX + 1}`, 'A']);
  });

  it('has no rest with exactly PARTS_MAX parts', () => {
    const messages = Array.from({ length: PARTS_MAX }, (_, index) => whatsAppText({ id: `M${index}` }));
    expect(outcomes(whatsAppPayload(whatsAppEntry([whatsAppChange(messages)]))).at(-1)).toBe(
      `M${PARTS_MAX - 1}`,
    );
  });
});

describe('the number that a message came to', () => {
  const entry = whatsAppEntry([whatsAppChange([A])]);
  const exact = { metaPhoneNumberId: PHONE_NUMBER_ID, arn: PHONE_NUMBER_ARN };
  const other = { metaPhoneNumberId: '100000000000009', arn: OTHER_PHONE_NUMBER_ARN };

  it.each<[name: string, numbers: unknown, arn: string | undefined]>([
    ['the one with Meta’s id', [other, exact], PHONE_NUMBER_ARN],
    ['the only one, whatever its id', [other], OTHER_PHONE_NUMBER_ARN],
    ['the only distinct one', [{ arn: OTHER_PHONE_NUMBER_ARN }, other], OTHER_PHONE_NUMBER_ARN],
    ['none of several others', [other, { metaPhoneNumberId: '1', arn: PHONE_NUMBER_ARN }], undefined],
    [
      'the one with Meta’s id as a number',
      [other, { ...exact, metaPhoneNumberId: Number(PHONE_NUMBER_ID) }],
      PHONE_NUMBER_ARN,
    ],
    ['an ARN by itself', [OTHER_PHONE_NUMBER_ARN], OTHER_PHONE_NUMBER_ARN],
    ['none from bare ids', [PHONE_NUMBER_ID], undefined],
    ['none from what is no ARN', [{ ...exact, arn: 'arn:aws:XXXX' }], undefined],
    ['none from odd types', [null, 5, [], { toString: 1, arn: {} }], undefined],
    ['none from what is no list', { ...exact }, undefined],
    ['none from nothing', undefined, undefined],
  ])('%s', (_name, numbers, arn) => {
    const payload = whatsAppPayload(entry, { context: { MetaPhoneNumberIds: numbers } });
    expect(messageOf(payload)).toMatchObject({ businessAddress: '+12065550100' });
    expect((messageOf(payload) as Fields)['businessNumberArn']).toBe(arn);
  });

  it('none without a context', () => {
    expect(messageOf(whatsAppPayload(entry, { context: null }))).not.toHaveProperty('businessNumberArn');
  });

  it('is not the first where Meta gives no id', () => {
    const nameless = whatsAppEntry([
      whatsAppChange([A], { metadata: { display_phone_number: '12065550100' } }),
    ]);
    const context = { MetaPhoneNumberIds: [{ arn: PHONE_NUMBER_ARN }, other] };
    expect(messageOf(whatsAppPayload(nameless, { context }))).not.toHaveProperty('businessNumberArn');
  });
});

describe('the contact of a message', () => {
  const ana = WHATSAPP_CONTACT;
  const bo = { profile: { name: 'Bo Example' }, wa_id: '14255550183' };
  const byUserId = { profile: { name: 'Cy Example' }, user_id: 'US.13491208655302741918' };
  const fromBo = whatsAppText({ from: '14255550183' });
  const fromUser = whatsAppText({ from: undefined, from_user_id: 'US.13491208655302741918' });

  it.each<[name: string, contacts: unknown, messages: readonly Fields[], names: (string | undefined)[]]>([
    ['by number', [bo, ana], [A, fromBo], ['Ana Example', 'Bo Example']],
    ['by a number for a number', [bo, ana], [whatsAppText({ from: 14_255_550_183 })], ['Bo Example']],
    ['by user id', [ana, byUserId], [fromUser], ['Cy Example']],
    ['the only one, though its number is written otherwise', [bo], [A, B], ['Bo Example', 'Bo Example']],
    ['not the only one where it is another message’s', [ana], [A, fromBo], ['Ana Example', undefined]],
    ['none of several others', [ana, byUserId], [fromBo], [undefined]],
    ['none where both have no number', [{ profile: { name: 'X' } }, ana], [fromUser], [undefined]],
    [
      'none where both numbers are empty',
      [{ profile: { name: 'X' }, wa_id: '' }, ana],
      [{ ...fromUser, from: '' }],
      [undefined],
    ],
    ['beside broken ones', [null, 5, ana], [A], ['Ana Example']],
    ['not in what is no list', ana, [A], [undefined]],
    ['not in nothing', undefined, [A], [undefined]],
  ])('%s', (_name, contacts, messages, names) => {
    const payload = whatsAppPayload(whatsAppEntry([whatsAppChange(messages, { contacts })]));
    const found = parseWhatsAppNotification(payload, WHATSAPP_SENT_AT).map(({ parsed }) => {
      return parsed.kind === 'message' ? parsed.message.profileName : parsed;
    });
    expect(found).toEqual(names);
  });

  it('goes with its message, and nobody else’s does', () => {
    const change = whatsAppChange([A, fromBo], { contacts: [bo, ana], statuses: [{ id: 'S' }] });
    const [first, second] = parseWhatsAppNotification(
      whatsAppPayload(whatsAppEntry([change])),
      WHATSAPP_SENT_AT,
    );
    expect(JSON.stringify(first?.entries)).toBe(JSON.stringify(cutEntries(ana, A)));
    expect(JSON.stringify(second?.entries)).toBe(JSON.stringify(cutEntries(bo, fromBo)));
  });
});
