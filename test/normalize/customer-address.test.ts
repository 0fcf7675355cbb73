import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dialableNumber,
  smsCustomerAddress,
  whatsAppCustomerAddress,
} from '../../src/normalize/customer-address.ts';
import { parsePhoneNumber } from '../../src/normalize/phone-number.ts';

// One seed, so that a run that passed passes again.
fc.configureGlobal({ seed: 20_260_304 });

const USER_ID = 'US.13491208655302741918';

describe('dialableNumber', () => {
  it.each<[name: string, address: string, number: string]>([
    ['a Mexican WhatsApp id', '+5215512345678', '+525512345678'],
    ['a Mexican number', '+525512345678', '+525512345678'],
    ['a Mexican id that is too short', '+521551234567', '+521551234567'],
    ['a Brazilian WhatsApp id', '+554199887766', '+5541999887766'],
    ['a Brazilian WhatsApp id with 6', '+554168877665', '+5541968877665'],
    ['a Brazilian mobile', '+5541999887766', '+5541999887766'],
    ['a Brazilian landline', '+554133224455', '+554133224455'],
    ['a Brazilian landline with 5', '+554153224455', '+554153224455'],
    ['Argentina’s mobile', '+5491123456789', '+5491123456789'],
    ['Argentina’s form without the 9', '+541123456789', '+541123456789'],
    ['another', '+14255550182', '+14255550182'],
    ['one not assigned', '+12222222222', '+12222222222'],
  ])('of %s', (_name, address, number) => {
    const parsed = parsePhoneNumber(address);
    expect(parsed).toBe(address);
    expect(parsed && dialableNumber(parsed)).toBe(number);
  });

  it('is E.164, and dialable itself', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^(52|55)?[1-9]\d{6,12}$/), (digits) => {
        const number = parsePhoneNumber(digits);
        const dialable = number && parsePhoneNumber(dialableNumber(number));
        expect(dialable).toBe(number && dialableNumber(number));
        expect(dialable && dialableNumber(dialable)).toBe(dialable);
      }),
    );
  });
});

describe('smsCustomerAddress', () => {
  it.each<[origination: string, country: 'US' | undefined, address: string, kind: string]>([
    ['+14255550182', undefined, '+14255550182', 'phone'],
    ['4255550182', 'US', '+14255550182', 'phone'],
    ['+12222222222', undefined, '+12222222222', 'phone'],
    ['2333333', undefined, '+2333333', 'phone'],
    ['123', undefined, '123', 'shortCode'],
    ['23333', 'US', '23333', 'shortCode'],
    ['00020000', undefined, '00020000', 'shortCode'],
    ['12', undefined, '12', 'unknown'],
    ['012345678', undefined, '012345678', 'unknown'],
    ['EXAMPLECO', undefined, 'EXAMPLECO', 'alphanumeric'],
    ['My Bank 24', undefined, 'My Bank 24', 'alphanumeric'],
    ['MY-BANK_24', undefined, 'MY-BANK_24', 'alphanumeric'],
    ['EXAMPLECOMPA', undefined, 'EXAMPLECOMPA', 'unknown'],
    ['withheld?', undefined, 'withheld?', 'unknown'],
    ['+from', undefined, '+from', 'unknown'],
    [USER_ID, undefined, USER_ID, 'unknown'],
  ])('of %s (%s)', (origination, country, customerAddress, kind) => {
    const { customerNumber, ...address } = smsCustomerAddress(origination, country);
    expect(address).toEqual({ customerAddress, customerAddressKind: kind });
    expect(customerNumber).toBe(kind === 'phone' ? customerAddress : undefined);
  });
});

describe('whatsAppCustomerAddress', () => {
  it.each<[from: string | undefined, userId: string | undefined, address: string, kind: string]>([
    ['14255550182', undefined, '+14255550182', 'phone'],
    ['14255550182', USER_ID, '+14255550182', 'phone'],
    [undefined, USER_ID, USER_ID, 'whatsappUser'],
    ['hidden', USER_ID, USER_ID, 'whatsappUser'],
    [USER_ID, undefined, USER_ID, 'whatsappUser'],
    ['US.ENT.13491208655302741918', undefined, 'US.ENT.13491208655302741918', 'whatsappUser'],
    ['US.4255550182', undefined, 'US.4255550182', 'whatsappUser'],
    ['us.13491208655302741918', undefined, 'us.13491208655302741918', 'unknown'],
    ['23333', undefined, '23333', 'unknown'],
    ['EXAMPLECO', undefined, 'EXAMPLECO', 'unknown'],
    ['14255550182-67890@g.us', undefined, '14255550182-67890@g.us', 'unknown'],
    ['XXXXXXX0182', undefined, 'XXXXXXX0182', 'unknown'],
  ])('of %s and %s', (from, userId, customerAddress, kind) => {
    expect(whatsAppCustomerAddress(from, userId)).toMatchObject({
      customerAddress,
      customerAddressKind: kind,
    });
  });

  it('is none without both', () => {
    expect(whatsAppCustomerAddress(undefined, undefined)).toBeUndefined();
  });

  it('makes no number of a user id', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/), (userId) => {
        const address = { customerAddress: userId, customerAddressKind: 'whatsappUser' };
        expect(whatsAppCustomerAddress(userId, undefined)).toEqual(address);
        expect(whatsAppCustomerAddress(undefined, userId)).toEqual(address);
      }),
    );
  });
});
