import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CountryCode } from 'libphonenumber-js/max';
import { addressOf, parsePhoneNumber } from '../../src/normalize/phone-number.ts';

// One seed, so that a run that passed passes again.
fc.configureGlobal({ seed: 20_260_304 });

/** Of which texts are made that look like numbers, or nearly. */
const NUMBER_UNITS = [...Array.from('0123456789+-() .x#;٣５'), 'tel:', ';ext=', '\u202a', '\u{1d7d8}'];
const E164 = /^\+[1-9]\d{6,14}$/;

describe('addressOf', () => {
  it.each<[name: string, text: string, country: CountryCode | undefined, address: string]>([
    ['E.164', '+14255550182', undefined, '+14255550182'],
    ['E.164 with a default country', '+14255550182', 'NZ', '+14255550182'],
    ['E.164 between spaces', ' +14255550182\n', undefined, '+14255550182'],
    ['E.164 that a stricter reader would shorten', '+4402079460018', undefined, '+4402079460018'],
    ['separators', '+1 (425) 555-0182', undefined, '+14255550182'],
    ['dots and slashes', '+1 425.555/0182', undefined, '+14255550182'],
    ['a soft hyphen and direction marks', '\u202a+1 425\u00ad5550182\u202c', undefined, '+14255550182'],
    ['a trunk zero in brackets', '+44 (0)20 7946 0018', undefined, '+442079460018'],
    ['an extension', '+44 20 7946 0018 ext. 12', undefined, '+442079460018'],
    ['full-width', '＋１４２５５５５０１８２', undefined, '+14255550182'],
    ['Arabic-Indic digits', '+١٤٢٥٥٥٥٠١٨٢', undefined, '+14255550182'],
    ['Devanagari digits, bare', '१४२५५५५०१८२', undefined, '+14255550182'],
    ['mathematical digits', '+𝟏𝟒𝟐𝟓𝟝𝟝𝟝𝟢𝟣𝟪𝟸', undefined, '+14255550182'],
    ['a tel: URI', 'tel:+1-425-555-0182;isub=12', undefined, '+14255550182'],
    [
      'a local tel: URI',
      'tel:0-425-555-0182;phone-context=+1',
      undefined,
      'tel:0-425-555-0182;phone-context=+1',
    ],
    ['a local tel: URI with its context', 'TEL:425-555-0182;phone-context=+1', 'NZ', '+14255550182'],
    ['a tel: URI within a domain', 'tel:4255550182;phone-context=example.com', 'US', '+14255550182'],
    ['national form of the default country', '(425) 555-0182', 'US', '+14255550182'],
    ['bare digits of the default country', '4255550182', 'US', '+14255550182'],
    ['bare digits with the default country’s own code', '14255550182', 'US', '+14255550182'],
    ['a trunk zero', '020 7946 0018', 'GB', '+442079460018'],
    ['an international prefix', '00 1 425 555 0182', 'DE', '+14255550182'],
    ['bare digits of another country', '5215512345678', 'US', '+5215512345678'],
    ['bare digits without a country', '14255550182', undefined, '+14255550182'],
    ['seven bare digits', '2555018', undefined, '+2555018'],
    ['fifteen bare digits', '123456789012345', undefined, '+123456789012345'],
    ['Mexico’s WhatsApp id', '5215512345678', undefined, '+5215512345678'],
    ['Mexico’s WhatsApp id with its plus', '+5215512345678', 'MX', '+5215512345678'],
    ['Brazil without the ninth digit', '554188887777', undefined, '+554188887777'],
    ['well-formed but unassigned', '+12222222222', undefined, '+12222222222'],
    ['well-formed but unassigned, with separators', '+1 222 222-2222', undefined, '+12222222222'],
    ['six bare digits', '255501', undefined, '255501'],
    ['sixteen bare digits', '1234567890123456', undefined, '1234567890123456'],
    ['bare digits from 0', '04255550182', undefined, '04255550182'],
    ['plus and 0', '+04255550182', undefined, '+04255550182'],
    ['national form without a country', '(425) 555-0182', undefined, '(425) 555-0182'],
    ['a short code', '23333', 'US', '23333'],
    ['a short code without a country', '23333', undefined, '23333'],
    ['an alphanumeric sender', 'EXAMPLECO', 'US', 'EXAMPLECO'],
    ['an alphanumeric sender with digits', 'Shop4255550182', 'US', 'Shop4255550182'],
    ['an RCS agent', 'rcs-0123456789abcdef0123456789abcdef', 'US', 'rcs-0123456789abcdef0123456789abcdef'],
    ['a WhatsApp user id', 'US.13491208655302741918', undefined, 'US.13491208655302741918'],
    ['a short WhatsApp user id', 'US.4255550182', 'US', 'US.4255550182'],
    ['a chat id', '14255550182-67890@g.us', undefined, '14255550182-67890@g.us'],
    ['a masked number', 'XXXXXXX0182', undefined, 'XXXXXXX0182'],
    ['a placeholder', '+from_number', undefined, '+from_number'],
    ['nothing', '', 'US', ''],
    ['only a space', ' ', 'US', ''],
    ['only a plus', '+', 'US', '+'],
    [
      'a number too long to look at',
      `+1425555${' '.repeat(200)}0182`,
      undefined,
      `+1425555${' '.repeat(200)}0182`,
    ],
  ])('%s', (_name, text, country, address) => {
    expect(addressOf(text, country)).toBe(address);
  });
});

describe('parsePhoneNumber', () => {
  const country = fc.constantFrom<CountryCode | undefined>(
    undefined,
    'US',
    'GB',
    'DE',
    'IT',
    'MX',
    'BR',
    'AR',
  );
  const numberLike = fc.string({
    unit: fc.constantFrom(...NUMBER_UNITS),
    maxLength: 24,
  });
  const text = fc.oneof(numberLike, fc.string({ unit: 'binary' }));

  it('gives E.164 or nothing, and the address is that or the trimmed text', () => {
    fc.assert(
      fc.property(text, country, (raw, defaultCountry) => {
        const number = parsePhoneNumber(raw, defaultCountry);
        if (number !== undefined) expect(number).toMatch(E164);
        expect(addressOf(raw, defaultCountry)).toBe(number ?? raw.trim());
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves its own result as it is, whatever the country', () => {
    fc.assert(
      fc.property(text, country, country, (raw, first, second) => {
        const address = addressOf(raw, first);
        expect(addressOf(address, first)).toBe(address);
        if (E164.test(address)) expect(parsePhoneNumber(address, second)).toBe(address);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives every run of 7 to 15 bare digits its plus and nothing else', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[1-9]\d{6,14}$/), (digits) => {
        expect(parsePhoneNumber(digits)).toBe(`+${digits}`);
      }),
    );
  });
});
