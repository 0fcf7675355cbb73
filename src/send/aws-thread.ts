import { Worker } from 'node:worker_threads';
import { BridgeError } from '../errors.ts';
import { WorkerCalls } from '../worker-calls.ts';
import { SEND_TIMEOUT_MS } from './aws-clients.ts';
import type { Place } from './aws-clients.ts';
import { unpackError } from './aws-thread/packed-error.ts';
import type { PackedError } from './aws-thread/packed-error.ts';
import { readMonotonicMs } from './aws-thread/protocol.ts';
import type { SenderName, SendRequest, Senders } from './aws-thread/protocol.ts';
import { SendNotBegun } from './send-outcome.ts';

/** What a send leaves is garbage soon after, of which V8 would let 48 MB lie. */
const YOUNG_GENERATION_MB = 24;

const THREAD = 'The AWS clients’ thread';
const THREAD_ENDED = `${THREAD} has ended.`;

/**
 * The AWS clients in a thread of their own (see aws-thread/worker.ts). Its sends reject with errors that
 * `classifySendError` reads as it does the SDK's own. If the thread ends, what was under way rejects, and may have been taken.
 */
export class AwsThread {
  readonly #worker = new Worker(new URL('./aws-thread/worker.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  readonly #calls = new WorkerCalls<SendRequest, PackedError>(this.#worker, {
    thread: THREAD,
    toError: unpackError,
    toLoss: (cause) => new Error(THREAD_ENDED, { cause }),
  });
  #isClosing = false;
  /** Resolves, with the reason, if the thread ends before it is closed. */
  readonly lost: Promise<BridgeError> = new Promise((resolve) => {
    void this.#calls.ended.then((end) => !this.#isClosing && resolve(threadEnded(end)));
  });

  readonly senders: Senders = {
    connect: { send: this.#operation('connect', 'send') },
    participant: {
      startChat: this.#operation('participant', 'startChat'),
      startStreaming: this.#operation('participant', 'startStreaming'),
      connect: this.#operation('participant', 'connect'),
      sendMessage: this.#operation('participant', 'sendMessage'),
    },
    replies: {
      sendSms: this.#operation('replies', 'sendSms'),
      sendWhatsApp: this.#operation('replies', 'sendWhatsApp'),
    },
  };

  /** Breaks off what is still under way. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#worker.terminate();
  }

  #operation<Name extends SenderName, Operation extends keyof Senders[Name] & string>(
    sender: Name,
    operation: Operation,
  ): Senders[Name][Operation] {
    const send = (request: unknown, { region, roleArn }: Place, timeoutMs = SEND_TIMEOUT_MS) => {
      // A destination is a place, too, and more than another thread needs.
      const place = { region, roleArn };
      if (this.#calls.hasEnded) return Promise.reject(new SendNotBegun(THREAD_ENDED));
      const endsAt = readMonotonicMs() + timeoutMs;
      return this.#calls.call({ sender, operation, request, place, endsAt });
    };
    return send as Senders[Name][Operation];
  }
}

function threadEnded(cause: unknown): BridgeError {
  return new BridgeError('INTERNAL', { detail: THREAD_ENDED, cause });
}
