/**
 * The rules of SendTextMessage and SendWhatsAppMessage, as schemas of our own: lengths and patterns from the service models
 * (pinpoint-sms-voice-v2, 2022-03-31; socialmessaging, 2024-01-01), those of the message in it from Meta's Cloud API. The
 * SDK checks none of them. Smithy counts a string's length in Unicode code points, and Meta in characters.
 */
import { z } from 'zod';
import { schemaProblems } from '../schema-problems.ts';

const SMS_MAX_CHARACTERS = 1_600;
const WHATSAPP_MAX_CHARACTERS = 4_096;
const WHATSAPP_MESSAGE_MAX_BYTES = 2_048_000;
const TRACKING_ID_MAX_CHARACTERS = 512;

const sendTextMessage = z.strictObject({
  DestinationPhoneNumber: z.string().regex(/^\+?[1-9][0-9]{1,18}$/, 'is no phone number'),
  OriginationIdentity: z.string().regex(/^[A-Za-z0-9_:/+-]{1,256}$/, 'is no origination identity'),
  MessageBody: characters(SMS_MAX_CHARACTERS).refine((text) => text.trim() !== '', 'is blank'),
  MessageType: z.enum(['TRANSACTIONAL', 'PROMOTIONAL']),
});

const sendWhatsAppMessage = z.strictObject({
  originationPhoneNumberId: z
    .string()
    .max(115)
    .regex(/^phone-number-id-.*$|^arn:.*:phone-number-id\/[0-9a-zA-Z]+$/, 'is no WhatsApp number of AWS'),
  metaApiVersion: z.string().regex(/^v\d+\.\d+$/, 'is no version of the Graph API'),
  message: z
    .base64()
    .refine((text) => text !== '' && Buffer.byteLength(text, 'base64') <= WHATSAPP_MESSAGE_MAX_BYTES, {
      message: `must be 1 to ${WHATSAPP_MESSAGE_MAX_BYTES} bytes long`,
    }),
});

const metaMessage = z
  .strictObject({
    messaging_product: z.literal('whatsapp'),
    recipient_type: z.literal('individual').optional(),
    to: z
      .string()
      .regex(/^\+?[1-9][0-9]{5,18}$/, 'is no phone number')
      .optional(),
    recipient: z
      .string()
      .regex(/^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/, 'is no user id')
      .optional(),
    type: z.literal('text'),
    text: z.strictObject({
      preview_url: z.boolean().optional(),
      body: characters(WHATSAPP_MAX_CHARACTERS).refine((text) => text.trim() !== '', 'is blank'),
    }),
    biz_opaque_callback_data: characters(TRACKING_ID_MAX_CHARACTERS).optional(),
  })
  .refine(({ to, recipient }) => (to === undefined) !== (recipient === undefined), {
    message: 'must have one of to and recipient',
  });

/** What is wrong with a request, each as a JSON path and a sentence, without the request's values. */
export function textMessageProblems(request: unknown): string[] {
  return schemaProblems(sendTextMessage, request);
}

/** `message`: what the request holds in base64, as JSON. */
export function whatsAppMessageProblems(request: unknown, message: unknown): string[] {
  const problems = schemaProblems(sendWhatsAppMessage, request);
  return problems.length > 0 ? problems : schemaProblems(metaMessage, message);
}

function characters(most: number): z.ZodType<string> {
  const message = `must be 1 to ${most} characters long`;
  return z.string().refine((text) => text !== '' && Array.from(text).length <= most, { message });
}
