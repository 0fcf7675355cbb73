import { runChecks } from '../../../src/admin/doctor/check.ts';
import type { Check, Finding } from '../../../src/admin/doctor/check.ts';
import type { Examination } from '../../../src/admin/doctor/examination.ts';
import { Readings } from '../../../src/admin/doctor/readings.ts';
import { loadConfig } from '../../../src/config.ts';
import {
  FLOW,
  INSTANCE,
  REPLY_TOPIC,
  SMS_ARN,
  SMS_NUMBER,
  TOPIC,
  WHATSAPP_ARN,
  WHATSAPP_NUMBER,
} from '../../support/aws-account.ts';
import type { AwsAccount } from '../../support/aws-account.ts';

/** The methods' routes, as docs/set-up.md has them. */
export const EVENT_ROUTES = [
  { channel: 'sms', number: SMS_NUMBER, destinationId: SMS_ARN },
  { channel: 'whatsapp', number: WHATSAPP_NUMBER, destinationId: WHATSAPP_ARN },
] as const;
export const PARTICIPANT_ROUTES = EVENT_ROUTES.map((route) =>
  Object.assign({ method: 'participant', instanceId: INSTANCE, contactFlowId: FLOW }, route),
);

export interface Scene {
  readonly routes?: readonly object[];
  readonly env?: Readonly<Record<string, string>>;
  readonly probe?: boolean;
  readonly endpoint?: string;
}

/** The bridge's configuration, as its environment. */
export function bridgeEnv({ routes = EVENT_ROUTES, env = {} }: Scene = {}): Record<string, string> {
  return {
    TOPIC_ARNS: TOPIC,
    REPLY_TOPIC_ARNS: REPLY_TOPIC,
    ROUTES: JSON.stringify({ routes }),
    AWS_REGION: 'us-east-1',
    ...env,
  };
}

/** Runs one area's checks against the account; findings by the checks' ids. */
export async function diagnose(
  makeChecks: (examination: Examination) => readonly Check[],
  account: AwsAccount,
  scene: Scene = {},
): Promise<Readonly<Record<string, Finding>>> {
  const readings = new Readings(account.env);
  try {
    const examination: Examination = {
      config: loadConfig(bridgeEnv(scene)),
      readings,
      endpoint: scene.endpoint === undefined ? undefined : new URL(scene.endpoint),
      probe: scene.probe === true,
    };
    const findings: Record<string, Finding> = {};
    for await (const { id, title: _, ...finding } of runChecks(makeChecks(examination)))
      findings[id] = finding;
    return findings;
  } finally {
    readings.close();
  }
}
