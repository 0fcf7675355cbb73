import type { CountryCode } from 'libphonenumber-js/max';
import { smsCustomerAddress } from './customer-address.ts';
import { UNKNOWN_BUSINESS_ADDRESS } from './inbound-message.ts';
import type { InboundMessage, ParsedPart } from './inbound-message.ts';
import { isOptOut } from './opt-out.ts';
import { ADDRESS_MAX_LENGTH, EXTERNAL_ID_MAX_LENGTH, readIdentifier } from './payload-fields.ts';
import type { JsonObject } from './payload-fields.ts';
import { addressOf } from './phone-number.ts';
import { readSmsContent } from './sms-content.ts';

/** Any of these makes a payload an SMS, so that one with a field missing is still called by its name. */
const SMS_FIELDS = ['originationNumber', 'destinationNumber', 'inboundMessageId', 'messageBody'] as const;

export function isSmsPayload(payload: JsonObject): boolean {
  return SMS_FIELDS.some((field) => Object.hasOwn(payload, field));
}

/**
 * A two-way message of AWS End User Messaging SMS (its user guide, "Two-way SMS payload"):
 * `{originationNumber, destinationNumber, messageKeyword?, messageBody?, inboundMessageId, previousPublishedMessageId?}`.
 * RCS comes in the same fields, with an agent's `rcs-…` as destinationNumber. The payload has no time of its own, so
 * `snsTimestamp` (epoch milliseconds) is when it was sent. With an id and a sender it is a message, whatever else is
 * missing. Never throws.
 */
export function parseSmsNotification(
  payload: JsonObject,
  snsTimestamp: number,
  defaultCountry: CountryCode | undefined,
): ParsedPart {
  const origination = readIdentifier(payload['originationNumber'], ADDRESS_MAX_LENGTH);
  const destination = readIdentifier(payload['destinationNumber'], ADDRESS_MAX_LENGTH);
  const externalId = readIdentifier(payload['inboundMessageId'], EXTERNAL_ID_MAX_LENGTH);
  if (origination === undefined) return notUnderstood('originationNumber');
  if (externalId === undefined) return notUnderstood('inboundMessageId');
  const content = readSmsContent(payload['messageBody'], destination);
  const keyword = readIdentifier(payload['messageKeyword'], EXTERNAL_ID_MAX_LENGTH);
  const previousPublishedMessageId = readPreviousId(payload['previousPublishedMessageId']);
  const message: InboundMessage = {
    channel: 'sms',
    ...smsCustomerAddress(origination, defaultCountry),
    businessAddress:
      destination === undefined ? UNKNOWN_BUSINESS_ADDRESS : addressOf(destination, defaultCountry),
    externalId,
    sentAt: snsTimestamp,
    content,
    ...(keyword === undefined ? {} : { keyword }),
    ...(previousPublishedMessageId === undefined ? {} : { previousPublishedMessageId }),
    ...(content.kind === 'text' && isOptOut(content.text) ? { isOptOut: true } : {}),
  };
  return { kind: 'message', message };
}

function notUnderstood(field: string): ParsedPart {
  return { kind: 'notUnderstood', detail: `SMS: ${field} is missing or unusable` };
}

/** EUM has been seen to send the word `null` where there is no such id. */
function readPreviousId(value: unknown): string | undefined {
  return value === 'null' ? undefined : readIdentifier(value, EXTERNAL_ID_MAX_LENGTH);
}
