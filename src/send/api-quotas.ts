/**
 * How fast AWS's operations may be called: the default quotas, per second and at once (Connect administrator guide,
 * "Amazon Connect service quotas"). Each has a pace of its own.
 */
import type { Channel } from '../normalize/channel.ts';
import type { PaceLimits, PaceTable } from '../queue/pace.ts';

/** Of an account and Region, shared by all its instances and callers. */
const SEND_CHAT_INTEGRATION_EVENT: PaceLimits = { rate: 17, burst: 26 };

const CHAT_QUOTAS = {
  // Of an account and Region, too.
  StartChatContact: { rate: 5, burst: 8 },
  StartContactStreaming: { rate: 5, burst: 8 },
  // The Participant Service: of an instance.
  CreateParticipantConnection: { rate: 6, burst: 9 },
  SendMessage: { rate: 10, burst: 15 },
} as const satisfies Record<string, PaceLimits>;

/** What opens a chat of the bridge's own and writes into it. */
export type ChatOperation = keyof typeof CHAT_QUOTAS;

/**
 * End User Messaging, of an account and Region. What an SMS number may send depends on its kind and country, which the
 * bridge doesn't know: hence REPLY_RATE.
 */
export const REPLY_OPERATIONS = {
  sms: 'SendTextMessage',
  whatsapp: 'SendWhatsAppMessage',
} as const satisfies Record<Channel, string>;

type PacedOperation = ChatOperation | (typeof REPLY_OPERATIONS)[Channel];

/** SendChatIntegrationEvent's key is its scope alone. `scope`: what the quota is counted for. */
export function paceKeyOf(operation: PacedOperation, scope: string): string {
  return `${operation} ${scope}`;
}

/** `connect`: what is to hold for every operation of Connect, whatever its default. */
export function makePaces(connect: Partial<PaceLimits>, replyRate: number): PaceTable {
  const replies = { rate: replyRate, burst: replyRate };
  return {
    default: { ...SEND_CHAT_INTEGRATION_EVENT, ...connect },
    byName: {
      ...Object.fromEntries(
        Object.entries(CHAT_QUOTAS).map(([operation, quota]) => [operation, { ...quota, ...connect }]),
      ),
      ...Object.fromEntries(Object.values(REPLY_OPERATIONS).map((operation) => [operation, replies])),
    },
  };
}
