/**
 * The operations of the participant method, by the AWS SDK. An answer without what is needed of it counts as none.
 */
import {
  ConnectClient,
  StartChatContactCommand,
  StartContactStreamingCommand,
} from '@aws-sdk/client-connect';
import type { StartChatContactCommandInput } from '@aws-sdk/client-connect';
import {
  ConnectParticipantClient,
  CreateParticipantConnectionCommand,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';
import { AwsClients, deadlineIn } from '../aws-clients.ts';
import type { Place } from '../aws-clients.ts';
import { isPlainId } from '../send-outcome.ts';

export interface OpenedChat {
  readonly contactId: string;
  readonly participantToken: string;
  readonly requestId?: string;
}

export interface StartedStreaming {
  readonly streamingId: string;
  readonly requestId?: string;
}

export interface Connection {
  readonly connectionToken: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly requestId?: string;
}

export interface StreamingRequest {
  readonly instanceId: string;
  readonly contactId: string;
  readonly streamingEndpointArn: string;
  readonly clientToken: string;
}

export interface MessageRequest {
  readonly connectionToken: string;
  readonly content: string;
  readonly clientToken: string;
}

/** All reject with whatever the SDK raised, or with CredentialsUnavailable: `classifySendError` reads both. */
export interface ParticipantSender {
  startChat(request: StartChatContactCommandInput, place: Place, timeoutMs?: number): Promise<OpenedChat>;
  startStreaming(request: StreamingRequest, place: Place, timeoutMs?: number): Promise<StartedStreaming>;
  connect(participantToken: string, place: Place, timeoutMs?: number): Promise<Connection>;
  sendMessage(
    request: MessageRequest,
    place: Place,
    timeoutMs?: number,
  ): Promise<{ readonly requestId?: string }>;
}

/** Where Connect says nothing of a connection's end: what its documentation says. */
const CONNECTION_LASTS_MS = 24 * 60 * 60 * 1_000;
const TOKEN_MAX_CHARACTERS = 4_000;

export function createParticipantSender(): ParticipantSender {
  const connect = new AwsClients((settings) => new ConnectClient(settings));
  const participant = new AwsClients((settings) => new ConnectParticipantClient(settings));
  return {
    startChat: (request, place, timeoutMs) =>
      connect.send(place, deadlineIn(timeoutMs), async (client, options) => {
        const answer = await client.send(new StartChatContactCommand(request), options);
        const { ContactId, ParticipantToken, $metadata } = answer;
        return {
          contactId: needed(ContactId, isPlainId),
          participantToken: needed(ParticipantToken, isToken),
          ...requestIdOf($metadata),
        };
      }),
    startStreaming: ({ instanceId, contactId, streamingEndpointArn, clientToken }, place, timeoutMs) =>
      connect.send(place, deadlineIn(timeoutMs), async (client, options) => {
        const { StreamingId, $metadata } = await client.send(
          new StartContactStreamingCommand({
            InstanceId: instanceId,
            ContactId: contactId,
            ChatStreamingConfiguration: { StreamingEndpointArn: streamingEndpointArn },
            ClientToken: clientToken,
          }),
          options,
        );
        return { streamingId: needed(StreamingId, isToken), ...requestIdOf($metadata) };
      }),
    connect: (participantToken, place, timeoutMs) =>
      participant.send(place, deadlineIn(timeoutMs), async (client, options) => {
        const { ConnectionCredentials, $metadata } = await client.send(
          new CreateParticipantConnectionCommand({
            Type: ['CONNECTION_CREDENTIALS'],
            ParticipantToken: participantToken,
            // Nobody holds a websocket open; and the flow begins once the customer is connected.
            ConnectParticipant: true,
          }),
          options,
        );
        const expiresAt = Date.parse(ConnectionCredentials?.Expiry ?? '');
        return {
          connectionToken: needed(ConnectionCredentials?.ConnectionToken, isToken),
          expiresAt: Number.isNaN(expiresAt) ? Date.now() + CONNECTION_LASTS_MS : expiresAt,
          ...requestIdOf($metadata),
        };
      }),
    sendMessage: ({ connectionToken, content, clientToken }, place, timeoutMs) =>
      participant.send(place, deadlineIn(timeoutMs), async (client, options) => {
        const { Id, $metadata } = await client.send(
          new SendMessageCommand({
            ConnectionToken: connectionToken,
            ContentType: 'text/plain',
            Content: content,
            ClientToken: clientToken,
          }),
          options,
        );
        needed(Id, isToken);
        return requestIdOf($metadata);
      }),
  };
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= TOKEN_MAX_CHARACTERS;
}

/** Somebody else answered (a proxy's page), or a later AWS: as good as no answer. */
function needed(value: unknown, isUsable: (value: unknown) => value is string): string {
  if (isUsable(value)) return value;
  throw Object.assign(new Error('The answer lacks what is needed of it.'), {
    name: 'UnreadableAnswer',
    $metadata: { httpStatusCode: 200 },
  });
}

function requestIdOf({ requestId }: { readonly requestId?: string | undefined }): {
  readonly requestId?: string;
} {
  return isPlainId(requestId) ? { requestId } : {};
}
