import type { InboundMessage } from '../../src/normalize/inbound-message.ts';
import type { Destination } from '../../src/send/route.ts';

export const MESSAGE: InboundMessage = {
  channel: 'sms',
  customerAddress: '+14255550182',
  customerAddressKind: 'phone',
  customerNumber: '+14255550182',
  businessAddress: '+12065550100',
  externalId: 'ext-1',
  sentAt: 1_700_000_000_000,
  content: { kind: 'text', text: 'Hello' },
};

export const DESTINATION: Destination = {
  destination: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1',
  paceKey: '111122223333/us-east-1',
  subtype: 'connect:SMS',
  displayName: undefined,
  attributes: {},
  supportedContentTypes: ['text/plain'],
  streamingEndpointArn: undefined,
  region: 'us-east-1',
  roleArn: undefined,
  replies: 'native',
  numberArn: 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1',
};

export const LIMITS = { sms: 1_024, whatsapp: 4_096 };
