import type { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import type { ChatEventRequest } from '../../src/sandbox/chats.ts';
import type { ConnectCall, ConnectOperation } from '../../src/sandbox/connect-call.ts';
import type { Fault } from '../../src/sandbox/connect-faults.ts';
import { WeatherVane, chooseFault, chooseStepFault, fateOf } from './connect-weather.ts';
import type { HistoryEvent, InterruptionCause, RequestFate, ScriptedMessage } from './history.ts';
import type { Script, Weather } from './script.ts';

/** Writes the history down, and makes Connect behave as the script says. */
export class Recorder {
  readonly events: (HistoryEvent & { readonly atMs: number })[] = [];
  readonly #script: Script;
  readonly #requestOf = new WeakMap<object, number>();
  /** Requests that seem to bring a copy, until they do. */
  readonly #awaited = new Map<number, RequestFate>();
  readonly #attempts = new Map<string, number>();
  readonly #acknowledgedAtMs = new Map<string, number>();
  readonly #takenAtMs = new Map<string, number>();
  readonly #refused = new Set<string>();
  #startedAtMs = performance.now();
  #requests = 0;
  #interruptions = 0;

  constructor(script: Script) {
    this.#script = script;
  }

  /** Milliseconds since the run's start. */
  nowMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  attach(connect: ConnectStandIn): void {
    this.#startedAtMs = performance.now();
    const messages = new Map(this.#script.messages.map((message) => [message.key, message]));
    const keys = new Map(this.#script.messages.map(({ text, key }) => [text, key]));
    const vane = new WeatherVane(this.#script.weather);
    connect.faultFor = (call) => {
      const weather = vane.turn(performance.now()) ?? {};
      this.#requests += 1;
      if (!BRINGS_MESSAGE.has(call.operation)) return this.#stepFault(call, weather);
      const key = keyOf(call, keys);
      return this.#messageFault(call, weather, key, messages.get(key));
    };
    connect.onAnswer = ({ request }, status) => this.#hearAnswer(this.#requestOf.get(request), status);
    connect.onLine = ({ request, chat, content }) => {
      const text = content;
      const key = keyOf({ request, text }, keys);
      if (!this.#takenAtMs.has(key)) this.#takenAtMs.set(key, performance.now());
      const { sourceId, destinationId, subtype, contactId } = chat;
      const number = this.#requestOf.get(request) ?? 0;
      this.#awaited.delete(number);
      const chatOf = { sourceId, destinationId, subtype, contactId };
      this.record({ kind: 'taken', request: number, message: key, ...chatOf, text });
    };
    connect.chats.onOpened = ({ contactId, sourceId, attributes }) => {
      const conversation = `${attributes['channel'] ?? ''} ${sourceId}`;
      this.record({ kind: 'opened', contactId, conversation });
    };
    connect.chats.onEnded = ({ contactId }) => this.record({ kind: 'ended', contactId });
  }

  #messageFault(
    call: ConnectCall,
    weather: Partial<Weather>,
    key: string,
    message: ScriptedMessage | undefined,
  ): Fault | undefined {
    const fault = message && chooseFault(this.#script, weather, message, this.#countAttempt(key));
    const fate = fateOf(fault);
    this.#requestOf.set(call.request, this.#requests);
    if (AWAITED.has(fate)) this.#awaited.set(this.#requests, fate);
    if (fate === 'refused') this.#refused.add(key);
    this.record({ kind: 'requested', request: this.#requests, message: key, fate });
    return fault;
  }

  #stepFault({ operation, sourceId: customer }: ConnectCall, weather: Partial<Weather>): Fault | undefined {
    const attempt = this.#countAttempt(`${operation} ${customer}`);
    const fault = chooseStepFault(this.#script, weather, { operation, customer, attempt });
    this.record({ kind: 'stepped', operation, fate: fateOf(fault) });
    return fault;
  }

  #countAttempt(key: string): number {
    const attempt = (this.#attempts.get(key) ?? 0) + 1;
    this.#attempts.set(key, attempt);
    return attempt;
  }

  /** A repeated token brings no copy; and while it was delayed, its chat may have ended. */
  #hearAnswer(request: number | undefined, status: number | undefined): void {
    const fate = request === undefined ? undefined : this.#awaited.get(request);
    if (request === undefined || fate === undefined) return;
    this.#awaited.delete(request);
    this.record({ kind: 'decided', request, fate: status === 200 ? fate : 'denied' });
  }

  record(event: HistoryEvent): void {
    if (event.kind === 'acknowledged' && !this.#acknowledgedAtMs.has(event.message))
      this.#acknowledgedAtMs.set(event.message, performance.now());
    this.events.push({ ...event, atMs: Math.round(this.nowMs()) });
  }

  /** Until the returned function is called, senders can lose what they know. */
  interrupt(cause: InterruptionCause): () => void {
    this.#interruptions += 1;
    const id = this.#interruptions;
    this.record({ kind: 'interrupted', id, cause });
    return () => this.record({ kind: 'resumed', id });
  }

  /** Requests that Connect was told what to do with. */
  get requests(): number {
    return this.#requests;
  }

  /** Messages that have not come to Connect's last word yet. */
  countUnfinished(): number {
    return this.#script.messages.filter(({ key, isRefused }) =>
      isRefused ? !this.#refused.has(key) : !this.#takenAtMs.has(key),
    ).length;
  }

  /** From the first 200 to the first copy in a chat. */
  longestDeliveryMs(): number {
    let longest = 0;
    for (const [key, acknowledgedAtMs] of this.#acknowledgedAtMs) {
      const takenAtMs = this.#takenAtMs.get(key);
      if (takenAtMs !== undefined) longest = Math.max(longest, takenAtMs - acknowledgedAtMs);
    }
    return longest;
  }
}

const BRINGS_MESSAGE: ReadonlySet<ConnectOperation> = new Set(['SendChatIntegrationEvent', 'SendMessage']);
const AWAITED: ReadonlySet<RequestFate> = new Set(['taken', 'takenSlowly']);

/** A chat event says it. A participant's message has nothing but its text, which no other message has. */
function keyOf(
  { request, text = '' }: Pick<ConnectCall, 'request' | 'text'>,
  keys: ReadonlyMap<string, string>,
): string {
  if (!('Event' in request)) return keys.get(text) ?? '';
  return (request as ChatEventRequest).NewSessionDetails?.Attributes?.['externalId'] ?? '';
}
