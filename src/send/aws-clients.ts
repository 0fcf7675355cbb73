/**
 * The AWS SDK's clients as everything that sends uses them: one attempt, bounded in time, in connections, in the length of
 * an answer and in number. What they are to be is in the environment (endpoints, credentials); with a role they assume
 * that first.
 */
import type { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { collectAnswer } from './answer-limit.ts';
import { CredentialsUnavailable } from './send-outcome.ts';

/** For one send as a whole, the getting of credentials included. The lease of a claim is longer. */
export const SEND_TIMEOUT_MS = 8_000;
const CONNECTION_TIMEOUT_MS = 3_000;
const SOCKETS_MAX = 128;
/** Clients kept of one service, one for each Region and role. */
const CLIENTS_MAX = 32;
const ROLE_SESSION_NAME = 'sms-connect-bridge';

/** Where a call goes, and as whom. */
export interface Place {
  readonly region: string;
  readonly roleArn: string | undefined;
}

/** The end of a send that begins now. */
export function deadlineIn(timeoutMs = SEND_TIMEOUT_MS): AbortSignal {
  return AbortSignal.timeout(timeoutMs);
}

/** What all of the SDK's clients have. */
export interface AwsClient {
  readonly config: { readonly credentials: () => Promise<unknown> };
  destroy(): void;
}

export type ClientSettings = ReturnType<typeof clientSettings>;

interface KeptClient<Client extends AwsClient> {
  readonly client: Client;
  sendsUnderWay: number;
  isDropped: boolean;
}

/** The clients of one service. */
export class AwsClients<Client extends AwsClient> {
  readonly #create: (settings: ClientSettings) => Client;
  /** By Region and role, the one used longest ago first. */
  readonly #clients = new Map<string, KeptClient<Client>>();

  constructor(create: (settings: ClientSettings) => Client) {
    this.#create = create;
  }

  /** Rejects with whatever the SDK raised, or with CredentialsUnavailable: `classifySendError` reads both. */
  async send<Output>(
    place: Place,
    deadline: AbortSignal,
    request: (client: Client, options: { readonly abortSignal: AbortSignal }) => Promise<Output>,
  ): Promise<Output> {
    const kept = this.#clientFor(place);
    kept.sendsUnderWay += 1;
    try {
      await resolveCredentials(kept.client, deadline);
      return await request(kept.client, { abortSignal: deadline });
    } finally {
      kept.sendsUnderWay -= 1;
      destroyIfUnused(kept);
    }
  }

  /** Breaks off what is still under way. */
  close(): void {
    for (const { client } of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }

  #clientFor(place: Place): KeptClient<Client> {
    const key = `${place.region} ${place.roleArn ?? ''}`;
    const kept = this.#clients.get(key) ?? {
      client: this.#create(clientSettings(place)),
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

function clientSettings({ region, roleArn }: Place) {
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX };
  return {
    region,
    // Most of these calls have no idempotency token: a retry inside the SDK could send a message twice, uncounted.
    maxAttempts: 1,
    streamCollector: collectAnswer,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: SEND_TIMEOUT_MS,
      throwOnRequestTimeout: true, // without it the SDK only warns
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...(roleArn ? { credentials: assumedRole(region, roleArn) } : {}),
  };
}

type CredentialProvider = ReturnType<typeof fromTemporaryCredentials>;

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
 * Ahead of the send, for two reasons: what fails here surely never reached the service, and the SDK's abort signal ends
 * requests to it but not those for credentials. The SDK keeps credentials until they expire.
 */
async function resolveCredentials(client: AwsClient, deadline: AbortSignal): Promise<void> {
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
function drop(kept: KeptClient<AwsClient>): void {
  kept.isDropped = true;
  destroyIfUnused(kept);
}

function destroyIfUnused(kept: KeptClient<AwsClient>): void {
  if (kept.isDropped && kept.sendsUnderWay === 0) kept.client.destroy();
}
