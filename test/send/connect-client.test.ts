import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createConnectSender } from '../../src/send/connect-client.ts';
import { classifySendError } from '../../src/send/send-outcome.ts';
import { AWS_TEST_ENVIRONMENT, startAwsStandIn } from './aws-stand-in.ts';
import type { AwsStandIn } from './aws-stand-in.ts';

const REQUEST = {
  SourceId: '+14255550182',
  DestinationId:
    'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-0123456789abcdef0123456789abcdef',
  Event: { Type: 'MESSAGE' as const, ContentType: 'text/plain', Content: 'hello' },
};
const ROLE_ARN = 'arn:aws:iam::444455556666:role/connect-writer';
const SENT = { status: 200, body: '{"InitialContactId":"contact-1","NewChatCreated":true}' };

const ASSUMED = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
  <Credentials><AccessKeyId>AKIDASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
  <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;

let standIn: AwsStandIn;
let sender: ReturnType<typeof createConnectSender>;

beforeEach(async () => {
  standIn = await startAwsStandIn(() => SENT);
  Object.assign(process.env, AWS_TEST_ENVIRONMENT, {
    AWS_ENDPOINT_URL_CONNECT: standIn.url,
    AWS_ENDPOINT_URL_STS: standIn.url,
  });
  sender = createConnectSender();
});

afterEach(async () => {
  sender.close();
  await standIn[Symbol.asyncDispose]();
});

describe('createConnectSender', () => {
  it('sends the request as it is, signed for the Region, and reads the answer', async () => {
    standIn.answer = () => ({ ...SENT, headers: { 'x-amzn-requestid': 'request-1' } });
    const sent = await sender.send(REQUEST, { region: 'eu-west-2', roleArn: undefined });
    expect(sent).toEqual({ contactId: 'contact-1', newChatCreated: true, requestId: 'request-1' });
    const [seen] = standIn.seen;
    expect(seen?.path).toBe('/chat-integration-event');
    expect(JSON.parse(seen?.body ?? '')).toEqual(REQUEST);
    expect(seen?.authorization).toMatch(/Credential=AKIDEXAMPLE\/\d{8}\/eu-west-2\/connect\//);
  });

  it.each([
    ['empty', '{}'],
    ['null', '{"InitialContactId":null,"NewChatCreated":null}'],
  ])('an answer whose members are %s', async (_name, body) => {
    standIn.answer = () => ({ status: 200, body });
    expect(await sender.send(REQUEST, { region: 'us-east-1', roleArn: undefined })).toEqual({});
  });

  it('assumes a route’s role once, by the session name of the bridge', async () => {
    standIn.answer = ({ path }) =>
      path === '/chat-integration-event' ? SENT : { status: 200, body: ASSUMED };
    const place = { region: 'us-west-2', roleArn: ROLE_ARN };
    await sender.send(REQUEST, place);
    await sender.send(REQUEST, place);
    const [assume, ...sends] = standIn.seen;
    expect(new URLSearchParams(assume?.body).get('RoleArn')).toBe(ROLE_ARN);
    expect(new URLSearchParams(assume?.body).get('RoleSessionName')).toBe('sms-connect-bridge');
    expect(sends.map(({ authorization }) => /Credential=(\w+)/.exec(authorization)?.[1])).toEqual([
      'AKIDASSUMED',
      'AKIDASSUMED',
    ]);
  });

  it('a role that may not be assumed pauses, and surely sent nothing', async () => {
    standIn.answer = () => ({
      status: 403,
      body: '<ErrorResponse><Error><Code>AccessDenied</Code><Message>not allowed</Message></Error></ErrorResponse>',
    });
    const failure = await sender.send(REQUEST, { region: 'us-west-2', roleArn: ROLE_ARN }).then(
      () => undefined,
      (error: unknown) => classifySendError(error),
    );
    expect(failure).toMatchObject({ verdict: 'pause', code: 'CredentialsUnavailable', isAmbiguous: false });
    expect(failure?.sentence).toContain('AccessDenied (HTTP 403): not allowed');
  });

  it('credentials that don’t come in time count towards the one time-out', async () => {
    standIn.answer = () => 'hang';
    const failure = await sender.send(REQUEST, { region: 'us-west-2', roleArn: ROLE_ARN }, 100).then(
      () => undefined,
      (error: unknown) => classifySendError(error),
    );
    expect(failure).toMatchObject({ verdict: 'pause', isAmbiguous: false });
    expect(standIn.seen.map(({ path }) => path)).not.toContain('/chat-integration-event');
  });

  it('missing credentials pause', async () => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    const failure = await sender.send(REQUEST, { region: 'us-east-1', roleArn: undefined }).then(
      () => undefined,
      (error: unknown) => classifySendError(error),
    );
    expect(failure).toMatchObject({ verdict: 'pause', code: 'CredentialsUnavailable', isAmbiguous: false });
    expect(standIn.seen).toEqual([]);
  });

  it('a client that makes room for others ends with its last send, not before', async () => {
    const { promise: arrived, resolve: noteArrival } = Promise.withResolvers<void>();
    standIn.answer = () => {
      noteArrival();
      return 'hang';
    };
    const first = sender.send(REQUEST, { region: 'xx-first-1', roleArn: undefined });
    const outcome = first.then(
      () => 'sent',
      () => 'failed',
    );
    await arrived;
    standIn.answer = () => SENT;
    for (let index = 1; index <= 40; index += 1) {
      await sender.send(REQUEST, { region: `xx-other-${index}`, roleArn: undefined });
    }
    expect(await Promise.race([outcome, Promise.resolve('under way')])).toBe('under way');
    // And then its connection is broken off by the server, so that it ends.
    await standIn[Symbol.asyncDispose]();
    expect(await outcome).toBe('failed');
  });
});
