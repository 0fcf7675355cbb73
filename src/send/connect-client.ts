import { ConnectClient, SendChatIntegrationEventCommand } from '@aws-sdk/client-connect';
import type { SendChatIntegrationEventCommandInput } from '@aws-sdk/client-connect';
import type { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { limitAnswers } from './answer-limit.ts';
import { CredentialsUnavailable, isPlainId } from './send-outcome.ts';
import type { Destination } from './route.ts';

/** For one send as a whole, the getting of credentials included. The lease of a claim is longer. */
export const SEND_TIMEOUT_MS = 8_000;
const CONNECTION_TIMEOUT_MS = 3_000;
const SOCKETS_MAX = 128;
/** Clients kept, one for each Region and role. */
const CLIENTS_MAX = 32;
const ROLE_SESSION_NAME = 'sms-connect-bridge';

type CredentialProvider = ReturnType<typeof fromTemporaryCredentials>;
type Place = Pick<Destination, 'region' | 'roleArn'>;

/** What Connect says to a chat event that it took. */
export interface SentEvent {
  readonly contactId?: string;
  readonly newChatCreated?: boolean;
  readonly requestId?: string;
}

/** `send` rejects with whatever the SDK raised, or with CredentialsUnavailable: `classifySendError` reads both. */
export interface ConnectSender {
  send(request: SendChatIntegrationEventCommandInput, place: Place): Promise<SentEvent>;
  /** Breaks off what is still under way. */
  close(): void;
}

interface KeptClient {
  readonly client: ConnectClient;
  sendsUnderWay: number;
  isDropped: boolean;
}

/**
 * Sends by the AWS SDK, which finds endpoint (`AWS_ENDPOINT_URL_CONNECT`) and credentials in the environment; with
 * `roleArn` it assumes that role first.
 */
export function createConnectSender({ sendTimeoutMs = SEND_TIMEOUT_MS } = {}): ConnectSender {
  return new SdkConnectSender(sendTimeoutMs);
}

class SdkConnectSender implements ConnectSender {
  readonly #sendTimeoutMs: number;
  /** By Region and role, the one used longest ago first. */
  readonly #clients = new Map<string, KeptClient>();

  constructor(sendTimeoutMs: number) {
    this.#sendTimeoutMs = sendTimeoutMs;
  }

  async send(request: SendChatIntegrationEventCommandInput, place: Place): Promise<SentEvent> {
    const deadline = AbortSignal.timeout(this.#sendTimeoutMs);
    const kept = this.#clientFor(place);
    kept.sendsUnderWay += 1;
    try {
      await resolveCredentials(kept.client, deadline);
      const { InitialContactId, NewChatCreated, $metadata } = await kept.client.send(
        new SendChatIntegrationEventCommand(request),
        { abortSignal: deadline },
      );
      return {
        ...(isPlainId(InitialContactId) ? { contactId: InitialContactId } : {}),
        ...(typeof NewChatCreated === 'boolean' ? { newChatCreated: NewChatCreated } : {}),
        ...(isPlainId($metadata.requestId) ? { requestId: $metadata.requestId } : {}),
      };
    } finally {
      kept.sendsUnderWay -= 1;
      destroyIfUnused(kept);
    }
  }

  close(): void {
    for (const { client } of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }

  #clientFor(place: Place): KeptClient {
    const key = `${place.region} ${place.roleArn ?? ''}`;
    const kept = this.#clients.get(key) ?? {
      client: createClient(place),
      sendsUnderWay: 0,
      isDropped: false,
    };
    this.#clients.delete(key);
    this.#clients.set(key, kept);
    for (const [eldestKey, eldest] of this.#clients) {
      if (this.#clients.size <= CLIENTS_MAX) break;
      this.#clients.delete(eldestKey);
      drop(eldest);
    }
    return kept;
  }
}

function createClient({ region, roleArn }: Place): ConnectClient {
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const client = new ConnectClient({
    region,
    // SendChatIntegrationEvent has no idempotency token: a retry inside the SDK could show a message twice, uncounted.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: SEND_TIMEOUT_MS,
      throwOnRequestTimeout: true, // without it the SDK only warns
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...(roleArn ? { credentials: assumedRole(region, roleArn) } : {}),
  });
  limitAnswers(client);
  return client;
}

/** Imported at the first send, and only where a route has a role: it brings every credential provider there is. */
function assumedRole(region: string, roleArn: string): CredentialProvider {
  let provider: CredentialProvider | undefined;
  return async (properties) => {
    const providers = await import('@aws-sdk/credential-providers');
    provider ??= providers.fromTemporaryCredentials({
      params: { RoleArn: roleArn, RoleSessionName: ROLE_SESSION_NAME },
      clientConfig: { region },
    });
    return provider(properties);
  };
}

/**
 * Ahead of the send, for two reasons: what fails here surely never reached Connect, and the SDK's abort signal ends
 * requests to Connect but not those for credentials. The SDK keeps credentials until they expire.
 */
async function resolveCredentials(client: ConnectClient, deadline: AbortSignal): Promise<void> {
  try {
    await beforeDeadline(client.config.credentials(), deadline);
  } catch (error) {
    throw new CredentialsUnavailable(error);
  }
}

function beforeDeadline<Value>(promise: Promise<Value>, deadline: AbortSignal): Promise<Value> {
  const { promise: passed, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(deadline.reason);
  deadline.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, passed]).finally(() => deadline.removeEventListener('abort', onAbort));
}

/** Destroying a client breaks off its requests: one that is still in use goes with its last send. */
function drop(kept: KeptClient): void {
  kept.isDropped = true;
  destroyIfUnused(kept);
}

function destroyIfUnused(kept: KeptClient): void {
  if (kept.isDropped && kept.sendsUnderWay === 0) kept.client.destroy();
}
