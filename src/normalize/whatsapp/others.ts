/**
 * What a message says besides what its reader took of it: fields that Meta added, or that an older API had. They reach
 * the agent by their names, so that nothing is lost where the type is known and the field is not.
 */
import type { InboundMessage, MessageContent, NamedText } from '../inbound-message.ts';
import { asJsonObject, isJsonObject } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';
import { findFields, takeFields } from '../readable-fields.ts';
import { describeErrors, listBodies } from './unknown.ts';

type Said = Pick<InboundMessage, 'content' | 'repliesTo' | 'product' | 'referral'>;

/** Fields that are told otherwise than by their words, or say nothing to a person: by their path in the message. */
const SAID_OTHERWISE: readonly RegExp[] = [
  // One place to fetch it from is enough, and the label tells a voice note and an animated sticker.
  /^(?:image|video|audio|voice|document|sticker)\.(?:id|url|link|file|voice|animated)$/,
  /^text\.preview_url$/,
  // A choice stays bare, so that a bot can match its title: what the business calls it is for programs.
  /^(?:button\.|interactive\.(?:type$|(?:button|list)_reply\.))/,
  /^interactive\.nfm_reply\.response_json(?:\.|$)/,
  /^interactive\.call_permission_reply\.(?:response|is_permanent|expiration_timestamp|response_source)$/,
  /^contacts\.\d+\.(?:name\.\w+|vcard)$/,
  /^contacts\.\d+\.addresses\.\d+\.(?:street|city|state|zip|country|country_code|type)$/,
  /^contacts\.\d+\.phones\.\d+\.(?:wa_id|user_id)$/,
  // The sender again, and a digest.
  /^system\.(?:customer|identity)$/,
  /^context\.(?:from|id|message_id|forwarded|frequently_forwarded)$/,
  /^referral\.(?:ctwa_clid|image_url|video_url|thumbnail_url)$/,
  // What stands around messages, for programs that put it into them.
  /^(?:messaging_product|field)$|^(?:metadata|contact|context\.Meta\w+)\./,
];

/** `message` is an element of Meta's `messages[]`, `said` what was read of it. Never throws. */
export function readOthers(message: JsonObject, said: Said): readonly NamedText[] {
  const texts = new Set([message['from'], ...textsOf(said)]);
  return [...readErrors(message, said.content), ...takeFields(findOthers(message, said.content, texts))];
}

/** A content of these kinds shows them itself. */
function readErrors(message: JsonObject, { kind }: MessageContent): readonly NamedText[] {
  if (kind === 'unknown' || kind === 'unsupported') return [];
  return describeErrors(message['errors']).map((text) => ({ name: 'error', text }));
}

/** A field of the type's own body has the name that it has there. */
function* findOthers(
  message: JsonObject,
  content: MessageContent,
  texts: ReadonlySet<unknown>,
): Generator<NamedText, undefined> {
  const { type, context, referral } = message;
  // Of an unknown one, all bodies are content.
  const bodies = content.kind === 'unknown' ? [] : listBodies(message);
  const references = [
    { name: 'context', body: context },
    { name: 'referral', body: referral },
  ];
  for (const { name: bodyName, body } of [...bodies, ...references]) {
    if (bodyName === 'edit' && content.kind === 'edit') {
      yield* findOthers(asJsonObject(asJsonObject(body)['message']), content.content, texts);
      continue;
    }
    const isOwn = bodyName === type && isJsonObject(body);
    for (const { name, text } of findFields(body, bodyName)) {
      if (texts.has(text) || SAID_OTHERWISE.some((path) => path.test(name))) continue;
      yield { name: isOwn ? name.slice(bodyName.length + '.'.length) : name, text };
    }
  }
}

function* textsOf(value: unknown): Generator<unknown, undefined> {
  if (typeof value !== 'object' || value === null) yield value;
  else for (const inner of Object.values(value)) yield* textsOf(inner);
}
