/** Claims as a store would give them, for what is decided about one. */
import { MINUTE_MS } from '../../src/clock.ts';
import type { AgentReply } from '../../src/normalize/agent-reply.ts';
import type { Claim } from '../../src/queue/message-store.ts';
import { DESTINATION, MESSAGE } from './chat-event-scene.ts';

export const NOW = Date.UTC(2026, 4, 4, 12);

export type InboundClaim = Extract<Claim, { direction: 'inbound' }>;
export type OutboundClaim = Extract<Claim, { direction: 'outbound' }>;

const FACTS = {
  messageId: 1,
  laneId: 2,
  leaseToken: 'token',
  destination: DESTINATION.destination,
  paceKey: DESTINATION.paceKey,
  isProbe: false,
  probesBefore: 0,
  pauseCode: undefined,
  session: undefined,
  choices: undefined,
  snsMessageId: 'sns-1',
  parts: undefined,
  partsDelivered: 0,
  acceptedAt: NOW - MINUTE_MS,
  attempts: 0,
  unclearAttempts: 0,
  followsLostAttempt: false,
  firstFailedAt: undefined,
  probeRefusals: 0,
  pausedMs: 0,
} as const;

export const CLAIM: InboundClaim = {
  ...FACTS,
  direction: 'inbound',
  message: { ...MESSAGE, sentAt: NOW - MINUTE_MS },
};

export const REPLY: AgentReply = {
  channel: 'sms',
  customerAddress: MESSAGE.customerAddress,
  customerAddressKind: 'phone',
  businessAddress: MESSAGE.businessAddress,
  contactId: 'contact-1',
  externalId: 'item-1',
  sentAt: NOW - MINUTE_MS,
  content: { kind: 'text', text: 'How can I help?' },
};

export const REPLY_CLAIM: OutboundClaim = { ...FACTS, direction: 'outbound', message: REPLY };
