import type { ContactCard, LabelledText, MessageContent } from '../inbound-message.ts';
import { asJsonObject, asList, isJsonObject, present, readText } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';

/** `contacts: [{name, phones, emails, addresses, urls, org, birthday, vcard}]`: the cards that say anything. */
export function readContacts(message: JsonObject): MessageContent | undefined {
  const contacts = asList(message['contacts'])
    .filter(isJsonObject)
    .map(readCard)
    .filter((card) => hasSomething(card));
  return contacts.length === 0 ? undefined : { kind: 'contacts', contacts };
}

/** The vCard is the same again, mostly, in a spelling for programs. */
function readCard(card: JsonObject): ContactCard {
  const fields = readCardFields(card);
  return hasSomething(fields) ? fields : { ...fields, ...present({ vcard: readText(card['vcard']) }) };
}

function readCardFields(card: JsonObject): ContactCard {
  const { company, department, title } = asJsonObject(card['org']);
  return {
    ...present({ name: readName(card['name']) }),
    phones: readLabelled(card['phones'], ['phone', 'wa_id', 'user_id']),
    emails: readLabelled(card['emails'], ['email']),
    addresses: readAddresses(card['addresses']),
    urls: readLabelled(card['urls'], ['url']),
    organisation: readTexts([card['org'], company, department, title]),
    ...present({ birthday: readText(card['birthday']) }),
  };
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
