import type { SNSClient } from '@aws-sdk/client-sns';
import { parseArn } from '../arn.ts';
import { SECOND_MS } from '../clock.ts';
import { BridgeError } from '../errors.ts';
import type { VerifiedConfirmation } from './sns-envelope.ts';

export interface SubscriptionConfirmerOptions {
  /** Over one confirmation, its retry and credentials included, milliseconds; well under the 15 s that SNS waits. */
  readonly timeoutMs?: number;
}

const CONFIRM_TIMEOUT_MS = 5 * SECOND_MS;
const CONNECT_TIMEOUT_MS = 2 * SECOND_MS;
const MAX_ATTEMPTS = 2;

/** Confirms subscriptions through the SNS API of the topic's Region; endpoint and credentials are the SDK's own. */
export class SubscriptionConfirmer {
  readonly #timeoutMs: number;
  /** By Region; bounded by the topics on the list, since only those are verified. */
  readonly #clients = new Map<string, SNSClient>();

  constructor({ timeoutMs = CONFIRM_TIMEOUT_MS }: SubscriptionConfirmerOptions = {}) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Resolves to the subscription's ARN. Source: SNS API reference, ConfirmSubscription. SubscribeURL is never followed:
   * a signed call with AuthenticateOnUnsubscribe is what keeps others, who hold an UnsubscribeURL, from unsubscribing.
   * Rejects with CONFIRMATION_TOKEN_INVALID (also for a token of another topic: no retry could mend either) or
   * CONFIRMATION_FAILED.
   */
  async confirmSubscription(envelope: VerifiedConfirmation): Promise<string> {
    const { TopicArn, Token } = envelope;
    const abortSignal = AbortSignal.timeout(this.#timeoutMs);
    try {
      // Needed once in a topic's life, and no start waits for it.
      const { ConfirmSubscriptionCommand, SNSClient } = await import('@aws-sdk/client-sns');
      const client = this.#clientFor(TopicArn, SNSClient);
      const request = { TopicArn, Token, AuthenticateOnUnsubscribe: 'true' };
      const sent = client.send(new ConfirmSubscriptionCommand(request), { abortSignal });
      const { SubscriptionArn } = await Promise.race([sent, rejectOnAbort(abortSignal)]);
      if (!SubscriptionArn) throw new Error('SNS answered without a SubscriptionArn.');
      return SubscriptionArn;
    } catch (cause) {
      // SNS: "Invalid parameter: Token", "Invalid token" or, for a token of another Region, "Invalid parameter: Topic".
      const isRefused = cause instanceof Error && cause.name === 'InvalidParameterException';
      throw new BridgeError(isRefused ? 'CONFIRMATION_TOKEN_INVALID' : 'CONFIRMATION_FAILED', { cause });
    }
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }

  #clientFor(topicArn: string, Client: typeof SNSClient): SNSClient {
    const region = parseArn(topicArn)?.region ?? '';
    const client = this.#clients.get(region) ?? this.#createClient(region, Client);
    this.#clients.set(region, client);
    return client;
  }

  #createClient(region: string, Client: typeof SNSClient): SNSClient {
    return new Client({
      region,
      maxAttempts: MAX_ATTEMPTS,
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: this.#timeoutMs,
        throwOnRequestTimeout: true,
      },
    });
  }
}

/** The SDK gives its signal to the request alone, not to the look-up of credentials. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener(
      'abort',
      () => reject(new Error('SNS did not answer in time.', { cause: signal.reason })),
      { once: true },
    );
  });
}
