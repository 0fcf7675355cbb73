import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createConnectSender } from '../../src/send/connect-client.ts';
import { classifySendError } from '../../src/send/send-outcome.ts';
import { AWS_TEST_ENVIRONMENT } from './aws-stand-in.ts';

const REQUEST = { SourceId: '+14255550182', DestinationId: 'a-number', Event: { Type: 'MESSAGE' } } as const;

it('breaks off an answer without end, and nobody knows whether Connect has the message', async () => {
  const { promise: brokenOff, resolve } = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).once('close', resolve);
    const block = Buffer.alloc(64 * 1024, ' ');
    const pour = (): void => {
      while (response.write(block));
      response.once('drain', pour);
    };
    pour();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(process.env, AWS_TEST_ENVIRONMENT, { AWS_ENDPOINT_URL_CONNECT: url });
  const sender = createConnectSender();
  const failure = await sender
    .send(REQUEST, { region: 'us-east-1', roleArn: undefined })
    .catch(classifySendError);
  expect(failure).toMatchObject({ verdict: 'retry', isAmbiguous: true });
  await brokenOff;
  sender.close();
  server.close();
});
