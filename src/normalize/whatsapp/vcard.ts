/** A contact card as one text (RFC 6350), which Meta sends beside the card's own fields, at times instead of them. */
import type { NamedText } from '../inbound-message.ts';
import { readText } from '../payload-fields.ts';

/** Its name, and what else a person can read of it, by the names of its properties: `NOTE`, `TEL`. */
export interface Vcard {
  readonly name?: string;
  readonly fields: readonly NamedText[];
}

const FIELDS_MAX = 20;
/** `item1.TEL;type=CELL;waid=14255550190:+1 425 555 0190`. */
const PROPERTY = /^(?:[\w-]+\.)?([A-Za-z-]+)(?:;[^:]*)?:(.*)$/;
/** A long line goes on in the next, behind a space. */
const FOLD = /\r?\n[ \t]/g;
/** Frames, versions, files and keys. The name's parts (N) are in FN, and extensions (X-…) are for the program that made them. */
const FOR_PROGRAMS =
  /^(?:BEGIN|END|VERSION|N|PHOTO|LOGO|SOUND|KEY|PRODID|REV|UID|SOURCE|KIND|SORT-STRING|CLIENTPIDMAP|X-.*)$/;
/** Their values are lists, with `;` between. */
const STRUCTURED: ReadonlySet<string> = new Set(['ADR', 'ORG']);
const NAME = 'FN';

export function readVcard(value: unknown): Vcard {
  const fields = (readText(value) ?? '')
    .replaceAll(FOLD, '')
    .split(/\r?\n/)
    .flatMap(readProperty)
    .filter(({ name }) => !FOR_PROGRAMS.test(name));
  const name = fields.find((field) => field.name === NAME)?.text;
  return {
    ...(name === undefined ? {} : { name }),
    fields: fields.filter((field) => field.name !== NAME).slice(0, FIELDS_MAX),
  };
}

function readProperty(line: string): readonly NamedText[] {
  const [, property = '', value = ''] = PROPERTY.exec(line) ?? [];
  const name = property.toUpperCase();
  const items = STRUCTURED.has(name) ? value.split(/(?<!\\);/) : [value];
  const text = readText(items.map(unescape).filter(Boolean).join(', '));
  return text === undefined ? [] : [{ name, text }];
}

function unescape(text: string): string {
  return text
    .replaceAll(/\\(.)/g, (_escape, character: string) =>
      character.toLowerCase() === 'n' ? '\n' : character,
    )
    .trim();
}
