import { describe, expect, it } from 'vitest';
import { isOptOut } from '../../src/normalize/opt-out.ts';
import { parseSmsNotification } from '../../src/normalize/sms.ts';
import { readSmsContent } from '../../src/normalize/sms-content.ts';
import { SMS_MESSAGES } from '../fixtures/sms-messages.ts';

type Fields = Readonly<Record<string, unknown>>;

const RCS = 'rcs-0123456789abcdef0123456789abcdef';
const TEXT = 'Is my order on its way?';
const FILE = {
  kind: 'file',
  fileName: 'receipt.pdf',
  mimeType: 'application/pdf',
  size: '48213',
  source: 's3://example-media/inbound/0001/receipt.pdf',
};

const EXPECTED: Readonly<Record<string, Fields>> = {
  sms: { content: { kind: 'text', text: TEXT } },
  'sms-minimal': { content: { kind: 'text', text: TEXT } },
  'sms-empty': { content: { kind: 'empty' } },
  'sms-without-body': { content: { kind: 'empty' } },
  'sms-odd-number-body': { content: { kind: 'text', text: '42' } },
  'sms-odd-object-body': {
    content: { kind: 'unknown', type: 'none', fields: [{ name: 'text', text: 'hello' }] },
  },
  'sms-opt-out': { content: { kind: 'text', text: 'Stop please' }, isOptOut: true },
  'sms-from-short-code': { customerAddress: '23333', customerAddressKind: 'shortCode' },
  'sms-from-alphanumeric': { customerAddress: 'EXAMPLECO', customerAddressKind: 'alphanumeric' },
  'sms-without-destination': { businessAddress: 'unknown' },
  'rcs-text': { content: { kind: 'text', text: 'Where is my parcel?' }, businessAddress: RCS },
  'rcs-file': { content: FILE },
  'rcs-image': {
    content: {
      ...FILE,
      kind: 'image',
      fileName: 'photo.png',
      mimeType: 'image/png',
      source: 's3://example-media/inbound/0001/photo.png',
    },
  },
  'rcs-failed': {
    content: {
      kind: 'video',
      fileName: 'clip.mp4',
      mimeType: 'video/mp4',
      size: '1048576',
      failure: 'UPLOAD_FAILED: The bucket does not exist.',
    },
  },
  'rcs-other-json': { content: { kind: 'text', text: '{"latitude":47.62,"longitude":-122.35}' } },
};

describe('the SMS fixtures', () => {
  it('have a case each', () => {
    expect(Object.keys(EXPECTED)).toEqual(Object.keys(SMS_MESSAGES));
  });

  it.each(Object.entries(EXPECTED))('%s', (name, expected) => {
    const payload = JSON.parse(JSON.stringify(SMS_MESSAGES[name])) as Fields;
    expect(parseSmsNotification(payload, 0, undefined)).toMatchObject({ kind: 'message', message: expected });
  });
});

describe('readSmsContent', () => {
  const notice = { mediaStatus: 'SUCCESS', mimeType: 'image/png' };

  it.each<[name: string, body: Fields, content: Fields]>([
    ['audio', { ...notice, mimeType: 'Audio/AMR' }, { kind: 'audio', mimeType: 'Audio/AMR' }],
    [
      'a type that is none',
      { ...notice, mimeType: 'constructor' },
      { kind: 'file', mimeType: 'constructor' },
    ],
    ['nothing but a status', { mediaStatus: 'SUCCESS' }, { kind: 'file' }],
    ['a key without bucket', { ...notice, s3Key: 'k' }, { kind: 'image', mimeType: 'image/png' }],
    [
      'a failure without words',
      { mediaStatus: 'ROLE_ASSUME_FAILED' },
      { kind: 'file', failure: 'ROLE_ASSUME_FAILED' },
    ],
    ['an empty status', { mediaStatus: '' }, { kind: 'file', failure: 'unknown' }],
  ])('takes a media notice with %s', (_name, body, content) => {
    expect(readSmsContent(JSON.stringify(body), RCS)).toEqual(content);
  });

  it('takes one that is no string', () => {
    expect(readSmsContent(notice, RCS)).toEqual({ kind: 'image', mimeType: 'image/png' });
  });

  it('keeps every digit of a size', () => {
    const body = '{"mediaStatus":"SUCCESS","fileSizeBytes":12345678901234567890}';
    expect(readSmsContent(body, RCS)).toEqual({ kind: 'file', size: '12345678901234567890' });
  });

  it.each<[name: string, body: string, destination: string | undefined]>([
    ['to a number', JSON.stringify(notice), '+12065550100'],
    ['to nobody', JSON.stringify(notice), undefined],
    ['whose status is no text', '{"mediaStatus":1}', RCS],
    ['that is a list', `[${JSON.stringify(notice)}]`, RCS],
    ['that is cut off', '{"mediaStatus":"SUCCESS"', RCS],
    ['that a customer typed', 'mediaStatus', RCS],
  ])('takes as text what looks like a media notice %s', (_name, body, destination) => {
    expect(readSmsContent(body, destination)).toEqual({ kind: 'text', text: body });
  });

  it.each<[body: unknown, fields: unknown]>([
    [true, [{ name: 'messageBody', text: 'true' }]],
    [[], []],
    [['a', 'b'], [{ name: 'messageBody', text: 'a, b' }]],
  ])('makes a placeholder of the body %j', (body, fields) => {
    expect(readSmsContent(body, undefined)).toEqual({ kind: 'unknown', type: 'none', fields });
  });
});

describe('isOptOut', () => {
  it.each([
    'STOP',
    'stop',
    ' \nStop',
    'stop.',
    'Stop, please',
    'opt-out',
    'OptOut now',
    'ARRET',
    'cancel',
    'END',
    'quit',
    'Remove me',
    'td',
    'unsubscribe!',
    'stop\u{1f6d1}',
  ])('is so of %j', (text) => {
    expect(isOptOut(text)).toBe(true);
  });

  it.each([
    '',
    ' ',
    'Please stop',
    'stopped',
    'stop2',
    'stop_it',
    'non-stop',
    'stop-gap',
    'stopé',
    'ends',
    '"stop"',
    'start',
    '\u{1f6d1} stop',
  ])('is not so of %j', (text) => {
    expect(isOptOut(text)).toBe(false);
  });
});
