import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../src/clock.ts';
import { loadConfig, loadSetting, SETTINGS } from '../src/config.ts';
import { makePaces } from '../src/send/api-quotas.ts';
import type { Config, Environment } from '../src/config.ts';
import type { BridgeError } from '../src/errors.ts';
import { errorEntry } from '../src/errors.ts';

const TOPIC = 'arn:aws:sns:us-east-1:111122223333:inbound-messages';
const OTHER_TOPIC = 'arn:aws:sns:eu-west-2:111122223333:inbound_2';
const NUMBER_ARN = 'arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1';
const ROUTE = { channel: 'sms', number: '+12065550100', destinationId: NUMBER_ARN };

const REPLY_TOPIC = 'arn:aws:sns:us-east-1:111122223333:chat-streaming';
const PARTICIPANT_ROUTE = {
  channel: 'sms',
  number: '+12065550100',
  method: 'participant',
  instanceId: '11111111-2222-3333-4444-555555555555',
  contactFlowId: '66666666-7777-8888-9999-000000000000',
};

function load(env: Environment): Config {
  return loadConfig({ TOPIC_ARNS: TOPIC, ...env });
}

/** One line for each problem. */
function problemsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    expect(error).toMatchObject({ name: 'BridgeError', code: 'CONFIG_INVALID' });
    return ((error as BridgeError).detail ?? '').split('\n  - ').slice(1);
  }
  throw new Error('It has no problems');
}

function inlineRoutes(...routes: readonly unknown[]): string {
  return JSON.stringify({ routes });
}

describe('a configuration', () => {
  it('needs nothing but a topic', () => {
    expect(loadConfig({ TOPIC_ARNS: TOPIC })).toEqual({
      topicArns: [TOPIC],
      routes: [],
      store: { kind: 'sqlite', path: 'data/bridge.db' },
      publicListener: { host: '0.0.0.0', port: 8080 },
      adminListener: { host: '127.0.0.1', port: 9090 },
      replyTopicArns: [],
      connectMethod: 'integration-event',
      paces: makePaces({}, 10),
      metaApiVersion: 'v24.0',
      orderHoldMs: 250,
      retryMaxAgeMs: 24 * HOUR_MS,
      retentionMs: 14 * DAY_MS,
      certDir: 'data/certs',
      defaultCountry: undefined,
      textLimits: { sms: 1_024, whatsapp: 4_096 },
      logLevel: 'info',
      fallbackRegion: undefined,
    });
  });

  it('takes an empty variable for one that is not set', () => {
    const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '']));
    expect(load({ ...empty, TOPIC_ARNS: TOPIC, AWS_REGION: '' })).toEqual(load({}));
  });

  it.each<{ name: string; env: Environment; expected: Partial<Config> }>([
    {
      name: 'several topics',
      env: { TOPIC_ARNS: `${TOPIC}, ${OTHER_TOPIC},` },
      expected: { topicArns: [TOPIC, OTHER_TOPIC] },
    },
    {
      name: 'a topic of another partition',
      env: { TOPIC_ARNS: 'arn:aws-us-gov:sns:us-gov-west-1:111122223333:topic' },
      expected: { topicArns: ['arn:aws-us-gov:sns:us-gov-west-1:111122223333:topic'] },
    },
    {
      name: 'a store',
      env: { STORE_URL: 'sqlite:other/place.db' },
      expected: { store: { kind: 'sqlite', path: 'other/place.db' } },
    },
    {
      name: 'a store by an absolute path',
      env: { STORE_URL: 'sqlite:/data/bridge.db' },
      expected: { store: { kind: 'sqlite', path: '/data/bridge.db' } },
    },
    {
      name: 'a store by a whole URL',
      env: { STORE_URL: 'sqlite:///data/bridge.db' },
      expected: { store: { kind: 'sqlite', path: '/data/bridge.db' } },
    },
    {
      name: 'PostgreSQL',
      env: { STORE_URL: 'postgres://user:password@localhost/bridge?sslmode=verify-full&pool_max=5' },
      expected: {
        store: {
          kind: 'postgres',
          url: 'postgres://user:password@localhost/bridge?sslmode=verify-full&pool_max=5',
        },
      },
    },
    {
      name: 'PostgreSQL’s longer name',
      env: { STORE_URL: 'postgresql://localhost/bridge' },
      expected: { store: { kind: 'postgres', url: 'postgresql://localhost/bridge' } },
    },
    {
      name: 'listeners',
      env: { PORT: '80', HOST: '127.0.0.1', ADMIN_PORT: '65535', ADMIN_HOST: '::1' },
      expected: {
        publicListener: { host: '127.0.0.1', port: 80 },
        adminListener: { host: '::1', port: 65_535 },
      },
    },
    {
      name: 'any free port, for both',
      env: { PORT: '0', ADMIN_PORT: '0' },
      expected: {
        publicListener: { host: '0.0.0.0', port: 0 },
        adminListener: { host: '127.0.0.1', port: 0 },
      },
    },
    {
      name: 'the other method',
      env: { CONNECT_METHOD: 'participant' },
      expected: { connectMethod: 'participant' },
    },
    {
      name: 'topics of replies',
      env: { REPLY_TOPIC_ARNS: `${OTHER_TOPIC}, ${REPLY_TOPIC}` },
      expected: { replyTopicArns: [OTHER_TOPIC, REPLY_TOPIC] },
    },
    { name: 'a pace of replies', env: { REPLY_RATE: '3' }, expected: { paces: makePaces({}, 3) } },
    {
      name: 'a version of Meta’s API',
      env: { META_API_VERSION: 'v25.0' },
      expected: { metaApiVersion: 'v25.0' },
    },
    {
      name: 'the slowest pace',
      env: { CONNECT_RATE: '1', CONNECT_BURST: '1' },
      expected: { paces: makePaces({ rate: 1, burst: 1 }, 10) },
    },
    {
      name: 'the fastest',
      env: { CONNECT_RATE: '1000000', CONNECT_BURST: '1000000' },
      expected: { paces: makePaces({ rate: 1_000_000, burst: 1_000_000 }, 10) },
    },
    { name: 'no hold', env: { ORDER_HOLD_MS: '0' }, expected: { orderHoldMs: 0 } },
    { name: 'the longest hold', env: { ORDER_HOLD_MS: '60000' }, expected: { orderHoldMs: 60_000 } },
    {
      name: 'hours, as milliseconds',
      env: { RETRY_MAX_AGE_HOURS: '2' },
      expected: { retryMaxAgeMs: 7_200_000 },
    },
    {
      name: 'days, as milliseconds',
      env: { RETENTION_DAYS: '36500' },
      expected: { retentionMs: 36_500 * DAY_MS },
    },
    { name: 'a folder of certificates', env: { SNS_CERT_DIR: '/certs' }, expected: { certDir: '/certs' } },
    { name: 'a country', env: { DEFAULT_COUNTRY: 'GB' }, expected: { defaultCountry: 'GB' } },
    {
      name: 'the shortest and the longest texts',
      env: { TEXT_LIMIT_SMS: '10', TEXT_LIMIT_WHATSAPP: '16384' },
      expected: { textLimits: { sms: 10, whatsapp: 16_384 } },
    },
    { name: 'a log level', env: { LOG_LEVEL: 'debug' }, expected: { logLevel: 'debug' } },
    { name: 'the SDK’s Region', env: { AWS_REGION: 'eu-west-2' }, expected: { fallbackRegion: 'eu-west-2' } },
  ])('takes $name', ({ env, expected }) => {
    expect(load(env)).toMatchObject(expected);
  });

  it.each<{ name: string; env: Environment; problem: string }>([
    { name: 'no topic', env: { TOPIC_ARNS: '' }, problem: 'TOPIC_ARNS: is required' },
    { name: 'commas only', env: { TOPIC_ARNS: ' , ' }, problem: 'TOPIC_ARNS: is required' },
    {
      name: 'a topic’s name',
      env: { TOPIC_ARNS: 'inbound' },
      problem: "TOPIC_ARNS: inbound is no SNS topic's ARN",
    },
    {
      name: 'a bad one among good ones',
      env: { TOPIC_ARNS: `${TOPIC},x` },
      problem: "TOPIC_ARNS: x is no SNS topic's ARN",
    },
    {
      name: 'a queue',
      env: { TOPIC_ARNS: 'arn:aws:sqs:us-east-1:111122223333:q' },
      problem: 'TOPIC_ARNS: arn:aws:sqs',
    },
    { name: 'a subscription', env: { TOPIC_ARNS: `${TOPIC}:0a1b2c3d` }, problem: 'TOPIC_ARNS: arn' },
    { name: 'a FIFO topic', env: { TOPIC_ARNS: `${TOPIC}.fifo` }, problem: 'FIFO' },
    {
      name: 'another partition',
      env: { TOPIC_ARNS: 'arn:aws-moon:sns:moon-1:111122223333:t' },
      problem: 'partition that is not known',
    },
    {
      name: 'several topics that are none',
      env: { TOPIC_ARNS: `foo,${TOPIC}.fifo` },
      problem: `foo is no SNS topic's ARN; ${TOPIC}.fifo is a FIFO topic`,
    },
    {
      name: 'a topic for both directions',
      env: { REPLY_TOPIC_ARNS: TOPIC },
      problem: `REPLY_TOPIC_ARNS: ${TOPIC} is among TOPIC_ARNS too`,
    },
    {
      name: 'a PostgreSQL URL that is none',
      env: { STORE_URL: 'postgres://a password@b c/d' },
      problem: 'STORE_URL: is no URL',
    },
    {
      name: 'a pool of no connections',
      env: { STORE_URL: 'postgresql://localhost/bridge?pool_max=0' },
      problem: 'STORE_URL: pool_max is no whole number from 1 to 1000',
    },
    {
      name: 'a path without a scheme',
      env: { STORE_URL: 'data/bridge.db' },
      problem: 'STORE_URL: is not of the form sqlite:PATH',
    },
    {
      name: 'a scheme without a path',
      env: { STORE_URL: 'sqlite:' },
      problem: 'STORE_URL: is not of the form sqlite:PATH',
    },
    {
      name: 'a store that forgets',
      env: { STORE_URL: 'sqlite::memory:' },
      problem: 'STORE_URL: is not of the form sqlite:PATH',
    },
    {
      name: 'a store that may forget',
      env: { STORE_URL: 'sqlite:file:x?mode=memory' },
      problem: 'STORE_URL: is not of the form sqlite:PATH',
    },
    {
      name: 'a host in the store’s URL',
      env: { STORE_URL: 'sqlite://data/bridge.db' },
      problem: 'STORE_URL: is not of the form sqlite:PATH',
    },
    { name: 'no number', env: { PORT: 'http' }, problem: 'PORT: is no whole number from 0 to 65535' },
    { name: 'a port too high', env: { PORT: '65536' }, problem: 'PORT: is no whole number from 0 to 65535' },
    { name: 'a negative one', env: { ADMIN_PORT: '-1' }, problem: 'ADMIN_PORT: is no whole number' },
    { name: 'blanks', env: { PORT: ' ' }, problem: 'PORT: is no whole number' },
    {
      name: 'the same port twice',
      env: { PORT: '8080', ADMIN_PORT: '8080' },
      problem: 'ADMIN_PORT: is the same as PORT',
    },
    {
      name: 'another method',
      env: { CONNECT_METHOD: 'carrier-pigeon' },
      problem: 'CONNECT_METHOD: is none of integration-event, participant',
    },
    {
      name: 'a version of no API',
      env: { META_API_VERSION: '24' },
      problem: 'META_API_VERSION: is not of the form v24.0',
    },
    {
      name: 'a participant’s route without its place',
      env: { CONNECT_METHOD: 'participant', ROUTES: inlineRoutes({ channel: 'whatsapp', number: '*' }) },
      problem: '$.routes[0].instanceId is required for the method participant',
    },
    {
      name: 'a participant’s route without a topic for its chats',
      env: { ROUTES: inlineRoutes(PARTICIPANT_ROUTE) },
      problem:
        '$.routes[0].streamingEndpointArn is required for the method participant, unless REPLY_TOPIC_ARNS',
    },
    {
      name: 'a participant’s route without a topic in its Region',
      env: {
        ROUTES: inlineRoutes({ ...PARTICIPANT_ROUTE, region: 'eu-central-1' }),
        REPLY_TOPIC_ARNS: REPLY_TOPIC,
      },
      problem: 'ROUTES: $.routes[0] has no topic in eu-central-1 to stream its chats to',
    },
    {
      name: 'a route whose replies the bridge is to carry, without a topic in its Region',
      env: {
        ROUTES: inlineRoutes({ ...ROUTE, region: 'eu-central-1', replies: 'bridge' }),
        REPLY_TOPIC_ARNS: REPLY_TOPIC,
      },
      problem: 'ROUTES: $.routes[0] has no topic in eu-central-1 to stream its chats to',
    },
    {
      name: 'a route whose replies the bridge is to carry, whatever the number, without any topic',
      env: { ROUTES: inlineRoutes({ channel: 'whatsapp', number: '*', replies: 'bridge' }) },
      problem:
        '$.routes[0].streamingEndpointArn is required where the bridge carries replies, unless REPLY_TOPIC_ARNS',
    },
    {
      name: 'a participant’s route without a Region',
      env: { ROUTES: inlineRoutes(PARTICIPANT_ROUTE), REPLY_TOPIC_ARNS: REPLY_TOPIC },
      problem: 'ROUTES: $.routes[0] has no Region',
    },
    {
      name: 'a pace of nothing',
      env: { CONNECT_RATE: '0' },
      problem: 'CONNECT_RATE: is no whole number from 1 to 1000000',
    },
    { name: 'a pace too fast', env: { CONNECT_RATE: '1000001' }, problem: 'CONNECT_RATE: is no' },
    { name: 'a part of a call', env: { CONNECT_BURST: '1.5' }, problem: 'CONNECT_BURST: is no' },
    { name: 'another notation', env: { CONNECT_BURST: '1e3' }, problem: 'CONNECT_BURST: is no' },
    {
      name: 'a hold too long',
      env: { ORDER_HOLD_MS: '60001' },
      problem: 'ORDER_HOLD_MS: is no whole number from 0 to 60000',
    },
    { name: 'no time to retry', env: { RETRY_MAX_AGE_HOURS: '0' }, problem: 'RETRY_MAX_AGE_HOURS: is no' },
    {
      name: 'no retention',
      env: { RETENTION_DAYS: '0' },
      problem: 'RETENTION_DAYS: is no whole number from 1 to 36500',
    },
    { name: 'a retention too long', env: { RETENTION_DAYS: '36501' }, problem: 'RETENTION_DAYS: is no' },
    {
      name: 'a country in small letters',
      env: { DEFAULT_COUNTRY: 'us' },
      problem: 'DEFAULT_COUNTRY: us is no ISO country code',
    },
    { name: 'a country’s name', env: { DEFAULT_COUNTRY: 'France' }, problem: 'DEFAULT_COUNTRY: France' },
    {
      name: 'texts too short to split',
      env: { TEXT_LIMIT_SMS: '9' },
      problem: 'TEXT_LIMIT_SMS: is no whole number from 10 to 16384',
    },
    {
      name: 'texts longer than Connect takes',
      env: { TEXT_LIMIT_WHATSAPP: '16385' },
      problem: 'TEXT_LIMIT_WHATSAPP: is no',
    },
    { name: 'a log level', env: { LOG_LEVEL: 'verbose' }, problem: 'LOG_LEVEL: is none of trace, debug' },
  ])('refuses $name', ({ env, problem }) => {
    const problems = problemsOf(() => load(env));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it('hears of every problem at once', () => {
    const problems = problemsOf(() =>
      loadConfig({
        PORT: 'x',
        CONNECT_METHOD: 'x',
        REPLY_TOPIC_ARNS: 'x',
        LOG_LEVEL: 'x',
        ROUTES: inlineRoutes({ ...ROUTE, destinationId: 'phone-1' }),
      }),
    );
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'TOPIC_ARNS',
      'REPLY_TOPIC_ARNS',
      'CONNECT_METHOD',
      'PORT',
      'LOG_LEVEL',
      'ROUTES',
    ]);
    expect(errorEntry('CONFIG_INVALID').exit).toBe(78);
  });

  it('says nothing of what is fine', () => {
    expect(problemsOf(() => loadConfig({ ADMIN_PORT: 'x', PORT: 'x' }))).toHaveLength(3);
  });
});

describe('routes', () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'config-'));
    fs.writeFileSync(path.join(folder, 'routes.json'), inlineRoutes(ROUTE));
    fs.writeFileSync(path.join(folder, 'broken.json'), '{"routes":[');
    fs.writeFileSync(path.join(folder, 'wrong.json'), inlineRoutes({ ...ROUTE, channel: 'fax' }));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('may stand inline, or in a file', () => {
    expect(load({ ROUTES: inlineRoutes(ROUTE) }).routes).toEqual([ROUTE]);
    expect(load({ ROUTES: `\n  ${inlineRoutes(ROUTE)}` }).routes).toEqual([ROUTE]);
    expect(load({ ROUTES: path.join(folder, 'routes.json') }).routes).toEqual([ROUTE]);
  });

  it.each([
    { name: 'a file that isn’t there', file: 'none.json', problem: "ROUTES: the file can't be read: ENOENT" },
    { name: 'a folder', file: '.', problem: "ROUTES: the file can't be read: EISDIR" },
    { name: 'a file that is no JSON', file: 'broken.json', problem: 'ROUTES: is no JSON' },
    { name: 'a file of wrong routes', file: 'wrong.json', problem: 'ROUTES: \n      $.routes[0].channel' },
  ])('refuse $name', ({ file, problem }) => {
    const problems = problemsOf(() => load({ ROUTES: path.join(folder, file) }));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it('say where each fault is, by JSON path', () => {
    const [problem] = problemsOf(() =>
      load({
        ROUTES: inlineRoutes(
          ROUTE,
          { ...ROUTE, region: 'Ohio', attributes: { 'a b': '1' } },
          { channel: 'sms', number: '1' },
        ),
      }),
    );
    for (const part of [
      '$.routes[1].region is no Region',
      '$.routes[1].attributes["a b"] ',
      '$.routes[2].destinationId is required for the channel sms',
    ]) {
      expect(problem).toContain(part);
    }
  });

  it.each<{ name: string; route: Record<string, unknown>; env?: Environment; isFine: boolean }>([
    { name: 'an ARN’s', route: ROUTE, isFine: true },
    {
      name: 'the route’s own',
      route: { ...ROUTE, destinationId: 'phone-1', region: 'us-east-1' },
      isFine: true,
    },
    {
      name: 'AWS_REGION',
      route: { ...ROUTE, destinationId: 'phone-1' },
      env: { AWS_REGION: 'us-east-1' },
      isFine: true,
    },
    {
      name: 'AWS_REGION, where the ARN has none',
      route: { ...ROUTE, destinationId: 'arn:aws:sms-voice::111122223333:phone-number/phone-1' },
      env: { AWS_REGION: 'us-east-1' },
      isFine: true,
    },
    { name: 'that of WhatsApp’s own ARN, later', route: { channel: 'whatsapp', number: '*' }, isFine: true },
    { name: 'none', route: { ...ROUTE, destinationId: 'phone-1' }, isFine: false },
  ])('have a Region: $name', ({ route, env = {}, isFine }) => {
    const loading = (): Config => load({ ...env, ROUTES: inlineRoutes(route) });
    if (isFine) expect(loading().routes).toHaveLength(1);
    else expect(problemsOf(loading)).toEqual([expect.stringContaining('ROUTES: $.routes[0] has no Region')]);
  });
});

describe('loadSetting', () => {
  it('reads one variable, whatever the others are', () => {
    expect(loadSetting({ PORT: 'x' }, 'STORE_URL')).toEqual({ kind: 'sqlite', path: 'data/bridge.db' });
    expect(loadSetting({ STORE_URL: 'sqlite:a.db' }, 'STORE_URL')).toEqual({ kind: 'sqlite', path: 'a.db' });
  });

  it('names the variable that is wrong', () => {
    expect(problemsOf(() => loadSetting({ PORT: 'x' }, 'PORT'))).toEqual([
      'PORT: is no whole number from 0 to 65535',
    ]);
    expect(problemsOf(() => loadSetting({}, 'TOPIC_ARNS'))).toEqual(['TOPIC_ARNS: is required']);
  });
});
