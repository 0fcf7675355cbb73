/** Notifications as SNS posts them, signed in advance, as the bytes that go through a connection. */
import crypto from 'node:crypto';
import { promisify } from 'node:util';
import { SANDBOX_TOPIC_ARN } from '../../src/sandbox/bridge-child.ts';
import { smsPayload } from '../../src/sandbox/end-user-messaging.ts';
import { signedText } from '../../src/sandbox/sns-signer.ts';
import type { UnsignedEnvelope } from '../../src/sandbox/sns-signer.ts';

export const CONVERSATIONS = 500;

/** Makes the body about 1.1 kB. `#` and the message's number come first: the stand-in Connect knows it by them. */
const TEXT = 'Good morning, is there any news of my order? It was to come last week. ';

const sign = promisify(crypto.sign);

export interface SigningKey {
  readonly privateKeyPem: string;
  readonly certificateUrl: string;
}

/** The request of message `number`; requests are signed in the thread pool, so that several use every core. */
export async function makeRequest(
  number: number,
  { privateKeyPem, certificateUrl }: SigningKey,
): Promise<Buffer> {
  const from = `+1425555${String(number % CONVERSATIONS).padStart(4, '0')}`;
  const envelope: UnsignedEnvelope = {
    Type: 'Notification',
    MessageId: crypto.randomUUID(),
    TopicArn: SANDBOX_TOPIC_ARN,
    Message: JSON.stringify(smsPayload({ from, text: `#${number} ${TEXT}` })),
    Timestamp: new Date().toISOString(),
    UnsubscribeURL: `https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${SANDBOX_TOPIC_ARN}`,
  };
  const signature = await sign('sha256', Buffer.from(signedText(envelope)), privateKeyPem);
  const body = JSON.stringify({
    ...envelope,
    SignatureVersion: '2',
    Signature: signature.toString('base64'),
    SigningCertURL: certificateUrl,
  });
  return Buffer.from(
    [
      'POST /sns HTTP/1.1',
      'host: 127.0.0.1',
      'content-type: text/plain; charset=UTF-8',
      'x-amz-sns-message-type: Notification',
      `x-amz-sns-topic-arn: ${SANDBOX_TOPIC_ARN}`,
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
