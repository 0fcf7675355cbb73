/**
 * The rules of StartChatContact, StartContactStreaming and the Participant Service: members and lengths from the service
 * models (Connect 2017-08-08, ConnectParticipant 2018-09-07), the rest from the API references. Members that the bridge
 * has no use for are not known here, so that one which slips in shows.
 */
import { z } from 'zod';
import {
  attributesRule,
  chatDurationRule,
  contactFlowIdRule,
  contentTypesRule,
  displayNameRule,
  instanceIdRule,
  streamingEndpointRule,
} from '../send/chat-event-rules.ts';

const CONTENT_TYPES = [
  'text/plain',
  'text/markdown',
  'application/json',
  'application/vnd.amazonaws.connect.message.interactive.response',
] as const;
/** SendMessage's reference: bytes, of every content type. */
const CONTENT_MAX_BYTES = 16_384;

const clientTokenRule = z.string().min(1).max(500);

export const startChatContactRule = z.strictObject({
  InstanceId: instanceIdRule,
  ContactFlowId: contactFlowIdRule,
  ParticipantDetails: z.strictObject({ DisplayName: displayNameRule }),
  Attributes: attributesRule.optional(),
  ClientToken: clientTokenRule.optional(),
  ChatDurationInMinutes: chatDurationRule.optional(),
  SupportedMessagingContentTypes: contentTypesRule.optional(),
});

export const startContactStreamingRule = z.strictObject({
  InstanceId: instanceIdRule,
  ContactId: z.string().min(1).max(256),
  ChatStreamingConfiguration: z.strictObject({ StreamingEndpointArn: streamingEndpointRule }),
  ClientToken: clientTokenRule,
});

export const createParticipantConnectionRule = z.strictObject({
  Type: z.array(z.enum(['WEBSOCKET', 'CONNECTION_CREDENTIALS'])).min(1),
  ConnectParticipant: z.boolean().optional(),
});

export const sendMessageRule = z.strictObject({
  ContentType: z.enum(CONTENT_TYPES),
  Content: z
    .string()
    .min(1, 'is empty')
    .refine((text) => Buffer.byteLength(text) <= CONTENT_MAX_BYTES, {
      message: `must hold at most ${CONTENT_MAX_BYTES} bytes of UTF-8`,
    }),
  ClientToken: clientTokenRule.optional(),
});

export const disconnectParticipantRule = z.strictObject({ ClientToken: clientTokenRule.optional() });

export type StartChatContactRequest = z.infer<typeof startChatContactRule>;
export type StartContactStreamingRequest = z.infer<typeof startContactStreamingRule>;
export type CreateParticipantConnectionRequest = z.infer<typeof createParticipantConnectionRule>;
