import { normalizeStreamed } from '../../src/normalize/chat-item.ts';
import { normalizeNotification } from '../../src/normalize/normalize-notification.ts';
import { SANDBOX_REPLY_TOPIC_ARN, SANDBOX_TOPIC_ARN } from '../../src/sandbox/bridge-child.ts';
import { SMS_NUMBER, SMS_NUMBER_ARN, smsPayload } from '../../src/sandbox/end-user-messaging.ts';
import type { SmsSample } from '../../src/sandbox/end-user-messaging.ts';
import { makeAcceptItems } from '../../src/send/accept-item.ts';
import { planReply } from '../../src/send/accept-reply.ts';
import { partiesOf } from '../../src/send/chat-parties.ts';
import type { Route } from '../../src/send/route.ts';
import { CONTACT_ID } from '../fixtures/chat-item.ts';
import { makeStoreFile, openSqliteStore } from '../queue/sqlite-file.ts';
import { StoreScene } from '../queue/suite/store-scene.ts';
import type { StoreUnderTest } from '../queue/suite/store-scene.ts';
import { runCommand } from './run-command.ts';
import type { CommandRun } from './run-command.ts';

export const ROUTES = JSON.stringify({
  routes: [{ channel: 'sms', number: SMS_NUMBER, destinationId: SMS_NUMBER_ARN }],
});

/** The bridge carries replies. */
export const REPLY_ROUTE: Route = {
  channel: 'sms',
  number: SMS_NUMBER,
  destinationId: SMS_NUMBER_ARN,
  replies: 'bridge',
};

/** A service's store, open and in use now, and commands run beside it. */
export class OperatorsDesk {
  readonly scene: StoreScene;
  readonly #env: Readonly<Record<string, string>>;

  /** What happens, happens now: commands go by the real clock. */
  constructor(under: StoreUnderTest, storeUrl: string) {
    this.scene = new StoreScene(under);
    this.scene.now = Date.now();
    this.#env = { STORE_URL: storeUrl, ORDER_HOLD_MS: '0' };
  }

  static async open(file = makeStoreFile()): Promise<OperatorsDesk> {
    return new OperatorsDesk(await openSqliteStore(file), `sqlite:${file}`);
  }

  run(
    argv: readonly string[],
    options: { readonly env?: Record<string, string>; readonly typed?: string } = {},
  ) {
    const { env = {}, ...rest } = options;
    return runCommand(argv, { env: { ...this.#env, ...env }, ...rest });
  }

  /** What a command prints for programs. */
  async runJson(...argv: readonly string[]): Promise<{ run: CommandRun; facts: Record<string, unknown> }> {
    const run = await this.run([...argv, '--json']);
    return { run, facts: JSON.parse(run.stdout) as Record<string, unknown> };
  }

  /** A dead letter that Connect refused. */
  async acceptRefused(given: Parameters<StoreScene['accept']>[0] = {}): Promise<number> {
    const { id } = await this.scene.accept(given);
    const claim = await this.scene.claimOne();
    const attempt = {
      verdict: 'dead',
      code: 'InvalidRequestException',
      requestId: 'request-1',
      startedAt: this.scene.now,
      durationMs: 12,
    } as const;
    const error = 'words of AWS that quote the customer';
    await this.scene.record(claim, { verdict: 'dead', reason: 'refused', error }, { attempt });
    return id;
  }

  /** An SMS that comes while there is no route for it: normalized by the bridge's own code. */
  async acceptUnrouted(sample: SmsSample): Promise<number> {
    return this.#acceptNotification(JSON.stringify(smsPayload(sample)));
  }

  /** A notification that this version does not understand. */
  async acceptStrange(text = 'no JSON at all'): Promise<number> {
    return this.#acceptNotification(text);
  }

  /** A chat that the bridge opened: its messages' session says whose it is. */
  async openChat(from: string, contactId = CONTACT_ID): Promise<void> {
    const { message } = this.scene.messageItem({ from });
    await this.scene.accept({ from });
    for (const session of [
      { seed: crypto.randomUUID(), generation: 1, parties: partiesOf(message) },
      { seed: crypto.randomUUID(), generation: 1, parties: partiesOf(message), contactId },
    ]) {
      const returned = { verdict: 'returned', dueAt: this.scene.now } as const;
      await this.scene.record(await this.scene.claimOne(), returned, { session });
    }
    await this.scene.deliverAll();
  }

  /** What Connect streams of a chat, as the bridge's own code takes it with these routes. */
  async acceptStreamed(item: object, routes: readonly Route[] = []): Promise<number | undefined> {
    const notification = {
      MessageId: crypto.randomUUID(),
      TopicArn: SANDBOX_REPLY_TOPIC_ARN,
      Timestamp: new Date(this.scene.now).toISOString(),
      Message: JSON.stringify(item),
    };
    const streamed = normalizeStreamed(notification, 'ALL');
    const { items, ignoredUnits } = await planReply(
      streamed.item,
      streamed.raw,
      { routes, fallbackRegion: undefined },
      (contactId) => this.scene.store.findChat(contactId),
    );
    const [accepted] = await this.scene.store.accept({
      ...this.scene.request(items),
      direction: 'outbound',
      ignored: ignoredUnits,
      snsMessageId: notification.MessageId,
    });
    return accepted?.id;
  }

  async #acceptNotification(message: string): Promise<number> {
    const notification = {
      MessageId: crypto.randomUUID(),
      TopicArn: SANDBOX_TOPIC_ARN,
      Timestamp: new Date(this.scene.now).toISOString(),
      Message: message,
    };
    const parts = normalizeNotification(notification, { defaultCountry: undefined });
    const { items } = makeAcceptItems(parts, { routes: [], fallbackRegion: undefined });
    const request = { ...this.scene.request(items), snsMessageId: notification.MessageId };
    const [accepted] = await this.scene.store.accept(request);
    if (accepted?.outcome !== 'dead') throw new Error('It is no dead letter');
    return accepted.id;
  }
}
