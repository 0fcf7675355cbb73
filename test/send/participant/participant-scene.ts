/** Where a test's chats are opened, what they are at each step, and how AWS refuses. */
import { DAY_MS, SECOND_MS } from '../../../src/clock.ts';
import type { ChatSession } from '../../../src/queue/message-store.ts';
import { partiesOf } from '../../../src/send/chat-parties.ts';
import type { ChatPlace, Destination } from '../../../src/send/route.ts';
import { DESTINATION as EVENT_DESTINATION, MESSAGE } from '../chat-event-scene.ts';
import { NOW } from '../claim-scene.ts';

export const INSTANCE = '11111111-2222-4333-8444-555555555555';
export const FLOW = '66666666-7777-4888-8999-000000000000';

export const CHAT: ChatPlace = {
  instanceId: INSTANCE,
  contactFlowId: FLOW,
  streamingEndpointArn: 'arn:aws:sns:us-east-1:111122223333:agents-replies',
  account: '111122223333',
  region: 'us-east-1',
};

export const DESTINATION: Destination = {
  ...EVENT_DESTINATION,
  destination: `instance/${INSTANCE}/contact-flow/${FLOW}`,
  paceKey: `SendMessage ${INSTANCE}`,
  isIdempotent: true,
  replies: 'bridge',
  chat: CHAT,
};

export const BEGUN: ChatSession = {
  seed: '0d9f6a51-2b1c-4a53-9a35-6d4c1f1b7e11',
  generation: 1,
  parties: partiesOf(MESSAGE),
};
export const OPENED: ChatSession = {
  ...BEGUN,
  contactId: 'contact-1',
  participantToken: 'participant of contact-1',
  openedAt: NOW - SECOND_MS,
};
export const STREAMED: ChatSession = { ...OPENED, streamingId: 'streaming of contact-1' };
export const CONNECTED: ChatSession = {
  ...STREAMED,
  connectionToken: 'connection of contact-1',
  connectionExpiresAt: NOW + DAY_MS,
};
/** It has taken a message. */
export const USED: ChatSession = { ...CONNECTED, hasDelivered: true };

/** As the SDK raises what AWS answers. */
export function awsError(name: string, status: number, message = 'what AWS says'): Error {
  return Object.assign(new Error(message), {
    name,
    $metadata: { httpStatusCode: status, requestId: 'request-of-the-error' },
  });
}

/** What the Participant Service says to every token that is not good. */
export const REFUSED = awsError('AccessDeniedException', 403, 'Access denied');

export const DENIED_BY_IAM = awsError(
  'AccessDeniedException',
  403,
  'User: arn:aws:sts::111122223333:assumed-role/bridge is not authorized to perform: execute-api:Invoke',
);
