import type { ClaimRequest, Placement } from './message-store.ts';
import { takeTokens, tokenDueAt, wholeTokens } from './pace.ts';
import type { Pace } from './pace.ts';

/** What one claim may still take: heads in all, heads of a destination, tokens of a pace. Every store keeps to it. */
export class ClaimBudget {
  #heads: number;
  readonly #request: ClaimRequest;
  readonly #readPace: (key: string) => Pace;
  readonly #ofDestination = new Map<string, number>();
  readonly #paces = new Map<string, Pace>();

  /** `readPace` gives a bucket as it is now; it is asked once for each. */
  constructor(request: ClaimRequest, readPace: (key: string) => Pace) {
    this.#request = request;
    this.#readPace = readPace;
    this.#heads = request.limit;
  }

  /** Heads that may still be taken of a destination. */
  left(destination: string): number {
    const inFlight = this.#request.inFlight[destination] ?? 0;
    const left = this.#ofDestination.get(destination) ?? this.#request.limitPerDestination - inFlight;
    return Math.max(0, Math.min(this.#heads, left));
  }

  /** Takes one head's worth, or says that there is none left. */
  take({ destination, paceKey }: Placement): boolean {
    const left = this.left(destination);
    const pace = this.#pace(paceKey);
    if (left < 1 || wholeTokens(pace) < 1) return false;
    this.#heads -= 1;
    this.#ofDestination.set(destination, left - 1);
    this.#paces.set(paceKey, takeTokens(pace, 1));
    return true;
  }

  /** When the pace has a token again. */
  tokenDueAt(paceKey: string): number {
    return tokenDueAt(this.#pace(paceKey));
  }

  /** The buckets that were asked for, as they are now. */
  get paces(): ReadonlyMap<string, Pace> {
    return this.#paces;
  }

  #pace(key: string): Pace {
    const pace = this.#paces.get(key) ?? this.#readPace(key);
    this.#paces.set(key, pace);
    return pace;
  }
}
