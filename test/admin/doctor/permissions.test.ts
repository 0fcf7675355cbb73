import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { permissionChecks } from '../../../src/admin/doctor/permissions.ts';
import {
  ACCOUNT_ID,
  DENIED,
  FLOW,
  INSTANCE,
  REGION,
  REPLY_TOPIC,
  Refusal,
  SMS_ARN,
  TOPIC,
  WHATSAPP_ARN,
  startAwsAccount,
} from '../../support/aws-account.ts';
import type { Answer, AwsAccount, Input } from '../../support/aws-account.ts';
import { PARTICIPANT_ROUTES, diagnose } from './doctor-scene.ts';

const INSTANCE_ARN = `arn:aws:connect:${REGION}:${ACCOUNT_ID}:instance/${INSTANCE}`;
const EVENT = 'permission/connect:SendChatIntegrationEvent *';
const START = `permission/connect:StartChatContact ${INSTANCE_ARN}/contact-flow/${FLOW} ${INSTANCE_ARN}/contact/*`;
const STREAM = `permission/connect:StartContactStreaming ${INSTANCE_ARN} ${INSTANCE_ARN}/contact/*`;
const CONFIRM = [TOPIC, REPLY_TOPIC].map((arn) => `permission/sns:ConfirmSubscription ${arn}`);

let account: AwsAccount;
beforeEach(async () => {
  account = await startAwsAccount();
});
afterEach(() => account[Symbol.asyncDispose]());

const decision = (EvalDecision: string): Answer => ({ EvalDecision });
const simulated = (): readonly Input[] =>
  account.seen
    .filter(({ operation }) => operation.endsWith(':SimulatePrincipalPolicy'))
    .map(({ input }) => input);

describe('what is asked about', () => {
  it('integration-event', async () => {
    const findings = await diagnose(permissionChecks, account);
    expect(Object.keys(findings)).toEqual([...CONFIRM, EVENT]);
    expect(simulated()[0]).toMatchObject({
      PolicySourceArn: `arn:aws:iam::${ACCOUNT_ID}:role/bridge`,
      'ActionNames.member.1': 'sns:ConfirmSubscription',
      'ResourceArns.member.1': TOPIC,
    });
  });

  it('participant, whose replies the bridge carries', async () => {
    const findings = await diagnose(permissionChecks, account, {
      routes: PARTICIPANT_ROUTES,
      env: { CONNECT_METHOD: 'participant' },
    });
    expect(Object.keys(findings)).toEqual([
      ...CONFIRM,
      START,
      STREAM,
      `permission/sms-voice:SendTextMessage ${SMS_ARN}`,
      `permission/social-messaging:SendWhatsAppMessage ${WHATSAPP_ARN}`,
    ]);
  });

  it('a WhatsApp route for all numbers by integration-event, as the role that it names', async () => {
    const roleArn = `arn:aws:iam::${ACCOUNT_ID}:role/route`;
    const findings = await diagnose(permissionChecks, account, {
      routes: [{ channel: 'whatsapp', number: '*', method: 'integration-event', replies: 'bridge', roleArn }],
      env: { CONNECT_METHOD: 'participant' },
    });
    expect(Object.keys(findings)).toEqual([
      ...CONFIRM,
      `permission/${roleArn} connect:SendChatIntegrationEvent *`,
      `permission/${roleArn} social-messaging:SendWhatsAppMessage *`,
    ]);
  });
});

describe('IAM’s answer', () => {
  it.each<[string, Answer, string, string]>([
    ['allowed', decision('allowed'), 'ok', 'allowed'],
    ['not allowed', decision('implicitDeny'), 'wrong', 'no policy allows it'],
    ['denied', decision('explicitDeny'), 'wrong', 'a policy denies it'],
    ['not to be asked', DENIED, 'unknown', 'iam:SimulatePrincipalPolicy'],
  ])('%s', async (_name, answer, verdict, words) => {
    account.answers['iam:SimulatePrincipalPolicy'] = answer;
    const finding = (await diagnose(permissionChecks, account))[EVENT];
    expect(finding).toMatchObject({ verdict });
    expect(finding?.what).toContain(words);
  });

  it.each([
    ['wrong', 'for the kind of resource that is not required only', '/contact-flow/'],
    ['warning', 'for the required kind of resource only', '/contact/'],
  ])('%s: %s', async (verdict, _name, refused) => {
    account.answers['iam:SimulatePrincipalPolicy'] = (input) => ({
      EvalDecision: String(input['ResourceArns.member.1']).includes(refused) ? 'implicitDeny' : 'allowed',
    });
    const findings = await diagnose(permissionChecks, account, { routes: PARTICIPANT_ROUTES });
    expect(findings[START]).toMatchObject({ verdict });
  });

  it('unknown: a number’s ARN is not in the configuration', async () => {
    account.answers['iam:SimulatePrincipalPolicy'] = decision('implicitDeny');
    const routes = PARTICIPANT_ROUTES.map((route) => Object.assign({}, route, { destinationId: undefined }));
    const findings = await diagnose(permissionChecks, account, { routes });
    expect(findings['permission/sms-voice:SendTextMessage *']).toMatchObject({ verdict: 'unknown' });
  });

  it('a role with a path is asked for its ARN', async () => {
    account.answers['iam:SimulatePrincipalPolicy'] = (input) =>
      input['PolicySourceArn'] === `arn:aws:iam::${ACCOUNT_ID}:role/service/bridge`
        ? { EvalDecision: 'allowed' }
        : new Refusal(404, 'NoSuchEntity', 'no such role');
    expect((await diagnose(permissionChecks, account))[EVENT]).toMatchObject({ verdict: 'ok' });
  });

  it('a user is asked about as it is; the root user may do everything', async () => {
    const user = `arn:aws:iam::${ACCOUNT_ID}:user/bridge`;
    account.answers['sts:GetCallerIdentity'] = { Arn: user, Account: ACCOUNT_ID };
    await diagnose(permissionChecks, account);
    expect(simulated()[0]?.['PolicySourceArn']).toBe(user);
    account.answers['sts:GetCallerIdentity'] = {
      Arn: `arn:aws:iam::${ACCOUNT_ID}:root`,
      Account: ACCOUNT_ID,
    };
    expect((await diagnose(permissionChecks, account))[EVENT]).toMatchObject({ verdict: 'warning' });
  });
});
