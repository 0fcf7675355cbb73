/**
 * A stand-in for Amazon Connect over HTTP, for the real SDK clients: SendChatIntegrationEvent, and what a participant
 * needs (StartChatContact, StartContactStreaming and the Participant Service), as the service models have them
 * (restJson1). It keeps chats as Connect does, holds every request to the API's rules, publishes what happens in streamed
 * chats, and can be told to throttle, refuse, delay, hang or break the connection.
 */
import type http from 'node:http';
import { AgentSide } from './agent-side.ts';
import type { ReplyOptions } from './agent-side.ts';
import { refusal, writeAnswer } from './aws-answer.ts';
import type { AwsAnswer } from './aws-answer.ts';
import { chatEventOperation } from './chat-event-operation.ts';
import { ChatStreaming } from './chat-streaming.ts';
import type { ItemName, Publication } from './chat-streaming.ts';
import { Chats } from './chats.ts';
import type { Chat, ChatLine } from './chats.ts';
import type { ConnectCall, ConnectOperation, Operation, PreparedCall } from './connect-call.ts';
import { FAULTS, FaultQueue } from './connect-faults.ts';
import type { Fault, FaultTarget } from './connect-faults.ts';
import { parseJson } from './json-text.ts';
import { listenLocally, readBody } from './local-server.ts';
import type { LocalServer } from './local-server.ts';
import { Misbehaviour } from './misbehaviour.ts';
import { ParticipantChats } from './participant-chats.ts';
import type { ParticipantOptions } from './participant-chats.ts';
import { participantOperations } from './participant-operations.ts';
import { TokenBucket } from './token-bucket.ts';
import type { ThrottleOptions } from './token-bucket.ts';
import { Waiters } from './waiters.ts';

const WAIT_TIMEOUT_MS = 30_000;

/** Requests and the answers they got; `undefined` where none was given. */
export interface SeenRequest {
  /** Undefined: none that the stand-in knows. */
  readonly operation: ConnectOperation | undefined;
  readonly sourceId: string;
  readonly destinationId: string;
  readonly receivedAtMs: number;
  readonly status: number | undefined;
}

export interface ConnectStandInOptions extends ParticipantOptions {
  /** Quotas; without one an operation is never throttled. */
  readonly throttles?: Partial<Record<ConnectOperation, ThrottleOptions>>;
}

export class ConnectStandIn {
  readonly chats = new Chats();
  /** In the order in which they were answered. */
  readonly requests: SeenRequest[] = [];
  /** What the API's rules had against requests: none of these should ever come from the bridge. */
  readonly ruleProblems: string[] = [];
  /** Numbers that were not imported into Connect, instances or flows that are not there (`placeOf`): 404. */
  readonly unknownDestinations = new Set<string>();
  /** Those that the caller has no permission for: 403. */
  readonly deniedDestinations = new Set<string>();
  /** Chooses a fault for a request that no queued fault is for. */
  faultFor: ((call: ConnectCall) => Fault | undefined) | undefined;
  /** Hears of each answer to a request that `faultFor` was asked about; undefined where none was given. */
  onAnswer: ((call: ConnectCall, status: number | undefined) => void) | undefined;
  readonly #streaming = new ChatStreaming();
  readonly #participants: ParticipantChats;
  readonly #agent: AgentSide;
  readonly #operations: readonly Operation[];
  readonly #buckets: ReadonlyMap<ConnectOperation, TokenBucket>;
  readonly #faults = new FaultQueue();
  readonly #waiters = new Waiters();
  readonly #misbehaviour = new Misbehaviour();
  #received = 0;
  #turnedAway = 0;
  #server: LocalServer | undefined;

  private constructor({ throttles = {}, ...options }: ConnectStandInOptions) {
    this.#participants = new ParticipantChats(this.chats, this.#streaming, options);
    this.#agent = new AgentSide(this.chats, this.#participants, this.#streaming);
    const isStreamed = (contactId: string): boolean => this.#streaming.topicsOf(contactId).length > 0;
    this.#operations = [
      chatEventOperation(this.chats, this.#streaming),
      ...participantOperations(this.#participants, isStreamed),
    ];
    this.#buckets = new Map(
      this.#operations.flatMap(({ name }) => {
        const throttle = throttles[name];
        return throttle ? [[name, new TokenBucket(throttle)] as const] : [];
      }),
    );
  }

  static async start(options: ConnectStandInOptions = {}): Promise<ConnectStandIn> {
    const standIn = new ConnectStandIn(options);
    standIn.#server = await listenLocally((request, response) => standIn.#handle(request, response));
    return standIn;
  }

  /** For AWS_ENDPOINT_URL_CONNECT and AWS_ENDPOINT_URL_CONNECTPARTICIPANT. */
  get url(): string {
    return this.#server?.url ?? '';
  }

  /** Requests that came in, answered or not. */
  get received(): number {
    return this.#received;
  }

  /** Those of them whose token was not good (403): neither rules nor faults were asked about these. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /** Everything that agents saw, in the order in which Connect took it. */
  get lines(): readonly ChatLine[] {
    return this.chats.lines;
  }

  /** What agents saw of a customer, oldest first. */
  transcript(sourceId: string): readonly string[] {
    return this.chats.of(sourceId).map((line) => line.content);
  }

  /** Hears of each message as it gets into a chat. */
  set onLine(hear: ((line: ChatLine) => void) | undefined) {
    this.chats.onLine = hear;
  }

  /** Hears of what Connect publishes of streamed chats: for a stand-in SNS to publish. */
  set onItem(hear: ((publication: Publication) => void) | undefined) {
    this.#streaming.onPublication = hear;
  }

  /**
   * As an agent, into the chat with that contact id, or the newest open one of that customer; a first reply is preceded by
   * the agent's coming, each by typing. Throws where there is no open chat.
   */
  reply(to: string, reply: string | ReplyOptions): ItemName {
    return this.#agent.reply(to, reply);
  }

  /** The newest open chat of all, or of a customer's. */
  newestChat(sourceId?: string): Chat | undefined {
    return this.#agent.newestChat(sourceId);
  }

  /** To another agent: the chat's items have another ContactId from then on. */
  transfer(to: string): void {
    this.#agent.transfer(to);
  }

  /** Streams a chat, as a flow can do too. False: there is no such chat, or it has ended. */
  addTopic(contactId: string, topicArn: string): boolean {
    const chat = this.chats.running.find((chat) => chat.contactId === contactId);
    if (chat) this.#streaming.addTopic(chat, topicArn);
    return chat !== undefined;
  }

  /** As an agent or a flow does. False: there is no such chat, or it has ended. */
  endChat(contactId: string): boolean {
    return this.#participants.end(contactId) || this.chats.endContact(contactId);
  }

  /** The connection tokens that were given out for it are good no longer. */
  expireConnections(contactId: string): void {
    this.#participants.expireConnections(contactId);
  }

  /** How often a text stands in a customer's chats, and in how many of them. */
  copiesOf(sourceId: string, text: string): { readonly copies: number; readonly chats: number } {
    const lines = this.chats.of(sourceId).filter(({ content }) => content === text);
    return { copies: lines.length, chats: new Set(lines.map(({ chat }) => chat)).size };
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
    this.#misbehaviour.releaseHanging();
  }

  async close(): Promise<void> {
    this.releaseHanging();
    await this.#server?.close();
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const receivedAtMs = performance.now();
    const body = parseJson(await readBody(request));
    this.#received += 1;
    this.#waiters.changed();
    const operation = this.#operations.find(
      ({ method, path }) => method === request.method && path === request.url,
    );
    const call = operation?.prepare(body, request.headers);
    const status =
      operation && call
        ? await this.#answer(operation, call, request.headers, response)
        : writeAnswer(response, refusal(404, 'UnknownOperationException'));
    const { sourceId = '', destinationId = '' } = call ?? {};
    this.requests.push({ operation: operation?.name, sourceId, destinationId, receivedAtMs, status });
    this.#waiters.changed();
  }

  /** The checks come in AWS's order: who calls, the quota, then what the request says. */
  async #answer(
    operation: Operation,
    call: PreparedCall,
    headers: http.IncomingHttpHeaders,
    response: http.ServerResponse,
  ): Promise<number | undefined> {
    const turnedAway = operation.refuseCaller(headers);
    if (turnedAway) {
      this.#turnedAway += 1;
      return writeAnswer(response, turnedAway);
    }
    const bucket = this.#buckets.get(operation.name);
    if (bucket && !bucket.take()) return this.#misbehave(FAULTS.throttled, undefined, response);
    const { problems } = call;
    const sound = problems.length === 0 ? call : undefined;
    const fault = this.#faults.take(call) ?? (sound && this.faultFor?.(sound));
    if (fault) {
      const status = await this.#misbehave(fault, sound, response);
      if (sound) this.onAnswer?.(sound, status);
      return status;
    }
    if (!sound) {
      this.ruleProblems.push(...problems.map((problem) => `${operation.name}: ${problem}`));
      return writeAnswer(response, refusal(400, operation.invalid, problems.join('; ')));
    }
    const status = writeAnswer(response, this.#refuseByPlace(operation, call) ?? call.carryOut());
    this.onAnswer?.(call, status);
    return status;
  }

  #refuseByPlace({ isIamAction }: Operation, { destinationId }: PreparedCall): AwsAnswer | undefined {
    if (isIamAction && this.deniedDestinations.has(destinationId)) return refusalOf(FAULTS.denied);
    if (isIamAction && this.unknownDestinations.has(destinationId)) return refusalOf(FAULTS.notFound);
    return undefined;
  }

  /** `call`: one that can be carried out. */
  #misbehave(
    fault: Fault,
    call: PreparedCall | undefined,
    response: http.ServerResponse,
  ): Promise<number | undefined> {
    return this.#misbehaviour.play(fault, { response, take: () => call?.carryOut(), refuse: refusalOf });
  }
}

function refusalOf(fault: Extract<Fault, { status: number; type: string }>): AwsAnswer {
  return refusal(fault.status, fault.type, fault.message);
}
