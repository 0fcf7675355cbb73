import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SANDBOX_TOPIC_ARN } from '../../../src/sandbox/bridge-child.ts';
import { smsPayload } from '../../../src/sandbox/end-user-messaging.ts';
import type { SignedEnvelope } from '../../../src/sandbox/sns-signer.ts';
import { Flow } from '../../support/flow-harness.ts';
import { runCommand } from '../run-command.ts';
import type { CommandRun } from '../run-command.ts';

const ANA = '+14255550111';

let directory: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-replay-'));
});

afterEach(() => fs.rmSync(directory, { recursive: true }));

function replayText(text: string, port: string | number, ...options: string[]): Promise<CommandRun> {
  const file = path.join(directory, 'envelopes.json');
  fs.writeFileSync(file, text);
  return runCommand(['replay', file, ...options], { env: { PORT: String(port) } });
}

describe('bridge replay, into a running bridge', () => {
  let flow: Flow;
  let port: string;

  beforeEach(async () => {
    flow = await Flow.start({});
    ({ port } = new URL(flow.bridge.publicUrl));
  });

  afterEach(() => flow.end());

  /** What SNS could not deliver, as it put it into the dead-letter queue. */
  function envelope(text: string): SignedEnvelope {
    const payload = smsPayload({ from: ANA, text });
    flow.addPersonal({ number: ANA, externalId: payload['inboundMessageId'], text });
    return flow.signer.sign({
      Type: 'Notification',
      MessageId: crypto.randomUUID(),
      TopicArn: SANDBOX_TOPIC_ARN,
      Message: JSON.stringify(payload),
      Timestamp: new Date().toISOString(),
    });
  }

  it.each<{ name: string; write: (envelopes: readonly SignedEnvelope[]) => string }>([
    { name: 'a JSON array', write: (envelopes) => JSON.stringify(envelopes, undefined, 2) },
    { name: 'JSON lines', write: (envelopes) => envelopes.map((one) => `${JSON.stringify(one)}\n`).join('') },
    {
      name: 'what aws sqs receive-message prints',
      write: (envelopes) =>
        JSON.stringify({ Messages: envelopes.map((one) => ({ MessageId: 'm', Body: JSON.stringify(one) })) }),
    },
    {
      name: 'its messages, one a line',
      write: (envelopes) => envelopes.map((one) => JSON.stringify({ Body: JSON.stringify(one) })).join('\n'),
    },
  ])('takes $name, and what it had already is a duplicate', async ({ write }) => {
    const envelopes = [envelope('first of them'), envelope('second of them')];
    const ids = envelopes.map(({ MessageId }) => MessageId);
    const run = await replayText(write(envelopes), port);
    expect(run).toEqual({
      exitCode: 0,
      stdout: `1  ${ids[0]}  200 accepted\n2  ${ids[1]}  200 accepted\n2 of 2 envelopes taken\n`,
      stderr: '',
    });
    await flow.log.until('message.delivered', 2);
    expect(flow.connect.transcript(ANA).toSorted()).toEqual(['first of them', 'second of them']);
    expect((await replayText(write(envelopes), port)).stdout).toContain('200 duplicate');
    expect(await flow.books()).toMatchObject({ received: 4, delivered: 2, duplicate: 2 });
  });

  it('goes on behind what the bridge refuses, and says so', async () => {
    const good = envelope('this one is good');
    const forged = { ...envelope('this one is forged'), Message: '{}' };
    const run = await replayText(JSON.stringify([forged, { Type: 'Other' }, good]), port);
    expect(run).toEqual({
      exitCode: 1,
      stdout: [
        `1  ${forged.MessageId}  403 SIGNATURE_WRONG`,
        '2  no MessageId  400 ENVELOPE_INVALID',
        `3  ${good.MessageId}  200 accepted`,
        '1 of 3 envelopes taken',
        '',
      ].join('\n'),
      stderr: '',
    });
    await flow.log.until('message.delivered');
  });

  it('reads standard input, and prints the same for programs', async () => {
    const one = envelope('the only one');
    const run = await runCommand(['replay', '-', '--json'], {
      env: { PORT: port },
      typed: JSON.stringify(one),
    });
    expect(run.exitCode).toBe(0);
    expect(
      run.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { index: 1, snsMessageId: one.MessageId, status: 200, answer: 'accepted', tries: 1 },
      { total: 1, taken: 1 },
    ]);
    await flow.log.until('message.delivered');
  });
});

describe('bridge replay', () => {
  let answers: number[];
  let server: http.Server;
  let port: number;

  /** Answers as programmed, then 200. */
  beforeEach(async () => {
    answers = [];
    server = http.createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        response.statusCode = answers.shift() ?? 200;
        response.end('{"outcome":"accepted"}');
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    ({ port } = server.address() as AddressInfo);
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('tries again after a 503', async () => {
    answers = [503, 503];
    const run = await replayText('{"MessageId":"a"}{"MessageId":"b"}', port);
    expect(run).toMatchObject({
      exitCode: 0,
      stdout: '1  a  200 accepted (try 3)\n2  b  200 accepted\n2 of 2 envelopes taken\n',
    });
  });

  it('gives up after a few', async () => {
    answers = Array<number>(5).fill(503);
    const run = await replayText('{"MessageId":"a"}{"MessageId":"b"}', port);
    expect(run).toMatchObject({
      exitCode: 1,
      stdout: '1  a  503 accepted (try 5)\n2  b  200 accepted\n1 of 2 envelopes taken\n',
    });
  }, 15_000);

  it.each([
    ['nothing', ''],
    ['an empty array', '[]'],
    ['an empty queue', '{"Messages":[]}'],
  ])('of %s is done at once', async (_name, text) => {
    expect(await replayText(text, port)).toMatchObject({ exitCode: 0, stdout: '0 of 0 envelopes taken\n' });
  });

  it.each([
    ['what is no JSON', 'hello', 0],
    ['an object that is none', '{"MessageId":"a"}{a}', 1],
    ['a message of the queue without a body', '{"Messages":[{"MessageId":"m"}]}', 0],
    ['what breaks off', '{"MessageId":"a"}{"MessageId":', 1],
  ])('of %s: exit 65, behind what came before', async (_name, text, posted) => {
    const run = await replayText(text, port);
    expect(run.exitCode).toBe(65);
    expect(run.stderr).toContain('INPUT_INVALID');
    expect(run.stdout.split('200 accepted')).toHaveLength(posted + 1);
  });

  it('says when the file is not there', async () => {
    const run = await runCommand(['replay', path.join(directory, 'none.json')], {
      env: { PORT: String(port) },
    });
    expect(run).toMatchObject({ exitCode: 66, stdout: '' });
    expect(run.stderr).toContain('INPUT_MISSING');
  });

  it('says when no bridge runs', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    const run = await replayText('{"MessageId":"a"}', port);
    expect(run).toMatchObject({ exitCode: 69, stdout: '' });
    expect(run.stderr).toContain('BRIDGE_UNAVAILABLE');
  });
});
