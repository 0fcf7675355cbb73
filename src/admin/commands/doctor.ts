import { loadConfig } from '../../config.ts';
import { BridgeError } from '../../errors.ts';
import type { CommandIo } from '../command-io.ts';
import { VERDICTS, runChecks } from '../doctor/check.ts';
import type { Check, CheckResult, Verdict } from '../doctor/check.ts';
import { deliveryChecks } from '../doctor/delivery.ts';
import { endpointChecks } from '../doctor/endpoint.ts';
import type { Examination } from '../doctor/examination.ts';
import { identityChecks } from '../doctor/identity.ts';
import { numberChecks } from '../doctor/numbers.ts';
import { permissionChecks } from '../doctor/permissions.ts';
import { Readings } from '../doctor/readings.ts';
import { routeChecks } from '../doctor/routes.ts';
import { subscriptionChecks } from '../doctor/subscriptions.ts';
import { topicChecks } from '../doctor/topics.ts';

export interface DoctorOptions {
  readonly endpoint?: string;
  readonly probe?: boolean;
  readonly json?: boolean;
}

const EXIT_WRONG = 1;

/** In the order of a message's way, as far as one thing rests on another. */
const AREAS = {
  Identity: identityChecks,
  Topics: topicChecks,
  Subscriptions: subscriptionChecks,
  Numbers: numberChecks,
  Routes: routeChecks,
  Permissions: permissionChecks,
  Delivery: deliveryChecks,
  Endpoint: (examination) => endpointChecks(examination),
} as const satisfies Record<string, (examination: Examination) => readonly Check[]>;

/** As wide as the widest. */
const LABELS = {
  ok: 'ok     ',
  wrong: 'WRONG  ',
  warning: 'warning',
  unknown: 'unknown',
} as const satisfies Record<Verdict, string>;

/**
 * Walks the set-up by real calls and says what holds, what doesn't and how to mend it. Resolves to 1 if anything is
 * wrong. Throws CONFIG_INVALID, or USAGE for an endpoint that can't be one.
 */
export async function doctor(options: DoctorOptions, io: CommandIo): Promise<number> {
  const config = loadConfig(io.env);
  const endpoint = options.endpoint === undefined ? undefined : parseEndpoint(options.endpoint);
  const readings = new Readings(io.env);
  const results: CheckResult[] = [];
  try {
    const examination: Examination = { config, readings, endpoint, probe: options.probe === true };
    for (const [title, makeChecks] of Object.entries(AREAS)) {
      if (!options.json) io.stdout.write(`${title}\n`);
      for await (const result of runChecks(makeChecks(examination))) {
        results.push(result);
        if (!options.json) io.stdout.write(describe(result));
      }
    }
  } finally {
    readings.close();
  }
  const counts = count(results);
  io.stdout.write(
    options.json ? `${JSON.stringify({ counts, checks: results }, undefined, 2)}\n` : summarize(counts),
  );
  return counts.wrong > 0 ? EXIT_WRONG : 0;
}

function parseEndpoint(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:')
    throw new BridgeError('USAGE', { detail: '--endpoint is no https:// URL.' });
  return url;
}

function describe({ verdict, title, what, mend }: CheckResult): string {
  const line = `  ${LABELS[verdict]}  ${title}: ${what}\n`;
  return mend === undefined ? line : `${line}           → ${mend}\n`;
}

function count(results: readonly CheckResult[]): Readonly<Record<Verdict, number>> {
  const ofVerdict = (wanted: Verdict): number => results.filter(({ verdict }) => verdict === wanted).length;
  return {
    ok: ofVerdict('ok'),
    wrong: ofVerdict('wrong'),
    warning: ofVerdict('warning'),
    unknown: ofVerdict('unknown'),
  };
}

function summarize(counts: Readonly<Record<Verdict, number>>): string {
  return `\n${VERDICTS.map((verdict) => `${verdict} ${counts[verdict]}`).join(' · ')}\n`;
}
