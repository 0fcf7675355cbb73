import type { Publication } from './chat-streaming.ts';
import type { Delivery, SnsStandIn } from './sns-stand-in.ts';

/** Connect's publications on their way through SNS. */
export class Publications {
  readonly #sns: SnsStandIn;
  readonly #deliveries: Promise<Delivery>[] = [];

  constructor(sns: SnsStandIn) {
    this.#sns = sns;
  }

  publish({ message, messageAttributes, topicArn }: Publication): void {
    this.#deliveries.push(this.#sns.publish(message, { messageAttributes, topicArn }));
  }

  get count(): number {
    return this.#deliveries.length;
  }

  async lastAnswer(): Promise<string> {
    const delivery = await this.#deliveries.at(-1);
    return delivery ? delivery.attempts.map((attempt) => attempt.status ?? attempt.error).join(', ') : '';
  }

  /** Also what is published meanwhile. */
  async delivered(): Promise<readonly Delivery[]> {
    for (;;) {
      const deliveries = await Promise.all(this.#deliveries);
      if (deliveries.length === this.count) return deliveries;
    }
  }
}
