/**
 * The mark that a reply bears on its way through WhatsApp (`biz_opaque_callback_data`), which comes back in the statuses
 * of its delivery: whose chat it was written in, and which of the chat's items it is.
 */

export interface TrackedReply {
  /** Connect's InitialContactId. */
  readonly contactId: string;
  /** The reply's `Id` in the chat. */
  readonly replyId: string;
}

/** Tells the bridge's own marks from those that others write through the same number. */
const PREFIX = 'sms-connect-bridge/1';
/** Of `biz_opaque_callback_data` (Meta, Cloud API, "Messages"). */
const TRACKING_ID_MAX_LENGTH = 512;

/** Undefined for ids that are too long for it: UUIDs never are. */
export function trackingIdOf({ contactId, replyId }: TrackedReply): string | undefined {
  if (!contactId.isWellFormed() || !replyId.isWellFormed()) return undefined;
  const trackingId = [PREFIX, encodeURIComponent(contactId), encodeURIComponent(replyId)].join('/');
  return trackingId.length <= TRACKING_ID_MAX_LENGTH ? trackingId : undefined;
}

/** Undefined for what the bridge did not write. */
export function readTrackingId(trackingId: unknown): TrackedReply | undefined {
  if (typeof trackingId !== 'string' || !trackingId.startsWith(`${PREFIX}/`)) return undefined;
  const [contact, reply, ...others] = trackingId.slice(PREFIX.length + 1).split('/');
  if (!contact || !reply || others.length > 0) return undefined;
  try {
    return { contactId: decodeURIComponent(contact), replyId: decodeURIComponent(reply) };
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
