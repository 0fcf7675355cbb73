/**
 * The rules of SendChatIntegrationEvent, as a schema of our own: lengths and members from the service model (Connect,
 * 2017-08-08), the rest from the API reference. The SDK checks none of them. Smithy counts a string's length in
 * Unicode code points.
 */
import { z } from 'zod';
import { parseArn } from '../arn.ts';
import { schemaProblems } from '../schema-problems.ts';

export const CHAT_EVENT_TYPES = ['MESSAGE', 'EVENT', 'DISCONNECT'] as const;
export const CONTENT_MAX_CHARACTERS = 16_384;
export const DISPLAY_NAME_MAX_CHARACTERS = 256;
/** All keys and values of one contact together, UTF-8. */
export const ATTRIBUTES_MAX_BYTES = 32_768;
export const ATTRIBUTE_KEY_PATTERN = /^[A-Za-z0-9_-]+$/;

/** Events that say which message they are about, in Content. */
const RECEIPT_TYPES = new Set([
  'application/vnd.amazonaws.connect.event.message.delivered',
  'application/vnd.amazonaws.connect.event.message.read',
]);

const chatEvent = z
  .strictObject({
    Type: z.enum(CHAT_EVENT_TYPES),
    ContentType: characters(100).optional(),
    Content: characters(CONTENT_MAX_CHARACTERS).optional(),
  })
  .superRefine(({ Type, ContentType, Content }, context) => {
    if (Type !== 'DISCONNECT' && ContentType === undefined) {
      context.addIssue({ code: 'custom', path: ['ContentType'], message: `is required for Type ${Type}` });
    }
    if (Type === 'MESSAGE' && Content === undefined) {
      context.addIssue({ code: 'custom', path: ['Content'], message: 'is required for Type MESSAGE' });
    }
    if (Type === 'EVENT' && Content === undefined && RECEIPT_TYPES.has(ContentType ?? '')) {
      context.addIssue({ code: 'custom', path: ['Content'], message: 'is required for a receipt' });
    }
  });

export const attributesRule = z
  .record(z.string().regex(ATTRIBUTE_KEY_PATTERN), characters(32_767, 0))
  .refine((attributes) => attributesBytes(attributes) <= ATTRIBUTES_MAX_BYTES, {
    message: `must hold at most ${ATTRIBUTES_MAX_BYTES} bytes of UTF-8 in all`,
  });

export const contentTypesRule = z
  .array(characters(100))
  .refine((types) => types.includes('text/plain'), 'must contain text/plain');

export const displayNameRule = characters(DISPLAY_NAME_MAX_CHARACTERS);

export const streamingEndpointRule = characters(350).refine(
  isStandardTopic,
  'must be the ARN of a standard SNS topic',
);

export const destinationIdRule = characters(255);
/** StartChatContact's, as the service model has them; both are plain ids, since the same are in the permissions' ARNs. */
export const instanceIdRule = z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'is no id of a Connect instance');
export const contactFlowIdRule = z.string().regex(/^[A-Za-z0-9-]{1,500}$/, 'is no id of a flow');
export const chatDurationRule = z.int().min(60).max(10_080);

export const subtypeRule = characters(100);

const newSessionDetails = z.strictObject({
  SupportedMessagingContentTypes: contentTypesRule.optional(),
  ParticipantDetails: z.strictObject({ DisplayName: displayNameRule }).optional(),
  Attributes: attributesRule.optional(),
  StreamingConfiguration: z.strictObject({ StreamingEndpointArn: streamingEndpointRule }).optional(),
});

const chatEventRequest = z.strictObject({
  SourceId: characters(255),
  DestinationId: destinationIdRule,
  Subtype: subtypeRule.optional(),
  Event: chatEvent,
  NewSessionDetails: newSessionDetails.optional(),
});

/**
 * What is wrong with a SendChatIntegrationEvent request, each as a JSON path and a sentence (`$.Event.Content is
 * required for Type MESSAGE`), without the request's values. Empty: nothing is wrong.
 */
export function chatEventProblems(request: unknown): string[] {
  return schemaProblems(chatEventRequest, request);
}

/** Bytes of UTF-8 that one attribute takes of ATTRIBUTES_MAX_BYTES. */
export function attributeBytes(key: string, value: string): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value);
}

function attributesBytes(attributes: Readonly<Record<string, string>>): number {
  return Object.entries(attributes).reduce((sum, [key, value]) => sum + attributeBytes(key, value), 0);
}

function characters(most: number, least = 1): z.ZodType<string> {
  const message = `must be ${least} to ${most} characters long`;
  return z.string().refine((text) => text.length >= least && isAtMost(text, most), { message });
}

/** Code points are counted only where UTF-16 code units, of which there are never fewer, don't settle it. */
function isAtMost(text: string, most: number): boolean {
  return text.length <= most || (text.length <= 2 * most && Array.from(text).length <= most);
}

function isStandardTopic(text: string): boolean {
  const arn = parseArn(text);
  return arn?.service === 'sns' && !arn.resource.endsWith('.fifo');
}
