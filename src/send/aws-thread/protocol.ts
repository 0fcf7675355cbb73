import type { ConnectSender } from '../connect-client.ts';
import type { ReplySender } from '../eum-client.ts';
import type { ParticipantSender } from '../participant/participant-client.ts';
import type { Place } from '../aws-clients.ts';

/** All that sends by the AWS SDK. Every operation takes a request, a place and a time-out. */
export interface Senders {
  readonly connect: ConnectSender;
  readonly participant: ParticipantSender;
  readonly replies: ReplySender;
}

export type SenderName = keyof Senders;

export interface SendRequest {
  readonly sender: SenderName;
  readonly operation: string;
  readonly request: unknown;
  readonly place: Place;
  /** When it has to be over, by `readMonotonicMs`: a call may wait for its thread. */
  readonly endsAt: number;
}

/** The same for all threads of the process; `performance.now` counts from each one's start. */
export function readMonotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
