import type { IncomingHttpHeaders } from 'node:http';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { SigningCertificates } from '../../src/ingest/signing-certificate.ts';
import { parseEnvelope } from '../../src/ingest/sns-envelope.ts';
import type { VerifiedConfirmation } from '../../src/ingest/sns-envelope.ts';
import { verifyEnvelope } from '../../src/ingest/sns-signature.ts';
import { SubscriptionConfirmer } from '../../src/ingest/sns-subscription.ts';
import { listenLocally, readBody } from '../../src/sandbox/local-server.ts';
import { createTestSigner } from '../support/signer.ts';

const TOPIC_ARN = 'arn:aws:sns:eu-west-1:111122223333:inbound-messages';
const SUBSCRIPTION_ARN = `${TOPIC_ARN}:9c6a2b1e-7f0d-4a0e-8f53-0123456789ab`;

interface Answer {
  readonly status: number;
  readonly body: string;
}

const CONFIRMED = confirmed(`<SubscriptionArn>${SUBSCRIPTION_ARN}</SubscriptionArn>`);

function confirmed(result: string): Answer {
  const body = `<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ConfirmSubscriptionResult>${result}</ConfirmSubscriptionResult></ConfirmSubscriptionResponse>`;
  return { status: 200, body };
}

function fault(status: number, code: string, message: string): Answer {
  const type = status < 500 ? 'Sender' : 'Receiver';
  const error = `<Error><Type>${type}</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  return {
    status,
    body: `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">${error}</ErrorResponse>`,
  };
}

interface SeenRequest {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly form: Record<string, string>;
}

let seen: SeenRequest[];
let answers: Answer[];
let server: Awaited<ReturnType<typeof listenLocally>>;
let confirmer: SubscriptionConfirmer;

beforeEach(async () => {
  seen = [];
  answers = [];
  server = await listenLocally(async (request, response) => {
    const form = Object.fromEntries(new URLSearchParams(await readBody(request)));
    seen.push({ method: request.method, headers: request.headers, form });
    const answer = answers.shift();
    // Without an answer left it hangs.
    if (answer) response.writeHead(answer.status, { 'content-type': 'text/xml' }).end(answer.body);
  });
  vi.stubEnv('AWS_ENDPOINT_URL_SNS', server.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  confirmer = new SubscriptionConfirmer();
});

afterEach(async () => {
  confirmer.close();
  vi.unstubAllEnvs();
  await server.close();
});

async function verifiedConfirmation(): Promise<VerifiedConfirmation> {
  await using signer = await createTestSigner({ region: 'eu-west-1' });
  const signed = signer.confirmation({
    TopicArn: TOPIC_ARN,
    SubscribeURL: `${server.url}/?Action=ConfirmSubscription`,
  });
  const envelope = parseEnvelope(Buffer.from(JSON.stringify(signed)));
  if (envelope.Type === 'Notification') throw new Error('The signer made a notification.');
  const now = Date.parse(envelope.Timestamp);
  const certificates = new SigningCertificates({ directory: signer.directory, clock: systemClock });
  return await verifyEnvelope(envelope, {
    topicArns: new Set([TOPIC_ARN]),
    retentionMs: 1,
    now,
    certificates,
  });
}

it('confirms with the token, in the topic’s Region, so that only the owner can unsubscribe', async () => {
  answers = [CONFIRMED];
  const envelope = await verifiedConfirmation();
  expect(await confirmer.confirmSubscription(envelope)).toBe(SUBSCRIPTION_ARN);
  expect(seen).toMatchObject([
    {
      method: 'POST',
      headers: { authorization: expect.stringContaining('/eu-west-1/sns/aws4_request') as unknown },
      form: {
        Action: 'ConfirmSubscription',
        TopicArn: TOPIC_ARN,
        Token: envelope.Token,
        AuthenticateOnUnsubscribe: 'true',
      },
    },
  ]);
});

it.each<[code: string, name: string, answers: Answer[], requests: number]>([
  [
    'CONFIRMATION_TOKEN_INVALID',
    'an invalid token',
    [fault(400, 'InvalidParameter', 'Invalid parameter: Token')],
    1,
  ],
  ['CONFIRMATION_TOKEN_INVALID', 'an expired token', [fault(400, 'InvalidParameter', 'Invalid token')], 1],
  [
    'CONFIRMATION_TOKEN_INVALID',
    'another Region’s token',
    [fault(400, 'InvalidParameter', 'Invalid parameter: Topic')],
    1,
  ],
  ['CONFIRMATION_FAILED', 'no permission', [fault(403, 'AuthorizationError', 'not authorized')], 1],
  ['CONFIRMATION_FAILED', 'a deleted topic', [fault(404, 'NotFound', 'Topic does not exist')], 1],
  [
    'CONFIRMATION_FAILED',
    'a fault of SNS, twice',
    [fault(500, 'InternalError', 'x'), fault(500, 'InternalError', 'x')],
    2,
  ],
  ['CONFIRMATION_FAILED', 'an answer without ARN', [confirmed('')], 1],
  ['CONFIRMATION_FAILED', 'a redirect', [{ status: 302, body: '' }], 1],
])('answers %s to %s', async (code, _name, given, requests) => {
  answers = [...given];
  const rejection: unknown = await confirmer
    .confirmSubscription(await verifiedConfirmation())
    .catch((error: unknown) => error);
  expect(rejection).toMatchObject({ name: 'BridgeError', code, cause: expect.any(Error) as unknown });
  expect(seen).toHaveLength(requests);
});

it('tries a fault of SNS once more', async () => {
  answers = [fault(500, 'InternalError', 'x'), CONFIRMED];
  expect(await confirmer.confirmSubscription(await verifiedConfirmation())).toBe(SUBSCRIPTION_ARN);
});

it('gives up on an SNS that hangs', async () => {
  const hasty = new SubscriptionConfirmer({ timeoutMs: 50 });
  const envelope = await verifiedConfirmation();
  await expect(hasty.confirmSubscription(envelope)).rejects.toMatchObject({ code: 'CONFIRMATION_FAILED' });
  hasty.close();
});

it('says so when there are no credentials', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
  const envelope = await verifiedConfirmation();
  await expect(confirmer.confirmSubscription(envelope)).rejects.toMatchObject({
    code: 'CONFIRMATION_FAILED',
  });
  expect(seen).toHaveLength(0);
});
