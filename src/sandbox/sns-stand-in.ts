/**
 * A stand-in for SNS: publishes signed notifications to an HTTP subscriber as SNS does, and serves SNS's query API.
 * What it does about an answer is SNS's rule: 2xx is taken; 5xx, 429 and a broken connection are tried again; any other
 * answer ends the delivery for good (SNS Developer Guide, "Message delivery retries").
 */
import crypto from 'node:crypto';
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { SnsApiError, SnsQueryApi, errorAnswer } from './sns-query-api.ts';
import type { ApiCall } from './sns-query-api.ts';
import { listenLocally, readBody } from './local-server.ts';
import type { LocalServer } from './local-server.ts';
import type { SignatureVersion, SignedEnvelope, SnsSigner, UnsignedEnvelope } from './sns-signer.ts';
import { Waiters } from './waiters.ts';

/** SNS gives a subscriber about 15 seconds. */
const ATTEMPT_TIMEOUT_MS = 15_000;

/** SNS's own default is three retries, 20 s apart; nobody wants to watch that. */
const DEFAULT_RETRY_DELAYS_MS = [250, 500, 1_000];

const CALL_TIMEOUT_MS = 10_000;

/** `status` is undefined where no answer came: then `error` is the connection's error code. */
export interface DeliveryAttempt {
  readonly status: number | undefined;
  readonly error?: string;
  readonly headers: http.IncomingHttpHeaders;
}

export interface Delivery {
  readonly envelope: UnsignedEnvelope;
  readonly attempts: readonly DeliveryAttempt[];
  /** The last attempt's. */
  readonly status: number | undefined;
  /** `discarded`: an answer that SNS does not retry. `gaveUp`: the retries are used up. */
  readonly end: 'taken' | 'discarded' | 'gaveUp';
}

/** Not signed; SNS puts them beside the message. */
export type MessageAttributes = Readonly<Record<string, { readonly Type: string; readonly Value: string }>>;

export interface PublishOptions {
  readonly messageId?: string;
  readonly timestamp?: string;
  readonly subject?: string;
  readonly messageAttributes?: MessageAttributes;
  /** Another topic than the stand-in's own. */
  readonly topicArn?: string;
  readonly signatureVersion?: SignatureVersion;
  /** The body that goes out instead of the signed one: for forgeries. */
  readonly tamper?: (envelope: SignedEnvelope) => UnsignedEnvelope;
}

export interface SnsStandInOptions {
  readonly signer: SnsSigner;
  readonly topicArn: string;
  readonly retryDelaysMs?: readonly number[];
}

export class SnsStandIn {
  readonly calls: ApiCall[] = [];
  readonly api = new SnsQueryApi();
  readonly #options: SnsStandInOptions;
  readonly #faults: SnsApiError[] = [];
  readonly #waiters = new Waiters();
  readonly #agent = new http.Agent({ keepAlive: true });
  #subscriberUrl = '';
  #server: LocalServer | undefined;

  private constructor(options: SnsStandInOptions) {
    this.#options = options;
  }

  static async start(options: SnsStandInOptions): Promise<SnsStandIn> {
    const standIn = new SnsStandIn(options);
    standIn.#server = await listenLocally((request, response) => standIn.#answerCall(request, response));
    return standIn;
  }

  /** Where the query API is: for AWS_ENDPOINT_URL_SNS. */
  get url(): string {
    return this.#server?.url ?? '';
  }

  /** Where notifications go from now on, such as `http://127.0.0.1:8080/sns`. */
  subscribe(url: string): void {
    this.#subscriberUrl = url;
  }

  /** Signs and delivers a notification whose Message is `message`; resolves when SNS would be done with it. */
  async publish(message: string, options: PublishOptions = {}): Promise<Delivery> {
    const { topicArn = this.#options.topicArn } = options;
    return this.#deliver(options, {
      Type: 'Notification',
      MessageId: options.messageId ?? crypto.randomUUID(),
      TopicArn: topicArn,
      ...(options.subject === undefined ? {} : { Subject: options.subject }),
      Message: message,
      Timestamp: options.timestamp ?? new Date().toISOString(),
      UnsubscribeURL: `https://${snsHost(topicArn)}/?Action=Unsubscribe&SubscriptionArn=${topicArn}:${SUBSCRIPTION_ID}`,
      ...(options.messageAttributes ? { MessageAttributes: options.messageAttributes } : {}),
    });
  }

  /** Asks the subscriber to confirm, with a token that ConfirmSubscription then takes (or with `token`, which it does not). */
  async askForConfirmation(options: PublishOptions & { readonly token?: string } = {}): Promise<Delivery> {
    return this.#confirmation('SubscriptionConfirmation', options);
  }

  async announceUnsubscription(options: PublishOptions = {}): Promise<Delivery> {
    return this.#confirmation('UnsubscribeConfirmation', options);
  }

  /** The next API call fails with this. */
  failNextCall(status: number, code: string, message = 'The stand-in was told to fail.'): void {
    this.#faults.push(new SnsApiError(status, code, message));
  }

  get unusedFaults(): number {
    return this.#faults.length;
  }

  /** The first call of that action that is about `topicArn`, or about any topic. */
  async untilCall(action: string, timeoutMs = CALL_TIMEOUT_MS, topicArn?: string): Promise<ApiCall> {
    const find = (): ApiCall | undefined =>
      this.calls.find(
        (call) =>
          call.action === action && (topicArn === undefined || call.parameters['TopicArn'] === topicArn),
      );
    await this.#waiters.until(
      () => find() !== undefined,
      timeoutMs,
      () => `SNS saw no ${action}`,
    );
    return find() as ApiCall;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.#server?.close();
  }

  async #confirmation(
    type: 'SubscriptionConfirmation' | 'UnsubscribeConfirmation',
    options: PublishOptions & { readonly token?: string },
  ): Promise<Delivery> {
    const { topicArn = this.#options.topicArn } = options;
    const token = options.token ?? this.api.issueToken(topicArn);
    const verb = type === 'SubscriptionConfirmation' ? 'subscribe to' : 'deactivate a subscription to';
    return this.#deliver(options, {
      Type: type,
      MessageId: options.messageId ?? crypto.randomUUID(),
      Token: token,
      TopicArn: topicArn,
      Message: `You have chosen to ${verb} the topic ${topicArn}.`,
      SubscribeURL: `https://${snsHost(topicArn)}/?Action=ConfirmSubscription&TopicArn=${topicArn}&Token=${token}`,
      Timestamp: options.timestamp ?? new Date().toISOString(),
    });
  }

  async #deliver(options: PublishOptions, unsigned: UnsignedEnvelope): Promise<Delivery> {
    const signed = this.#options.signer.sign(unsigned, options.signatureVersion);
    const envelope = options.tamper?.(signed) ?? signed;
    const delays = this.#options.retryDelaysMs ?? DEFAULT_RETRY_DELAYS_MS;
    const attempts: DeliveryAttempt[] = [];
    for (;;) {
      const attempt = await postEnvelope(this.#subscriberUrl, envelope, this.#agent);
      attempts.push(attempt);
      const { status } = attempt;
      if (status !== undefined && status >= 200 && status < 300)
        return { envelope, attempts, status, end: 'taken' };
      if (status !== undefined && status < 500 && status !== 429)
        return { envelope, attempts, status, end: 'discarded' };
      const wait = delays[attempts.length - 1];
      if (wait === undefined) return { envelope, attempts, status, end: 'gaveUp' };
      await delay(wait);
    }
  }

  async #answerCall(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const parameters = Object.fromEntries(new URLSearchParams(await readBody(request)));
    const call: ApiCall = { action: parameters['Action'] ?? '', parameters };
    const fault = this.#faults.shift();
    const { status, body } = fault ? errorAnswer(fault) : this.api.answer(call);
    response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
    this.calls.push(call);
    this.#waiters.changed();
  }
}

const SUBSCRIPTION_ID = '00000000-0000-4000-8000-000000000001';

/** The headers are SNS's: text/plain although the body is JSON; no subscription ARN before there is a subscription. */
export function snsHeaders(envelope: UnsignedEnvelope): Record<string, string> {
  return {
    'content-type': 'text/plain; charset=UTF-8',
    'x-amz-sns-message-type': envelope.Type,
    'x-amz-sns-message-id': envelope.MessageId,
    'x-amz-sns-topic-arn': envelope.TopicArn,
    ...(envelope.Type === 'SubscriptionConfirmation'
      ? {}
      : { 'x-amz-sns-subscription-arn': `${envelope.TopicArn}:${SUBSCRIPTION_ID}` }),
    'user-agent': 'Amazon Simple Notification Service Agent',
  };
}

function snsHost(topicArn: string): string {
  return `sns.${topicArn.split(':')[3] ?? ''}.amazonaws.com`;
}

async function postEnvelope(
  url: string,
  envelope: UnsignedEnvelope,
  agent: http.Agent,
): Promise<DeliveryAttempt> {
  const body = Buffer.from(JSON.stringify(envelope));
  return new Promise((resolve) => {
    const headers = { ...snsHeaders(envelope), 'content-length': body.length };
    const request = http.request(url, { method: 'POST', headers, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers }));
      response.on('error', fail);
    });
    const fail = (error: NodeJS.ErrnoException): void => {
      resolve({ status: undefined, error: error.code ?? error.name, headers: {} });
    };
    request.on('error', fail);
    request.setTimeout(ATTEMPT_TIMEOUT_MS, () =>
      request.destroy(new Error('The subscriber did not answer in time.')),
    );
    request.end(body);
  });
}
