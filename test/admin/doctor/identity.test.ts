import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityChecks } from '../../../src/admin/doctor/identity.ts';
import { DENIED, Refusal, startAwsAccount } from '../../support/aws-account.ts';
import type { AwsAccount } from '../../support/aws-account.ts';
import { EVENT_ROUTES, diagnose } from './doctor-scene.ts';

const ROLE = 'arn:aws:iam::444455556666:role/connect';

let account: AwsAccount;
beforeEach(async () => {
  account = await startAwsAccount();
});
afterEach(() => account[Symbol.asyncDispose]());

describe('credentials', () => {
  it('ok: whose they are', async () => {
    const { credentials } = await diagnose(identityChecks, account);
    expect(credentials).toEqual({
      verdict: 'ok',
      what: 'arn:aws:sts::111122223333:assumed-role/bridge/i-0123456789, account 111122223333',
    });
  });

  it.each(['InvalidClientTokenId', 'ExpiredToken', 'SignatureDoesNotMatch'])('wrong: %s', async (code) => {
    account.answers['sts:GetCallerIdentity'] = new Refusal(403, code, 'so it is');
    const { credentials } = await diagnose(identityChecks, account);
    expect(credentials).toMatchObject({ verdict: 'wrong', what: `none that AWS takes: ${code}: so it is` });
  });

  it('unknown: a service that fails', async () => {
    account.answers['sts:GetCallerIdentity'] = new Refusal(503, 'ServiceUnavailable');
    expect((await diagnose(identityChecks, account))['credentials']?.verdict).toBe('unknown');
  });
});

describe('Region', () => {
  it.each([
    ['the topics’', { AWS_REGION: 'us-east-1' }, 'ok'],
    ['none', { AWS_REGION: '' }, 'ok'],
    ['another', { AWS_REGION: 'eu-west-1' }, 'warning'],
  ])('%s: %o is %s', async (_name, env, verdict) => {
    expect((await diagnose(identityChecks, account, { env }))['region']?.verdict).toBe(verdict);
  });
});

describe('a route’s role', () => {
  const routes = [{ ...EVENT_ROUTES[0], roleArn: ROLE }];
  const credentials = {
    AccessKeyId: 'ASIAEXAMPLE',
    SecretAccessKey: 'secret',
    SessionToken: 'token',
    Expiration: '2099-01-01T00:00:00Z',
  };

  it('ok: can be assumed', async () => {
    account.answers['sts:AssumeRole'] = { Credentials: credentials };
    const findings = await diagnose(identityChecks, account, { routes });
    expect(findings[`role/${ROLE}`]).toMatchObject({ verdict: 'ok' });
    expect(account.seen.map(({ operation }) => operation)).toContain('sts:AssumeRole');
  });

  it('wrong: can’t be', async () => {
    account.answers['sts:AssumeRole'] = DENIED;
    const findings = await diagnose(identityChecks, account, { routes });
    expect(findings[`role/${ROLE}`]).toMatchObject({ verdict: 'wrong' });
    expect(findings[`role/${ROLE}`]?.mend).toContain('trust policy');
  });

  it('unknown: can be, but answers nothing', async () => {
    account.answers['sts:AssumeRole'] = { Credentials: credentials };
    account.answers['sts:GetCallerIdentity'] = new Refusal(500, 'InternalFailure');
    expect((await diagnose(identityChecks, account, { routes }))[`role/${ROLE}`]?.verdict).toBe('unknown');
  });
});
