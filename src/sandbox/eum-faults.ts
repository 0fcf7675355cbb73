/** What a stand-in End User Messaging can be told to do wrong, in the manner of the stand-in Connect. */
import type { Fault } from './connect-faults.ts';

/** `reason`: the error's member Reason, which those of End User Messaging SMS have. */
export type EumFault = Fault & { readonly reason?: string };

/** One that is an answer of the API. */
export type EumRefusal = Extract<EumFault, { readonly type: string }>;

function refusal(status: number, type: string, reason?: string): EumRefusal {
  return { kind: 'answer', status, type, ...(reason === undefined ? {} : { reason }) };
}

/** Errors of both APIs. Those of SMS have status 400 or 500, whatever they are (AWS JSON). */
export const EUM_FAULTS = {
  optedOut: refusal(400, 'ConflictException', 'DESTINATION_PHONE_NUMBER_OPTED_OUT'),
  notVerified: refusal(400, 'ConflictException', 'DESTINATION_PHONE_NUMBER_NOT_VERIFIED'),
  countryBlocked: refusal(400, 'ConflictException', 'DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION'),
  spendLimit: refusal(400, 'ServiceQuotaExceededException', 'MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT'),
  invalid: refusal(400, 'ValidationException', 'INVALID_PARAMETER'),
  invalidParameters: refusal(400, 'InvalidParametersException'),
  denied: refusal(400, 'AccessDeniedException'),
  deniedByMeta: refusal(403, 'AccessDeniedByMetaException'),
  notFound: refusal(400, 'ResourceNotFoundException'),
  throttled: refusal(400, 'ThrottlingException'),
  throttledWhatsApp: refusal(429, 'ThrottledRequestException'),
  internal: refusal(500, 'InternalServerException'),
  dependency: refusal(502, 'DependencyException'),
  unavailable: { kind: 'answerNoJson', status: 503 },
  takenButInternal: { kind: 'takenButAnswer', status: 500, type: 'InternalServerException' },
  hang: { kind: 'hang' },
  takenButHang: { kind: 'takenButHang' },
  drop: { kind: 'drop' },
  takenButDrop: { kind: 'takenButDrop' },
} as const satisfies Record<string, EumFault>;
