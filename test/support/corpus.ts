/**
 * `npm run corpus -- DIR`: runs the ingest and normalize stages over a folder of payload files and prints what each
 * was taken for and what became of every unit in it. Customers' words are not printed, and their numbers are masked.
 *
 * Signatures are looked at where DIR has `sns/certs`, with the certificates there: none is fetched. Files in a folder
 * `signed-valid` must verify, those in `signed-invalid` and `signed-by-other-cert` must not. Exits 1 if that is not
 * so, or if anything threw that must not.
 */
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { BridgeError } from '../../src/errors.ts';
import { SigningCertificates } from '../../src/ingest/signing-certificate.ts';
import { parseEnvelope } from '../../src/ingest/sns-envelope.ts';
import { verifyEnvelope } from '../../src/ingest/sns-signature.ts';
import { maskAddress } from '../../src/log.ts';
import type { NormalizedItem } from '../../src/normalize/inbound-message.ts';
import { normalizeNotification } from '../../src/normalize/normalize-notification.ts';
import { asJsonObject, isJsonObject, parseJson } from '../../src/normalize/payload-fields.ts';
import type { JsonObject } from '../../src/normalize/payload-fields.ts';
import { isSmsPayload } from '../../src/normalize/sms.ts';
import { isWhatsAppPayload } from '../../src/normalize/whatsapp.ts';

interface Finding {
  /** What the totals count by. */
  readonly unit: string;
  readonly detail?: string;
}

const FAULT = 'FAULT';
const EX_USAGE = 64;

async function runCorpus(root: string): Promise<number> {
  const check = signatureCheck(path.join(root, 'sns/certs'));
  const totals = new Map<string, number>();
  const files = listFiles(root);
  for (const file of files) {
    const { shape, findings } = await explainFile(root, file, check);
    const texts = findings.map(({ unit, detail }) => (detail === undefined ? unit : `${unit} ${detail}`));
    console.log(`${file}: ${shape}: ${texts.join('; ') || 'nothing for the bridge'}`);
    for (const { unit } of findings) totals.set(unit, (totals.get(unit) ?? 0) + 1);
  }
  console.log(`\n${files.length} files`);
  for (const [unit, count] of [...totals].toSorted(([a], [b]) => a.localeCompare(b)))
    console.log(`${count} ${unit}`);
  return totals.has(FAULT) ? 1 : 0;
}

function listFiles(root: string): string[] {
  return fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .toSorted();
}

interface Explanation {
  readonly shape: string;
  readonly findings: readonly Finding[];
}

async function explainFile(root: string, file: string, check: SignatureCheck): Promise<Explanation> {
  try {
    const body = fs.readFileSync(path.join(root, file));
    const { shape, notifications, isPosted } = readPayload(parseJson(body.toString()));
    const verdicts = isPosted ? await judgeSignature(file, body, check) : [];
    const items = notifications.flatMap((notification) =>
      normalizeNotification(notification, { defaultCountry: undefined }),
    );
    return { shape, findings: [...verdicts, ...items.map(describeItem)] };
  } catch (error) {
    // Our own frame says where; the message could quote the file.
    const frame =
      error instanceof Error ? error.stack?.split('\n').find((line) => /^\s+at /.test(line)) : undefined;
    return { shape: 'unknown', findings: [{ unit: FAULT, detail: `it threw ${frame?.trim() ?? ''}` }] };
  }
}

function describeItem(item: NormalizedItem): Finding {
  switch (item.kind) {
    case 'message': {
      const { channel, customerAddress, businessAddress, content } = item.message;
      const detail = `(${content.kind}) from ${maskAddress(customerAddress)} to ${maskAddress(businessAddress)}`;
      return { unit: `message, ${channel}`, detail };
    }
    case 'ignored':
      return { unit: `ignored (${item.reason})` };
    case 'notUnderstood':
      return { unit: `not understood (${item.detail})` };
  }
}

/** The body is verified as it would be if it were posted, its own topic on the list and its age no matter. */
type SignatureCheck = (body: Buffer) => Promise<'verified' | BridgeError['code']>;

function signatureCheck(certDir: string): SignatureCheck {
  const agent = new https.Agent({
    lookup: (_host, _options, done) => done(new Error('No certificate is fetched.'), []),
  });
  const certificates = fs.existsSync(certDir)
    ? new SigningCertificates({ directory: certDir, clock: systemClock, agent })
    : undefined;
  return async (body) => {
    try {
      const envelope = parseEnvelope(body);
      if (!certificates) return 'CERTIFICATE_UNAVAILABLE';
      const topicArns = new Set([envelope.TopicArn]);
      const now = systemClock.now();
      await verifyEnvelope(envelope, { topicArns, retentionMs: now, now, certificates });
      return 'verified';
    } catch (error) {
      if (error instanceof BridgeError && error.code !== 'INTERNAL') return error.code;
      throw error;
    }
  };
}

async function judgeSignature(
  file: string,
  body: Buffer,
  check: SignatureCheck,
): Promise<readonly Finding[]> {
  const verdict = await check(body);
  const folder = path.basename(path.dirname(file));
  const finding = { unit: verdict === 'verified' ? 'verified' : `refused (${verdict})` };
  // Lambda's spelling, SigningCertUrl, is never posted.
  const mustVerify = folder === 'signed-valid' && body.includes('"SigningCertURL"');
  const mustFail = folder === 'signed-invalid' || folder === 'signed-by-other-cert';
  const isWrong = verdict === 'verified' ? mustFail : mustVerify;
  return isWrong ? [finding, { unit: FAULT, detail: 'the signature was judged wrongly' }] : [finding];
}

interface Reading {
  readonly shape: string;
  readonly notifications: readonly NotificationFields[];
  /** It could have been posted to the bridge as it is, so the ingest stage has its say. */
  readonly isPosted: boolean;
}

type NotificationFields = Parameters<typeof normalizeNotification>[0];

/** In this order: what stands further up may hold what stands further down. */
const SHAPES: readonly {
  readonly shape: string;
  readonly matches: (value: JsonObject) => boolean;
  readonly read: (value: JsonObject) => readonly NotificationFields[];
}[] = [
  {
    shape: 'SNS envelope',
    matches: (value) => Object.hasOwn(value, 'Message'),
    read: (value) =>
      (value['Type'] ?? 'Notification') === 'Notification'
        ? [notificationOf(value['Message'], value['Timestamp'])]
        : [],
  },
  { shape: 'Lambda or SQS records', matches: (value) => Array.isArray(value['Records']), read: readRecords },
  { shape: 'EUM Social envelope', matches: isWhatsAppPayload, read: (value) => [notificationOf(value)] },
  { shape: 'EUM SMS payload', matches: isSmsPayload, read: (value) => [notificationOf(value)] },
  {
    shape: 'Meta webhook',
    matches: (value) => Array.isArray(value['entry']),
    read: (value) => (value['entry'] as unknown[]).map(wrapEntry),
  },
  {
    shape: 'bare entry',
    matches: (value) => Array.isArray(value['changes']),
    read: (value) => [wrapEntry(value)],
  },
  {
    shape: 'bare change',
    matches: (value) => isJsonObject(value['value']) && Object.hasOwn(value, 'field'),
    read: (value) => [wrapEntry({ changes: [value] })],
  },
  {
    shape: 'bare message',
    matches: (value) => Object.hasOwn(value, 'type'),
    read: (message) => [wrapEntry({ changes: [{ field: 'messages', value: { messages: [message] } }] })],
  },
  {
    shape: 'bare change value',
    matches: (value) => ['messages', 'statuses', 'errors'].some((list) => Array.isArray(value[list])),
    read: (value) => [wrapEntry({ changes: [{ field: 'messages', value }] })],
  },
];

function readPayload(value: unknown): Reading {
  if (Array.isArray(value))
    return { shape: 'list', notifications: value.flatMap(readElement), isPosted: false };
  if (!isJsonObject(value)) return { shape: 'no JSON object', notifications: [], isPosted: true };
  const found = SHAPES.find(({ matches }) => matches(value));
  if (!found) return { shape: 'other', notifications: [], isPosted: true };
  return { shape: found.shape, notifications: found.read(value), isPosted: found.shape === 'SNS envelope' };
}

function readElement(value: unknown): readonly NotificationFields[] {
  return isJsonObject(value) ? (SHAPES.find(({ matches }) => matches(value))?.read(value) ?? []) : [];
}

/** Lambda has `Sns`, SQS has `body`: an SNS envelope, or with raw delivery the Message alone. */
function readRecords(value: JsonObject): readonly NotificationFields[] {
  return (value['Records'] as unknown[]).flatMap((record) => {
    const { Sns: sns, body } = asJsonObject(record);
    if (isJsonObject(sns)) return [notificationOf(sns['Message'], sns['Timestamp'])];
    if (typeof body !== 'string') return [];
    const { Message: message, Timestamp: timestamp } = asJsonObject(parseJson(body));
    return [message === undefined ? notificationOf(body) : notificationOf(message, timestamp)];
  });
}

const EXAMPLE_ARN =
  'arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/0123456789abcdef0123456789abcdef';

/** Meta's own webhook, as End User Messaging Social would pass one entry of it on. */
function wrapEntry(entry: unknown): NotificationFields {
  const context = { MetaPhoneNumberIds: [{ metaPhoneNumberId: 'example', arn: EXAMPLE_ARN }] };
  return notificationOf({ context, whatsAppWebhookEntry: JSON.stringify(entry) });
}

/** `timestamp` where the payload has an envelope; some that people wrote down are no instants. */
function notificationOf(message: unknown, timestamp?: unknown): NotificationFields {
  return {
    MessageId: '00000000-0000-4000-8000-000000000000',
    TopicArn: 'arn:aws:sns:us-east-1:111122223333:corpus',
    Timestamp: typeof timestamp === 'string' ? timestamp : '2026-01-01T00:00:00.000Z',
    Message: typeof message === 'string' ? message : JSON.stringify(message ?? null),
  };
}

// Last, since a module's constants are there only from their own line on.
const [directory] = process.argv.slice(2);
if (directory === undefined || !fs.existsSync(directory)) {
  console.error('Usage: npm run corpus -- DIR');
  process.exitCode = EX_USAGE;
} else {
  process.exitCode = await runCorpus(directory);
}
