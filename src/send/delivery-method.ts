/**
 * A way to bring messages to where they go. Each claim makes one request: so each has a pace token of its own operation and
 * a fresh lease, and the store knows what a crash met. A way of several steps says after each which one is next.
 */
import type { ChatSession, OutcomeReport, Placement } from '../queue/message-store.ts';
import type { SendFailure } from './send-outcome.ts';

export type NextStep =
  /** No route takes it any more. */
  | { readonly kind: 'nowhere' }
  /** Nobody has use for it any more. */
  | { readonly kind: 'useless'; readonly reason: string }
  /** The session has to be stored before anything is sent. */
  | { readonly kind: 'begin'; readonly session: ChatSession; readonly placement: Placement }
  | NextRequest;

export interface NextRequest {
  readonly kind: 'request';
  /** Where it goes, and whose token it takes. */
  readonly placement: Placement;
  /** What its failures are counted with, where not with those of its pace; then a delivery alone is a success. */
  readonly countedAs?: string;
  /** The texts of the message, of which this is about the one at `claim.partsDelivered`. At least one. */
  readonly parts: readonly string[];
  /** Rejects with whatever the SDK raised. */
  send(): Promise<Answer>;
  classify(error: unknown): SendFailure;
}

/** What a request that was not refused brought about. */
export type Answer =
  | Delivered
  /** A step on the way, or one back: the next request is another. */
  | {
      readonly kind: 'step';
      /** The operation, or what it found out. */
      readonly code: string;
      readonly session: ChatSession;
      readonly placement: Placement;
      readonly requestId?: string;
      /** The message goes into a new chat, though the one before may have it. */
      readonly isAmbiguous?: boolean;
      readonly droppedAttributes?: readonly string[];
    }
  /** It can't go for now, which is no fault of the message's, its destination's or our pace's. */
  | {
      readonly kind: 'wait';
      readonly code: string;
      readonly sentence: string;
      readonly waitMs: number;
      readonly session: ChatSession;
      readonly requestId?: string;
    };

/** The part is there. */
export interface Delivered extends Pick<OutcomeReport, 'session' | 'offers' | 'isChoiceMade'> {
  readonly kind: 'delivered';
  readonly contactId?: string;
  readonly newChatCreated?: boolean;
  readonly requestId?: string;
  readonly droppedAttributes?: readonly string[];
}
