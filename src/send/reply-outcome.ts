/**
 * What a failed reply means: the verdicts on the errors of SendTextMessage (End User Messaging SMS) and SendWhatsAppMessage
 * (End User Messaging Social). Neither has an idempotency token, so what is ambiguous may be with the customer already.
 * WhatsApp tells most of what it refuses later, in a status: whatsapp/failed-replies has the words for that.
 *
 * `why` is for the agent, and goes on from "was not delivered:".
 */
import type { Channel } from '../normalize/channel.ts';
import { MEND_NOTHING, commonErrors } from './send-error-table.ts';
import type { SendErrorRow, SendErrorTable } from './send-error-table.ts';
import { classifySendError } from './send-outcome.ts';
import type { SendFailure } from './send-outcome.ts';

const SLOWED_DOWN =
  'Nothing, if it passes: the pace has been slowed down. If it stays, lower REPLY_RATE or raise the quota in Service Quotas.';
const LOOK_AT_IT = 'Look at the reply: it is refused as it is.';

function refused(why: string, remedy: string = LOOK_AT_IT): SendErrorRow {
  return { verdict: 'dead', remedy, why };
}

function paused(remedy: string): SendErrorRow {
  return { verdict: 'pause', remedy };
}

const SMS_REFUSED = refused('the text-message service refuses it');
const NO_MOBILE = refused(
  'the text-message service refuses it; the customer’s number may be none that can get text messages',
);
const TOO_LONG = refused('it is too long for a text message');
const COUNTRY = refused(
  'our number can’t send text messages to the customer’s country',
  'Allow the country in End User Messaging’s protect configuration, or give the route a number that may send there.',
);
const BLOCKED = refused(
  'text messages to the customer’s number are blocked',
  'A protect configuration in End User Messaging blocks the number: nothing, if that is meant.',
);
const MEND_ORIGIN = paused(
  'Our number can’t send text messages as it is: look in End User Messaging whether it is active, registered and able to send SMS (transactional).',
);
const MEND_SPENDING = paused(
  'The account’s monthly spending limit for messages is reached: raise it in End User Messaging (Service Quotas, then Account spend limits).',
);
const MEND_ACCOUNT = paused(
  'AWS has stopped this account from sending text messages: look at its e-mails, or ask AWS Support.',
);

const SMS_COMMON = commonErrors({
  service: 'End User Messaging SMS',
  message: SMS_REFUSED,
  permission:
    'This account or role may not send text messages: allow sms-voice:SendTextMessage on the number in its policy.',
  missing:
    'End User Messaging does not know our number here: check the account, and the Region of the route or of its destinationId.',
  slowedDown: SLOWED_DOWN,
  region: 'The call goes to the wrong Region: check the route’s Region, its destinationId and AWS_REGION.',
  endpoint: 'The endpoint can’t be used: check AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2 and AWS_REGION.',
});

/** Names and Reasons by the service model (pinpoint-sms-voice-v2, 2022-03-31), as far as SendTextMessage can mean them. */
const SMS_ERRORS: SendErrorTable = {
  ...SMS_COMMON,
  aws: {
    ...SMS_COMMON.aws,

    // Everything that sends is in the way, not this reply.
    'AccessDeniedException.ACCOUNT_DISABLED': MEND_ACCOUNT,
    'AccessDeniedException.INSUFFICIENT_ACCOUNT_REPUTATION': MEND_ACCOUNT,
    ServiceQuotaExceededException: paused(
      'A quota of End User Messaging is used up: raise it in Service Quotas.',
    ),
    'ServiceQuotaExceededException.MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT': MEND_SPENDING,
    'ServiceQuotaExceededException.MONTHLY_SPEND_LIMIT_REACHED_FOR_RCS': MEND_SPENDING,

    // The customer, or our number: a state that somebody has to change.
    ConflictException: SMS_REFUSED,
    'ConflictException.DESTINATION_PHONE_NUMBER_OPTED_OUT': refused(
      'the customer has opted out of text messages from our number',
      'Nothing: the customer has to opt in again (START).',
    ),
    'ConflictException.DESTINATION_PHONE_NUMBER_NOT_VERIFIED': refused(
      'our AWS account may send text messages to verified numbers only',
      'The account is in the SMS sandbox: move it out, or verify the number in End User Messaging.',
    ),
    'ConflictException.DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION': COUNTRY,
    'ConflictException.DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE': BLOCKED,
    'ConflictException.MESSAGE_TYPE_MISMATCH': MEND_ORIGIN,
    'ConflictException.NO_ORIGINATION_IDENTITIES_FOUND': MEND_ORIGIN,
    'ConflictException.NUMBER_CAPABILITIES_MISMATCH': MEND_ORIGIN,
    'ConflictException.REGISTRATION_NOT_COMPLETE': MEND_ORIGIN,
    'ConflictException.RESOURCE_NOT_ACTIVE': MEND_ORIGIN,

    ValidationException: SMS_REFUSED,
    'ValidationException.INVALID_PARAMETER': NO_MOBILE,
    'ValidationException.COUNTRY_CODE_MISMATCH': COUNTRY,
    'ValidationException.COUNTRY_NOT_ENABLED': COUNTRY,
    'ValidationException.DESTINATION_COUNTRY_BLOCKED': COUNTRY,
    'ValidationException.INTERNATIONAL_SENDING_NOT_SUPPORTED': COUNTRY,
    'ValidationException.INVALID_IDENTITY_FOR_DESTINATION_COUNTRY': COUNTRY,
    'ValidationException.MAXIMUM_SIZE_EXCEEDED': TOO_LONG,
    'ValidationException.CHANNEL_NOT_ENABLED': MEND_ORIGIN,
    'ValidationException.INVALID_ARN': MEND_ORIGIN,
    'ValidationException.RESOURCE_NOT_ACCESSIBLE': MEND_ORIGIN,
    'ValidationException.SENDER_ID_NOT_REGISTERED': MEND_ORIGIN,
    'ValidationException.SENDER_ID_NOT_SUPPORTED': MEND_ORIGIN,
    'ValidationException.SENDER_ID_REQUIRES_REGISTRATION': MEND_ORIGIN,
  },
};

const WHATSAPP_REFUSED = refused(
  'WhatsApp does not take it',
  'Look at the reply, and whether META_API_VERSION is a version that Meta still has.',
);

const WHATSAPP_COMMON = commonErrors({
  service: 'End User Messaging Social',
  message: WHATSAPP_REFUSED,
  permission:
    'This account or role may not send WhatsApp messages: allow social-messaging:SendWhatsAppMessage on the number in its policy.',
  missing:
    'End User Messaging Social does not know our WhatsApp number here: check that its account is linked, and the Region of the route or of the number’s ARN.',
  slowedDown: SLOWED_DOWN,
  region: 'The call goes to the wrong Region: check the route’s Region, the number’s ARN and AWS_REGION.',
  endpoint: 'The endpoint can’t be used: check AWS_ENDPOINT_URL_SOCIALMESSAGING and AWS_REGION.',
});

/** Names by the service model (socialmessaging, 2024-01-01). */
const WHATSAPP_ERRORS: SendErrorTable = {
  ...WHATSAPP_COMMON,
  aws: {
    ...WHATSAPP_COMMON.aws,
    AccessDeniedByMetaException: paused(
      'Meta does not let AWS send for our WhatsApp account: look in Meta’s WhatsApp Manager whether the account is in order, and link it anew in End User Messaging Social if need be.',
    ),
    InvalidParametersException: WHATSAPP_REFUSED,
    ValidationException: WHATSAPP_REFUSED,
    ThrottledRequestException: { verdict: 'throttled', remedy: SLOWED_DOWN },
    // Meta, behind AWS: 502.
    DependencyException: { verdict: 'retry', isAmbiguous: true, remedy: MEND_NOTHING },
  },
};

export const REPLY_ERRORS = { sms: SMS_ERRORS, whatsapp: WHATSAPP_ERRORS } as const satisfies Record<
  Channel,
  SendErrorTable
>;

/** Any value that the sending of a reply rejected with. What is dead has a `why`. Never throws. */
export function classifyReplyError(error: unknown, channel: Channel): SendFailure {
  return classifySendError(error, REPLY_ERRORS[channel]);
}
