import type { ContactCard, LabelledText, MessageContent } from '../inbound-message.ts';
import { asJsonObject, asList, isJsonObject, present, readText } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';
import { readVcard } from './vcard.ts';

/** `contacts: [{name, phones, emails, addresses, urls, org, birthday, vcard}]`: the cards that say anything. */
export function readContacts(message: JsonObject): MessageContent | undefined {
  const contacts = asList(message['contacts'])
    .filter(isJsonObject)
    .map(readCard)
    .filter((card) => hasSomething(card));
  return contacts.length === 0 ? undefined : { kind: 'contacts', contacts };
}

/** What a vCard repeats of the card's own fields, by its properties. */
const REPEATED_BY_VCARD: Readonly<Record<string, keyof ContactCard>> = {
  TEL: 'phones',
  EMAIL: 'emails',
  ADR: 'addresses',
  URL: 'urls',
  ORG: 'organisation',
  TITLE: 'organisation',
  BDAY: 'birthday',
};

function readCard(fields: JsonObject): ContactCard {
  const { company, department, title } = asJsonObject(fields['org']);
  const vcard = readVcard(fields['vcard']);
  const card = {
    // A contact that was asked for has none but in its vCard (Meta, "Business-scoped user IDs").
    ...present({ name: readName(fields['name']) ?? vcard.name }),
    phones: readLabelled(fields['phones'], ['phone', 'wa_id', 'user_id']),
    emails: readLabelled(fields['emails'], ['email']),
    addresses: readAddresses(fields['addresses']),
    urls: readLabelled(fields['urls'], ['url']),
    organisation: readTexts([fields['org'], company, department, title]),
    ...present({ birthday: readText(fields['birthday']) }),
  };
  const more = vcard.fields.filter(({ name }) => {
    const repeated = Object.hasOwn(REPEATED_BY_VCARD, name) ? REPEATED_BY_VCARD[name] : undefined;
    return repeated === undefined || !(card as ContactCard)[repeated]?.length;
  });
  return more.length === 0 ? card : { ...card, more };
}

function hasSomething(card: ContactCard): boolean {
  return Object.values(card).some((field: string | readonly unknown[]) => field.length > 0);
}

function readName(name: unknown): string | undefined {
  const {
    formatted_name: formatted,
    prefix,
    first_name,
    middle_name,
    last_name,
    suffix,
  } = asJsonObject(name);
  const parts = readTexts([prefix, first_name, middle_name, last_name, suffix]);
  return readText(name) ?? readText(formatted) ?? (parts.join(' ') || undefined);
}

/** The first of `keys` that an element has; an element that is a text is taken as such. */
function readLabelled(list: unknown, keys: readonly string[]): readonly LabelledText[] {
  return asList(list).flatMap((element) => {
    const fields = asJsonObject(element);
    const text = readTexts([element, ...keys.map((key) => fields[key])])[0];
    return text === undefined ? [] : [{ text, ...present({ label: readText(fields['type']) }) }];
  });
}

function readAddresses(list: unknown): readonly LabelledText[] {
  return asList(list).flatMap((element) => {
    const { street, city, state, zip, country, country_code: countryCode, type } = asJsonObject(element);
    const lines = readTexts([element, street, city, state, zip, readText(country) ?? countryCode]);
    return lines.length === 0 ? [] : [{ text: lines.join(', '), ...present({ label: readText(type) }) }];
  });
}

function readTexts(values: readonly unknown[]): readonly string[] {
  return values.map(readText).filter((text) => text !== undefined);
}
