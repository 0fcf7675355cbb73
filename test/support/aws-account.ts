/**
 * A stand-in of one AWS account, for commands that look at a set-up: HTTP on a free port of 127.0.0.1 that answers the
 * real SDK clients (and signed calls) of SNS, SQS, STS, IAM, KMS, End User Messaging and Connect, each in its protocol.
 * The account is in order until a test changes an answer.
 */
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DELIVERY_POLICY } from '../../src/admin/subscription-plan.ts';
import { AWS_TEST_ENVIRONMENT } from '../send/aws-stand-in.ts';

export const ACCOUNT_ID = '111122223333';
export const REGION = 'us-east-1';
export const TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT_ID}:inbound`;
export const REPLY_TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT_ID}:replies`;
export const ENDPOINT = 'https://bridge.example/sns';
export const QUEUE = `arn:aws:sqs:${REGION}:${ACCOUNT_ID}:inbound-dead`;
export const KEY = `arn:aws:kms:${REGION}:${ACCOUNT_ID}:key/5ba40f4d-0000-4000-8000-000000000001`;
export const SMS_NUMBER = '+12065550100';
export const SMS_ARN = `arn:aws:sms-voice:${REGION}:${ACCOUNT_ID}:phone-number/phone-0123456789abcdef0123456789abcdef`;
export const WHATSAPP_NUMBER = '+12065550101';
export const WHATSAPP_ARN = `arn:aws:social-messaging:${REGION}:${ACCOUNT_ID}:phone-number-id/0123456789abcdef0123456789abcdef`;
export const INSTANCE = 'a1b2c3d4-0000-4000-8000-000000000001';
export const FLOW = 'f1f2f3f4-0000-4000-8000-000000000002';
export const CONTACT = 'c1c2c3c4-0000-4000-8000-000000000003';

/** What an operation is asked with: form parameters, or JSON, or what its path holds. */
export type Input = Readonly<Record<string, unknown>>;
type Output = Readonly<Record<string, unknown>>;

export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, code: string, message: string = code) {
    super(message);
    this.status = status;
    this.name = code;
  }
}

export const DENIED = new Refusal(403, 'AccessDeniedException', 'not authorized');

export type Answer = Output | Refusal | ((input: Input) => Output | Refusal);

export interface AwsAccount extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  /** By IAM's name of the operation. */
  readonly answers: Record<string, Answer>;
  /** Operations asked for, in their order, with their input. */
  readonly seen: { readonly operation: string; readonly input: Input; readonly region: string }[];
}

/** Also makes the SDK, which reads this process's environment, talk to it. */
export async function startAwsAccount(): Promise<AwsAccount> {
  const answers = healthyAnswers();
  const seen: AwsAccount['seen'] = [];
  const server = http.createServer((request, response) => {
    void respond(request, response, answers, seen);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { ...AWS_TEST_ENVIRONMENT, AWS_ENDPOINT_URL: url };
  Object.assign(process.env, env);
  return {
    env,
    answers,
    seen,
    [Symbol.asyncDispose]: async () => {
      delete process.env['AWS_ENDPOINT_URL'];
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function topicPolicy(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

export function allowService(service: string, action: string, resource: string, condition?: object): object {
  return {
    Effect: 'Allow',
    Principal: { Service: service },
    Action: action,
    Resource: resource,
    ...(condition ? { Condition: condition } : {}),
  };
}

const OF_ACCOUNT = { StringEquals: { 'aws:SourceAccount': ACCOUNT_ID } };

export const SUBSCRIPTION_ATTRIBUTES = {
  PendingConfirmation: 'false',
  RawMessageDelivery: 'false',
  EffectiveDeliveryPolicy: JSON.stringify(DELIVERY_POLICY),
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: QUEUE }),
} as const;

export const INBOUND_POLICY = topicPolicy(
  allowService('sms-voice.amazonaws.com', 'sns:Publish', TOPIC, OF_ACCOUNT),
  allowService('social-messaging.amazonaws.com', 'sns:Publish', TOPIC, OF_ACCOUNT),
);
export const REPLY_POLICY = topicPolicy(
  allowService('connect.amazonaws.com', 'sns:Publish', REPLY_TOPIC, {
    ...OF_ACCOUNT,
    ArnEquals: { 'aws:SourceArn': `arn:aws:connect:${REGION}:${ACCOUNT_ID}:instance/${INSTANCE}` },
  }),
);
export const QUEUE_POLICY = topicPolicy(
  allowService('sns.amazonaws.com', 'sqs:SendMessage', QUEUE, {
    ArnLike: { 'aws:SourceArn': `arn:aws:sns:${REGION}:${ACCOUNT_ID}:*` },
  }),
);

export const PHONE_NUMBER = {
  PhoneNumberArn: SMS_ARN,
  PhoneNumber: SMS_NUMBER,
  Status: 'ACTIVE',
  TwoWayEnabled: true,
  TwoWayChannelArn: TOPIC,
} as const;

export const WHATSAPP_ACCOUNT = {
  arn: `arn:aws:social-messaging:${REGION}:${ACCOUNT_ID}:waba/fb2500000000000000000000000000aa`,
  id: 'waba-fb2500000000000000000000000000aa',
  wabaId: '100000000000001',
  wabaName: 'Example',
  registrationStatus: 'COMPLETE',
  linkDate: 1_760_000_000,
  eventDestinations: [{ eventDestinationArn: TOPIC }],
  phoneNumbers: [{ arn: WHATSAPP_ARN, phoneNumber: WHATSAPP_NUMBER, displayPhoneNumber: '+1 206-555-0101' }],
} as const;

function healthyAnswers(): Record<string, Answer> {
  return {
    'sts:GetCallerIdentity': {
      Arn: `arn:aws:sts::${ACCOUNT_ID}:assumed-role/bridge/i-0123456789`,
      Account: ACCOUNT_ID,
    },
    'sns:GetTopicAttributes': ({ TopicArn }) => ({
      Attributes: {
        SignatureVersion: '2',
        Policy: TopicArn === REPLY_TOPIC ? REPLY_POLICY : INBOUND_POLICY,
      },
    }),
    'sns:ListSubscriptionsByTopic': ({ TopicArn }) => ({
      Subscriptions: [
        {
          SubscriptionArn: `${String(TopicArn)}:6b1f4f0e-0000-4000-8000-000000000001`,
          Protocol: 'https',
          Endpoint: ENDPOINT,
        },
      ],
    }),
    'sns:GetSubscriptionAttributes': { Attributes: SUBSCRIPTION_ATTRIBUTES },
    'sqs:GetQueueAttributes': {
      Attributes: { QueueArn: QUEUE, Policy: QUEUE_POLICY, ApproximateNumberOfMessages: '0' },
    },
    'kms:DescribeKey': {
      KeyMetadata: { Arn: KEY, KeyManager: 'CUSTOMER', KeyState: 'Enabled', KeySpec: 'SYMMETRIC_DEFAULT' },
    },
    'kms:GetKeyPolicy': {
      Policy: topicPolicy(
        ...['sms-voice', 'social-messaging', 'connect', 'sns'].map((name) =>
          allowService(`${name}.amazonaws.com`, 'kms:*', '*', OF_ACCOUNT),
        ),
      ),
    },
    'sms-voice:DescribePhoneNumbers': { PhoneNumbers: [PHONE_NUMBER] },
    'sms-voice:DescribeRcsAgents': { RcsAgents: [] },
    'social-messaging:ListLinkedWhatsAppBusinessAccounts': { linkedAccounts: [WHATSAPP_ACCOUNT] },
    'social-messaging:GetLinkedWhatsAppBusinessAccount': { account: WHATSAPP_ACCOUNT },
    'connect:ListPhoneNumbersV2': {
      ListPhoneNumbersSummaryList: [
        { SourcePhoneNumberArn: SMS_ARN, InstanceId: INSTANCE },
        { SourcePhoneNumberArn: WHATSAPP_ARN, InstanceId: INSTANCE },
      ],
    },
    'connect:GetFlowAssociation': { FlowId: FLOW },
    'connect:DescribeInstance': {
      Instance: { Id: INSTANCE, InstanceAlias: 'example', InstanceStatus: 'ACTIVE' },
    },
    'connect:DescribeContactFlow': {
      ContactFlow: { Name: 'Inbound chat', Type: 'CONTACT_FLOW', State: 'ACTIVE', Status: 'PUBLISHED' },
    },
    'connect:SendChatIntegrationEvent': {},
    'connect:StartChatContact': { ContactId: CONTACT, ParticipantToken: 'participant-token' },
    'connect:StartContactStreaming': { StreamingId: 'streaming' },
    'connect:StopContact': {},
    'participant:CreateParticipantConnection': {
      ConnectionCredentials: { ConnectionToken: 'connection-token' },
    },
    'participant:DisconnectParticipant': {},
    'iam:SimulatePrincipalPolicy': { EvalDecision: 'allowed' },
    'iam:GetRole': { Arn: `arn:aws:iam::${ACCOUNT_ID}:role/service/bridge` },
  };
}

/** REST operations, by what their method and path look like; groups of the pattern are input. */
const REST_OPERATIONS: readonly (readonly [string, RegExp])[] = [
  ['social-messaging:ListLinkedWhatsAppBusinessAccounts', /^GET \/v1\/whatsapp\/waba\/list/],
  ['social-messaging:GetLinkedWhatsAppBusinessAccount', /^GET \/v1\/whatsapp\/waba\/details/],
  ['connect:ListPhoneNumbersV2', /^POST \/phone-number\/list/],
  [
    'connect:GetFlowAssociation',
    /^GET \/flow-associations\/(?<InstanceId>[^/]+)\/(?<ResourceId>.+)\/(?<ResourceType>[^/]+)$/,
  ],
  ['connect:DescribeInstance', /^GET \/instance\/(?<InstanceId>[^/]+)$/],
  ['connect:DescribeContactFlow', /^GET \/contact-flows\/(?<InstanceId>[^/]+)\/(?<ContactFlowId>[^/]+)$/],
  ['connect:SendChatIntegrationEvent', /^POST \/chat-integration-event/],
  ['connect:StartChatContact', /^PUT \/contact\/chat/],
  ['connect:StartContactStreaming', /^POST \/contact\/start-streaming/],
  ['connect:StopContact', /^POST \/contact\/stop/],
  ['participant:CreateParticipantConnection', /^POST \/participant\/connection/],
  ['participant:DisconnectParticipant', /^POST \/participant\/disconnect/],
];

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answers: AwsAccount['answers'],
  seen: AwsAccount['seen'],
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const call = readCall(request, Buffer.concat(chunks).toString());
  seen.push(call);
  const answer = answers[call.operation] ?? new Refusal(400, 'InvalidAction', call.operation);
  const output = typeof answer === 'function' ? answer(call.input) : answer;
  const render = call.isQuery ? renderXml : renderJson;
  render(response, call.operation, output);
}

function readCall({ method = '', url = '', headers }: IncomingMessage, body: string) {
  const [, region = '', service = ''] =
    /Credential=[^/]+\/\d+\/([^/]+)\/([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  const target = headers['x-amz-target']?.toString().split('.')[1];
  if (target) return { operation: `${service}:${target}`, input: parse(body), region, isQuery: false };
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    const input = Object.fromEntries(new URLSearchParams(body));
    return { operation: `${service}:${input['Action']}`, input, region, isQuery: true };
  }
  const line = `${method} ${decodeURIComponent(url)}`;
  for (const [operation, pattern] of REST_OPERATIONS) {
    const match = pattern.exec(line);
    if (match) return { operation, input: { ...parse(body), ...match.groups }, region, isQuery: false };
  }
  return { operation: line, input: {}, region, isQuery: false };
}

function parse(body: string): Input {
  return body ? (JSON.parse(body) as Input) : {};
}

function renderJson(response: ServerResponse, _operation: string, output: Output | Refusal): void {
  if (output instanceof Refusal) {
    response.writeHead(output.status, {
      'x-amzn-errortype': output.name,
      'content-type': 'application/json',
    });
    response.end(JSON.stringify({ __type: `com.amazonaws#${output.name}`, message: output.message }));
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(output));
}

function renderXml(response: ServerResponse, operation: string, output: Output | Refusal): void {
  const action = operation.split(':')[1] ?? '';
  if (output instanceof Refusal) {
    const error = `<Type>Sender</Type><Code>${output.name}</Code><Message>${escape(output.message)}</Message>`;
    response.writeHead(output.status, { 'content-type': 'text/xml' });
    response.end(`<ErrorResponse><Error>${error}</Error></ErrorResponse>`);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/xml' });
  response.end(
    `<${action}Response><${action}Result>${members(output)}</${action}Result></${action}Response>`,
  );
}

/** Lists as `member`, maps (those named Attributes) as `entry`. */
function members(output: Output): string {
  return Object.entries(output)
    .map(
      ([name, value]) =>
        `<${name}>${name === 'Attributes' ? entries(value as Output) : content(value)}</${name}>`,
    )
    .join('');
}

function content(value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => `<member>${content(one)}</member>`).join('');
  return typeof value === 'object' && value !== null ? members(value as Output) : escape(String(value));
}

function entries(map: Output): string {
  return Object.entries(map)
    .map(([key, value]) => `<entry><key>${key}</key><value>${escape(String(value))}</value></entry>`)
    .join('');
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
