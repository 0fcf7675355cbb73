/** docs/set-up.md, held to what doctor asks and to how it judges. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgePolicy } from '../../../src/admin/doctor/resource-policy.ts';
import { loadConfig } from '../../../src/config.ts';
import { KEY, QUEUE_POLICY, TOPIC, startAwsAccount } from '../../support/aws-account.ts';
import type { AwsAccount } from '../../support/aws-account.ts';
import { runCommand } from '../run-command.ts';
import { EVENT_ROUTES, PARTICIPANT_ROUTES, bridgeEnv } from './doctor-scene.ts';

const text = fs.readFileSync(path.join(import.meta.dirname, '../../../docs/set-up.md'), 'utf8');

interface Statement {
  readonly Principal?: { readonly Service: string | readonly string[] };
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}
const blocks = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, json = '']) =>
    JSON.parse(json) as { readonly Statement?: readonly Statement[]; readonly routes?: unknown },
);
const list = (value: string | readonly string[]): readonly string[] => [value].flat();
const policies = blocks.flatMap(({ Statement }) => (Statement ? [Statement] : []));
const actions = new Set(
  policies
    .filter((statements) => statements.every(({ Principal }) => !Principal))
    .flatMap((statements) => statements.flatMap(({ Action }) => list(Action))),
);

let account: AwsAccount;
beforeEach(async () => {
  account = await startAwsAccount();
});
afterEach(() => account[Symbol.asyncDispose]());

it('allows all that doctor asks, by each method', async () => {
  account.answers['sns:GetTopicAttributes'] = { Attributes: { KmsMasterKeyId: KEY } };
  account.answers['sqs:GetQueueAttributes'] = { Attributes: { Policy: QUEUE_POLICY, KmsMasterKeyId: KEY } };
  const agent = {
    channel: 'sms',
    number: 'rcs-1',
    destinationId: 'arn:aws:sms-voice:us-east-1:111122223333:rcs-agent/rcs-1',
  };
  for (const routes of [[...EVENT_ROUTES, agent], PARTICIPANT_ROUTES]) {
    await runCommand(['doctor', '--probe'], { env: { ...account.env, ...bridgeEnv({ routes }) } });
  }
  const asked = new Set(
    account.seen
      .map(({ operation }) => operation)
      // Needs no permission, and tokens instead of permissions.
      .filter((operation) => operation !== 'sts:GetCallerIdentity' && !operation.startsWith('participant:')),
  );
  expect(asked.size).toBeGreaterThan(15);
  expect([...asked].filter((operation) => !actions.has(operation))).toEqual([]);
});

describe('its policies of topics and queues', () => {
  const ofResources = policies.flat().flatMap(({ Principal, Action, Resource }) =>
    list(Principal?.Service ?? []).map((principal) => ({
      principal,
      action: list(Action)[0] ?? '',
      resource: list(Resource)[0] ?? '',
    })),
  );

  it('are four services’', () => {
    expect(ofResources.map(({ principal }) => principal)).toEqual([
      'sms-voice.amazonaws.com',
      'social-messaging.amazonaws.com',
      'sns.amazonaws.com',
      'connect.amazonaws.com',
    ]);
  });

  it.each(ofResources)('let $principal in, and nobody else', ({ principal, action, resource }) => {
    const policy = JSON.stringify({ Statement: policies.flat().filter(({ Principal }) => Principal) });
    const sourceArn =
      principal === 'connect.amazonaws.com'
        ? 'arn:aws:connect:us-east-1:111122223333:instance/INSTANCE-ID'
        : 'arn:aws:sns:us-east-1:111122223333:inbound-messages';
    const context = { 'aws:sourceaccount': '111122223333', 'aws:sourcearn': sourceArn };
    expect(judgePolicy(policy, { principal, action, resource, context })).toBe('yes');
    expect(judgePolicy(policy, { principal: 'x.amazonaws.com', action, resource, context })).toBe('no');
  });
});

it('has routes that are routes', () => {
  const routes = blocks.filter(({ routes }) => routes !== undefined);
  expect(routes).toHaveLength(2);
  for (const block of routes) {
    const env = bridgeEnv({
      env: { TOPIC_ARNS: TOPIC, ROUTES: JSON.stringify(block) },
    });
    expect(loadConfig(env).routes.length).toBeGreaterThan(0);
  }
});
