import { fastify } from 'fastify';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { Socket } from 'node:net';
import { SECOND_MS } from '../clock.ts';
import { BridgeError, ERRORS } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { receiveSnsRequest, refuseSnsRequest } from './sns-route.ts';
import type { SnsAnswer, SnsRouteOptions } from './sns-route.ts';

/** SNS takes at most 256 KiB for HTTPS subscribers; JSON's escapes can make six times that of it (facts: SNS quotas). */
const BODY_MAX_BYTES = 2 * 1024 * 1024;
/** Above a load balancer's usual 60 s: closing first would lose requests that it has just sent. */
const KEEP_ALIVE_TIMEOUT_MS = 65 * SECOND_MS;
const HEADERS_TIMEOUT_MS = 5 * SECOND_MS;
/** For the whole request to arrive; SNS waits 15 s for its answer. */
const REQUEST_TIMEOUT_MS = 10 * SECOND_MS;
/** How often Node looks for requests whose time is up. */
const TIMEOUT_CHECK_MS = SECOND_MS;
/** For the answer to a broken request to be read, before its connection is closed on both sides. */
const LINGER_MS = SECOND_MS;
const CONNECTIONS_MAX = 1_000;
const REQUESTS_IN_FLIGHT_MAX = 256;
const BYTES_IN_FLIGHT_MAX = 64 * 1024 * 1024;
const RETRY_AFTER_S = 5;
const PATH_LOGGED_MAX = 60;

export interface PublicListenerOptions extends SnsRouteOptions {
  readonly budget: RequestBudget;
  readonly isDraining: () => boolean;
}

/** `POST /sns` and `GET /healthz`, nothing else. */
export function createPublicListener(options: PublicListenerOptions): FastifyInstance {
  /** Their request has its answer, its log event and its count; reading its body then fails besides. */
  const broken = new WeakSet<Socket>();
  const server = fastify({
    logger: false, // one wide event per notification instead: see sns-route
    bodyLimit: BODY_MAX_BYTES,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
    forceCloseConnections: 'idle',
    return503OnClosing: false, // Fastify's own answer has no Retry-After and is counted nowhere
    clientErrorHandler: (error, socket) => {
      // Nobody is there, or nothing was asked. Where there was a request, its own error tells of it.
      if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesRead === 0) {
        socket.destroy();
        return;
      }
      broken.add(socket);
      answerBrokenRequest(error, socket, options);
    },
  });
  server.server.maxConnections = CONNECTIONS_MAX;
  // SNS says text/plain although the body is JSON. It is parsed by the stage that knows what it should be.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler<FastifyError>((error, request, reply) => {
    if (broken.has(request.raw.socket)) return reply.hijack();
    const facts = { durationMs: Math.round(reply.elapsedTime) };
    return send(reply, refuseSnsRequest(toBridgeError(error), facts, options));
  });
  server.setNotFoundHandler((request, reply) => {
    // The commonest fault of set-up is an endpoint with another path. The query may hold anything.
    const [path = ''] = request.url.split('?');
    options.logger.warn(
      { method: request.method, path: path.slice(0, PATH_LOGGED_MAX), answer: 404 },
      'request.unknown',
    );
    options.metrics.notifications.inc({ answer: 404, outcome: 'unknown' });
    return reply.code(404).send({ error: 'Not found' });
  });
  server.get('/healthz', () => ({ status: 'ok' }));
  addSnsRoute(server, options);
  return server;
}

function addSnsRoute(server: FastifyInstance, options: PublicListenerOptions): void {
  const { budget } = options;
  server.post('/sns', {
    onRequest: async (request, reply) => {
      if (options.isDraining()) throw new BridgeError('SHUTTING_DOWN');
      // A body of unannounced length may become as large as any.
      const bytes = Math.min(Number(request.headers['content-length'] ?? BODY_MAX_BYTES), BODY_MAX_BYTES);
      if (!budget.take(bytes)) throw new BridgeError('OVERLOADED');
      reply.raw.once('close', () => budget.giveBack(bytes));
    },
    handler: async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const { headers } = request;
      const isRawDelivery = headers['x-amz-sns-rawdelivery'] === 'true';
      const claimedTopicArn = headers['x-amz-sns-topic-arn']?.toString();
      return send(reply, await receiveSnsRequest({ body, isRawDelivery, claimedTopicArn }, options));
    },
  });
}

/** Bounds what is in memory at once, in requests and in bytes. */
export class RequestBudget {
  #requests = 0;
  #bytes = 0;

  /** Nothing more can be taken, however small. */
  get isSpent(): boolean {
    return this.#requests >= REQUESTS_IN_FLIGHT_MAX || this.#bytes >= BYTES_IN_FLIGHT_MAX;
  }

  take(bytes: number): boolean {
    if (this.#requests >= REQUESTS_IN_FLIGHT_MAX || this.#bytes + bytes > BYTES_IN_FLIGHT_MAX) return false;
    this.#requests += 1;
    this.#bytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#requests -= 1;
    this.#bytes -= bytes;
  }
}

/** Fastify's own errors all come from a request that is no notification: its length, its headers, its URL. The rest is a bug. */
function toBridgeError(error: FastifyError): unknown {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new BridgeError('BODY_TOO_LARGE');
  if (error.code === 'ECONNRESET') return new BridgeError('REQUEST_INCOMPLETE', { detail: error.code });
  if (error.code?.startsWith('FST_ERR_')) return new BridgeError('ENVELOPE_INVALID', { detail: error.code });
  return error;
}

function send(reply: FastifyReply, { status, outcome }: SnsAnswer): FastifyReply {
  if (status === 503) void reply.header('retry-after', RETRY_AFTER_S);
  return reply.code(status).send(describeAnswer(outcome));
}

/** No details for strangers: those are in the log. */
function describeAnswer(outcome: string): object {
  return outcome in ERRORS ? { code: outcome, message: ERRORS[outcome as ErrorCode].sentence } : { outcome };
}

/** Of what broke off: in time, or by the sender's closing its side too early. */
const INCOMPLETE_CODES = new Set(['ERR_HTTP_REQUEST_TIMEOUT', 'HPE_INVALID_EOF_STATE']);

/**
 * What Node could not make a request of. One that did not come whole must not get a 408 or 400, which SNS takes as
 * final; it is SNS's network or ours that failed, so it is asked to come again.
 */
function answerBrokenRequest(
  error: NodeJS.ErrnoException,
  socket: Socket,
  options: PublicListenerOptions,
): void {
  const isIncomplete = INCOMPLETE_CODES.has(error.code ?? '');
  const code = isIncomplete ? 'REQUEST_INCOMPLETE' : 'ENVELOPE_INVALID';
  const answer = refuseSnsRequest(
    new BridgeError(code, error.code ? { detail: error.code } : {}),
    {},
    options,
  );
  const body = JSON.stringify(describeAnswer(answer.outcome));
  const head = [
    isIncomplete ? 'HTTP/1.1 503 Service Unavailable' : 'HTTP/1.1 400 Bad Request',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(isIncomplete ? [`Retry-After: ${RETRY_AFTER_S}`] : []),
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // At once would take the answer back from a sender that is still writing; a sender that never ends must not stay.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
