import { describe, expect, it } from 'vitest';
import { DEAD_REASONS } from '../../src/queue/message-store.ts';
import { NOTICE_WORDS, makeNotice } from '../../src/send/notice.ts';
import { NOW, REPLY } from './claim-scene.ts';

const UNDELIVERED = { contactId: 'contact-1', replyId: 'item-1', why: 'the customer has opted out' };

describe('a notice', () => {
  it('is a message of the conversation, about one reply, for one chat', () => {
    expect(makeNotice(REPLY, { ...UNDELIVERED, text: 'How can I help?' }, NOW)).toEqual({
      channel: 'sms',
      customerAddress: '+14255550182',
      customerAddressKind: 'phone',
      businessAddress: '+12065550100',
      externalId: 'notice:item-1',
      sentAt: NOW,
      content: {
        kind: 'notice',
        contactId: 'contact-1',
        why: 'the customer has opted out',
        about: 'How can I help?',
      },
    });
  });

  it.each<{ name: string; text: string | undefined; about: string | undefined }>([
    { name: 'nothing of a text that is not at hand', text: undefined, about: undefined },
    { name: 'a short text whole', text: 'x'.repeat(100), about: 'x'.repeat(100) },
    { name: 'the beginning of a long one', text: 'x'.repeat(101), about: `${'x'.repeat(100)}…` },
    { name: 'no half of a character', text: `${'x'.repeat(99)}😀!`, about: `${'x'.repeat(99)}…` },
  ])('quotes $name', ({ text, about }) => {
    const { content } = makeNotice(REPLY, { ...UNDELIVERED, ...(text === undefined ? {} : { text }) }, NOW);
    expect(content).toMatchObject(about === undefined ? { kind: 'notice' } : { about });
    if (about === undefined) expect(content).not.toHaveProperty('about');
  });

  it('has words for every way to give a reply up', () => {
    for (const reason of DEAD_REASONS) expect(NOTICE_WORDS[reason]).toMatch(/^[a-z].*[a-z]$/);
  });
});
