import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTACT_ID, chatAttributes, chatEvent, chatMessage } from '../../fixtures/chat-item.ts';
import { SMS_PAYLOAD, smsMessage } from '../../fixtures/sms-payload.ts';
import {
  whatsAppChange,
  whatsAppEntry,
  whatsAppMessage,
  whatsAppPayload,
  whatsAppStatusChange,
  whatsAppText,
} from '../../fixtures/whatsapp-payload.ts';
import { FLOW, INSTANCE } from '../../send/participant/participant-scene.ts';
import { createTestSigner } from '../../support/signer.ts';
import { runCommand } from '../run-command.ts';
import type { CommandRun } from '../run-command.ts';

const SMS_ARN = 'arn:aws:sms-voice:us-west-2:111122223333:phone-number/phone-1';
const ROUTES = JSON.stringify({ routes: [{ channel: 'sms', number: '*', destinationId: SMS_ARN }] });

const REPLY_TOPIC = 'arn:aws:sns:us-west-2:111122223333:agents-replies';
const PARTICIPANT = {
  CONNECT_METHOD: 'participant',
  REPLY_TOPIC_ARNS: REPLY_TOPIC,
  ROUTES: JSON.stringify({
    routes: [
      { channel: 'sms', number: '*', destinationId: SMS_ARN, instanceId: INSTANCE, contactFlowId: FLOW },
    ],
  }),
};

let directory: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-explain-'));
});

afterEach(() => fs.rmSync(directory, { recursive: true }));

/** SNS_CERT_DIR and STORE_URL lie in an empty folder of its own, which stays empty. */
function explainText(
  text: string,
  env: Readonly<Record<string, string>> = {},
  ...options: readonly string[]
): Promise<CommandRun> {
  return runCommand(['explain', '-', ...options], {
    env: {
      ROUTES,
      SNS_CERT_DIR: path.join(directory, 'certs'),
      STORE_URL: `sqlite:${path.join(directory, 'bridge.db')}`,
      ...env,
    },
    typed: text,
  });
}

interface Explained {
  readonly shape: string;
  readonly signature?: { readonly verdict: string; readonly code?: string; readonly answer?: number };
  readonly madeUp: readonly string[];
  readonly parts: readonly {
    readonly outcome: string;
    readonly reason?: string;
    readonly message?: Readonly<Record<string, string>>;
    readonly way?: Readonly<Record<string, string>>;
    readonly requests?: readonly {
      readonly operation: string;
      readonly input: object;
      readonly content?: string;
    }[];
  }[];
}

async function explainJson(value: unknown, env: Readonly<Record<string, string>> = {}): Promise<Explained[]> {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const { exitCode, stdout, stderr } = await explainText(text, env, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Explained);
}

const TEXT = whatsAppText();
const CHANGE = whatsAppChange([TEXT]);
const ENVELOPE = {
  Type: 'Notification',
  MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
  TopicArn: 'arn:aws:sns:us-west-2:111122223333:inbound',
  Message: smsMessage(),
  Timestamp: '2026-03-04T05:06:01.000Z',
};
function streamed(item: object, visibility: string): object {
  const Message = JSON.stringify(item);
  return { ...ENVELOPE, TopicArn: REPLY_TOPIC, Message, MessageAttributes: chatAttributes(visibility) };
}

const NO_ENVELOPE = ['SNS envelope'];
const NO_CONTEXT = ['SNS envelope', 'context with the ARN of the WhatsApp number'];

describe('bridge explain', () => {
  it.each<{ name: string; payload: unknown; shapes: readonly string[]; madeUp: readonly string[] }>([
    { name: 'an SNS envelope', payload: ENVELOPE, shapes: ['SNS envelope'], madeUp: [] },
    {
      name: 'an array of them',
      payload: [ENVELOPE, ENVELOPE],
      shapes: ['SNS envelope', 'SNS envelope'],
      madeUp: [],
    },
    {
      name: 'lines of them',
      payload: `${JSON.stringify(ENVELOPE)}\n${JSON.stringify(ENVELOPE)}\n`,
      shapes: ['SNS envelope', 'SNS envelope'],
      madeUp: [],
    },
    {
      name: 'an SNS envelope without a time',
      payload: { ...ENVELOPE, Timestamp: 'yesterday' },
      shapes: ['SNS envelope'],
      madeUp: ['Timestamp'],
    },
    {
      name: 'a Lambda event of SNS',
      payload: { Records: [{ EventSource: 'aws:sns', Sns: ENVELOPE }] },
      shapes: ['Lambda event: SNS envelope'],
      madeUp: [],
    },
    {
      name: 'a Lambda event of SQS, with raw delivery',
      payload: { Records: [{ messageId: 'm', body: smsMessage() }] },
      shapes: ['Lambda event: EUM SMS message'],
      madeUp: NO_ENVELOPE,
    },
    {
      name: 'what aws sqs receive-message prints',
      payload: { Messages: [{ Body: JSON.stringify(ENVELOPE), ReceiptHandle: 'r' }] },
      shapes: ['what SQS receives: SNS envelope'],
      madeUp: [],
    },
    {
      name: 'a record of SQS',
      payload: { body: JSON.stringify(ENVELOPE), receiptHandle: 'r' },
      shapes: ['record: SNS envelope'],
      madeUp: [],
    },
    { name: 'an SMS', payload: SMS_PAYLOAD, shapes: ['EUM SMS message'], madeUp: NO_ENVELOPE },
    {
      name: 'EUM Social’s message',
      payload: whatsAppMessage([TEXT]),
      shapes: ['EUM Social message'],
      madeUp: NO_ENVELOPE,
    },
    {
      name: 'Meta’s webhook',
      payload: { object: 'whatsapp_business_account', entry: [whatsAppEntry([CHANGE])] },
      shapes: ['Meta webhook'],
      madeUp: NO_CONTEXT,
    },
    {
      name: 'an entry of it',
      payload: whatsAppEntry([CHANGE]),
      shapes: ['entry of a Meta webhook'],
      madeUp: NO_CONTEXT,
    },
    { name: 'a change of it', payload: CHANGE, shapes: ['change of a Meta webhook'], madeUp: NO_CONTEXT },
    {
      name: 'its value',
      payload: CHANGE['value'],
      shapes: ['value of a Meta webhook'],
      madeUp: NO_CONTEXT,
    },
    { name: 'a message', payload: TEXT, shapes: ['WhatsApp message'], madeUp: NO_CONTEXT },
  ])('reads $name', async ({ payload, shapes, madeUp }) => {
    const explained = await explainJson(payload);
    expect(explained.map(({ shape }) => shape)).toEqual(shapes);
    for (const { madeUp: told, parts } of explained) {
      expect(told).toEqual(madeUp);
      expect(parts.map(({ requests }) => requests?.map(({ content }) => content))).toEqual([
        ['Is my order on its way?'],
      ]);
    }
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  it('shows identity, route and request', async () => {
    const [explained] = await explainJson(ENVELOPE);
    expect(explained).toMatchObject({
      index: 1,
      signature: { verdict: 'unsigned' },
      parts: [
        {
          outcome: 'sent',
          message: {
            channel: 'sms',
            customerAddress: '+14255550182',
            customerAddressKind: 'phone',
            customerNumber: '+14255550182',
            businessAddress: '+12065550100',
            externalId: SMS_PAYLOAD.inboundMessageId,
            sentAt: ENVELOPE.Timestamp,
            content: 'text',
          },
          way: { route: '*', destination: SMS_ARN, region: 'us-west-2' },
          requests: [
            {
              operation: 'SendChatIntegrationEvent',
              input: { SourceId: '+14255550182', DestinationId: SMS_ARN, Subtype: 'connect:SMS' },
              content: 'Is my order on its way?',
            },
          ],
        },
      ],
    });
  });

  it('goes by the rules of the environment, and needs no more of it', async () => {
    const payload = {
      ...SMS_PAYLOAD,
      originationNumber: '(425) 555-0182',
      messageBody: 'one two three four',
    };
    const routes = { routes: [{ channel: 'sms', number: '*', destinationId: 'phone-1' }] };
    const env = {
      ROUTES: JSON.stringify(routes),
      DEFAULT_COUNTRY: 'US',
      TEXT_LIMIT_SMS: '10',
      AWS_REGION: 'eu-west-1',
    };
    const [explained] = await explainJson(payload, env);
    expect(explained?.parts).toMatchObject([
      { message: { customerAddress: '+14255550182' }, way: { region: 'eu-west-1' } },
    ]);
    expect(explained?.parts[0]?.requests?.map(({ content }) => content)).toEqual(['one two ', 'three four']);
  });

  it('shows what the method participant asks of Connect, but for what only the store knows', async () => {
    const [explained] = await explainJson(ENVELOPE, { ...PARTICIPANT, TEXT_LIMIT_SMS: '15' });
    expect(explained?.parts).toMatchObject([
      {
        outcome: 'sent',
        way: { route: '*', destination: `instance/${INSTANCE}/contact-flow/${FLOW}`, region: 'us-west-2' },
        requests: [
          {
            operation: 'StartChatContact',
            input: { InstanceId: INSTANCE, ContactFlowId: FLOW, Attributes: { channel: 'sms' } },
          },
          { operation: 'SendMessage', content: 'Is my order on ' },
          { operation: 'SendMessage', input: { ContentType: 'text/plain', Content: 'its way?' } },
        ],
      },
    ]);
    expect(JSON.stringify(explained)).not.toContain('ClientToken');
  });

  it.each<{ name: string; env: Readonly<Record<string, string>> }>([
    { name: 'by its topic', env: PARTICIPANT },
    { name: 'by its shape, where the topic is none that is known', env: {} },
  ])('reads what Connect streams, $name', async ({ env }) => {
    const items = [
      { message: chatMessage(), visibility: 'ALL' },
      { message: chatMessage({ Content: '**Soon**', ContentType: 'text/markdown' }), visibility: 'CUSTOMER' },
      { message: chatMessage(), visibility: 'AGENT' },
      { message: chatEvent('chat.ended'), visibility: 'ALL' },
      { message: chatMessage({ Id: '' }), visibility: 'ALL' },
    ];
    const explained = await explainJson(
      items.map(({ message, visibility }) => streamed(message, visibility)),
      env,
    );
    expect(explained.flatMap(({ parts }) => parts)).toEqual([
      { outcome: 'reply', contactId: CONTACT_ID, content: 'text', text: 'Your order is on its way.' },
      { outcome: 'reply', contactId: CONTACT_ID, content: 'markdown', text: 'Soon' },
      { outcome: 'ignored', reason: 'not_for_customer' },
      { outcome: 'chatEnded', contactId: CONTACT_ID },
      { outcome: 'dead', reason: 'not_understood', detail: 'Chat: Id is missing or unusable' },
    ]);
  });

  it('reads what a chat publishes, bare and in its envelope', async () => {
    const item = chatMessage();
    const envelope = {
      ...ENVELOPE,
      Message: JSON.stringify(item),
      MessageAttributes: chatAttributes('AGENT'),
    };
    const [bare, ended, enveloped] = await explainJson([item, chatEvent('chat.ended'), envelope]);
    expect(bare).toMatchObject({
      shape: 'item of a chat',
      madeUp: ['SNS envelope', 'MessageVisibility ALL'],
      parts: [{ outcome: 'reply', contactId: CONTACT_ID, text: 'Your order is on its way.' }],
    });
    expect(ended?.parts).toMatchObject([{ outcome: 'chatEnded', contactId: CONTACT_ID }]);
    expect(enveloped?.parts).toMatchObject([{ outcome: 'ignored', reason: 'not_for_customer' }]);
  });

  it('says why not', async () => {
    const message = JSON.stringify(
      whatsAppPayload(
        whatsAppEntry([whatsAppStatusChange(), whatsAppChange([whatsAppText({ id: undefined })])]),
      ),
    );
    const [whatsApp] = await explainJson(message);
    const [sms] = await explainJson(SMS_PAYLOAD, { ROUTES: '' });
    expect([...(whatsApp?.parts ?? []), ...(sms?.parts ?? [])]).toMatchObject([
      { outcome: 'ignored', reason: 'status', field: 'messages' },
      { outcome: 'dead', reason: 'not_understood', detail: 'WhatsApp: id is missing or unusable' },
      { outcome: 'dead', reason: 'no_route', detail: 'No route takes sms messages to +12065550100.' },
    ]);
  });

  it('tells people the same, with what the agent reads', async () => {
    const { stdout } = await explainText(
      JSON.stringify([SMS_PAYLOAD, { ...ENVELOPE, Type: 'SubscriptionConfirmation' }]),
    );
    for (const expected of [
      /^Payload +1, EUM SMS message$/m,
      /^Made up +SNS envelope$/m,
      /^ +Customer +\+14255550182 \(phone\)$/m,
      /^ +Route +\*$/m,
      /^ +\| Is my order on its way\?$/m,
      /^ +"SourceId": "\+14255550182",$/m,
      /^Becomes +nothing: the envelope is no notification$/m,
    ])
      expect(stdout).toMatch(expected);
  });

  it('does not call a message old, whenever it is looked at', async () => {
    const [explained] = await explainJson({ ...TEXT, timestamp: '1500000000' });
    expect(explained?.parts).toMatchObject([
      {
        message: { sentAt: '2017-07-14T02:40:00.000Z' },
        requests: [{ content: 'Is my order on its way?' }],
      },
    ]);
  });

  it('judges signatures by the certificates at hand, and fetches none', async () => {
    await using signer = await createTestSigner();
    const good = signer.notification({ Message: smsMessage() });
    const altered = { ...good, Message: smsMessage({ messageBody: 'other' }) };
    const lambda = {
      Records: [{ Sns: { ...good, SigningCertURL: undefined, SigningCertUrl: good.SigningCertURL } }],
    };
    const env = { SNS_CERT_DIR: signer.directory };
    const verdicts = [
      ...(await explainJson([good, altered], env)),
      ...(await explainJson(lambda, env)),
      ...(await explainJson(good)),
    ].map(({ signature }) => signature);
    expect(verdicts).toEqual([
      { verdict: 'verified' },
      { verdict: 'refused', code: 'SIGNATURE_WRONG', answer: 403 },
      { verdict: 'verified' },
      { verdict: 'unchecked' },
    ]);
  });

  it.each<{ name: string; text: string; exitCode: number; complaint: RegExp }>([
    { name: 'nothing', text: '', exitCode: 65, complaint: /INPUT_INVALID.*no JSON object/ },
    {
      name: 'no JSON',
      text: 'hello',
      exitCode: 65,
      complaint: /INPUT_INVALID.*something else than an object/,
    },
    { name: 'broken JSON', text: '{"a":}', exitCode: 65, complaint: /INPUT_INVALID.*Object 1 is no JSON/ },
    { name: 'JSON that does not end', text: '{"a":', exitCode: 65, complaint: /INPUT_INVALID.*does not end/ },
    {
      name: 'JSON of another shape',
      text: '[{"a":1},{"b":2}]',
      exitCode: 65,
      complaint: /INPUT_INVALID.*object 1, and 1 more/,
    },
    ...['{"entry":[]}', '{"Records":[]}', '{"Messages":[]}'].map((text) => ({
      name: `what holds nothing: ${text}`,
      text,
      exitCode: 65,
      complaint: /INPUT_INVALID.*No payload.*object 1/,
    })),
    {
      name: 'too deep a nest',
      text: `{"id":"1","type":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
      exitCode: 65,
      complaint: /INPUT_INVALID.*nests too deeply/,
    },
  ])('$name: exit $exitCode, and a word on standard error', async ({ text, exitCode, complaint }) => {
    const run = await explainText(text);
    expect(run).toMatchObject({ exitCode, stdout: '' });
    expect(run.stderr).toMatch(complaint);
  });

  it('explains the rest of what holds something else', async () => {
    const { exitCode, stdout } = await explainText(JSON.stringify([{ a: 1 }, SMS_PAYLOAD]), {}, '--json');
    expect(exitCode).toBe(65);
    expect(JSON.parse(stdout)).toMatchObject({ index: 1, shape: 'EUM SMS message' });
  });

  it('names a file that is not there, and settings that are none', async () => {
    expect(await runCommand(['explain', path.join(directory, 'none.json')])).toMatchObject({
      exitCode: 66,
      stderr: expect.stringContaining('INPUT_MISSING') as string,
    });
    const { exitCode, stderr } = await explainText('{}', { ROUTES: '{"routes":[{}]}' });
    expect(exitCode).toBe(78);
    expect(stderr).toContain('$.routes[0].channel');
  });
});
