/** HTTP on a free port of 127.0.0.1, for the stand-ins. */
import crypto from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';

export interface LocalServer {
  readonly url: string;
  /** Breaks what is still open. */
  readonly close: () => Promise<void>;
}

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

export async function listenLocally(
  handle: (request: http.IncomingMessage, response: http.ServerResponse) => Promise<void>,
): Promise<LocalServer> {
  const server = http.createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  // Longer than any client of the stand-ins keeps a connection, so that none is closed under a request.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Rejects where the body is larger than any request that the stand-ins serve. */
export async function readBody(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_LIMIT_BYTES) throw new Error(`The body is larger than ${BODY_LIMIT_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Below the ports that systems give to outgoing connections, which could take one before its process has started. */
const PORTS_FROM = 10_240;
const PORTS_TO = 32_000;
const PORTS_TRIED = 50;

/** A port that was free a moment ago: for a process that has to be told its port before it starts. */
export async function findFreePort(): Promise<number> {
  for (let tried = 0; tried < PORTS_TRIED; tried += 1) {
    const port = crypto.randomInt(PORTS_FROM, PORTS_TO);
    if (await isFree(port)) return port;
  }
  throw new Error(`None of ${PORTS_TRIED} ports is free.`);
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = net.createServer();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}
