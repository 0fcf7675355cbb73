import { describe, expect, it } from 'vitest';
import { trackingIdOf } from '../../../src/normalize/reply-tracking.ts';
import { findFailedReplies } from '../../../src/normalize/whatsapp/failed-replies.ts';

const REPLY = { contactId: 'contact-1', replyId: 'reply-1' } as const;
const FAILED = {
  id: 'wamid.FIXTURE0003',
  status: 'failed',
  biz_opaque_callback_data: trackingIdOf(REPLY),
} as const;

function whyOf(errors: unknown): string | undefined {
  return findFailedReplies([{ ...FAILED, errors }]).failures[0]?.why;
}

describe('findFailedReplies', () => {
  it.each<[name: string, errors: unknown, why: RegExp]>([
    ['24 hours', [{ code: 131047, title: 'Re-engagement message' }], /24 hours/],
    ['undeliverable', [{ code: 131026, title: 'Message undeliverable' }], /can’t reach the customer/],
    ['a code as text', [{ code: '131049' }], /chose not to deliver/],
    ['marketing refused', [{ code: 131050 }], /marketing/],
    ['the first code that is known', [{ code: 1 }, { code: 131056 }], /too many messages/],
    [
      'a code that is not known: Meta’s own words',
      [{ code: 1, title: 'New', message: 'New', error_data: { details: 'Something new.' } }],
      /^WhatsApp says: New: Something new\.$/,
    ],
    ['a code that every object inherits', [{ code: 'toString' }], /^WhatsApp gives no reason$/],
    ['no errors', undefined, /^WhatsApp gives no reason$/],
    ['errors that are no list', { code: 131047 }, /^WhatsApp gives no reason$/],
  ])('says why: %s', (_name, errors, why) => {
    expect(whyOf(errors)).toMatch(why);
  });

  it('bounds Meta’s own words', () => {
    expect(whyOf([{ title: '😀'.repeat(2_000) }])?.length).toBeLessThan(600);
  });

  it.each<[name: string, statuses: unknown, failures: number, others: boolean]>([
    ['a failed reply', [FAILED], 1, false],
    ['a failed reply and another’s message', [FAILED, { status: 'failed' }], 1, true],
    ['a delivered reply', [{ ...FAILED, status: 'delivered' }], 0, true],
    ['a failed message of another sender', [{ ...FAILED, biz_opaque_callback_data: 'order-5' }], 0, true],
    ['what is no status', [null, 5], 0, true],
    ['no list', FAILED, 0, true],
    ['an empty list', [], 0, false],
  ])('%s', (_name, statuses, count, others) => {
    const found = findFailedReplies(statuses);
    expect(found.failures).toHaveLength(count);
    expect(found.others).toBe(others);
    for (const failure of found.failures) expect(failure).toMatchObject({ kind: 'replyFailure', ...REPLY });
  });
});
