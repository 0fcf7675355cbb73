/** What delivering is compared with: the AWS SDK's own `client.send`, and nothing around it. */
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectClient, SendChatIntegrationEventCommand } from '@aws-sdk/client-connect';
import type { SendChatIntegrationEventCommandInput } from '@aws-sdk/client-connect';
import { SANDBOX_REGION, SMS_NUMBER_ARN } from '../../src/sandbox/end-user-messaging.ts';
import { answerParent, machineClockMs } from './helper-process.ts';

/** As the bridge sends it. */
const EVENT: SendChatIntegrationEventCommandInput = {
  SourceId: '+14255550182',
  DestinationId: SMS_NUMBER_ARN,
  Subtype: 'connect:SMS',
  Event: {
    Type: 'MESSAGE',
    ContentType: 'text/plain',
    Content: 'Good morning, is there any news of my order?',
  },
  NewSessionDetails: {
    SupportedMessagingContentTypes: ['text/plain'],
    ParticipantDetails: { DisplayName: '+14255550182' },
    Attributes: {
      channel: 'sms',
      customerAddress: '+14255550182',
      businessAddress: '+12065550100',
      country: 'US',
      externalId: '5f1c2a60-7e0b-4f7e-9a51-0c8f1b7a2d11',
    },
  },
};

function makeClient(port: number): ConnectClient {
  return new ConnectClient({
    region: SANDBOX_REGION,
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: 'SANDBOX', secretAccessKey: 'not-a-secret' },
    maxAttempts: 1,
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: 128 } },
  });
}

let client: ConnectClient | undefined;

const operations = {
  /** `concurrency` loops, each with one request under way; after `warmMs`, counts answers for `measureMs`. */
  async loop({ port, concurrency, warmMs, measureMs }: LoopOptions): Promise<number> {
    const sender = (client ??= makeClient(port));
    let answered = 0;
    const end = new AbortController();
    const loops = Array.from({ length: concurrency }, async () => {
      while (!end.signal.aborted) {
        await sender.send(new SendChatIntegrationEventCommand(EVENT));
        answered += 1;
      }
    });
    await delay(warmMs);
    const [before, startedAt] = [answered, performance.now()];
    await delay(measureMs);
    const perSecond = ((answered - before) * 1_000) / (performance.now() - startedAt);
    end.abort();
    await Promise.all(loops);
    return perSecond;
  },

  /** One at a time, numbered from `from` on, with a pause after each; returns when each was sent (`machineClockMs`). */
  async trickle({ port, from, count, pauseMs }: TrickleOptions): Promise<readonly number[]> {
    const sender = (client ??= makeClient(port));
    const sentAt: number[] = [];
    for (let number = from; number < from + count; number += 1) {
      sentAt.push(machineClockMs());
      const Event = { ...EVENT.Event, Type: 'MESSAGE' as const, Content: `#${number} Good morning` };
      await sender.send(new SendChatIntegrationEventCommand({ ...EVENT, Event }));
      await delay(pauseMs);
    }
    return sentAt;
  },
};
export type SdkOperations = typeof operations;

interface LoopOptions {
  readonly port: number;
  readonly concurrency: number;
  readonly warmMs: number;
  readonly measureMs: number;
}

interface TrickleOptions {
  readonly port: number;
  readonly from: number;
  readonly count: number;
  readonly pauseMs: number;
}

answerParent(operations);
