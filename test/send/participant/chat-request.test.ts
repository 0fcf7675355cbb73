import { describe, expect, it } from 'vitest';
import { startChatContactRule } from '../../../src/sandbox/participant-rules.ts';
import { schemaProblems } from '../../../src/schema-problems.ts';
import { ATTRIBUTES_MAX_BYTES } from '../../../src/send/chat-event-rules.ts';
import { buildChatRequest } from '../../../src/send/participant/chat-request.ts';
import { fitAttributes } from '../../../src/send/session-details.ts';
import { MESSAGE } from '../chat-event-scene.ts';
import { CHAT, DESTINATION, FLOW, INSTANCE } from './participant-scene.ts';

describe('the request that opens a chat', () => {
  it('says where, who and what is known, without a token', () => {
    const { request, droppedAttributes } = buildChatRequest(MESSAGE, DESTINATION, CHAT);
    expect(request).toEqual({
      InstanceId: INSTANCE,
      ContactFlowId: FLOW,
      ParticipantDetails: { DisplayName: '+14255550182' },
      Attributes: {
        channel: 'sms',
        customerAddress: '+14255550182',
        customerAddressKind: 'phone',
        customerNumber: '+14255550182',
        businessAddress: '+12065550100',
        country: 'US',
        externalId: 'ext-1',
      },
      SupportedMessagingContentTypes: ['text/plain'],
    });
    expect(droppedAttributes).toEqual([]);
    expect(schemaProblems(startChatContactRule, request)).toEqual([]);
  });

  it('takes what the route says', () => {
    const destination = {
      ...DESTINATION,
      displayName: 'A customer',
      attributes: { team: 'one' },
      supportedContentTypes: ['text/plain', 'text/markdown'],
    };
    const { request } = buildChatRequest(MESSAGE, destination, { ...CHAT, durationMinutes: 1_440 });
    expect(request).toMatchObject({
      ParticipantDetails: { DisplayName: 'A customer' },
      Attributes: { team: 'one' },
      SupportedMessagingContentTypes: ['text/plain', 'text/markdown'],
      ChatDurationInMinutes: 1_440,
    });
  });

  it('has the attributes of an integration event, and says which had no room', () => {
    const destination = { ...DESTINATION, attributes: { long: 'x'.repeat(ATTRIBUTES_MAX_BYTES) } };
    const fitted = fitAttributes(MESSAGE, destination);
    const { request, droppedAttributes } = buildChatRequest(MESSAGE, destination, CHAT);
    expect(request.Attributes).toEqual(fitted.attributes);
    expect(droppedAttributes).toEqual(['long']);
  });
});
