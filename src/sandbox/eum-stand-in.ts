/**
 * A stand-in for AWS End User Messaging as it takes replies: SendTextMessage (AWS JSON 1.0) and SendWhatsAppMessage
 * (restJson1) over HTTP, on one port, for the real SDK clients. It keeps what each customer got, holds every request to the
 * APIs' rules, and can be told to throttle, refuse, delay, hang or break the connection.
 */
import crypto from 'node:crypto';
import type http from 'node:http';
import type { Channel } from '../normalize/channel.ts';
import { accepted, writeAnswer } from './aws-answer.ts';
import type { AwsAnswer } from './aws-answer.ts';
import { FaultQueue } from './connect-faults.ts';
import { EUM_FAULTS } from './eum-faults.ts';
import type { EumFault, EumRefusal } from './eum-faults.ts';
import { textMessageProblems, whatsAppMessageProblems } from './eum-rules.ts';
import { asRecord, parseJson } from './json-text.ts';
import { listenLocally, readBody } from './local-server.ts';
import type { LocalServer } from './local-server.ts';
import { Misbehaviour } from './misbehaviour.ts';
import { Waiters } from './waiters.ts';

const WAIT_TIMEOUT_MS = 30_000;

/** A text that a customer got. */
export interface EumText {
  readonly channel: Channel;
  /** The customer: a number as it was given, or a WhatsApp user id. */
  readonly to: string;
  /** Our number: OriginationIdentity, or the ARN of the WhatsApp number. */
  readonly from: string;
  readonly text: string;
  /** Of WhatsApp: `biz_opaque_callback_data`. */
  readonly trackingId?: string;
  readonly messageId: string;
  readonly takenAt: number;
}

type EumRequest = Omit<EumText, 'messageId' | 'takenAt'>;

/** Requests and the answers they got; `undefined` where none was given. */
export interface SeenEumRequest {
  readonly channel: Channel;
  readonly to: string;
  readonly from: string;
  readonly receivedAtMs: number;
  readonly status: number | undefined;
}

/** Which requests a queued fault is for; without members, any. */
export interface EumFaultTarget {
  readonly to?: string;
  readonly from?: string;
}

/** One of the two APIs: what tells its requests, how they are read, and how it answers. */
interface Operation {
  readonly channel: Channel;
  readonly signed: RegExp;
  readonly problems: (body: Fields) => readonly string[];
  /** Of a body that keeps to the rules; of another one, as much as can be read. */
  readonly read: (body: Fields) => EumRequest;
  readonly answer: (messageId: string) => Fields;
  readonly invalid: EumRefusal;
}

type Fields = Readonly<Record<string, unknown>>;

const OPERATIONS = {
  sms: {
    channel: 'sms',
    signed: signedFor('sms-voice'),
    problems: textMessageProblems,
    read: (body) => ({
      channel: 'sms',
      to: String(body['DestinationPhoneNumber']),
      from: String(body['OriginationIdentity']),
      text: String(body['MessageBody']),
    }),
    answer: (messageId) => ({ MessageId: messageId }),
    invalid: EUM_FAULTS.invalid,
  },
  whatsapp: {
    channel: 'whatsapp',
    signed: signedFor('social-messaging'),
    problems: (body) => whatsAppMessageProblems(body, readMetaMessage(body)),
    read: (body) => {
      const message = readMetaMessage(body);
      const { to = message['recipient'], biz_opaque_callback_data: trackingId } = message;
      return {
        channel: 'whatsapp',
        to: String(to),
        from: String(body['originationPhoneNumberId']),
        text: String(asRecord(message['text'])['body']),
        ...(typeof trackingId === 'string' ? { trackingId } : {}),
      };
    },
    answer: (messageId) => ({ messageId }),
    invalid: EUM_FAULTS.invalidParameters,
  },
} as const satisfies Record<Channel, Operation>;

export class EumStandIn {
  /** Everything that customers got, in the order in which it was taken. */
  readonly texts: EumText[] = [];
  /** In the order in which they were answered. */
  readonly requests: SeenEumRequest[] = [];
  /** What the APIs' rules had against requests: none of these should ever come from the bridge. */
  readonly ruleProblems: string[] = [];
  /** Customers' numbers that have opted out of text messages. */
  readonly optedOut = new Set<string>();
  /** Our numbers (or ARNs) that End User Messaging does not know. */
  readonly unknownNumbers = new Set<string>();
  /** Our numbers (or ARNs) that the caller has no permission for. */
  readonly deniedNumbers = new Set<string>();
  /** Chooses a fault for a request that no queued fault is for. */
  faultFor: ((request: EumRequest) => EumFault | undefined) | undefined;
  /** Hears of each text as a customer gets it. */
  onText: ((text: EumText) => void) | undefined;
  readonly #faults = new FaultQueue<EumFault>();
  readonly #waiters = new Waiters();
  readonly #misbehaviour = new Misbehaviour<EumFault>();
  #received = 0;
  #server: LocalServer | undefined;

  private constructor() {}

  static async start(): Promise<EumStandIn> {
    const standIn = new EumStandIn();
    standIn.#server = await listenLocally((request, response) => standIn.#handle(request, response));
    return standIn;
  }

  /** For AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2 and AWS_ENDPOINT_URL_SOCIALMESSAGING. */
  get url(): string {
    return this.#server?.url ?? '';
  }

  /** Requests that came in, answered or not. */
  get received(): number {
    return this.#received;
  }

  /** What a customer got, oldest first. */
  textsTo(customer: string): readonly string[] {
    return this.texts.filter(({ to }) => to === customer).map(({ text }) => text);
  }

  queueFault(fault: EumFault, times = 1, { to, from }: EumFaultTarget = {}): void {
    this.#faults.add(fault, times, {
      ...(to === undefined ? {} : { sourceId: to }),
      ...(from === undefined ? {} : { destinationId: from }),
    });
  }

  get unusedFaults(): number {
    return this.#faults.length;
  }

  clearFaults(): void {
    this.#faults.clear();
    this.faultFor = undefined;
  }

  /** Rejects if there are not so many texts to a customer in time. */
  async untilTextsTo(customer: string, count: number, timeoutMs = WAIT_TIMEOUT_MS): Promise<void> {
    const isDone = (): boolean => this.textsTo(customer).length >= count;
    await this.#waiters.until(
      isDone,
      timeoutMs,
      () => `A customer got ${this.textsTo(customer).length} of ${count} texts`,
    );
  }

  async until(count: number, timeoutMs = WAIT_TIMEOUT_MS): Promise<void> {
    const isDone = (): boolean => this.texts.length >= count;
    await this.#waiters.until(
      isDone,
      timeoutMs,
      () => `End User Messaging took ${this.texts.length} of ${count} texts`,
    );
  }

  async untilReceived(count: number, timeoutMs = WAIT_TIMEOUT_MS): Promise<void> {
    const isDone = (): boolean => this.#received >= count;
    await this.#waiters.until(
      isDone,
      timeoutMs,
      () => `End User Messaging saw ${this.#received} of ${count} requests`,
    );
  }

  /** The first text that fits, be it there already or still to come. */
  async untilText(fits: (text: EumText) => boolean, timeoutMs = WAIT_TIMEOUT_MS): Promise<EumText> {
    const isDone = (): boolean => this.texts.some(fits);
    await this.#waiters.until(isDone, timeoutMs, () => `none of ${this.texts.length} texts fits`);
    return this.texts.find(fits) as EumText;
  }

  /** Breaks the connections of the requests that hang. */
  releaseHanging(): void {
    this.#misbehaviour.releaseHanging();
  }

  async close(): Promise<void> {
    this.releaseHanging();
    await this.#server?.close();
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const receivedAtMs = performance.now();
    const body = asRecord(parseJson(await readBody(request)));
    this.#received += 1;
    this.#waiters.changed();
    const operation = findOperation(request);
    if (!operation) {
      writeAnswer(response, refusalOf({ status: 404, type: 'UnknownOperationException' }));
      return;
    }
    const { channel, to, from } = operation.read(body);
    const status = await this.#answer(request, operation, body, response);
    this.requests.push({ channel, to, from, receivedAtMs, status });
    this.#waiters.changed();
  }

  /** The checks come in AWS's order: the signature, then what the request says. */
  async #answer(
    request: http.IncomingMessage,
    operation: Operation,
    body: Fields,
    response: http.ServerResponse,
  ): Promise<number | undefined> {
    if (!operation.signed.test(request.headers.authorization ?? '')) {
      return writeAnswer(response, refusalOf({ status: 403, type: 'MissingAuthenticationTokenException' }));
    }
    const problems = operation.problems(body);
    const text = operation.read(body);
    const isFaultless = problems.length === 0;
    const fault =
      this.#faults.take({ sourceId: text.to, destinationId: text.from }) ??
      (isFaultless ? (this.faultFor?.(text) ?? this.#refusalOf(text)) : undefined);
    const take = (): AwsAnswer => accepted(operation.answer(this.#take(text)));
    if (fault) {
      const request = { response, take: isFaultless ? take : () => undefined, refuse: refusalOf };
      return this.#misbehaviour.play(fault, request);
    }
    if (isFaultless) return writeAnswer(response, take());
    this.ruleProblems.push(...problems);
    return writeAnswer(response, refusalOf(operation.invalid));
  }

  #refusalOf({ channel, to, from }: EumRequest): EumFault | undefined {
    if (this.deniedNumbers.has(from)) return EUM_FAULTS.denied;
    if (this.unknownNumbers.has(from)) return EUM_FAULTS.notFound;
    return channel === 'sms' && this.optedOut.has(to) ? EUM_FAULTS.optedOut : undefined;
  }

  #take(request: EumRequest): string {
    const text = { ...request, messageId: crypto.randomUUID(), takenAt: Date.now() };
    this.texts.push(text);
    this.onText?.(text);
    this.#waiters.changed();
    return text.messageId;
  }
}

function findOperation({ method, url, headers }: http.IncomingMessage): Operation | undefined {
  if (method !== 'POST') return undefined;
  if (url === '/' && headers['x-amz-target'] === 'PinpointSMSVoiceV2.SendTextMessage') return OPERATIONS.sms;
  return url === '/v1/whatsapp/send' ? OPERATIONS.whatsapp : undefined;
}

function signedFor(service: string): RegExp {
  return new RegExp(
    `^AWS4-HMAC-SHA256 Credential=[^/]+/\\d{8}/[a-z0-9-]+/${service}/aws4_request, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$`,
  );
}

/** Meta's message object, which the request holds as bytes. */
function readMetaMessage({ message }: Fields): Fields {
  return typeof message === 'string' ? asRecord(parseJson(Buffer.from(message, 'base64').toString())) : {};
}

/** AWS JSON has the error's name in the body, restJson1 in a header: here it is in both. */
function refusalOf({ status, type, message = type, reason }: Omit<EumRefusal, 'kind'>): AwsAnswer {
  const body = { __type: type, Message: message, message, Reason: reason };
  return { status, body, headers: { 'x-amzn-errortype': type } };
}
