/**
 * Looks for what a customer sent and the agent would not see, without the code that is to show it: every text, number
 * and yes or no in a raw message has to stand in the texts of its chat events, but for what the table below names.
 */
import type { PartExplanation } from '../../src/admin/explanation.ts';

/**
 * `TYPE:PATH`, of a message's type and the JSON path in it → why the agent need not read what stands there; with a
 * value: only that one.
 */
const NOT_FOR_PEOPLE: readonly (readonly [path: RegExp, why: string, value?: string])[] = [
  [/:(?:id|inboundMessageId)$/, 'external id, an attribute'],
  [/:(?:from|from_user_id|from_parent_user_id|originationNumber)$/, 'SourceId'],
  [/:destinationNumber$/, 'business address, an attribute'],
  [/:(?:messageKeyword|previousPublishedMessageId)$/, 'attributes'],
  [/:timestamp$/, 'when it was sent, told where it is old'],
  [/:(?:edit\.message\.)?(?:interactive\.)?type$/, 'told by the label of its content'],
  [/:context\.(?:forwarded|frequently_forwarded)$/, 'told by a label'],
  [/\.(?:animated|voice)$/, 'told by the label of the medium'],
  [/call_permission_reply\.(?:response|is_permanent|expiration_timestamp)$/, 'told in a sentence'],
  [/call_permission_reply\.response_source$/, 'whether by hand or by a setting'],
  [/:(?:edit\.message\.)?context\.from$/, 'who wrote what is quoted: one of the two who talk'],
  [/^(?:button|interactive|reaction):context\.id$/, 'a choice stays bare; a reaction names its message'],
  [/:messageBody\.mediaStatus$/, 'goes without saying', 'SUCCESS'],
  [/\.sha256$/, 'a digest'],
  [/\.response_json\.flow_token$/, 'a token between programs'],
  [/:errors\[\d+\]\.code$/, 'its words are shown'],
  [/:referral\.ctwa_clid$/, "an id of Meta's advertising"],
  [/:identity\./, 'a digest of a key, and since when'],
  [/:system\.customer$/, 'the sender again'],
  [/\.vcard\.(?:BEGIN|END|VERSION|N)$/, 'a frame, and the parts of the name that FN has in full'],
  [
    /:(?:metadata|contact|messaging_product|field|context\.Meta\w+)\b/,
    "what a program put beside the customer's",
  ],
];

/** Siblings of which one is enough, since it says what the others would. */
const ONE_IS_ENOUGH: readonly (readonly string[])[] = [
  ['id', 'url', 'link', 'file'],
  ['title', 'id'],
  ['text', 'payload'],
  ['phone', 'wa_id'],
  ['country', 'country_code'],
  ['formatted_name', 'prefix', 'first_name', 'middle_name', 'last_name', 'suffix'],
  ['image_url', 'video_url', 'thumbnail_url'],
];

/** One line for each loss, without the value: `content lost: location.name`. `message` is the notification's Message. */
export function findLostContent(message: string, parts: readonly PartExplanation[]): readonly string[] {
  return listRawMessages(tryParse(message)).flatMap((raw) => findLost(raw, parts));
}

type Fields = Readonly<Record<string, unknown>>;

function listRawMessages(payload: unknown): Fields[] {
  if (!isFields(payload)) return [];
  if ('originationNumber' in payload || 'messageBody' in payload) return [payload];
  const webhook = tryParse(payload['whatsAppWebhookEntry']);
  const entries = list(isFields(webhook) && 'entry' in webhook ? webhook['entry'] : [webhook]);
  return entries
    .flatMap((entry) => list(isFields(entry) ? entry['changes'] : []))
    .filter((change) => isFields(change) && (change['field'] ?? 'messages') === 'messages')
    .flatMap((change) => {
      const value = (change as Fields)['value'];
      return list(isFields(value) ? value['messages'] : []).filter(isFields);
    });
}

function findLost(raw: Fields, parts: readonly PartExplanation[]): readonly string[] {
  const id = raw['inboundMessageId'] ?? raw['id'];
  const sender = raw['originationNumber'] ?? raw['from'] ?? raw['from_user_id'];
  if (!id || !sender) return []; // a dead letter
  const sent = parts.filter((part) => part.outcome === 'sent');
  const own = sent.filter(({ message }) => message.externalId === written(id).trim());
  if (own.length === 0) return ['a message lost'];
  const seen = plain(own.map(textOf).join('\n'));
  const leaves = [...listLeaves(raw, '')];
  const isSeen = new Map(leaves.map(([path, text]) => [path, isWithin(seen, plain(text))]));
  const isForPeople = (path: string, text: string): boolean =>
    !NOT_FOR_PEOPLE.some(
      ([pattern, , value = text]) => pattern.test(`${String(raw['type'])}:${path}`) && value === text,
    );
  return leaves
    .filter(([path]) => !isSeen.get(path) && !siblingsOf(path).some((sibling) => isSeen.get(sibling)))
    .filter(([path, text]) => isForPeople(path, text))
    .map(([path]) => `content lost: ${path}`);
}

/** The parts joined are what the agent reads. */
function textOf({ requests }: Extract<PartExplanation, { readonly outcome: 'sent' }>): string {
  return requests.map((request) => ('content' in request ? request.content : '')).join('');
}

function siblingsOf(path: string): readonly string[] {
  const [, parent = '', key = ''] = /^(.*\.)([^.]+)$/.exec(path) ?? [];
  return ONE_IS_ENOUGH.filter((keys) => keys.includes(key)).flatMap((keys) =>
    keys.map((sibling) => parent + sibling),
  );
}

/** What can be read, with where it stands; JSON in a string is read too, and a vCard's properties. */
function* listLeaves(value: unknown, path: string): Generator<readonly [string, string]> {
  if (typeof value === 'string' && value.startsWith('BEGIN:VCARD')) {
    for (const [, key = '', property = ''] of value.matchAll(/^(?:\w+\.)?([\w-]+)[^:\n]*:(.*)$/gm)) {
      for (const item of property.split(';').filter((text) => text.trim() !== ''))
        yield [`${path}.${key}`, item];
    }
    return;
  }
  const inner = typeof value === 'string' && /^\s*[{[]/.test(value) ? (tryParse(value) ?? value) : value;
  if (Array.isArray(inner)) {
    for (const [index, element] of inner.entries()) yield* listLeaves(element, `${path}[${index}]`);
  } else if (isFields(inner)) {
    for (const [key, element] of Object.entries(inner))
      yield* listLeaves(element, path ? `${path}.${key}` : key);
  } else if (inner !== null && inner !== undefined && inner !== '') yield [path, written(inner)];
}

/** A string as it is; a number or boolean as JSON writes it. */
function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** White space, and what Connect can't take, as one space. */
function plain(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}\uFFFD]+/gu, ' ')
    .trim();
}

/** As words of their own: the quantity 1 is not in the price 12.10. */
function isWithin(seen: string, text: string): boolean {
  for (let at = seen.indexOf(text); at >= 0; at = seen.indexOf(text, at + 1)) {
    const isCut = isWordAt(seen, at - 1) && isWordAt(text, 0);
    const end = at + text.length;
    if (!isCut && !(isWordAt(seen, end - 1) && isWordAt(seen, end))) return true;
  }
  return false;
}

function isWordAt(text: string, index: number): boolean {
  return /^[\p{L}\p{N}]/u.test(text.slice(Math.max(index, 0), index + 1));
}

/** ECMAScript's "JSON.parse source text access", which TypeScript's library does not know yet. */
type ParseWithSource = (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/** Numbers as the digits that came, so that a rounded one is a lost one. */
function tryParse(text: unknown): unknown {
  if (typeof text !== 'string') return text;
  try {
    return (JSON.parse as ParseWithSource)(text, (_key, value, { source }) =>
      typeof value === 'number' ? source : value,
    );
  } catch {
    return undefined;
  }
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
