import type { ChatParties } from '../normalize/agent-reply.ts';

/** What a reply in the message's chat needs to reach its customer. */
export function partiesOf(message: ChatParties): ChatParties {
  const { channel, customerAddress, customerAddressKind, businessAddress, businessNumberArn } = message;
  return {
    channel,
    customerAddress,
    customerAddressKind,
    businessAddress,
    ...(businessNumberArn === undefined ? {} : { businessNumberArn }),
  };
}
