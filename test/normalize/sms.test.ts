import { describe, expect, it } from 'vitest';
import { UNKNOWN_BUSINESS_ADDRESS } from '../../src/normalize/inbound-message.ts';
import { parseSmsNotification } from '../../src/normalize/sms.ts';
import { SMS_PAYLOAD } from '../fixtures/sms-payload.ts';

const SNS_TIMESTAMP = Date.parse('2026-03-04T05:06:07.890Z');

const MESSAGE = {
  channel: 'sms',
  customerAddress: '+14255550182',
  customerAddressKind: 'phone',
  customerNumber: '+14255550182',
  businessAddress: '+12065550100',
  externalId: SMS_PAYLOAD.inboundMessageId,
  sentAt: SNS_TIMESTAMP,
  content: { kind: 'text', text: SMS_PAYLOAD.messageBody },
  keyword: SMS_PAYLOAD.messageKeyword,
  previousPublishedMessageId: SMS_PAYLOAD.previousPublishedMessageId,
};

function parse(changes: Readonly<Record<string, unknown>>, country?: 'US'): unknown {
  const payload = JSON.parse(JSON.stringify({ ...SMS_PAYLOAD, ...changes })) as Readonly<
    Record<string, unknown>
  >;
  return parseSmsNotification(payload, SNS_TIMESTAMP, country);
}

describe('parseSmsNotification', () => {
  it('reads every documented field', () => {
    expect(parse({})).toEqual({ kind: 'message', message: MESSAGE });
  });

  const { keyword, previousPublishedMessageId, ...bare } = MESSAGE;

  it.each<[name: string, changes: Readonly<Record<string, unknown>>, message: unknown]>([
    ['an empty body', { messageBody: '' }, { ...MESSAGE, content: { kind: 'empty' } }],
    ['no body', { messageBody: undefined }, { ...MESSAGE, content: { kind: 'empty' } }],
    ['a null body', { messageBody: null }, { ...MESSAGE, content: { kind: 'empty' } }],
    ['spaces, kept', { messageBody: ' \r\n' }, { ...MESSAGE, content: { kind: 'text', text: ' \r\n' } }],
    [
      'a lone surrogate',
      { messageBody: 'a\ud83d' },
      { ...MESSAGE, content: { kind: 'text', text: 'a\ufffd' } },
    ],
    [
      'control characters, kept',
      { messageBody: 'a\0\u0085' },
      { ...MESSAGE, content: { kind: 'text', text: 'a\0\u0085' } },
    ],
    ['a short code as destination', { destinationNumber: '23333' }, { ...MESSAGE, businessAddress: '23333' }],
    ['a destination without plus', { destinationNumber: '12065550100' }, MESSAGE],
    [
      'an RCS agent as destination',
      { destinationNumber: 'rcs-0123456789abcdef0123456789abcdef', messageKeyword: undefined },
      { ...bare, previousPublishedMessageId, businessAddress: 'rcs-0123456789abcdef0123456789abcdef' },
    ],
    [
      'no destination',
      { destinationNumber: undefined },
      { ...MESSAGE, businessAddress: UNKNOWN_BUSINESS_ADDRESS },
    ],
    [
      'an unusable destination',
      { destinationNumber: '+1\u0000206' },
      { ...MESSAGE, businessAddress: UNKNOWN_BUSINESS_ADDRESS },
    ],
    ['numbers for digits', { originationNumber: 14_255_550_182, destinationNumber: 12_065_550_100 }, MESSAGE],
    ['a number for an id', { inboundMessageId: 7 }, { ...MESSAGE, externalId: '7' }],
    ['a number for a text', { messageBody: 42 }, { ...MESSAGE, content: { kind: 'text', text: '42' } }],
    [
      'an opt-out word',
      { messageBody: 'stop it' },
      { ...MESSAGE, content: { kind: 'text', text: 'stop it' }, isOptOut: true },
    ],
    ['the word null as previous id', { previousPublishedMessageId: 'null' }, { ...bare, keyword }],
    ['no optional fields', { previousPublishedMessageId: undefined, messageKeyword: '' }, bare],
    ['optional fields of another type', { previousPublishedMessageId: [], messageKeyword: {} }, bare],
    ['fields that nobody documents', { messageSegmentCount: 2, timestamp: 'soon' }, MESSAGE],
  ])('takes %s', (_name, changes, message) => {
    expect(parse(changes)).toEqual({ kind: 'message', message });
  });

  it.each([
    ['23333', 'shortCode'],
    ['EXAMPLECO', 'alphanumeric'],
    ['unknown: withheld', 'unknown'],
  ])('takes the sender %s as %s', (originationNumber, kind) => {
    const { customerNumber, ...numberless } = MESSAGE;
    expect(customerNumber).toBeDefined();
    expect(parse({ originationNumber })).toEqual({
      kind: 'message',
      message: { ...numberless, customerAddress: originationNumber, customerAddressKind: kind },
    });
  });

  it('takes a national form as a number of the default country', () => {
    const national = { originationNumber: '425-555-0182', destinationNumber: '2065550100' };
    expect(parse(national, 'US')).toEqual({ kind: 'message', message: MESSAGE });
    expect(parse(national)).toMatchObject({
      message: { customerAddress: '425-555-0182', businessAddress: '+2065550100' },
    });
  });

  it.each<[field: string, value: unknown]>([
    ['originationNumber', undefined],
    ['originationNumber', '  '],
    ['originationNumber', true],
    ['originationNumber', 'x'.repeat(256)],
    ['inboundMessageId', undefined],
    ['inboundMessageId', ''],
    ['inboundMessageId', ['a']],
    ['inboundMessageId', 'a\ud800'],
  ])('does not understand %s: %j', (field, value) => {
    expect(parse({ [field]: value })).toEqual({
      kind: 'notUnderstood',
      detail: `SMS: ${field} is missing or unusable`,
    });
  });
});
