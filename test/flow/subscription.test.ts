/** SNS asks whether the bridge wants a topic, and tells it when a subscription ends. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { SANDBOX_TOPIC_ARN } from '../../src/sandbox/bridge-child.ts';
import { Flow } from '../support/flow-harness.ts';

let flow: Flow;

beforeAll(async () => {
  flow = await Flow.start({});
});

afterAll(() => flow.end());

beforeEach(() => {
  flow.sns.calls.length = 0;
});

it('is confirmed through the API, so that only the topic’s owner can end it', async () => {
  const delivery = await flow.sns.askForConfirmation();
  expect(delivery.status).toBe(200);
  const { Token } = delivery.envelope;
  flow.addPersonal({ externalId: String(Token) });
  expect(flow.sns.calls.map(({ action }) => action)).toEqual(['ConfirmSubscription']);
  expect(flow.sns.calls[0]?.parameters).toMatchObject({
    TopicArn: SANDBOX_TOPIC_ARN,
    Token,
    AuthenticateOnUnsubscribe: 'true',
  });
  expect(flow.log.events('subscription.confirmed')).toHaveLength(1);
});

it('503 where SNS’s API fails, so that SNS asks again', async () => {
  // The client tries twice itself.
  flow.sns.failNextCall(500, 'InternalError');
  flow.sns.failNextCall(500, 'InternalError');
  const delivery = await flow.sns.askForConfirmation();
  expect(delivery.status).toBe(503);
  expect(delivery.attempts[0]?.headers['retry-after']).toBeDefined();
  expect(await flow.metrics()).toContain('bridge_alerts_total{code="CONFIRMATION_FAILED"} 1');
});

it('503 without the permission', async () => {
  flow.sns.failNextCall(403, 'AuthorizationError');
  expect((await flow.sns.askForConfirmation()).status).toBe(503);
});

it('200 for a token that SNS calls invalid: asking again would not help', async () => {
  expect((await flow.sns.askForConfirmation({ token: 'expired-token-of-another-time' })).status).toBe(200);
  flow.addPersonal({ externalId: 'expired-token-of-another-time' });
  expect(await flow.metrics()).toContain('bridge_alerts_total{code="CONFIRMATION_TOKEN_INVALID"} 1');
});

it('403 for a foreign topic, without a call', async () => {
  const topicArn = 'arn:aws:sns:us-east-1:999999999999:inbound-messages';
  expect((await flow.sns.askForConfirmation({ topicArn })).status).toBe(403);
  expect(flow.sns.calls).toEqual([]);
});

it('403 for a forged one, without a call', async () => {
  const delivery = await flow.sns.askForConfirmation({
    tamper: (envelope) => ({ ...envelope, Token: 'another-token' }),
  });
  expect(delivery.status).toBe(403);
  expect(flow.sns.calls).toEqual([]);
});

it('an end is taken with a warning, without a call', async () => {
  expect((await flow.sns.announceUnsubscription()).status).toBe(200);
  expect(flow.sns.calls).toEqual([]);
  expect(flow.log.events('subscription.ended')).toMatchObject([
    { level: 'warn', topicArn: SANDBOX_TOPIC_ARN },
  ]);
  expect(await flow.metrics()).toContain('bridge_alerts_total{code="UNSUBSCRIBED"} 1');
});
