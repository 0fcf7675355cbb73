/**
 * Sends replies through AWS End User Messaging. Neither call has an idempotency token: one that is sent twice reaches a
 * person twice.
 */
import { AwsClients, deadlineIn } from './aws-clients.ts';
import type { Place } from './aws-clients.ts';
import { isPlainId } from './send-outcome.ts';

export interface SmsReply {
  /** The customer: E.164, or a short code. */
  readonly to: string;
  /** Our number, as it is called in End User Messaging: E.164, a short code, `rcs-…`, or an ARN. */
  readonly from: string;
  /** At most 1,600 characters. */
  readonly text: string;
}

/** The customer: the number that WhatsApp gave, with `+`, or the user id of one who shows no number. */
export type WhatsAppRecipient =
  | { readonly to: string; readonly userId?: undefined }
  | { readonly to?: undefined; readonly userId: string };

export type WhatsAppReply = WhatsAppRecipient & {
  readonly phoneNumberArn: string;
  /** At most 4,096 characters. */
  readonly text: string;
  /** Comes back in the statuses of its delivery. */
  readonly trackingId: string | undefined;
  /** Of the Graph API: `v24.0`. */
  readonly metaApiVersion: string;
};

/** What End User Messaging says to a reply that it took: by no means that it was delivered. */
export interface SentReply {
  readonly messageId?: string;
  readonly requestId?: string;
}

/** Both reject with whatever the SDK raised, or with CredentialsUnavailable: `classifyReplyError` reads both. */
export interface ReplySender {
  sendSms(reply: SmsReply, place: Place, timeoutMs?: number): Promise<SentReply>;
  sendWhatsApp(reply: WhatsAppReply, place: Place, timeoutMs?: number): Promise<SentReply>;
}

/**
 * Endpoints and credentials are in the environment (`AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2`,
 * `AWS_ENDPOINT_URL_SOCIALMESSAGING`). Each client is imported at its first reply: most services have one of the channels.
 */
export function createReplySender(): ReplySender {
  const sms = importedOnce(async () => {
    const { PinpointSMSVoiceV2Client, SendTextMessageCommand } =
      await import('@aws-sdk/client-pinpoint-sms-voice-v2');
    const clients = new AwsClients((settings) => new PinpointSMSVoiceV2Client(settings));
    return { clients, SendTextMessageCommand };
  });
  const social = importedOnce(async () => {
    const { SocialMessagingClient, SendWhatsAppMessageCommand } =
      await import('@aws-sdk/client-socialmessaging');
    const clients = new AwsClients((settings) => new SocialMessagingClient(settings));
    return { clients, SendWhatsAppMessageCommand };
  });
  return {
    async sendSms({ to, from, text }, place, timeoutMs) {
      const deadline = deadlineIn(timeoutMs); // the import counts, too
      const { clients, SendTextMessageCommand } = await sms();
      const command = new SendTextMessageCommand({
        DestinationPhoneNumber: to,
        OriginationIdentity: from,
        MessageBody: text,
        MessageType: 'TRANSACTIONAL',
      });
      const { MessageId, $metadata } = await clients.send(place, deadline, (client, sending) =>
        client.send(command, sending),
      );
      return readSent(MessageId, $metadata.requestId);
    },
    async sendWhatsApp(reply, place, timeoutMs) {
      const deadline = deadlineIn(timeoutMs);
      const { clients, SendWhatsAppMessageCommand } = await social();
      const command = new SendWhatsAppMessageCommand({
        originationPhoneNumberId: reply.phoneNumberArn,
        metaApiVersion: reply.metaApiVersion,
        message: Buffer.from(JSON.stringify(whatsAppMessage(reply))),
      });
      const { messageId, $metadata } = await clients.send(place, deadline, (client, sending) =>
        client.send(command, sending),
      );
      return readSent(messageId, $metadata.requestId);
    },
  };
}

/**
 * Meta's message object (WhatsApp Cloud API, "Messages"). Numbers keep their `+`: without it, Meta may put our own country's
 * code before them. `recipient` is for user ids.
 */
function whatsAppMessage({ to, userId, text, trackingId }: WhatsAppReply): object {
  return {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    ...(userId === undefined ? { to } : { recipient: userId }),
    type: 'text',
    text: { preview_url: false, body: text },
    ...(trackingId === undefined ? {} : { biz_opaque_callback_data: trackingId }),
  };
}

function readSent(messageId: unknown, requestId: unknown): SentReply {
  return {
    ...(isPlainId(messageId) ? { messageId } : {}),
    ...(isPlainId(requestId) ? { requestId } : {}),
  };
}

function importedOnce<Imported>(load: () => Promise<Imported>): () => Promise<Imported> {
  let imported: Promise<Imported> | undefined;
  return () => (imported ??= load());
}
