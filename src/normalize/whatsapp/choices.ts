/** What customers chose, filled in or allowed: template buttons and the inner types of `interactive`. */
import { SECOND_MS } from '../../clock.ts';
import type { ChoiceContent, MessageContent, NamedText } from '../inbound-message.ts';
import { asJsonObject, isJsonObject, isTrue, parseJson, present, readText } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';
import { describeValue } from '../readable-fields.ts';

/** Inner types of `interactive` (Meta, "Interactive messages webhook"), each with its body under its own name. */
const INTERACTIVE_READERS: Readonly<Record<string, (body: JsonObject) => MessageContent | undefined>> = {
  button_reply: (body) => readChoice('button_reply', body),
  list_reply: (body) => readChoice('list_reply', body),
  nfm_reply: readForm,
  call_permission_reply: readCallPermission,
};

export function readInteractive(message: JsonObject): MessageContent | undefined {
  const interactive = asJsonObject(message['interactive']);
  const { type } = interactive;
  if (typeof type !== 'string' || !Object.hasOwn(INTERACTIVE_READERS, type)) return undefined;
  const body = interactive[type];
  return isJsonObject(body) ? INTERACTIVE_READERS[type]?.(body) : undefined;
}

/** `button: {text, payload}`: a quick reply of a template. The payload is the template's own, and better than nothing. */
export function readButton(message: JsonObject): MessageContent | undefined {
  const { text, payload } = asJsonObject(message['button']);
  const title = readText(text) ?? readText(payload);
  return title === undefined ? undefined : { kind: 'button', title };
}

function readChoice(kind: ChoiceContent['kind'], body: JsonObject): MessageContent | undefined {
  const description = readText(body['description']);
  const title = readText(body['title']) ?? readText(body['id']);
  if (title === undefined) return undefined;
  return { kind, title, ...present({ description }) };
}

/** `{name?, body?, response_json}`, of which response_json is the form's answers as a JSON object in a string. */
function readForm(body: JsonObject): MessageContent | undefined {
  const name = readText(body['name']);
  const sentence = readText(body['body']);
  const answers = readAnswers(body['response_json']);
  if (name === undefined && sentence === undefined && answers.length === 0) return undefined;
  return { kind: 'nfm_reply', ...present({ name, body: sentence }), answers };
}

/** The flow's own, by which its business knows the form again: it says nothing to a person. */
const FLOW_TOKEN = 'flow_token';

function readAnswers(responseJson: unknown): readonly NamedText[] {
  const response =
    typeof responseJson === 'string' ? (parseJson(responseJson) ?? responseJson) : responseJson;
  const answers = isJsonObject(response) ? Object.entries(response) : [['response_json', response] as const];
  return answers.flatMap(([name, value]) => {
    const text = name === FLOW_TOKEN ? undefined : describeValue(value);
    return text === undefined ? [] : [{ name: name.toWellFormed(), text }];
  });
}

const UNIX_SECONDS_PATTERN = /^\d{1,12}$/;

/** `{response, is_permanent?, expiration_timestamp?, response_source}`. */
function readCallPermission(body: JsonObject): MessageContent | undefined {
  const response = readText(body['response']);
  if (response === undefined) return undefined;
  const expiresSeconds = readText(body['expiration_timestamp']) ?? '';
  return {
    kind: 'call_permission_reply',
    response,
    ...(isTrue(body['is_permanent']) ? { isPermanent: true } : {}),
    ...(UNIX_SECONDS_PATTERN.test(expiresSeconds) ? { expiresAt: Number(expiresSeconds) * SECOND_MS } : {}),
  };
}
