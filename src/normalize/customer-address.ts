/**
 * Who the customer is: the address that replies need, what kind it is, and the number that a person can dial.
 * What is no number never becomes one.
 */
import type { CountryCode } from 'libphonenumber-js/max';
import type { AddressKind, InboundMessage } from './inbound-message.ts';
import { parsePhoneNumber } from './phone-number.ts';
import type { E164 } from './phone-number.ts';

export type CustomerAddress = Pick<
  InboundMessage,
  'customerAddress' | 'customerAddressKind' | 'customerNumber'
>;

/** Short codes have 3 to 8 digits, the longest ones those of Australia and the Netherlands. */
const SHORT_CODE_PATTERN = /^\d{3,8}$/;
/** GSM 03.38 gives an alphanumeric sender 11 characters; AWS allows `-` and `_` in them (RequestSenderId). */
const ALPHANUMERIC_PATTERN = /^(?=.*[A-Za-z])[A-Za-z0-9 _-]{1,11}$/;
/** Meta's business-scoped user id: country, a dot, up to 128 letters and digits; `ENT.` marks a parent's. */
const WHATSAPP_USER_ID_PATTERN = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/;

/** Of an SMS: `origination` is EUM's originationNumber, trimmed, `country` that of numbers in national form. */
export function smsCustomerAddress(origination: string, country: CountryCode | undefined): CustomerAddress {
  const number = parsePhoneNumber(origination, country);
  if (number !== undefined) return phoneAddress(number);
  return { customerAddress: origination, customerAddressKind: smsKind(origination) };
}

function smsKind(address: string): AddressKind {
  if (SHORT_CODE_PATTERN.test(address)) return 'shortCode';
  return ALPHANUMERIC_PATTERN.test(address) ? 'alphanumeric' : 'unknown';
}

/**
 * Of a WhatsApp message: its `from`, and its business-scoped user id. The number wherever there is one; users who took
 * a user name may have none (Meta, 2026), and then the user id is the address, case and all. Undefined without both.
 */
export function whatsAppCustomerAddress(
  from: string | undefined,
  userId: string | undefined,
): CustomerAddress | undefined {
  const number = from === undefined ? undefined : parsePhoneNumber(from);
  if (number !== undefined) return phoneAddress(number);
  if (userId !== undefined) return { customerAddress: userId, customerAddressKind: 'whatsappUser' };
  if (from === undefined) return undefined;
  const isUserId = WHATSAPP_USER_ID_PATTERN.test(from);
  return { customerAddress: from, customerAddressKind: isUserId ? 'whatsappUser' : 'unknown' };
}

function phoneAddress(number: E164): CustomerAddress {
  return { customerAddress: number, customerAddressKind: 'phone', customerNumber: dialableNumber(number) };
}

/**
 * WhatsApp ids that are no dialable number any more, since an account keeps the id that it was made with. Landlines
 * don't match: a Brazilian one begins with 2 to 5, and no Mexican area code begins with 1.
 */
const WHATSAPP_ID_FORMS: readonly { readonly pattern: RegExp; readonly dialable: string }[] = [
  // Mexico dropped the 1 of mobile numbers in 2019.
  { pattern: /^\+521(\d{10})$/, dialable: '+52$1' },
  // Brazil put a 9 before the eight digits of mobile numbers, area by area until 2016.
  { pattern: /^\+55(\d{2})([6-9]\d{7})$/, dialable: '+55$19$2' },
];

/** The number by which a person reaches who has this address. */
export function dialableNumber(number: E164): string {
  const form = WHATSAPP_ID_FORMS.find(({ pattern }) => pattern.test(number));
  return form ? number.replace(form.pattern, form.dialable) : number;
}
