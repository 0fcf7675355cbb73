/**
 * Shows what the bridge would make of a payload, by the service's own code: nothing is stored, sent or fetched. It prints
 * what the customer wrote, for the person who looks at the payload.
 */
import { loadRouting, loadSetting } from '../../config.ts';
import { BridgeError } from '../../errors.ts';
import { parseJson } from '../../normalize/payload-fields.ts';
import type { CommandIo } from '../command-io.ts';
import { explainNotification, makeSignatureCheck } from '../explanation.ts';
import type { Explanation, Rules, SignatureCheck } from '../explanation.ts';
import { formatExplanation } from '../explanation-text.ts';
import { openInput } from '../input-file.ts';
import { splitJsonObjects } from '../json-objects.ts';
import { readPayload } from '../payload-shapes.ts';
import type { Payload } from '../payload-shapes.ts';

export interface ExplainOptions {
  readonly json?: boolean;
}

/** Prints an explanation for each notification. Throws CONFIG_INVALID, INPUT_MISSING, INPUT_INVALID. */
export async function explain(file: string, { json }: ExplainOptions, io: CommandIo): Promise<number> {
  const rules = loadRules(io);
  const check = makeSignatureCheck(loadSetting(io.env, 'SNS_CERT_DIR'));
  const now = Date.now();
  let objects = 0;
  const strangers: number[] = [];
  let index = 0;
  for await (const text of splitJsonObjects(openInput(file, io))) {
    objects += 1;
    const payloads = readText(text, objects, now);
    if (!payloads) strangers.push(objects);
    for (const payload of payloads ?? []) {
      index += 1;
      const explanation = await explainPayload(payload, index, rules, check);
      io.stdout.write(json ? `${JSON.stringify(explanation)}\n` : formatExplanation(explanation));
    }
  }
  if (objects === 0) throw new BridgeError('INPUT_INVALID', { detail: 'It holds no JSON object.' });
  if (strangers.length > 0) throw new BridgeError('INPUT_INVALID', { detail: describeStrangers(strangers) });
  return 0;
}

/** What is no payload does not keep the others from being explained. */
function describeStrangers(strangers: readonly number[]): string {
  const [first] = strangers;
  const others = strangers.length === 1 ? '' : `, and ${strangers.length - 1} more`;
  return `No payload of SNS, End User Messaging or Meta: object ${first}${others}.`;
}

function loadRules({ env }: CommandIo): Rules {
  return {
    ...loadRouting(env),
    defaultCountry: loadSetting(env, 'DEFAULT_COUNTRY'),
    textLimits: {
      sms: loadSetting(env, 'TEXT_LIMIT_SMS'),
      whatsapp: loadSetting(env, 'TEXT_LIMIT_WHATSAPP'),
    },
  };
}

/** Undefined: it is no payload. */
function readText(text: string, object: number, now: number): readonly Payload[] | undefined {
  const value = parseJson(text);
  if (value === undefined) throw new BridgeError('INPUT_INVALID', { detail: `Object ${object} is no JSON.` });
  try {
    return readPayload(value, now);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BridgeError('INPUT_INVALID', { detail: `Object ${object} nests too deeply.` });
  }
}

async function explainPayload(
  { shape, envelope, notification, visibility, madeUp }: Payload,
  index: number,
  rules: Rules,
  check: SignatureCheck,
): Promise<Explanation> {
  const signature = envelope === undefined ? {} : { signature: await check(envelope) };
  const parts = notification ? explainNotification(notification, rules, visibility) : [];
  return { index, shape, ...signature, madeUp, parts };
}
