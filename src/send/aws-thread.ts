import { Worker } from 'node:worker_threads';
import { WorkerCalls } from '../worker-calls.ts';
import { SEND_TIMEOUT_MS } from './aws-clients.ts';
import type { Place } from './aws-clients.ts';
import { unpackError } from './aws-thread/packed-error.ts';
import type { PackedError } from './aws-thread/packed-error.ts';
import { machineMs } from './aws-thread/protocol.ts';
import type { SenderName, SendRequest, Senders } from './aws-thread/protocol.ts';

/** What a send leaves is garbage soon after, of which V8 would let 48 MB lie. */
const YOUNG_GENERATION_MB = 24;

/**
 * The AWS clients in a thread of their own (see aws-thread/worker.ts). Its sends reject with errors that
 * `classifySendError` reads as it does the SDK's own. If the thread ends, what was under way rejects, and may have been taken.
 */
export class AwsThread {
  readonly #worker = new Worker(new URL('./aws-thread/worker.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  readonly #calls = new WorkerCalls<SendRequest, PackedError>(this.#worker, {
    toError: unpackError,
    toLoss: (end) => new Error('The AWS clients’ thread has ended.', { cause: end }),
  });
  #isClosing = false;
  /** Resolves, with the reason, if the thread ends before it is closed. */
  readonly lost: Promise<unknown> = new Promise((resolve) => {
    void this.#calls.ended.then((end) => !this.#isClosing && resolve(end));
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

  #operation<Request, Answer>(
    sender: SenderName,
    operation: string,
  ): (request: Request, place: Place, timeoutMs?: number) => Promise<Answer> {
    return (request, { region, roleArn }, timeoutMs = SEND_TIMEOUT_MS) =>
      this.#calls.call({
        sender,
        operation,
        request,
        place: { region, roleArn },
        endsAtMs: machineMs() + timeoutMs,
      }) as Promise<Answer>;
  }
}
