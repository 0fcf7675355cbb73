import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTrackingId, trackingIdOf } from '../../src/normalize/reply-tracking.ts';

const REPLY = {
  contactId: '0f3c1a52-8a40-4d0e-9d6c-6b7f2f3f6a10',
  replyId: '5b0b6f0e-0d0f-4a4a-8a77-0f5a3f1d2e02',
} as const;

describe('a tracking id', () => {
  it('says whose chat a reply was written in, and which one it is', () => {
    const trackingId = trackingIdOf(REPLY);
    expect(trackingId).toBe(`sms-connect-bridge/1/${REPLY.contactId}/${REPLY.replyId}`);
    expect(readTrackingId(trackingId)).toEqual(REPLY);
  });

  it('gives back any ids, or there is none', () => {
    const id = fc.string({ unit: 'binary', minLength: 1 });
    fc.assert(
      fc.property(id, id, (contactId, replyId) => {
        const trackingId = trackingIdOf({ contactId, replyId });
        if (trackingId !== undefined) expect(readTrackingId(trackingId)).toEqual({ contactId, replyId });
        expect(trackingId?.length ?? 0).toBeLessThanOrEqual(512);
      }),
    );
  });

  it('there is none for ids that would be cut off', () => {
    expect(trackingIdOf({ ...REPLY, replyId: 'x'.repeat(500) })).toBeUndefined();
  });

  it.each([
    ['nothing', undefined],
    ['no text', 5],
    ['another’s', 'order-5'],
    ['another version’s', 'sms-connect-bridge/2/a/b'],
    ['one id', 'sms-connect-bridge/1/a'],
    ['an empty id', 'sms-connect-bridge/1//b'],
    ['three ids', 'sms-connect-bridge/1/a/b/c'],
    ['what can’t be decoded', 'sms-connect-bridge/1/%/b'],
  ])('is not %s', (_name, text) => {
    expect(readTrackingId(text)).toBeUndefined();
  });
});
