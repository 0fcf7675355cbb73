import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AWS_TEST_ENVIRONMENT, startAwsStandIn } from '../../send/aws-stand-in.ts';
import type { AwsStandIn } from '../../send/aws-stand-in.ts';
import { runCommand } from '../run-command.ts';

const NUMBER_ARN = 'arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1';
const LEAST = [
  'send-event',
  '--source-id',
  '+14255550182',
  '--destination-id',
  NUMBER_ARN,
  '--content',
  'Hello',
];
const TOPIC = 'arn:aws:sns:us-east-1:111122223333:connect-out';
const SENT = { status: 200, body: '{"InitialContactId":"contact-1","NewChatCreated":true}' };

let standIn: AwsStandIn;

beforeEach(async () => {
  standIn = await startAwsStandIn(() => SENT);
  Object.assign(process.env, AWS_TEST_ENVIRONMENT, { AWS_ENDPOINT_URL_CONNECT: standIn.url });
});

afterEach(() => standIn[Symbol.asyncDispose]());

describe('send-event', () => {
  it('sends every member of the API', async () => {
    const argv = [
      ...LEAST,
      '--subtype',
      'connect:SMS',
      '--content-type',
      'text/markdown',
      '--display-name',
      'Ana',
      '--attribute',
      'a=1',
      '--attribute',
      'b=x=y',
      '--supported-content-type',
      'text/plain',
      '--supported-content-type',
      'text/markdown',
      '--streaming-endpoint-arn',
      TOPIC,
      '--yes',
    ];
    const run = await runCommand(argv);
    expect(run).toEqual({
      exitCode: 0,
      stdout: 'InitialContactId: contact-1\nNewChatCreated: true\n',
      stderr: '',
    });
    expect(standIn.seen).toHaveLength(1);
    expect(JSON.parse(standIn.seen[0]?.body ?? '')).toEqual({
      SourceId: '+14255550182',
      DestinationId: NUMBER_ARN,
      Subtype: 'connect:SMS',
      Event: { Type: 'MESSAGE', ContentType: 'text/markdown', Content: 'Hello' },
      NewSessionDetails: {
        SupportedMessagingContentTypes: ['text/plain', 'text/markdown'],
        ParticipantDetails: { DisplayName: 'Ana' },
        Attributes: { a: '1', b: 'x=y' },
        StreamingConfiguration: { StreamingEndpointArn: TOPIC },
      },
    });
  });

  it('sends only what it was given', async () => {
    await runCommand([...LEAST, '--yes']);
    expect(JSON.parse(standIn.seen[0]?.body ?? '')).toEqual({
      SourceId: '+14255550182',
      DestinationId: NUMBER_ARN,
      Event: { Type: 'MESSAGE', ContentType: 'text/plain', Content: 'Hello' },
    });
  });

  it.each([
    ['a disconnect', ['--type', 'DISCONNECT'], { Type: 'DISCONNECT' }],
    [
      'an event',
      ['--type', 'EVENT', '--content-type', 'application/vnd.amazonaws.connect.event.typing'],
      { Type: 'EVENT', ContentType: 'application/vnd.amazonaws.connect.event.typing' },
    ],
  ])('sends %s', async (_name, argv, event) => {
    await runCommand([...LEAST.slice(0, 5), ...argv, '--yes']);
    expect(JSON.parse(standIn.seen[0]?.body ?? '')).toMatchObject({ Event: event });
  });

  it('--dry-run prints the request and calls nothing', async () => {
    const run = await runCommand([...LEAST, '--dry-run']);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(run.stdout)).toMatchObject({ SourceId: '+14255550182', Event: { Content: 'Hello' } });
    expect(standIn.seen).toEqual([]);
  });

  it('--json prints facts', async () => {
    standIn.answer = () => ({
      status: 200,
      headers: { 'x-amzn-requestid': 'request-1' },
      body: '{"NewChatCreated":false}',
    });
    const run = await runCommand([...LEAST, '--yes', '--json']);
    expect(JSON.parse(run.stdout)).toEqual({
      InitialContactId: null,
      NewChatCreated: false,
      requestId: 'request-1',
    });
  });

  it.each([
    ['--region first', ['--region', 'us-west-2'], NUMBER_ARN, 'us-west-2'],
    ['then the ARN’s', [], NUMBER_ARN, 'eu-west-1'],
    ['then AWS_REGION', [], 'connect-number', 'ap-south-1'],
  ])('Region: %s', async (_name, more, destinationId, region) => {
    const argv = [
      'send-event',
      '--source-id',
      'x',
      '--destination-id',
      destinationId,
      '--content',
      'x',
      '--yes',
      ...more,
    ];
    await runCommand(argv, { env: { AWS_REGION: 'ap-south-1' } });
    expect(standIn.seen[0]?.authorization).toContain(`/${region}/connect/`);
  });
});

describe('confirmation', () => {
  it.each([
    ['y\n', 0, 1],
    ['YES\n', 0, 1],
    ['n\n', 1, 0],
    ['\n', 1, 0],
    ['', 1, 0],
    ['yellow\n', 1, 0],
  ])('answered with %j: exit %i, %i sent', async (typed, exitCode, sent) => {
    const run = await runCommand(LEAST, { typed });
    expect(run.exitCode).toBe(exitCode);
    expect(run.stderr).toContain(`Send a MESSAGE from +14255550182 to ${NUMBER_ARN} in eu-west-1? [y/N]`);
    expect(standIn.seen).toHaveLength(sent);
  });

  it('nobody there, and no --yes: exit 1, nothing sent', async () => {
    const run = await runCommand(LEAST);
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toContain('--yes');
    expect(standIn.seen).toEqual([]);
  });
});

describe('refused before anything goes', () => {
  it.each([
    ['a message without content', LEAST.slice(0, 5), '$.Event.Content is required for Type MESSAGE'],
    [
      'an event without content type',
      [...LEAST, '--type', 'EVENT'],
      '$.Event.ContentType is required for Type EVENT',
    ],
    ['an empty content', [...LEAST.slice(0, 6), ''], '$.Event.Content must be 1 to 16384'],
    [
      'an attribute without value',
      [...LEAST, '--attribute', 'a'],
      '--attribute is not of the form key=value',
    ],
    ['an attribute without key', [...LEAST, '--attribute', '=a'], '--attribute is not of the form key=value'],
    [
      'an attribute twice',
      [...LEAST, '--attribute', 'a=1', '--attribute', 'a=2'],
      '--attribute a is given twice',
    ],
    ['a key with a dot', [...LEAST, '--attribute', 'a.b=1'], 'letters, digits, - and _ only'],
    ['no text/plain', [...LEAST, '--supported-content-type', 'text/markdown'], 'must contain text/plain'],
    ['no Region', ['send-event', '--source-id', 'x', '--destination-id', 'y', '--content', 'x'], 'No Region'],
  ])('%s', async (_name, argv, complaint) => {
    const run = await runCommand([...argv, '--yes']);
    expect(run).toMatchObject({ exitCode: 64, stdout: '' });
    expect(run.stderr).toContain(complaint);
    expect(standIn.seen).toEqual([]);
  });
});

describe('AWS refuses', () => {
  it.each([
    [403, 'AccessDeniedException', 'allow connect:SendChatIntegrationEvent'],
    [404, 'ResourceNotFoundException', 'import it into the Connect instance'],
    [500, 'InternalServiceException', 'Connect may have taken it all the same.'],
  ])('with %i %s: exit 69 and what to do', async (status, name, remedy) => {
    standIn.answer = () => ({ status, headers: { 'x-amzn-errortype': name }, body: '{"message":"no"}' });
    const run = await runCommand([...LEAST, '--yes']);
    expect(run).toMatchObject({ exitCode: 69, stdout: '' });
    expect(run.stderr).toContain(`bridge: AWS_REFUSED: AWS refused the call. ${name} (HTTP ${status}): no`);
    expect(run.stderr).toContain(remedy);
    expect(run.stderr).not.toMatch(/^\s+at /m);
  });
});
