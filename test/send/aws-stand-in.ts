import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly path: string;
  readonly authorization: string;
  readonly body: string;
}

export interface StandInAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `hang`: never answer. `reset`: break the connection. `cutOff`: break it in the middle of an answer of 200. */
export type Answering = StandInAnswer | 'hang' | 'reset' | 'cutOff';

export interface AwsStandIn extends AsyncDisposable {
  readonly url: string;
  readonly seen: SeenRequest[];
  answer: (request: SeenRequest) => Answering;
}

/** A bare HTTP server on a free port that answers the real SDK clients as the test says. */
export async function startAwsStandIn(answer: (request: SeenRequest) => Answering): Promise<AwsStandIn> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => void respond(request, response));
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    const seenRequest = { path: request.url ?? '', authorization: request.headers.authorization ?? '', body };
    seen.push(seenRequest);
    reply(response, standIn.answer(seenRequest));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const standIn: AwsStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    answer,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return standIn;
}

/** Credentials and Region for the SDK, and no instance metadata to look for others in. */
export const AWS_TEST_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'example-secret',
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
} as const;

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function reply(response: ServerResponse, answer: Answering): void {
  if (answer === 'hang') return;
  if (answer === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  if (answer === 'cutOff') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    response.write('{"Initial', () => response.socket?.resetAndDestroy());
    return;
  }
  response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
  response.end(answer.body ?? '');
}
