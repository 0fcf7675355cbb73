import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DAY_MS, SECOND_MS, systemClock } from '../../src/clock.ts';
import { SigningCertificates } from '../../src/ingest/signing-certificate.ts';
import { receiveSnsRequest } from '../../src/ingest/sns-route.ts';
import type { SnsRouteOptions } from '../../src/ingest/sns-route.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { chatAttributes, chatMessage } from '../fixtures/chat-item.ts';
import { createTestSigner, TEST_TOPIC_ARN } from '../support/signer.ts';
import type { TestSigner } from '../support/signer.ts';

let signer: TestSigner;

beforeEach(async () => {
  signer = await createTestSigner();
});

afterEach(async () => {
  vi.useRealTimers();
  await signer[Symbol.asyncDispose]();
});

it('answers 503 once the store has taken eight seconds, however many questions it was asked', async () => {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const found = Promise.withResolvers<undefined>();
  const options: SnsRouteOptions = {
    topicArns: new Set([TEST_TOPIC_ARN]),
    replyTopicArns: new Set([TEST_TOPIC_ARN]),
    retentionMs: 36_500 * DAY_MS, // the sample's Timestamp is fixed
    orderHoldMs: 0,
    defaultCountry: undefined,
    routing: { routes: [], fallbackRegion: undefined },
    certificates: new SigningCertificates({ directory: signer.directory, clock: systemClock }),
    confirmer: { confirmSubscription: () => Promise.reject(new Error('not in this test')) },
    store: {
      findChat: () => {
        onAsked();
        return found.promise;
      },
      accept: () => new Promise(() => {}),
    },
    onAccepted: () => {},
    clock: systemClock,
    logger: createLogger('silent'),
    metrics: createMetrics(() => Promise.reject(new Error('not in this test'))),
  };
  const envelope = signer.notification({
    Message: JSON.stringify(chatMessage()),
    MessageAttributes: chatAttributes('ALL'),
  });
  const body = Buffer.from(JSON.stringify(envelope));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const answer = receiveSnsRequest({ body, isRawDelivery: false, claimedTopicArn: undefined }, options);
  await asked;
  await vi.advanceTimersByTimeAsync(5 * SECOND_MS);
  found.resolve(undefined);
  await vi.advanceTimersByTimeAsync(3 * SECOND_MS);
  expect(await Promise.race([answer, Promise.resolve('none yet')])).toEqual({
    status: 503,
    outcome: 'STORE_UNAVAILABLE',
  });
});
