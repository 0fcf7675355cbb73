/** SendChatIntegrationEvent: `POST /chat-integration-event`. */
import { chatEventProblems } from '../send/chat-event-rules.ts';
import { accepted } from './aws-answer.ts';
import type { AwsAnswer } from './aws-answer.ts';
import { SANDBOX_INSTANCE_ID } from './chat-streaming.ts';
import type { ChatStreaming } from './chat-streaming.ts';
import type { ChatEventRequest, Chats } from './chats.ts';
import type { Operation } from './connect-call.ts';
import { asRecord } from './json-text.ts';
import { refuseUnsigned } from './signed-request.ts';

const NAME = 'SendChatIntegrationEvent';

export function chatEventOperation(chats: Chats, streaming: ChatStreaming): Operation {
  return {
    name: NAME,
    method: 'POST',
    path: '/chat-integration-event',
    isIamAction: true,
    invalid: 'InvalidRequestException',
    refuseCaller: refuseUnsigned,
    prepare: (body) => {
      const { SourceId, DestinationId, Event } = asRecord(body);
      const { Content } = asRecord(Event);
      return {
        operation: NAME,
        sourceId: String(SourceId),
        destinationId: String(DestinationId),
        ...(typeof Content === 'string' ? { text: Content } : {}),
        request: asRecord(body),
        problems: chatEventProblems(body),
        carryOut: () => takeEvent(body as ChatEventRequest, chats, streaming),
      };
    },
  };
}

function takeEvent(request: ChatEventRequest, chats: Chats, streaming: ChatStreaming): AwsAnswer {
  const { chat, newChatCreated, content } = chats.take(request);
  const topicArn = request.NewSessionDetails?.StreamingConfiguration?.StreamingEndpointArn;
  if (newChatCreated && topicArn) streaming.addTopic(chat, topicArn);
  streaming.publish(chat, SANDBOX_INSTANCE_ID, {
    type: 'MESSAGE',
    role: 'CUSTOMER',
    displayName: chat.displayName,
    contentType: request.Event.ContentType ?? 'text/plain',
    content,
  });
  return accepted({ InitialContactId: chat.contactId, NewChatCreated: newChatCreated });
}
