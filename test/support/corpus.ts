/**
 * `npm run corpus -- DIR`: shows what the bridge would make of a folder of payload files, one line for each, by the code
 * of `bridge explain`, with routes that take everything. Customers' words are not printed, and their numbers are masked
 * unless `--numbers` is given.
 *
 * Signatures are looked at where DIR has `sns/certs`, with the certificates there: none is fetched. Files in a folder
 * `signed-valid` must verify, those in `signed-invalid` and `signed-by-other-cert` must not. Exits 1 if that is not
 * so, if anything threw, if a request breaks Connect's rules, or if something that a customer sent is not in it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { explainNotification, makeSignatureCheck } from '../../src/admin/explanation.ts';
import type { Identity, PartExplanation, Rules, SignatureCheck } from '../../src/admin/explanation.ts';
import { readPayload } from '../../src/admin/payload-shapes.ts';
import type { Payload } from '../../src/admin/payload-shapes.ts';
import { maskAddress } from '../../src/log.ts';
import { parseJson } from '../../src/normalize/payload-fields.ts';
import { chatEventProblems } from '../../src/send/chat-event-rules.ts';
import { findLostContent } from './lost-content.ts';

interface Finding {
  /** What the totals count by, in lines of their own and within such a line. */
  readonly unit: string;
  readonly kind?: string;
  /** For the file's line alone. */
  readonly detail?: string;
}

const FAULT = 'FAULT';
const EXIT_FAULT = 1;
const EX_USAGE = 64;

/** Every message has a destination, so that only its content decides what becomes of it. */
const RULES: Rules = {
  routes: [
    {
      channel: 'sms',
      number: '*',
      destinationId: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-example',
    },
    {
      channel: 'whatsapp',
      number: '*',
      destinationId: 'arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/example',
    },
  ],
  fallbackRegion: undefined,
  defaultCountry: undefined,
  textLimits: { sms: 1_024, whatsapp: 4_096 },
};

/** Stands in for a time that a payload does not say. */
const NOW = Date.UTC(2026, 0, 1);

interface Options {
  readonly root: string;
  readonly hasNumbers: boolean;
  readonly check: SignatureCheck;
}

async function runCorpus(options: Options): Promise<number> {
  const all: Finding[] = [];
  const faults: string[] = [];
  const files = listFiles(options.root);
  for (const file of files) {
    const { shape, findings } = await explainFile(file, options);
    console.log(`${file}: ${shape}: ${findings.map(describeFinding).join('; ') || 'nothing for the bridge'}`);
    all.push(...findings.filter(({ unit }) => unit !== FAULT));
    faults.push(...findings.filter(({ unit }) => unit === FAULT).map(({ detail }) => `${file}: ${detail}`));
  }
  console.log(`\n${files.length} files`);
  for (const line of describeTotals(all)) console.log(line);
  // Last, where whoever reads the end of it alone sees them.
  console.log(`${faults.length} faults`);
  for (const fault of faults) console.log(fault);
  return faults.length > 0 ? EXIT_FAULT : 0;
}

function describeFinding({ unit, kind, detail }: Finding): string {
  return [unit, ...(kind === undefined ? [] : [`(${kind})`]), ...(detail === undefined ? [] : [detail])].join(
    ' ',
  );
}

/** `3 ignored by other_field: flows 2, calls 1`: the units by name, within them the kinds by count. */
function describeTotals(findings: readonly Finding[]): string[] {
  const byUnit = [...Map.groupBy(findings, ({ unit }) => unit)].toSorted(([a], [b]) => a.localeCompare(b));
  return byUnit.map(([unit, ofUnit]) => {
    const kinds = ofUnit.flatMap(({ kind }) => kind ?? []);
    const counts = [...Map.groupBy(kinds, (kind) => kind)].map(
      ([kind, alike]) => [kind, alike.length] as const,
    );
    const shown = counts.toSorted(([, a], [, b]) => b - a).map(([kind, count]) => `${kind} ${count}`);
    return `${ofUnit.length} ${unit}${shown.length === 0 ? '' : `: ${shown.join(', ')}`}`;
  });
}

function listFiles(root: string): string[] {
  return fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .toSorted();
}

interface FileFindings {
  readonly shape: string;
  readonly findings: readonly Finding[];
}

async function explainFile(file: string, options: Options): Promise<FileFindings> {
  try {
    const body = fs.readFileSync(path.join(options.root, file));
    const value = parseJson(body.toString());
    const payloads = [value].flat().map((element) => readPayload(element, NOW));
    // It could have been posted to the bridge as it is, so the ingest stage has its say.
    const isPosted = !Array.isArray(value) && (payloads[0]?.[0]?.shape ?? ENVELOPE) === ENVELOPE;
    const known = payloads.flatMap((found) => found ?? []);
    return {
      shape: known[0]?.shape ?? 'other',
      findings: [
        ...(isPosted ? await judgeSignature(file, body, options.check) : []),
        ...known.flatMap((payload) => explainPayload(payload, options)),
      ],
    };
  } catch (error) {
    // Our own frame says where; the message could quote the file.
    const frame =
      error instanceof Error ? error.stack?.split('\n').find((line) => /^\s+at /.test(line)) : undefined;
    return { shape: 'unknown', findings: [{ unit: FAULT, detail: `it threw ${frame?.trim() ?? ''}` }] };
  }
}

const ENVELOPE = 'SNS envelope';

function explainPayload({ notification, visibility }: Payload, options: Options): readonly Finding[] {
  if (!notification) return [];
  const parts = explainNotification(notification, RULES, visibility);
  const lost = findLostContent(notification.Message, parts);
  return [
    ...parts.flatMap((part) => describePart(part, options)),
    ...lost.map((detail) => ({ unit: FAULT, detail })),
  ];
}

function describePart(part: PartExplanation, options: Options): readonly Finding[] {
  switch (part.outcome) {
    case 'sent': {
      const count = part.requests.length === 1 ? '' : `, ${part.requests.length} parts`;
      const problems = part.requests.flatMap(({ input }) => chatEventProblems(input));
      return [
        {
          unit: `sent, ${part.message.channel}`,
          kind: part.message.content,
          detail: `${describeAddresses(part.message, options)}${count}`,
        },
        ...problems.map((detail) => ({ unit: FAULT, detail })),
      ];
    }
    case 'reply':
      return [{ unit: 'reply', kind: part.content }];
    case 'chatEnded':
      return [{ unit: 'end of a chat' }];
    case 'ignored':
      return [{ unit: `ignored, ${part.reason}`, kind: part.field ?? 'no field' }];
    case 'dead':
      return [{ unit: `dead, ${part.reason}`, kind: part.detail }];
  }
}

function describeAddresses(message: Identity, { hasNumbers }: Options): string {
  const shown = hasNumbers ? (address: string) => address : maskAddress;
  const { customerAddress, customerAddressKind, businessAddress } = message;
  return `from ${shown(customerAddress)} (${customerAddressKind}) to ${shown(businessAddress)}`;
}

/** The body is verified as it would be if it were posted. */
async function judgeSignature(
  file: string,
  body: Buffer,
  check: SignatureCheck,
): Promise<readonly Finding[]> {
  const signature = await check(body);
  const isVerified = signature.verdict === 'verified';
  const finding = {
    unit: signature.verdict === 'refused' ? `refused (${signature.code})` : signature.verdict,
  };
  const folder = path.basename(path.dirname(file));
  // Lambda's spelling, SigningCertUrl, is never posted.
  const mustVerify = folder === 'signed-valid' && body.includes('"SigningCertURL"');
  const mustFail = folder === 'signed-invalid' || folder === 'signed-by-other-cert';
  const isWrong = isVerified ? mustFail : mustVerify;
  return isWrong ? [finding, { unit: FAULT, detail: 'the signature was judged wrongly' }] : [finding];
}

// Last, since a module's constants are there only from their own line on.
const [directory, flag] = process.argv.slice(2);
if (directory === undefined || !fs.existsSync(directory) || (flag !== undefined && flag !== '--numbers')) {
  console.error('Usage: npm run corpus -- DIR [--numbers]');
  process.exitCode = EX_USAGE;
} else {
  process.exitCode = await runCorpus({
    root: directory,
    hasNumbers: flag !== undefined,
    check: makeSignatureCheck(path.join(directory, 'sns/certs')),
  });
}
