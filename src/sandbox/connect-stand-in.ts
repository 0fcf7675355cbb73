/**
 * A stand-in for Amazon Connect: SendChatIntegrationEvent over HTTP as the service model has it (restJson1, `POST
 * /chat-integration-event`), for the real SDK client. It keeps chats as Connect does, holds every request to the API's
 * rules, and can be told to throttle, refuse, delay, hang or break the connection.
 */
import crypto from 'node:crypto';
import type http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { chatEventProblems } from '../send/chat-event-rules.ts';
import { Chats } from './chats.ts';
import type { ChatEventRequest, ChatLine } from './chats.ts';
import { FAULTS, FaultQueue } from './connect-faults.ts';
import type { Fault, FaultTarget } from './connect-faults.ts';
import { listenLocally, readBody } from './local-server.ts';
import type { LocalServer } from './local-server.ts';
import { Waiters } from './waiters.ts';

const WAIT_TIMEOUT_MS = 30_000;

const SIGNED =
  /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[a-z0-9-]+\/connect\/aws4_request, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$/;

/** Requests and the answers they got; `undefined` where none was given. */
export interface SeenRequest {
  readonly sourceId: string;
  readonly destinationId: string;
  readonly receivedAtMs: number;
  readonly status: number | undefined;
}

export interface ThrottleOptions {
  /** Requests per second, and at once after a quiet time. */
  readonly rate: number;
  readonly burst: number;
}

export interface ConnectStandInOptions {
  readonly throttle?: ThrottleOptions;
}

export class ConnectStandIn {
  readonly chats = new Chats();
  /** In the order in which they were answered. */
  readonly requests: SeenRequest[] = [];
  /** What the API's rules had against requests: none of these should ever come from the bridge. */
  readonly ruleProblems: string[] = [];
  /** Numbers that were not imported into Connect: 404. */
  readonly unknownDestinations = new Set<string>();
  /** Numbers that the caller has no permission for: 403. */
  readonly deniedDestinations = new Set<string>();
  /** Chooses a fault for a request that no queued fault is for. */
  faultFor: ((request: ChatEventRequest) => Fault | undefined) | undefined;
  /** Hears of each message as it gets into a chat. */
  onLine: ((line: ChatLine) => void) | undefined;
  readonly #faults = new FaultQueue();
  readonly #waiters = new Waiters();
  readonly #hanging = new Set<http.ServerResponse>();
  readonly #throttle: TokenBucket | undefined;
  #received = 0;
  #server: LocalServer | undefined;

  private constructor(options: ConnectStandInOptions) {
    this.#throttle = options.throttle && new TokenBucket(options.throttle);
  }

  static async start(options: ConnectStandInOptions = {}): Promise<ConnectStandIn> {
    const standIn = new ConnectStandIn(options);
    standIn.#server = await listenLocally((request, response) => standIn.#handle(request, response));
    return standIn;
  }

  /** For AWS_ENDPOINT_URL_CONNECT. */
  get url(): string {
    return this.#server?.url ?? '';
  }

  /** Requests that came in, answered or not. */
  get received(): number {
    return this.#received;
  }

  /** Everything that agents saw, in the order in which Connect took it. */
  get lines(): readonly ChatLine[] {
    return this.chats.lines;
  }

  /** What agents saw of a customer, oldest first. */
  transcript(sourceId: string): readonly string[] {
    return this.chats.of(sourceId).map((line) => line.content);
  }

  queueFault(fault: Fault, times = 1, target: FaultTarget = {}): void {
    this.#faults.add(fault, times, target);
  }

  get unusedFaults(): number {
    return this.#faults.length;
  }

  clearFaults(): void {
    this.#faults.clear();
    this.faultFor = undefined;
  }

  async until(count: number, timeoutMs = WAIT_TIMEOUT_MS): Promise<void> {
    const isDone = (): boolean => this.lines.length >= count;
    await this.#waiters.until(
      isDone,
      timeoutMs,
      () => `Connect took ${this.lines.length} of ${count} messages`,
    );
  }

  async untilReceived(count: number, timeoutMs = WAIT_TIMEOUT_MS): Promise<void> {
    const isDone = (): boolean => this.#received >= count;
    await this.#waiters.until(isDone, timeoutMs, () => `Connect saw ${this.#received} of ${count} requests`);
  }

  /** The first message that fits, be it there already or still to come. */
  async untilMessage(fits: (line: ChatLine) => boolean, timeoutMs = WAIT_TIMEOUT_MS): Promise<ChatLine> {
    let looked = 0;
    let found: ChatLine | undefined;
    const isDone = (): boolean => {
      for (; !found && looked < this.lines.length; looked += 1) {
        const line = this.lines[looked];
        if (line && fits(line)) found = line;
      }
      return found !== undefined;
    };
    await this.#waiters.until(isDone, timeoutMs, () => `none of ${this.lines.length} messages fits`);
    return found as unknown as ChatLine;
  }

  /** Breaks the connections of the requests that hang. */
  releaseHanging(): void {
    for (const response of this.#hanging) response.destroy();
  }

  async close(): Promise<void> {
    this.releaseHanging();
    await this.#server?.close();
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const receivedAtMs = performance.now();
    const body = await readBody(request);
    const parsed = parseJson(body);
    const { SourceId, DestinationId } = asRecord(parsed);
    this.#received += 1;
    this.#waiters.changed();
    const status = await this.#answer(request, parsed, response);
    this.requests.push({
      sourceId: String(SourceId),
      destinationId: String(DestinationId),
      receivedAtMs,
      status,
    });
    this.#waiters.changed();
  }

  /** The checks come in AWS's order: the signature, the quota, then what the request says. */
  async #answer(
    request: http.IncomingMessage,
    body: unknown,
    response: http.ServerResponse,
  ): Promise<number | undefined> {
    if (request.method !== 'POST' || request.url !== '/chat-integration-event') {
      return refuse(response, 404, 'UnknownOperationException');
    }
    if (!SIGNED.test(request.headers.authorization ?? '')) {
      return refuse(response, 403, 'MissingAuthenticationTokenException', 'Missing Authentication Token');
    }
    if (this.#throttle && !this.#throttle.take())
      return this.#misbehave(FAULTS.throttled, undefined, response);
    const { SourceId, DestinationId } = asRecord(body);
    const ids = { sourceId: String(SourceId), destinationId: String(DestinationId) };
    const problems = chatEventProblems(body);
    const chatEvent = problems.length === 0 ? (body as ChatEventRequest) : undefined;
    const fault = this.#faults.take(ids) ?? (chatEvent && this.faultFor?.(chatEvent));
    if (fault) return this.#misbehave(fault, chatEvent, response);
    if (!chatEvent) {
      this.ruleProblems.push(...problems);
      return refuse(response, 400, 'InvalidRequestException', problems.join('; '));
    }
    if (this.deniedDestinations.has(ids.destinationId))
      return this.#misbehave(FAULTS.denied, undefined, response);
    if (this.unknownDestinations.has(ids.destinationId))
      return this.#misbehave(FAULTS.notFound, undefined, response);
    return this.#accept(chatEvent, response);
  }

  #accept(chatEvent: ChatEventRequest, response: http.ServerResponse): number {
    const line = this.#take(chatEvent);
    return answerJson(response, 200, {
      InitialContactId: line.chat.contactId,
      NewChatCreated: line.newChatCreated,
    });
  }

  #take(chatEvent: ChatEventRequest): ChatLine {
    const line = this.chats.take(chatEvent);
    this.onLine?.(line);
    return line;
  }

  async #misbehave(
    fault: Fault,
    chatEvent: ChatEventRequest | undefined,
    response: http.ServerResponse,
  ): Promise<number | undefined> {
    switch (fault.kind) {
      case 'answer':
        return refuse(response, fault.status, fault.type, fault.message);
      case 'takenButAnswer':
        if (chatEvent) this.#take(chatEvent);
        return refuse(response, fault.status, fault.type, fault.message);
      case 'answerNoJson':
        response
          .writeHead(fault.status, { 'content-type': 'text/html' })
          .end('<html><body>Try later.</body></html>');
        return fault.status;
      case 'delay':
        await delay(fault.ms);
        return chatEvent && this.#accept(chatEvent, response);
      case 'takenButHang':
        if (chatEvent) this.#take(chatEvent);
        return this.#hang(response);
      case 'hang':
        return this.#hang(response);
      case 'takenButDrop':
        if (chatEvent) this.#take(chatEvent);
        response.destroy();
        return undefined;
      case 'drop':
        response.destroy();
        return undefined;
    }
  }

  #hang(response: http.ServerResponse): undefined {
    this.#hanging.add(response);
    response.once('close', () => this.#hanging.delete(response));
    return undefined;
  }
}

/** Connect's quotas are token buckets: `rate` tokens a second, at most `burst` of them saved. */
class TokenBucket {
  readonly #options: ThrottleOptions;
  #tokens: number;
  #filledAtMs = performance.now();

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#tokens = options.burst;
  }

  take(): boolean {
    const now = performance.now();
    const grown = this.#tokens + ((now - this.#filledAtMs) / 1_000) * this.#options.rate;
    this.#tokens = Math.min(this.#options.burst, grown);
    this.#filledAtMs = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** restJson1: the error's name is in a header, its sentence in the body. */
function refuse(
  response: http.ServerResponse,
  status: number,
  type: string,
  message: string | null = null,
): number {
  return answerJson(response, status, { Message: message }, { 'x-amzn-errortype': type });
}

function answerJson(
  response: http.ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): number {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-amzn-requestid': crypto.randomUUID(),
    ...headers,
  });
  response.end(JSON.stringify(body));
  return status;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
