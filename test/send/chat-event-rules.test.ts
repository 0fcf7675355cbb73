import { describe, expect, it } from 'vitest';
import { chatEventProblems } from '../../src/send/chat-event-rules.ts';

const MESSAGE = { Type: 'MESSAGE', ContentType: 'text/plain', Content: 'hello' };
const REQUEST = {
  SourceId: '+14255550182',
  DestinationId: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1',
  Event: MESSAGE,
};
const TOPIC = 'arn:aws:sns:us-east-1:111122223333:connect-out';

function withSession(details: object): object {
  return { ...REQUEST, NewSessionDetails: details };
}

describe('nothing is wrong with', () => {
  it.each([
    ['the least message', REQUEST],
    [
      'the most of everything',
      {
        ...withSession({
          SupportedMessagingContentTypes: ['text/markdown', 'text/plain'],
          ParticipantDetails: { DisplayName: 'x'.repeat(256) },
          Attributes: { 'a-Z_9': 'y'.repeat(32_763) },
          StreamingConfiguration: { StreamingEndpointArn: TOPIC },
        }),
        SourceId: 's'.repeat(255),
        DestinationId: 'd'.repeat(255),
        Subtype: 't'.repeat(100),
        Event: { ...MESSAGE, Content: '😀'.repeat(16_384) },
      },
    ],
    [
      'an event without content',
      { ...REQUEST, Event: { Type: 'EVENT', ContentType: 'application/vnd.amazonaws.connect.event.typing' } },
    ],
    ['a disconnect', { ...REQUEST, Event: { Type: 'DISCONNECT' } }],
    ['empty session details', withSession({})],
    ['an attribute without value', withSession({ Attributes: { a: '' } })],
  ])('%s', (_name, request) => {
    expect(chatEventProblems(request)).toEqual([]);
  });
});

describe('chatEventProblems', () => {
  it.each<[string, unknown, string[]]>([
    ['no object', 'text', ['$ must be of type object']],
    ['nothing', undefined, ['$ is required']],
    ['an empty object', {}, ['$.SourceId is required', '$.DestinationId is required', '$.Event is required']],
    ['an empty SourceId', { ...REQUEST, SourceId: '' }, ['$.SourceId must be 1 to 255 characters long']],
    [
      'a long DestinationId',
      { ...REQUEST, DestinationId: 'x'.repeat(256) },
      ['$.DestinationId must be 1 to 255 characters long'],
    ],
    ['a number as Subtype', { ...REQUEST, Subtype: 1 }, ['$.Subtype must be of type string']],
    ['null', { ...REQUEST, Subtype: null }, ['$.Subtype must be of type string']],
    ['an unknown member', { ...REQUEST, ClientToken: 'x' }, ['$.ClientToken is not known']],
    [
      'an unknown Type',
      { ...REQUEST, Event: { ...MESSAGE, Type: 'TEXT' } },
      ['$.Event.Type must be one of MESSAGE, EVENT, DISCONNECT'],
    ],
    [
      'a message without ContentType',
      { ...REQUEST, Event: { Type: 'MESSAGE', Content: 'x' } },
      ['$.Event.ContentType is required for Type MESSAGE'],
    ],
    [
      'an event without ContentType',
      { ...REQUEST, Event: { Type: 'EVENT' } },
      ['$.Event.ContentType is required for Type EVENT'],
    ],
    [
      'a message without Content',
      { ...REQUEST, Event: { Type: 'MESSAGE', ContentType: 'text/plain' } },
      ['$.Event.Content is required for Type MESSAGE'],
    ],
    [
      'an empty Content',
      { ...REQUEST, Event: { ...MESSAGE, Content: '' } },
      ['$.Event.Content must be 1 to 16384 characters long'],
    ],
    [
      'a Content too long',
      { ...REQUEST, Event: { ...MESSAGE, Content: '😀'.repeat(16_385) } },
      ['$.Event.Content must be 1 to 16384 characters long'],
    ],
    [
      'a receipt without Content',
      {
        ...REQUEST,
        Event: { Type: 'EVENT', ContentType: 'application/vnd.amazonaws.connect.event.message.read' },
      },
      ['$.Event.Content is required for a receipt'],
    ],
    [
      'no text/plain',
      withSession({ SupportedMessagingContentTypes: ['text/markdown'] }),
      ['$.NewSessionDetails.SupportedMessagingContentTypes must contain text/plain'],
    ],
    [
      'an empty content type',
      withSession({ SupportedMessagingContentTypes: ['text/plain', ''] }),
      ['$.NewSessionDetails.SupportedMessagingContentTypes[1] must be 1 to 100 characters long'],
    ],
    [
      'no DisplayName',
      withSession({ ParticipantDetails: {} }),
      ['$.NewSessionDetails.ParticipantDetails.DisplayName is required'],
    ],
    [
      'a long DisplayName',
      withSession({ ParticipantDetails: { DisplayName: 'x'.repeat(257) } }),
      ['$.NewSessionDetails.ParticipantDetails.DisplayName must be 1 to 256 characters long'],
    ],
    [
      'an attribute key with a space',
      withSession({ Attributes: { 'a b': 'x' } }),
      ['$.NewSessionDetails.Attributes["a b"] may have letters, digits, - and _ only in its key'],
    ],
    [
      'an attribute that is no string',
      withSession({ Attributes: { a: 1 } }),
      ['$.NewSessionDetails.Attributes.a must be of type string'],
    ],
    [
      'a byte too much of attributes',
      withSession({ Attributes: { a: 'x'.repeat(32_766), b: 'x' } }),
      ['$.NewSessionDetails.Attributes must hold at most 32768 bytes of UTF-8 in all'],
    ],
    [
      'attributes counted in bytes',
      withSession({ Attributes: { a: 'é'.repeat(16_384) } }),
      ['$.NewSessionDetails.Attributes must hold at most 32768 bytes of UTF-8 in all'],
    ],
    [
      'a FIFO topic',
      withSession({ StreamingConfiguration: { StreamingEndpointArn: `${TOPIC}.fifo` } }),
      [
        '$.NewSessionDetails.StreamingConfiguration.StreamingEndpointArn must be the ARN of a standard SNS topic',
      ],
    ],
    [
      'an unknown member within',
      withSession({ StreamingConfiguration: { StreamingEndpointArn: TOPIC, x: 1 } }),
      ['$.NewSessionDetails.StreamingConfiguration.x is not known'],
    ],
  ])('%s', (_name, request, problems) => {
    expect(chatEventProblems(request)).toEqual(problems);
  });

  it('quotes no value', () => {
    const secret = 'what the customer wrote';
    const request = {
      SourceId: [secret],
      DestinationId: { secret },
      Event: { Type: secret, Content: 3 },
      NewSessionDetails: secret,
    };
    const problems = chatEventProblems(request);
    expect(problems.length).toBeGreaterThanOrEqual(4);
    expect(problems.join('\n')).not.toContain(secret);
  });
});
