/** Replies that WhatsApp took from the bridge and could not bring to the customer: what its statuses say of them. */
import type { ReplyFailure } from '../inbound-message.ts';
import { asJsonObject, asList, readText } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';
import { readTrackingId } from '../reply-tracking.ts';
import { describeErrors } from './unknown.ts';

const UNDELIVERABLE =
  'WhatsApp can’t reach the customer: the number has no WhatsApp account any more, has blocked this business, or uses a version that is too old';
const NUMBER_SET_UP = 'our WhatsApp number is not set up to send; tell whoever runs it';
const ACCOUNT_SET_UP = 'Meta does not let our WhatsApp account send for now; tell whoever runs it';
const TOO_MANY = 'too many messages were sent at once; send it again later';
const META_FAULT = 'WhatsApp failed; send it again';

/**
 * Meta's error codes (WhatsApp Cloud API, "Error codes"), as far as a text that somebody writes can meet them. The words
 * are for the agent, and go on from "was not delivered:".
 */
const REASONS: Readonly<Record<string, string>> = {
  // The customer.
  '131026': UNDELIVERABLE,
  '131047':
    'the customer’s last message is more than 24 hours old, and WhatsApp takes no other text than an approved template then',
  '131049': 'Meta chose not to deliver it, so as not to send the customer too much',
  '131050': 'the customer does not want this business’s marketing messages on WhatsApp',
  '131021': 'the customer’s number is our own',
  '130472': 'Meta holds this customer’s messages back for an experiment',
  '131030': 'our WhatsApp number is a test number, and the customer is not on its list',
  '130497': 'Meta does not let our account write to the customer’s country',
  // What was written.
  '131051': 'WhatsApp does not know this type of message',
  '131009': 'WhatsApp does not take it as it is',
  '100': 'WhatsApp does not take it as it is',
  // Our number and account.
  '131005': ACCOUNT_SET_UP,
  '131031': ACCOUNT_SET_UP,
  '131042': 'there is a problem with paying for our WhatsApp account; tell whoever runs it',
  '368': ACCOUNT_SET_UP,
  '10': ACCOUNT_SET_UP,
  '190': ACCOUNT_SET_UP,
  '131037': NUMBER_SET_UP,
  '131045': NUMBER_SET_UP,
  '133010': NUMBER_SET_UP,
  '131057': 'our WhatsApp account is in maintenance; send it again later',
  // Too fast.
  '130429': TOO_MANY,
  '131048': 'too many of our messages were blocked or called spam, so Meta holds them back',
  '131056': TOO_MANY,
  '4': TOO_MANY,
  '80007': TOO_MANY,
  // Meta.
  '131000': META_FAULT,
  '131016': META_FAULT,
  '135000': META_FAULT,
};

/** What is known of a reply that failed without a word. */
const NO_REASON = 'WhatsApp gives no reason';
/** As much as an agent would read. */
const WORDS_MAX_LENGTH = 500;

/**
 * `statuses` of one change: `[{id, status, biz_opaque_callback_data?, errors?: [{code, title, message, error_data}]}]`.
 * `others`: whether there are any besides the failures of the bridge's own replies.
 */
export function findFailedReplies(statuses: unknown): {
  readonly failures: readonly ReplyFailure[];
  readonly others: boolean;
} {
  const list = asList(statuses);
  const failures = list.flatMap((status) => readFailedReply(asJsonObject(status)) ?? []);
  return { failures, others: !Array.isArray(statuses) || failures.length < list.length };
}

function readFailedReply(status: JsonObject): ReplyFailure | undefined {
  if (status['status'] !== 'failed') return undefined;
  const reply = readTrackingId(status['biz_opaque_callback_data']);
  return reply && { kind: 'replyFailure', ...reply, why: describeReason(status['errors']) };
}

/** Of the first error that there are words for; else Meta's own, which stand in what the agent reads and nowhere else. */
function describeReason(errors: unknown): string {
  const codes = asList(errors).map((error) => readText(asJsonObject(error)['code']) ?? '');
  const known = codes.find((code) => Object.hasOwn(REASONS, code));
  if (known !== undefined) return REASONS[known] ?? NO_REASON;
  const words = describeErrors(errors).join('; ');
  return words === '' ? NO_REASON : `WhatsApp says: ${words.slice(0, WORDS_MAX_LENGTH).toWellFormed()}`;
}
