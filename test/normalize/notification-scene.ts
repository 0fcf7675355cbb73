/** Notifications to normalize, and what holds of every one of them. */
import { expect } from 'vitest';
import { CONTENT_KINDS } from '../../src/normalize/inbound-message.ts';
import type { NormalizedItem } from '../../src/normalize/inbound-message.ts';
import { normalizeNotification } from '../../src/normalize/normalize-notification.ts';
import type { NotificationFields } from '../../src/normalize/normalize-notification.ts';
import { WHATSAPP_SENT_AT } from '../fixtures/whatsapp-payload.ts';

export const NOTIFICATION = {
  MessageId: '1b0f6c1e-3f5d-5a8e-9c57-3a4b5c6d7e8f',
  TopicArn: 'arn:aws:sns:us-west-2:111122223333:inbound',
  Timestamp: new Date(WHATSAPP_SENT_AT + 2_000).toISOString(),
} as const;

export function normalize(
  message: string,
  changes: Partial<NotificationFields> = {},
): readonly NormalizedItem[] {
  return normalizeNotification({ ...NOTIFICATION, Message: message, ...changes }, { defaultCountry: 'US' });
}

export function normalizeRaw(raw: string): readonly NormalizedItem[] {
  return normalizeNotification(JSON.parse(raw) as NotificationFields, { defaultCountry: 'US' });
}

/** What holds of every notification; the item for what is beyond PARTS_MAX is no part of it. */
export function expectInvariants(items: readonly NormalizedItem[]): void {
  expect(items.length).toBeGreaterThan(0);
  for (const item of items) {
    if (item.kind === 'ignored' || item.kind === 'replyFailure') continue;
    expect(item.raw.isWellFormed()).toBe(true);
    expect(normalizeRaw(item.raw)).toEqual([item]);
    if (item.kind !== 'message') continue;
    const { customerAddress, businessAddress, externalId, sentAt, content } = item.message;
    for (const text of [customerAddress, businessAddress, externalId]) expect(text).not.toBe('');
    expect(sentAt).toSatisfy(Number.isSafeInteger);
    expect(CONTENT_KINDS).toContain(content.kind);
    // Well-formed throughout, and plain JSON: the store gives back what it was given.
    expect(JSON.stringify(item.message)).not.toMatch(/\\ud[89a-f]/i);
    expect(JSON.parse(JSON.stringify(item.message))).toStrictEqual(item.message);
  }
}
