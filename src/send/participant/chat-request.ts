import type { StartChatContactCommandInput } from '@aws-sdk/client-connect';
import type { InboundMessage } from '../../normalize/inbound-message.ts';
import type { ChatPlace, Destination } from '../route.ts';
import { chooseDisplayName, fitAttributes } from '../session-details.ts';

export type ChatRequest = Omit<StartChatContactCommandInput, 'ClientToken'>;

/** The request that opens a chat for a message, but for its token. Its attributes are those of an integration event. */
export function buildChatRequest(
  message: InboundMessage,
  destination: Destination,
  { instanceId, contactFlowId, durationMinutes }: ChatPlace,
): { readonly request: ChatRequest; readonly droppedAttributes: readonly string[] } {
  const { attributes, dropped } = fitAttributes(message, destination);
  const request: ChatRequest = {
    InstanceId: instanceId,
    ContactFlowId: contactFlowId,
    ParticipantDetails: { DisplayName: chooseDisplayName(message, destination) },
    Attributes: attributes,
    SupportedMessagingContentTypes: [...destination.supportedContentTypes],
    ...(durationMinutes === undefined ? {} : { ChatDurationInMinutes: durationMinutes }),
  };
  return { request, droppedAttributes: dropped };
}
