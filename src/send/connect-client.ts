import { ConnectClient, SendChatIntegrationEventCommand } from '@aws-sdk/client-connect';
import type { SendChatIntegrationEventCommandInput } from '@aws-sdk/client-connect';
import { AwsClients, deadlineIn } from './aws-clients.ts';
import type { Place } from './aws-clients.ts';
import { isPlainId } from './send-outcome.ts';

/** What Connect says to a chat event that it took. */
export interface SentEvent {
  readonly contactId?: string;
  readonly newChatCreated?: boolean;
  readonly requestId?: string;
}

/** `send` rejects with whatever the SDK raised, or with CredentialsUnavailable: `classifySendError` reads both. */
export interface ConnectSender {
  send(request: SendChatIntegrationEventCommandInput, place: Place, timeoutMs?: number): Promise<SentEvent>;
}

/**
 * Sends by the AWS SDK, which finds endpoint (`AWS_ENDPOINT_URL_CONNECT`) and credentials in the environment; with
 * `roleArn` it assumes that role first.
 */
export function createConnectSender(): ConnectSender & { close(): void } {
  const clients = new AwsClients((settings) => new ConnectClient(settings));
  return {
    async send(request, place, timeoutMs) {
      const { InitialContactId, NewChatCreated, $metadata } = await clients.send(
        place,
        deadlineIn(timeoutMs),
        (client, options) => client.send(new SendChatIntegrationEventCommand(request), options),
      );
      return {
        ...(isPlainId(InitialContactId) ? { contactId: InitialContactId } : {}),
        ...(typeof NewChatCreated === 'boolean' ? { newChatCreated: NewChatCreated } : {}),
        ...(isPlainId($metadata.requestId) ? { requestId: $metadata.requestId } : {}),
      };
    },
    close: () => clients.close(),
  };
}
