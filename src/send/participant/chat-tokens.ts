/**
 * ClientTokens of the participant method: UUIDs that are the same whenever, and by whomever, a step is taken again, so that
 * AWS sees a repetition. The steps that open a chat are the conversation's and not a message's: whichever message comes
 * next goes on with them.
 */
import { v5 as uuidv5 } from 'uuid';
import type { ChatSession, Claim } from '../../queue/message-store.ts';

/** The steps whose requests take a ClientToken before there is a chat. */
type OpeningStep = 'StartChatContact' | 'StartContactStreaming';

/** Of conversation, step and generation. */
export function openingToken({ seed, generation, parties }: ChatSession, step: OpeningStep): string {
  const { channel, customerAddress, businessAddress } = parties;
  return uuidv5(JSON.stringify([channel, customerAddress, businessAddress, step, generation]), seed);
}

/** Of message, part and generation. */
export function messageToken(
  { seed, generation }: ChatSession,
  { messageId, partsDelivered }: Pick<Claim, 'messageId' | 'partsDelivered'>,
): string {
  return uuidv5(JSON.stringify(['SendMessage', messageId, partsDelivered, generation]), seed);
}
