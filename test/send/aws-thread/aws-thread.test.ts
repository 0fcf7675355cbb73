import { afterEach, beforeEach, expect, it } from 'vitest';
import { AwsThread } from '../../../src/send/aws-thread.ts';
import { classifySendError } from '../../../src/send/send-outcome.ts';
import { AWS_TEST_ENVIRONMENT, startAwsStandIn } from '../aws-stand-in.ts';
import type { AwsStandIn } from '../aws-stand-in.ts';

const PLACE = { region: 'eu-west-2', roleArn: undefined };
const EVENT = { SourceId: '+14255550182', DestinationId: 'a-number', Event: { Type: 'MESSAGE' } } as const;

let standIn: AwsStandIn;
let thread: AwsThread;

beforeEach(async () => {
  standIn = await startAwsStandIn(() => ({ status: 200, body: '{}' }));
  Object.assign(process.env, AWS_TEST_ENVIRONMENT, {
    AWS_ENDPOINT_URL_CONNECT: standIn.url,
    AWS_ENDPOINT_URL_CONNECTPARTICIPANT: standIn.url,
    AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2: standIn.url,
    AWS_ENDPOINT_URL_SOCIALMESSAGING: standIn.url,
  });
  thread = new AwsThread();
});

afterEach(async () => {
  await thread.close();
  await standIn[Symbol.asyncDispose]();
});

const failureOf = (sent: Promise<unknown>) =>
  sent.then(
    () => undefined,
    (error: unknown) => classifySendError(error),
  );

it('sends as its clients do, and brings back what was answered', async () => {
  standIn.answer = () => ({ status: 200, body: '{"InitialContactId":"contact-1","NewChatCreated":true}' });
  const { connect } = thread.senders;
  // More of a place than is meant: a destination is one, too, and need not be fit for another thread.
  const destination = { ...PLACE, resolve: () => {} };
  expect(await connect.send(EVENT, destination)).toEqual({ contactId: 'contact-1', newChatCreated: true });
  const [seen] = standIn.seen;
  expect(JSON.parse(seen?.body ?? '')).toEqual(EVENT);
  expect(seen?.authorization).toMatch(/\/eu-west-2\/connect\//);
});

it.each([
  [
    'StartChatContact',
    () =>
      thread.senders.participant.startChat(
        { InstanceId: 'i', ContactFlowId: 'f', ParticipantDetails: { DisplayName: 'A' } },
        PLACE,
      ),
  ],
  [
    'StartContactStreaming',
    () =>
      thread.senders.participant.startStreaming(
        { instanceId: 'i', contactId: 'c', streamingEndpointArn: 'arn', clientToken: 't' },
        PLACE,
      ),
  ],
  ['CreateParticipantConnection', () => thread.senders.participant.connect('token', PLACE)],
  [
    'SendMessage',
    () =>
      thread.senders.participant.sendMessage(
        { connectionToken: 't', content: 'hello', clientToken: 'u' },
        PLACE,
      ),
  ],
  [
    'SendTextMessage',
    () => thread.senders.replies.sendSms({ to: '+14255550182', from: '+12065550100', text: 'hello' }, PLACE),
  ],
  [
    'SendWhatsAppMessage',
    () =>
      thread.senders.replies.sendWhatsApp(
        {
          to: '+14255550182',
          phoneNumberArn: 'arn',
          text: 'hello',
          trackingId: undefined,
          metaApiVersion: 'v24.0',
        },
        PLACE,
      ),
  ],
] as const)('sends %s, and its refusal keeps name, status and request', async (_operation, send) => {
  standIn.answer = () => ({
    status: 403,
    headers: { 'x-amzn-requestid': 'request-1', 'x-amzn-errortype': 'AccessDeniedException' },
    body: '{"__type":"AccessDeniedException","message":"not you"}',
  });
  expect(await failureOf(send())).toMatchObject({
    verdict: 'pause',
    code: 'AccessDeniedException',
    requestId: 'request-1',
    sentence: 'AccessDeniedException (HTTP 403), request request-1: not you',
  });
  expect(standIn.seen).toHaveLength(1);
});

it('no credentials: nothing was sent, and why is known', async () => {
  delete process.env['AWS_ACCESS_KEY_ID'];
  const poor = new AwsThread();
  const failure = await failureOf(poor.senders.connect.send(EVENT, PLACE));
  await poor.close();
  expect(failure).toMatchObject({ verdict: 'pause', code: 'CredentialsUnavailable', isAmbiguous: false });
  expect(failure?.sentence).toContain('CredentialsProviderError');
  expect(standIn.seen).toEqual([]);
});

it('what waited for the thread until its time was over is not sent', async () => {
  expect(await failureOf(thread.senders.connect.send(EVENT, PLACE, 0))).toMatchObject({
    verdict: 'retry',
    code: 'SendNotBegun',
    isAmbiguous: false,
  });
  expect(standIn.seen).toEqual([]);
});

it('a silent service: the deadline', async () => {
  await thread.senders.connect.send(EVENT, PLACE); // so that the clients are there
  standIn.answer = () => 'hang';
  expect(await failureOf(thread.senders.connect.send(EVENT, PLACE, 1_000))).toMatchObject({
    verdict: 'retry',
    isAmbiguous: true,
  });
  expect(standIn.seen).toHaveLength(2);
});

it('breaks off what is under way when it is closed, and takes nothing after', async () => {
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  standIn.answer = () => {
    resolve();
    return 'hang';
  };
  const failure = failureOf(thread.senders.connect.send(EVENT, PLACE));
  await arrived;
  await thread.close();
  expect(await failure).toMatchObject({ verdict: 'retry', isAmbiguous: true });
  expect(await failureOf(thread.senders.connect.send(EVENT, PLACE))).toMatchObject({
    verdict: 'retry',
    code: 'SendNotBegun',
    isAmbiguous: false,
  });
});
