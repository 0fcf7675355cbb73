import type { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import type { ChatEventRequest } from '../../src/sandbox/chats.ts';
import { WeatherVane, chooseFault, fateOf } from './connect-weather.ts';
import type { HistoryEvent, InterruptionCause } from './history.ts';
import type { Script } from './script.ts';

/** Writes the history down, and makes Connect behave as the script says. */
export class Recorder {
  readonly events: (HistoryEvent & { readonly atMs: number })[] = [];
  readonly #script: Script;
  readonly #requestOf = new WeakMap<ChatEventRequest, number>();
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
    const vane = new WeatherVane(this.#script.weather);
    connect.faultFor = (request) => {
      const key = keyOf(request);
      const message = messages.get(key);
      const attempt = (this.#attempts.get(key) ?? 0) + 1;
      this.#attempts.set(key, attempt);
      const weather = vane.turn(performance.now()) ?? {};
      const fault = message && chooseFault(this.#script, weather, message, attempt);
      this.#requests += 1;
      this.#requestOf.set(request, this.#requests);
      const fate = fateOf(fault);
      if (fate === 'refused') this.#refused.add(key);
      this.record({ kind: 'requested', request: this.#requests, message: key, fate });
      return fault;
    };
    connect.onLine = ({ request, chat, content }) => {
      const key = keyOf(request);
      if (!this.#takenAtMs.has(key)) this.#takenAtMs.set(key, performance.now());
      const { sourceId, destinationId, subtype } = chat;
      const number = this.#requestOf.get(request) ?? 0;
      const chatOf = { sourceId, destinationId, subtype };
      this.record({ kind: 'taken', request: number, message: key, ...chatOf, text: content });
    };
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

function keyOf(request: ChatEventRequest): string {
  return request.NewSessionDetails?.Attributes?.['externalId'] ?? '';
}
