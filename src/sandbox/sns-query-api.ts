/**
 * The part of SNS's query API (2010-03-31) that the bridge calls, spoken as SNS does: form parameters in, XML out. It
 * keeps subscriptions as SNS does, so that `bridge subscribe` and the confirmation that follows run against it.
 */
import crypto from 'node:crypto';

export interface ApiCall {
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

interface Subscription {
  readonly arn: string;
  readonly topicArn: string;
  readonly protocol: string;
  readonly endpoint: string;
  isConfirmed: boolean;
  readonly attributes: Map<string, string>;
}

/** An error that SNS answers: its code and message are what the SDK's exception then carries. */
export class SnsApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class SnsQueryApi {
  readonly #subscriptions: Subscription[] = [];
  readonly #topicAttributes = new Map<string, Map<string, string>>();
  /** Tokens that were sent out in a SubscriptionConfirmation, with their topic. */
  readonly #tokens = new Map<string, string>();

  issueToken(topicArn: string): string {
    const token = crypto.randomBytes(64).toString('hex');
    this.#tokens.set(token, topicArn);
    return token;
  }

  topicAttributes(topicArn: string): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#topicAttributes.get(topicArn) ?? []);
  }

  answer({ action, parameters }: ApiCall): ApiAnswer {
    try {
      return { status: 200, body: envelope(action, this.#perform(action, parameters)) };
    } catch (error) {
      if (error instanceof SnsApiError) return errorAnswer(error);
      throw error;
    }
  }

  #perform(action: string, parameters: Readonly<Record<string, string>>): string {
    switch (action) {
      case 'ConfirmSubscription':
        return this.#confirm(parameters);
      case 'Subscribe':
        return this.#subscribe(parameters);
      case 'SetSubscriptionAttributes':
        this.#subscription(parameters).attributes.set(
          required(parameters, 'AttributeName'),
          parameters['AttributeValue'] ?? '',
        );
        return '';
      case 'GetSubscriptionAttributes':
        return attributesXml(subscriptionAttributes(this.#subscription(parameters)));
      case 'ListSubscriptionsByTopic':
        return this.#list(required(parameters, 'TopicArn'));
      case 'SetTopicAttributes':
        this.#setTopicAttribute(parameters);
        return '';
      case 'GetTopicAttributes':
        return attributesXml(this.#topicAttributes.get(required(parameters, 'TopicArn')) ?? new Map());
      default:
        throw new SnsApiError(400, 'InvalidAction', `The stand-in does not speak ${action}.`);
    }
  }

  #confirm(parameters: Readonly<Record<string, string>>): string {
    const topicArn = required(parameters, 'TopicArn');
    if (this.#tokens.get(required(parameters, 'Token')) !== topicArn) {
      throw new SnsApiError(400, 'InvalidParameter', 'Invalid parameter: Token');
    }
    const pending = this.#subscriptions.find((one) => one.topicArn === topicArn && !one.isConfirmed);
    if (pending) pending.isConfirmed = true;
    return tag('SubscriptionArn', pending?.arn ?? subscriptionArn(topicArn));
  }

  #subscribe(parameters: Readonly<Record<string, string>>): string {
    const topicArn = required(parameters, 'TopicArn');
    const protocol = required(parameters, 'Protocol');
    const endpoint = required(parameters, 'Endpoint');
    const attributes = mapEntries(parameters, 'Attributes');
    let subscription = this.#subscriptions.find(
      (one) => one.topicArn === topicArn && one.endpoint === endpoint,
    );
    if (subscription && !holdsAll(subscription.attributes, attributes)) {
      const reason = 'Subscription already exists with different attributes';
      throw new SnsApiError(400, 'InvalidParameter', `Invalid parameter: Attributes Reason: ${reason}`);
    }
    if (!subscription) {
      subscription = {
        arn: subscriptionArn(topicArn),
        topicArn,
        protocol,
        endpoint,
        isConfirmed: false,
        attributes,
      };
      this.#subscriptions.push(subscription);
    }
    const showsArn = subscription.isConfirmed || parameters['ReturnSubscriptionArn'] === 'true';
    return tag('SubscriptionArn', showsArn ? subscription.arn : 'pending confirmation');
  }

  #list(topicArn: string): string {
    const members = this.#subscriptions
      .filter((one) => one.topicArn === topicArn)
      .map((one) =>
        tag(
          'member',
          tag('SubscriptionArn', one.isConfirmed ? one.arn : 'PendingConfirmation') +
            tag('Owner', topicArn.split(':')[4] ?? '') +
            tag('Protocol', one.protocol) +
            tag('Endpoint', escapeXml(one.endpoint)) +
            tag('TopicArn', one.topicArn),
        ),
      );
    return tag('Subscriptions', members.join(''));
  }

  #setTopicAttribute(parameters: Readonly<Record<string, string>>): void {
    const topicArn = required(parameters, 'TopicArn');
    const attributes = this.#topicAttributes.get(topicArn) ?? new Map<string, string>();
    attributes.set(required(parameters, 'AttributeName'), parameters['AttributeValue'] ?? '');
    this.#topicAttributes.set(topicArn, attributes);
  }

  #subscription(parameters: Readonly<Record<string, string>>): Subscription {
    const arn = required(parameters, 'SubscriptionArn');
    const subscription = this.#subscriptions.find((one) => one.arn === arn);
    if (!subscription) throw new SnsApiError(404, 'NotFound', 'Subscription does not exist');
    return subscription;
  }
}

export function errorAnswer({ status, code, message }: SnsApiError): ApiAnswer {
  const fault = status >= 500 ? 'Receiver' : 'Sender';
  const error = tag('Type', fault) + tag('Code', code) + tag('Message', escapeXml(message));
  return {
    status,
    body: `<ErrorResponse xmlns="${NAMESPACE}">${tag('Error', error)}${requestId('RequestId')}</ErrorResponse>`,
  };
}

const NAMESPACE = 'http://sns.amazonaws.com/doc/2010-03-31/';

function envelope(action: string, result: string): string {
  const metadata = tag('ResponseMetadata', requestId('RequestId'));
  return `<${action}Response xmlns="${NAMESPACE}">${tag(`${action}Result`, result)}${metadata}</${action}Response>`;
}

function requestId(name: string): string {
  return tag(name, crypto.randomUUID());
}

function tag(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function subscriptionArn(topicArn: string): string {
  return `${topicArn}:${crypto.randomUUID()}`;
}

function required(parameters: Readonly<Record<string, string>>, name: string): string {
  const value = parameters[name];
  if (!value) throw new SnsApiError(400, 'InvalidParameter', `Invalid parameter: ${name}`);
  return value;
}

/** The query protocol's maps: `Attributes.entry.1.key`, `Attributes.entry.1.value`, … */
function mapEntries(parameters: Readonly<Record<string, string>>, name: string): Map<string, string> {
  const entries = new Map<string, string>();
  for (let index = 1; parameters[`${name}.entry.${index}.key`] !== undefined; index += 1) {
    entries.set(
      parameters[`${name}.entry.${index}.key`] ?? '',
      parameters[`${name}.entry.${index}.value`] ?? '',
    );
  }
  return entries;
}

/** SNS compares what a second Subscribe gives; what that leaves out is no difference. */
function holdsAll(kept: ReadonlyMap<string, string>, given: ReadonlyMap<string, string>): boolean {
  return [...given].every(([key, value]) => kept.get(key) === value);
}

function subscriptionAttributes(subscription: Subscription): ReadonlyMap<string, string> {
  return new Map([
    ['SubscriptionArn', subscription.arn],
    ['TopicArn', subscription.topicArn],
    ['Protocol', subscription.protocol],
    ['Endpoint', subscription.endpoint],
    ['PendingConfirmation', String(!subscription.isConfirmed)],
    ...subscription.attributes,
  ]);
}

function attributesXml(attributes: ReadonlyMap<string, string>): string {
  const entries = [...attributes].map(([key, value]) =>
    tag('entry', tag('key', key) + tag('value', escapeXml(value))),
  );
  return tag('Attributes', entries.join(''));
}
