/**
 * What accepting is compared with, by the process's argument: `floor` parses the body and answers, `peer` does with other
 * people's packages what the bridge does up to the store, and stores nothing.
 */
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fastify } from 'fastify';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import SnsPayloadValidator from 'sns-payload-validator';
import { answerParent } from './helper-process.ts';

type Envelope = SnsPayloadValidator.SnsPayload;
type Handler = (envelope: Envelope) => Promise<object> | object;

const HANDLERS = {
  floor: () => ({ outcome: 'accepted' }),
  peer: async (envelope) => {
    await validator.validate(envelope);
    const { originationNumber = '', messageBody } = JSON.parse(envelope.Message) as Record<string, string>;
    const number = parsePhoneNumberFromString(originationNumber);
    if (!number || messageBody === undefined) throw new Error('It is no message.');
    return { outcome: 'accepted', customer: number.number.slice(-2) };
  },
} as const satisfies Record<string, Handler>;

/** Fetches certificates from this process's own server, in place of SNS's host. */
class LocalCertificates extends https.Agent {
  port = 0;
  override createConnection(): net.Socket {
    return net.connect(this.port, '127.0.0.1');
  }
}

const certificates = new LocalCertificates();
const validator = new SnsPayloadValidator({ requestAgent: certificates });

const operations = {
  async listen({ certificateDirectory }: { certificateDirectory: string }): Promise<number> {
    const certificateServer = http.createServer((request, response) => {
      response.end(fs.readFileSync(path.join(certificateDirectory, path.basename(request.url ?? ''))));
    });
    await new Promise<void>((resolve) => {
      certificateServer.listen(0, '127.0.0.1', resolve);
    });
    certificates.port = (certificateServer.address() as AddressInfo).port;
    const server = fastify();
    server.removeAllContentTypeParsers();
    server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) =>
      done(null, JSON.parse(body.toString())),
    );
    const handle: Handler = HANDLERS[process.argv[2] === 'peer' ? 'peer' : 'floor'];
    server.post('/sns', (request) => handle(request.body as Envelope));
    await server.listen({ host: '127.0.0.1', port: 0 });
    return (server.server.address() as AddressInfo).port;
  },
};
export type ComparisonOperations = typeof operations;

answerParent(operations);
