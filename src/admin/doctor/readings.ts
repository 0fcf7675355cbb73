/**
 * All that `bridge doctor` reads in an AWS account, each thing once, however many checks look at it. Every method
 * rejects with an AskError. Nothing is written: the probes, which do, are in `delivery.ts`.
 */
import { ConnectClient, DescribeContactFlowCommand, DescribeInstanceCommand } from '@aws-sdk/client-connect';
import { GetFlowAssociationCommand, paginateListPhoneNumbersV2 } from '@aws-sdk/client-connect';
import type { ContactFlow, FlowAssociationResourceType, Instance } from '@aws-sdk/client-connect';
import type { ListPhoneNumbersSummary } from '@aws-sdk/client-connect';
import { ConnectParticipantClient } from '@aws-sdk/client-connectparticipant';
import {
  PinpointSMSVoiceV2Client,
  paginateDescribePhoneNumbers,
  paginateDescribeRcsAgents,
} from '@aws-sdk/client-pinpoint-sms-voice-v2';
import { GetSubscriptionAttributesCommand, GetTopicAttributesCommand, SNSClient } from '@aws-sdk/client-sns';
import { paginateListSubscriptionsByTopic } from '@aws-sdk/client-sns';
import type { Subscription } from '@aws-sdk/client-sns';
import {
  GetLinkedWhatsAppBusinessAccountCommand,
  SocialMessagingClient,
  paginateListLinkedWhatsAppBusinessAccounts,
} from '@aws-sdk/client-socialmessaging';
import type { LinkedWhatsAppBusinessAccount } from '@aws-sdk/client-socialmessaging';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { parseArn } from '../../arn.ts';
import type { Environment } from '../../config.ts';
import { AskError, ask } from './ask.ts';
import { callJson, callQuery, xmlText } from './signed-call.ts';
import type { Signing } from './signed-call.ts';

export interface Place {
  readonly region: string;
  readonly roleArn?: string | undefined;
}

export interface Identity {
  readonly arn: string;
  readonly account: string;
}

/** A number, or an RCS agent, that customers can write to by SMS. */
export interface SmsNumber {
  readonly arn: string;
  /** E.164, a short code, `rcs-…`. */
  readonly number: string;
  readonly status: string;
  readonly isTwoWay: boolean;
  readonly channelArn: string | undefined;
  /** Of the role that EUM publishes by, where it doesn't by the topic's policy. */
  readonly channelRole: string | undefined;
  readonly poolId: string | undefined;
}

export interface EncryptionKey {
  readonly arn: string;
  readonly isAwsManaged: boolean;
  readonly state: string;
  readonly spec: string;
  readonly policy: string | undefined;
}

export type Attributes = Readonly<Record<string, string>>;

const CONNECTION_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 6_000;
/** Of a hundred things each, most. */
const PAGES_MAX = 50;
const ROLE_SESSION_NAME = 'sms-connect-bridge-doctor';

type Client =
  | SNSClient
  | ConnectClient
  | ConnectParticipantClient
  | PinpointSMSVoiceV2Client
  | SocialMessagingClient;
type ClientOptions = ReturnType<typeof clientOptions>;

export class Readings {
  readonly #env: Environment;
  readonly #clients: Client[] = [];
  readonly #made = new Map<string, unknown>();

  constructor(env: Environment) {
    this.#env = env;
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
  }

  identity(place: Place): Promise<Identity> {
    return this.#once(`identity ${keyOf(place)}`, () =>
      this.#signed('sts:GetCallerIdentity', place, async (signing) => {
        const xml = await callQuery('sts', 'GetCallerIdentity', {}, signing);
        return { arn: xmlText(xml, 'Arn') ?? '', account: xmlText(xml, 'Account') ?? '' };
      }),
    );
  }

  topic(arn: string): Promise<Attributes> {
    return this.#once(`topic ${arn}`, async () => {
      const client = this.#client(SNSClient, placeOf(arn));
      const command = new GetTopicAttributesCommand({ TopicArn: arn });
      return (await this.ask('sns:GetTopicAttributes', client, () => client.send(command))).Attributes ?? {};
    });
  }

  subscriptions(topicArn: string): Promise<readonly Subscription[]> {
    return this.#once(`subscriptions ${topicArn}`, () => {
      const client = this.#client(SNSClient, placeOf(topicArn));
      return this.ask('sns:ListSubscriptionsByTopic', client, () =>
        collect(
          paginateListSubscriptionsByTopic({ client }, { TopicArn: topicArn }),
          ({ Subscriptions }) => Subscriptions,
        ),
      );
    });
  }

  subscription(arn: string): Promise<Attributes> {
    return this.#once(`subscription ${arn}`, async () => {
      const client = this.#client(SNSClient, placeOf(arn));
      const command = new GetSubscriptionAttributesCommand({ SubscriptionArn: arn });
      return (
        (await this.ask('sns:GetSubscriptionAttributes', client, () => client.send(command))).Attributes ?? {}
      );
    });
  }

  queue(arn: string): Promise<Attributes> {
    return this.#once(`queue ${arn}`, () =>
      this.#signed('sqs:GetQueueAttributes', placeOf(arn), async (signing) => {
        const { account, resource } = parseArn(arn) ?? {};
        // The host of a queue's URL is not looked at: account and name are what counts.
        const QueueUrl = `https://sqs.${signing.region}.amazonaws.com/${account}/${resource}`;
        const answer = await callJson(
          'sqs',
          'GetQueueAttributes',
          { QueueUrl, AttributeNames: ['All'] },
          signing,
        );
        return (answer['Attributes'] ?? {}) as Attributes;
      }),
    );
  }

  /** `keyId`: a key's ARN or id, or `alias/…`. */
  key(keyId: string, place: Place): Promise<EncryptionKey> {
    return this.#once(`key ${keyId} ${keyOf(place)}`, async () => {
      const { KeyMetadata } = await this.#signed('kms:DescribeKey', place, (signing) =>
        callJson('kms', 'DescribeKey', { KeyId: keyId }, signing),
      );
      const { Arn, KeyManager, KeyState, KeySpec } = (KeyMetadata ?? {}) as Readonly<Record<string, unknown>>;
      const { Policy } = await this.#signed('kms:GetKeyPolicy', place, (signing) =>
        callJson('kms', 'GetKeyPolicy', { KeyId: Arn, PolicyName: 'default' }, signing),
      );
      return {
        arn: String(Arn),
        isAwsManaged: KeyManager === 'AWS',
        state: String(KeyState),
        spec: String(KeySpec),
        policy: typeof Policy === 'string' ? Policy : undefined,
      };
    });
  }

  smsNumbers(place: Place): Promise<readonly SmsNumber[]> {
    return this.#once(`sms ${keyOf(place)}`, async () => {
      const client = this.#client(PinpointSMSVoiceV2Client, place);
      const numbers = await this.ask('sms-voice:DescribePhoneNumbers', client, () =>
        collect(paginateDescribePhoneNumbers({ client }, {}), ({ PhoneNumbers }) => PhoneNumbers),
      );
      return numbers.map((one) => ({
        arn: one.PhoneNumberArn ?? '',
        number: one.PhoneNumber ?? '',
        status: one.Status ?? '',
        isTwoWay: one.TwoWayEnabled === true,
        channelArn: one.TwoWayChannelArn,
        channelRole: one.TwoWayChannelRole,
        poolId: one.PoolId,
      }));
    });
  }

  rcsAgents(place: Place): Promise<readonly SmsNumber[]> {
    return this.#once(`rcs ${keyOf(place)}`, async () => {
      const client = this.#client(PinpointSMSVoiceV2Client, place);
      const agents = await this.ask('sms-voice:DescribeRcsAgents', client, () =>
        collect(paginateDescribeRcsAgents({ client }, {}), ({ RcsAgents }) => RcsAgents),
      );
      return agents.map((one) => ({
        arn: one.RcsAgentArn ?? '',
        number: one.RcsAgentId ?? '',
        status: one.Status ?? '',
        isTwoWay: one.TwoWayEnabled === true,
        channelArn: one.TwoWayChannelArn,
        channelRole: one.TwoWayChannelRole,
        poolId: one.PoolId,
      }));
    });
  }

  whatsappAccounts(place: Place): Promise<readonly LinkedWhatsAppBusinessAccount[]> {
    return this.#once(`whatsapp ${keyOf(place)}`, async () => {
      const client = this.#client(SocialMessagingClient, place);
      const listed = await this.ask('social-messaging:ListLinkedWhatsAppBusinessAccounts', client, () =>
        collect(
          paginateListLinkedWhatsAppBusinessAccounts({ client }, {}),
          ({ linkedAccounts }) => linkedAccounts,
        ),
      );
      const accounts: LinkedWhatsAppBusinessAccount[] = [];
      for (const { id } of listed) {
        const command = new GetLinkedWhatsAppBusinessAccountCommand({ id });
        const { account } = await this.ask('social-messaging:GetLinkedWhatsAppBusinessAccount', client, () =>
          client.send(command),
        );
        if (account) accounts.push(account);
      }
      return accounts;
    });
  }

  /** The numbers of all Connect instances of the account, those that were imported from EUM included. */
  connectNumbers(place: Place): Promise<readonly ListPhoneNumbersSummary[]> {
    return this.#once(`connect numbers ${keyOf(place)}`, () => {
      const client = this.connect(place);
      return this.ask('connect:ListPhoneNumbersV2', client, () =>
        collect(
          paginateListPhoneNumbersV2({ client }, {}),
          ({ ListPhoneNumbersSummaryList }) => ListPhoneNumbersSummaryList,
        ),
      );
    });
  }

  /** The id of the flow that a number is associated with. */
  async flowOf(
    InstanceId: string,
    ResourceId: string,
    ResourceType: FlowAssociationResourceType,
    place: Place,
  ): Promise<string | undefined> {
    const client = this.connect(place);
    const command = new GetFlowAssociationCommand({ InstanceId, ResourceId, ResourceType });
    return (await this.ask('connect:GetFlowAssociation', client, () => client.send(command))).FlowId;
  }

  instance(InstanceId: string, place: Place): Promise<Instance | undefined> {
    return this.#once(`instance ${InstanceId} ${keyOf(place)}`, async () => {
      const client = this.connect(place);
      const command = new DescribeInstanceCommand({ InstanceId });
      return (await this.ask('connect:DescribeInstance', client, () => client.send(command))).Instance;
    });
  }

  contactFlow(InstanceId: string, ContactFlowId: string, place: Place): Promise<ContactFlow | undefined> {
    return this.#once(`flow ${InstanceId} ${ContactFlowId} ${keyOf(place)}`, async () => {
      const client = this.connect(place);
      const command = new DescribeContactFlowCommand({ InstanceId, ContactFlowId });
      return (await this.ask('connect:DescribeContactFlow', client, () => client.send(command))).ContactFlow;
    });
  }

  /** IAM's decision: `allowed`, `implicitDeny` or `explicitDeny`. */
  simulate(principalArn: string, action: string, resource: string, place: Place): Promise<string> {
    return this.#once(`simulate ${principalArn} ${action} ${resource}`, () =>
      this.#signed('iam:SimulatePrincipalPolicy', place, async (signing) => {
        const parameters = {
          PolicySourceArn: principalArn,
          'ActionNames.member.1': action,
          'ResourceArns.member.1': resource,
        };
        const xml = await callQuery('iam', 'SimulatePrincipalPolicy', parameters, signing);
        return xmlText(xml, 'EvalDecision') ?? '';
      }),
    );
  }

  /** With its path, which the ARN of a session does not have. */
  roleArn(RoleName: string, place: Place): Promise<string> {
    return this.#once(`role ${RoleName}`, () =>
      this.#signed('iam:GetRole', place, async (signing) => {
        return xmlText(await callQuery('iam', 'GetRole', { RoleName }, signing), 'Arn') ?? '';
      }),
    );
  }

  connect(place: Place): ConnectClient {
    return this.#client(ConnectClient, place);
  }

  participant(place: Place): ConnectParticipantClient {
    return this.#client(ConnectParticipantClient, place);
  }

  /** Credentials first: what goes wrong with them says nothing about the question. */
  async ask<Answer>(action: string, client: Client, run: () => Promise<Answer>): Promise<Answer> {
    await resolveCredentials(client);
    return ask(action, run);
  }

  async #signed<Answer>(
    action: string,
    place: Place,
    run: (signing: Signing) => Promise<Answer>,
  ): Promise<Answer> {
    const client = this.#client(SNSClient, place);
    const { credentials, sha256 } = client.config;
    return this.ask(action, client, () => run({ env: this.#env, region: place.region, credentials, sha256 }));
  }

  #client<Kind extends Client>(make: new (options: ClientOptions) => Kind, place: Place): Kind {
    return this.#once(`${make.name} ${keyOf(place)}`, () => {
      const client = new make(clientOptions(place));
      this.#clients.push(client);
      return client;
    });
  }

  #once<Value>(key: string, make: () => Value): Value {
    if (!this.#made.has(key)) this.#made.set(key, make());
    return this.#made.get(key) as Value;
  }
}

async function resolveCredentials(client: Client): Promise<void> {
  try {
    await client.config.credentials();
  } catch (error) {
    throw new AskError('credentials', 'sts:AssumeRole', error);
  }
}

function clientOptions({ region, roleArn }: Place) {
  return {
    region,
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true, // without it the SDK only warns
    },
    ...(roleArn
      ? {
          credentials: fromTemporaryCredentials({
            params: { RoleArn: roleArn, RoleSessionName: ROLE_SESSION_NAME },
            clientConfig: { region },
          }),
        }
      : {}),
  };
}

async function collect<Page, Item>(
  pages: AsyncIterable<Page>,
  itemsOf: (page: Page) => readonly Item[] | undefined,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  let count = 0;
  for await (const page of pages) {
    items.push(...(itemsOf(page) ?? []));
    count += 1;
    if (count >= PAGES_MAX) break;
  }
  return items;
}

function placeOf(arn: string): Place {
  return { region: parseArn(arn)?.region ?? '' };
}

function keyOf({ region, roleArn = '' }: Place): string {
  return `${region} ${roleArn}`;
}
