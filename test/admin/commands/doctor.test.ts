import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckResult } from '../../../src/admin/doctor/check.ts';
import { subscriptionChecks } from '../../../src/admin/doctor/subscriptions.ts';
import { DENIED, ENDPOINT, Refusal, TOPIC, startAwsAccount } from '../../support/aws-account.ts';
import type { AwsAccount } from '../../support/aws-account.ts';
import { PARTICIPANT_ROUTES, bridgeEnv, diagnose } from '../doctor/doctor-scene.ts';
import { runCommand } from '../run-command.ts';

let account: AwsAccount;

beforeEach(async () => {
  account = await startAwsAccount();
});
afterEach(() => account[Symbol.asyncDispose]());

interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly checks: readonly CheckResult[];
}

async function runDoctor(argv: readonly string[] = [], env = bridgeEnv()) {
  const run = await runCommand(['doctor', '--json', ...argv], { env: { ...account.env, ...env } });
  return { ...run, report: JSON.parse(run.stdout) as Report };
}

/** Operations that change nothing begin with these. */
const READING = /:(Get|List|Describe|Simulate)/;

describe('doctor', () => {
  it.each([
    ['integration-event', bridgeEnv({ env: { REPLY_TOPIC_ARNS: '' } })],
    ['participant', bridgeEnv({ routes: PARTICIPANT_ROUTES })],
  ])('%s: a set-up in order has nothing wrong, and was only read', async (_method, env) => {
    const { exitCode, stderr, report } = await runDoctor([], env);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const notOk = report.checks.filter(({ verdict }) => verdict !== 'ok');
    expect(new Set(notOk.map(({ id }) => id.split('/')[0]))).toEqual(new Set(['delivery', 'endpoint']));
    expect(notOk.every(({ verdict }) => verdict === 'unknown')).toBe(true);
    expect(account.seen.map(({ operation }) => operation).filter((name) => !READING.test(name))).toEqual([]);
    expect(new Set(account.seen.map(({ region }) => region))).toEqual(new Set(['us-east-1']));
  });

  it('every check has an id of its own, a title and words', async () => {
    const { report } = await runDoctor([], bridgeEnv({ routes: PARTICIPANT_ROUTES }));
    expect(new Set(report.checks.map(({ id }) => id)).size).toBe(report.checks.length);
    expect(report.checks.every(({ title, what }) => title && what)).toBe(true);
    expect(Object.values(report.counts).reduce((sum, one) => sum + one, 0)).toBe(report.checks.length);
  });

  it('says line by line what holds, what does not and how to mend it; exit code 1', async () => {
    account.answers['sns:GetTopicAttributes'] = new Refusal(404, 'NotFound', 'Topic does not exist');
    const { exitCode, stdout } = await runCommand(['doctor'], { env: { ...account.env, ...bridgeEnv() } });
    expect(exitCode).toBe(1);
    expect(stdout).toContain(
      'Identity\n  ok       credentials: arn:aws:sts::111122223333:assumed-role/bridge/',
    );
    expect(stdout).toContain(
      'Topics\n  WRONG    topic inbound: there is no such topic\n           → make it,',
    );
    expect(stdout).toContain('  unknown  topic inbound: sms may publish: there is no such topic\n');
    expect(stdout).toMatch(/\nok \d+ · wrong 2 · warning 0 · unknown \d+\n$/);
  });

  it('--probe tries the delivery', async () => {
    const { report } = await runDoctor(['--probe']);
    expect(
      report.checks.filter(({ id }) => id.startsWith('delivery/')).map(({ verdict }) => verdict),
    ).toEqual(['ok', 'ok']);
    expect(account.seen.some(({ operation }) => operation === 'connect:SendChatIntegrationEvent')).toBe(true);
  });

  it.each([
    ['no permission at all', DENIED],
    ['a service that fails', new Refusal(500, 'InternalError', 'oops')],
    ['nonsense as an answer', new Refusal(418, '', '')],
  ])('%s: everything is unknown, and nothing crashes', async (_name, refusal) => {
    for (const operation of Object.keys(account.answers)) account.answers[operation] = refusal;
    const { exitCode, stderr, report } = await runDoctor([], bridgeEnv({ routes: PARTICIPANT_ROUTES }));
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const judged = report.checks.filter(({ verdict }) => verdict !== 'unknown').map(({ id }) => id);
    // What the configuration alone tells.
    expect(judged.map((id) => id.replace(/^route\/.*\//, 'route/'))).toEqual([
      'region',
      'route/streaming',
      'route/streaming',
    ]);
  });

  it('names the permission that is missing', async () => {
    account.answers['sns:GetTopicAttributes'] = DENIED;
    const { exitCode, report } = await runDoctor();
    expect(exitCode).toBe(0);
    expect(report.checks.find(({ id }) => id === `topic/${TOPIC}`)).toMatchObject({
      verdict: 'unknown',
      what: expect.stringContaining('sns:GetTopicAttributes') as unknown,
    });
  });

  it('no credentials: one line says so, the others that they could not ask', async () => {
    const keys = { ...process.env };
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) delete process.env[name];
    try {
      const { exitCode, report } = await runDoctor();
      expect(exitCode).toBe(1);
      expect(report.checks.filter(({ verdict }) => verdict === 'wrong').map(({ id }) => id)).toEqual([
        'credentials',
      ]);
      expect(account.seen).toEqual([]);
    } finally {
      Object.assign(process.env, keys);
    }
  });
});

describe('refused before anything is asked', () => {
  it('a configuration with problems, as `start` reports it', async () => {
    const run = await runCommand(['doctor'], { env: { ROUTES: '{"routes":[{}]}' } });
    expect(run).toMatchObject({ exitCode: 78, stdout: '' });
    expect(run.stderr).toContain('TOPIC_ARNS: is required');
    expect(run.stderr).toMatch(/ROUTES:\s+\$\.routes\[0\]\.channel/);
  });

  it.each(['http://bridge.example/sns', 'bridge.example'])(
    'an endpoint that is no https URL: %s',
    async (url) => {
      const run = await runCommand(['doctor', '--endpoint', url], { env: bridgeEnv() });
      expect(run).toMatchObject({ exitCode: 64, stdout: '' });
      expect(run.stderr).toContain('--endpoint is no https:// URL');
    },
  );
});

describe('--endpoint', () => {
  it.each([
    ['the subscription’s', ENDPOINT, 'ok'],
    ['another one', 'https://localhost:1/sns', 'wrong'],
  ])('%s', async (_name, endpoint, verdict) => {
    const subscriptions = await diagnose(subscriptionChecks, account, { endpoint });
    expect(subscriptions[`subscription/${TOPIC}`]?.verdict).toBe(verdict);
  });

  it('is looked at from outside in', async () => {
    const { report } = await runDoctor(['--endpoint', 'https://127.0.0.1:1/sns']);
    expect(
      report.checks.filter(({ id }) => id.startsWith('endpoint/')).map(({ id, verdict }) => [id, verdict]),
    ).toEqual([
      ['endpoint/url', 'ok'],
      ['endpoint/address', 'wrong'],
      ['endpoint/certificate', 'wrong'],
      ['endpoint/healthz', 'wrong'],
      ['endpoint/sns', 'wrong'],
      ['endpoint/metrics', 'ok'],
      ['endpoint/readyz', 'ok'],
    ]);
  });
});
