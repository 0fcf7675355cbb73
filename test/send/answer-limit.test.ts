import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import type { Place } from '../../src/send/aws-clients.ts';
import { createConnectSender } from '../../src/send/connect-client.ts';
import { createReplySender } from '../../src/send/eum-client.ts';
import { createParticipantSender } from '../../src/send/participant/participant-client.ts';
import { classifySendError } from '../../src/send/send-outcome.ts';
import { AWS_TEST_ENVIRONMENT } from './aws-stand-in.ts';

const PLACE: Place = { region: 'us-east-1', roleArn: undefined };
const EVENT = { SourceId: '+14255550182', DestinationId: 'a-number', Event: { Type: 'MESSAGE' } } as const;
const REPLY = { to: '+14255550182', text: 'a' };
const WHATSAPP = { phoneNumberArn: 'arn', trackingId: undefined, metaApiVersion: 'v24.0' };

/** One operation of each of the SDK's clients. */
const SENDS: Readonly<Record<string, () => Promise<unknown>>> = {
  Connect: () => createConnectSender().send(EVENT, PLACE),
  'the Participant Service': () => createParticipantSender().connect('token', PLACE),
  'End User Messaging SMS': () => createReplySender().sendSms({ ...REPLY, from: '+12065550100' }, PLACE),
  'End User Messaging Social': () => createReplySender().sendWhatsApp({ ...REPLY, ...WHATSAPP }, PLACE),
};

it.each(
  Object.keys(SENDS).flatMap((service) => [
    { service, status: 200 },
    { service, status: 500 },
  ]),
)(
  'an answer of $status without end is broken off, and nobody knows: $service',
  async ({ service, status }) => {
    const { promise: brokenOff, resolve } = Promise.withResolvers<void>();
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(status, { 'content-type': 'application/json' }).once('close', resolve);
      const block = Buffer.alloc(64 * 1024, ' ');
      const pour = (): void => {
        while (response.write(block));
        response.once('drain', pour);
      };
      pour();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    Object.assign(process.env, AWS_TEST_ENVIRONMENT, {
      AWS_ENDPOINT_URL_CONNECT: url,
      AWS_ENDPOINT_URL_CONNECTPARTICIPANT: url,
      AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2: url,
      AWS_ENDPOINT_URL_SOCIALMESSAGING: url,
    });
    const failure = await SENDS[service]?.().catch(classifySendError);
    expect(failure).toMatchObject({ verdict: 'retry', isAmbiguous: true });
    await brokenOff;
    server.close();
  },
);
