import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import type { ConnectOperation } from '../../src/sandbox/connect-call.ts';
import type { Fault } from '../../src/sandbox/connect-faults.ts';
import type { RequestFate, ScriptedMessage } from './history.ts';
import type { Script, Weather, WeatherKind } from './script.ts';
import { seededRandom } from './seeded-random.ts';
import type { SeededRandom } from './seeded-random.ts';

/** The script's weather as it passes, request by request. */
export class WeatherVane {
  readonly #coming: Weather[];
  #now: Weather | undefined;
  #requestsLeft = 0;
  #endsAtMs = 0;

  constructor(weather: readonly Weather[]) {
    this.#coming = [...weather];
  }

  /** That of the request that has just come in, by a monotonic clock; undefined: calm for good. */
  turn(nowMs: number): Weather | undefined {
    if (this.#requestsLeft === 0 || nowMs >= this.#endsAtMs) {
      this.#now = this.#coming.shift();
      this.#requestsLeft = this.#now?.requests ?? Infinity;
      this.#endsAtMs = nowMs + (this.#now?.mostMs ?? Infinity);
    }
    this.#requestsLeft -= 1;
    return this.#now;
  }
}

/** What Connect does with the request numbered `attempt` (from 1) for the message. */
export function chooseFault(
  { options, hangs }: Pick<Script, 'options' | 'hangs'>,
  { kind = 'calm', destinations = [] }: Partial<Weather>,
  message: ScriptedMessage,
  attempt: number,
): Fault | undefined {
  const random = seededRandom(options.seed, `${message.key} ${attempt}`);
  if (attempt === 1 && hangs.has(message.key)) return random.pick([FAULTS.hang, FAULTS.takenButHang]);
  const isParticipant = options.method === 'participant';
  // A participant's messages go by tokens: a 403 to one would mean that its chat has ended.
  if (kind === 'denying' && !isParticipant && destinations.includes(message.destinationId))
    return random.pick(DENIALS);
  const fault = pickFault(FAULTS_OF[kind], random);
  if (message.isRefused && !(fault && !TAKING.has(fault.kind)))
    return isParticipant ? FAULTS.validation : FAULTS.invalid;
  return fault ?? pickDelay(random);
}

/** With the request numbered `attempt` (from 1) of that operation for the customer, on the way to a chat. */
export function chooseStepFault(
  { options }: Pick<Script, 'options'>,
  { kind = 'calm' }: Partial<Weather>,
  step: { readonly operation: ConnectOperation; readonly customer: string; readonly attempt: number },
): Fault | undefined {
  const { operation, customer, attempt } = step;
  const random = seededRandom(options.seed, `${operation} ${customer} ${attempt}`);
  if (kind === 'denying' && operation === 'StartChatContact') return random.pick(DENIALS);
  // A chat that is not found is one that has ended.
  if (kind === 'denying' && operation === 'StartContactStreaming')
    return random.pick([FAULTS.denied, FAULTS.expiredToken]);
  const isOpening = kind === 'throttling' && operation === 'StartChatContact';
  const faults = isOpening ? [...FAULTS_OF[kind], FAULTS.limitExceeded] : FAULTS_OF[kind];
  return pickFault(faults, random) ?? pickDelay(random);
}

function pickFault(faults: readonly Fault[], random: SeededRandom): Fault | undefined {
  return faults.length > 0 && random.isChance(FAULTY_PART) ? random.pick(faults) : undefined;
}

function pickDelay(random: SeededRandom): Fault | undefined {
  return random.isChance(SLOW_PART) ? { kind: 'delay', ms: random.integer(1, SLOW_MOST_MS) } : undefined;
}

const DENIALS = [FAULTS.denied, FAULTS.notFound, FAULTS.expiredToken] as const;

const FAULTY_PART = 0.4;
const SLOW_PART = 0.3;
const SLOW_MOST_MS = 200;

const FAULTS_OF: Readonly<Record<WeatherKind, readonly Fault[]>> = {
  calm: [],
  denying: [],
  throttling: [FAULTS.throttled],
  failing: [FAULTS.internal, FAULTS.unavailable, FAULTS.takenButInternal],
  breaking: [FAULTS.drop, FAULTS.takenButDrop],
};

const TAKING: ReadonlySet<Fault['kind']> = new Set([
  'takenButAnswer',
  'takenButDrop',
  'takenButHang',
  'delay',
]);

export function fateOf(fault: Fault | undefined): RequestFate {
  switch (fault?.kind) {
    case undefined:
      return 'taken';
    case 'delay':
      return 'takenSlowly';
    case 'takenButAnswer':
    case 'takenButDrop':
    case 'takenButHang':
      return 'takenUnclearly';
    case 'drop':
    case 'hang':
    case 'answerNoJson':
      return 'unclear';
    case 'answer':
      return FATE_OF_STATUS[fault.status] ?? 'unclear';
  }
}

const FATE_OF_STATUS: Readonly<Record<number, RequestFate>> = {
  400: 'refused',
  403: 'denied',
  404: 'denied',
  429: 'throttled',
};
