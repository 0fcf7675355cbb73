/** What an agent is told in the chat of a reply that did not reach its customer. Once: its external id is the reply's. */
import type { ChatParties } from '../normalize/agent-reply.ts';
import type { InboundMessage } from '../normalize/inbound-message.ts';
import type { DeadReason } from '../queue/message-store.ts';
import { partiesOf } from './chat-parties.ts';

/** Where nothing closer is known of a reply that was given up. */
export const NOTICE_WORDS = {
  refused: 'it was refused',
  gave_up: 'it is not known whether it was sent',
  too_old: 'it could not be sent for too long',
  no_route: 'there is no way to this customer any more',
  not_understood: 'it could not be read',
} as const satisfies Record<DeadReason, string>;

const ABOUT_MAX_CHARACTERS = 100;

export interface Undelivered {
  readonly contactId: string;
  /** The reply's `Id` in the chat. */
  readonly replyId: string;
  readonly why: string;
  /** The reply's text, where it is at hand. */
  readonly text?: string;
}

/** `now`: epoch milliseconds. */
export function makeNotice(
  parties: ChatParties,
  { contactId, replyId, why, text }: Undelivered,
  now: number,
): InboundMessage {
  return {
    ...partiesOf(parties),
    externalId: `notice:${replyId}`,
    sentAt: now,
    content: {
      kind: 'notice',
      contactId,
      why,
      ...(text === undefined ? {} : { about: shorten(text) }),
    },
  };
}

/** In place of a notification: a notice has none. */
export const NO_NOTIFICATION = '{}';

const HALF_A_PAIR = /[\uD800-\uDBFF]$/;

function shorten(text: string): string {
  if (text.length <= ABOUT_MAX_CHARACTERS) return text;
  return `${text.slice(0, ABOUT_MAX_CHARACTERS).replace(HALF_A_PAIR, '')}…`;
}
