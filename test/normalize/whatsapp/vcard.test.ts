import { describe, expect, it } from 'vitest';
import { readVcard } from '../../../src/normalize/whatsapp/vcard.ts';

describe('readVcard', () => {
  it.each<[name: string, vcard: unknown, expected: object]>([
    [
      'what a person can read',
      [
        'BEGIN:VCARD',
        'VERSION:3.0',
        'N:Example;Cy;;;',
        'FN;CHARSET=UTF-8:Cy Example',
        'item1.TEL;type=CELL;waid=14255550193:+1 425 555 0193',
        'ORG:Example Boots;Sales;',
        String.raw`NOTE:Ask for her\, or him\nby name`,
        'PHOTO;BASE64:AAAA',
        ' BBBB',
        'X-WA-BIZ-NAME:Cy',
        'END:VCARD',
      ].join('\r\n'),
      {
        name: 'Cy Example',
        fields: [
          { name: 'TEL', text: '+1 425 555 0193' },
          { name: 'ORG', text: 'Example Boots, Sales' },
          { name: 'NOTE', text: 'Ask for her, or him\nby name' },
        ],
      },
    ],
    ['lower case', 'fn:Bo\nnote:x', { name: 'Bo', fields: [{ name: 'NOTE', text: 'x' }] }],
    ['a folded line', 'NOTE:one\n  two', { fields: [{ name: 'NOTE', text: 'one two' }] }],
    ['an empty name', 'FN: \nNOTE:', { fields: [] }],
    ['what is no vCard', 'call me', { fields: [] }],
    ['no text', { a: 1 }, { fields: [] }],
    ['nothing', undefined, { fields: [] }],
  ])('reads %s', (_name, vcard, expected) => {
    expect(readVcard(vcard)).toEqual(expected);
  });

  it('has an end', () => {
    expect(readVcard('NOTE:x\n'.repeat(1_000)).fields).toHaveLength(20);
  });
});
