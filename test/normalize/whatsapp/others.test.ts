import { describe, expect, it } from 'vitest';
import { readContent } from '../../../src/normalize/whatsapp/content.ts';
import { readContext } from '../../../src/normalize/whatsapp/context.ts';
import { readOthers } from '../../../src/normalize/whatsapp/others.ts';
import { FIELDS_MAX } from '../../../src/normalize/readable-fields.ts';
import { WHATSAPP_MESSAGES } from '../../fixtures/whatsapp-messages.ts';

type Fields = Readonly<Record<string, unknown>>;

function othersOf(message: Fields): readonly string[] {
  const others = readOthers(message, { content: readContent(message), ...readContext(message) });
  return others.map(({ name, text }) => `${name}: ${text}`);
}

const CARD = { name: { formatted_name: 'Bo' }, vcard: 'BEGIN:VCARD' };

describe('readOthers', () => {
  it.each(Object.keys(WHATSAPP_MESSAGES).filter((name) => !name.includes('more')))(
    'leaves out what the fixture %s says already',
    (name) => {
      expect(othersOf(WHATSAPP_MESSAGES[name] as Fields)).toEqual([]);
    },
  );

  it.each<[name: string, message: Fields, others: readonly string[]]>([
    [
      'errors of a known type',
      { type: 'image', image: { id: '3' }, errors: [{ code: 131_052, title: 'Media download error' }] },
      ['error: Media download error'],
    ],
    [
      'a body of another type',
      { type: 'image', image: { id: '3' }, text: { body: 'Look' } },
      ['text.body: Look'],
    ],
    [
      'a field of its own body',
      { type: 'audio', audio: { id: '3', transcript: 'Hello', sha256: 'x' } },
      ['transcript: Hello'],
    ],
    [
      'a field of a card',
      { type: 'contacts', contacts: [CARD, { ...CARD, ims: [{ service: 'AIM', user_id: 'bo' }] }] },
      ['contacts.2.ims.1.service: AIM', 'contacts.2.ims.1.user_id: bo'],
    ],
    [
      'an item’s name, and a price that is an object',
      {
        type: 'order',
        order: { product_items: [{ quantity: 1, name: 'Boot', item_price: { amount: 1250 } }] },
      },
      ['product_items.1.name: Boot', 'product_items.1.item_price.amount: 1250'],
    ],
    [
      'the old number beside the new one, but not the sender’s',
      { from: '1', type: 'system', system: { body: 'b', wa_id: '3', new_wa_id: '2', user: '1' } },
      ['wa_id: 3'],
    ],
    [
      'an edit’s, and those of what it holds',
      { type: 'edit', edit: { message: { type: 'text', text: { body: 'a', tone: 'sad' } } } },
      ['tone: sad'],
    ],
    [
      'a reference’s',
      { type: 'text', text: { body: 'a' }, context: { mentions: ['1', '2'] }, referral: { ref: 'promo' } },
      ['context.mentions: 1, 2', 'referral.ref: promo'],
    ],
    [
      'only a reference’s of an unknown type',
      { type: 'x', x: { a: 1 }, referral: { ref: 'p' } },
      ['referral.ref: p'],
    ],
    [
      'nothing of a choice, which bots match',
      {
        type: 'interactive',
        interactive: { type: 'button_reply', button_reply: { title: 'Yes', id: '1', style: 'x' } },
      },
      [],
    ],
    [
      'nothing of what surrounds messages',
      { type: 'text', text: { body: 'a' }, metadata: { a: 1 }, contact: { b: 2 }, field: 'messages' },
      [],
    ],
  ])('gives %s', (_name, message, others) => {
    expect(othersOf(message)).toEqual(others);
  });

  it('gives no more than a person would read', () => {
    const text = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`f${index}`, index]));
    const others = othersOf({ type: 'text', text: { body: 'a', ...text } });
    expect(others).toHaveLength(FIELDS_MAX + 1);
    expect(others.at(-1)).toBe(': …');
  });
});
