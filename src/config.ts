/**
 * Configuration: environment variables, read once at start, every problem reported at once. The table below is the
 * one place where a variable, its default and its meaning stand; the README's table is held equal to it by a test.
 * Region, credentials and endpoints are the AWS SDK's own variables.
 */
import fs from 'node:fs';
import { isSupportedCountry } from 'libphonenumber-js/max';
import type { CountryCode } from 'libphonenumber-js/max';
import { parseArn } from './arn.ts';
import { DAY_MS, HOUR_MS } from './clock.ts';
import { BridgeError } from './errors.ts';
import { LOG_LEVELS } from './log.ts';
import type { LogLevel } from './log.ts';
import { PARTITION_DNS_SUFFIXES } from './ingest/signing-certificate.ts';
import type { StoreLocation } from './queue/open-store.ts';
import type { PaceTable } from './queue/pace.ts';
import { parseConnectionUrl } from './queue/postgres/connection-url.ts';
import { schemaProblems } from './schema-problems.ts';
import { makePaces } from './send/api-quotas.ts';
import { CONNECT_METHODS, destinationOfRoute, makeRoutesSchema, methodOf } from './send/route.ts';
import type { ConnectMethod, Route, Routing } from './send/route.ts';
import type { TextLimits } from './send/text-parts.ts';

/** Parses a variable's text; throws a SettingProblem that says what is wrong. `value` is undefined only without default. */
interface Setting<Value> {
  readonly fallback: string | undefined;
  readonly meaning: string;
  /** `env` is for what depends on another variable. */
  readonly parse: (text: string, env: Environment) => Value;
}

class SettingProblem extends Error {}

export const SETTINGS = {
  TOPIC_ARNS: {
    fallback: undefined,
    meaning: 'Required. Comma-separated SNS topics of inbound messages; no other topic is accepted.',
    parse: parseTopicArns,
  },
  REPLY_TOPIC_ARNS: {
    fallback: '',
    meaning:
      'Comma-separated SNS topics of Connect’s chat streaming, for agents’ replies. What comes by one of these is from agents, whatever it looks like.',
    parse: (text) => (text ? parseTopicArns(text) : []),
  },
  ROUTES: {
    fallback: '',
    meaning: 'Routes: inline JSON where the value starts with `{`, else the path of a JSON file.',
    parse: parseRoutes,
  },
  STORE_URL: {
    fallback: 'sqlite:data/bridge.db',
    meaning:
      'Where messages are kept until they are delivered: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE` for several replicas. Its query may have `sslmode=verify-full` (TLS; without one there is none), `sslrootcert=PATH` and `pool_max=10`.',
    parse: parseStoreUrl,
  },
  PORT: {
    fallback: '8080',
    meaning: 'Public listener: `POST /sns`, `GET /healthz`, nothing else.',
    parse: parsePort,
  },
  HOST: { fallback: '0.0.0.0', meaning: 'Address of the public listener.', parse: (text) => text.trim() },
  ADMIN_PORT: {
    fallback: '9090',
    meaning: 'Operators’ listener: `GET /readyz`, `GET /metrics`.',
    parse: parsePort,
  },
  ADMIN_HOST: {
    fallback: '127.0.0.1',
    meaning: 'Address of the operators’ listener.',
    parse: (text) => text,
  },
  CONNECT_METHOD: {
    fallback: 'integration-event',
    meaning:
      'How messages reach Connect: `integration-event` (SendChatIntegrationEvent) or `participant` (StartChatContact and the Participant Service). A route’s `method` wins.',
    parse: parseConnectMethod,
  },
  CONNECT_RATE: {
    fallback: '17',
    meaning:
      'Calls per second to Connect, per account and Region: SendChatIntegrationEvent’s default quota. Of the method participant each operation keeps to its own default quota, unless this is set: then to this.',
    parse: integer(1, 1_000_000),
  },
  CONNECT_BURST: {
    fallback: '26',
    meaning: 'Calls to Connect at once after a quiet time, likewise.',
    parse: integer(1, 1_000_000),
  },
  REPLY_RATE: {
    fallback: '10',
    meaning:
      'Agents’ replies per second, per channel, account and Region. What your numbers may send depends on their kind and country.',
    parse: integer(1, 1_000_000),
  },
  META_API_VERSION: {
    fallback: 'v24.0',
    meaning: 'Version of Meta’s API that WhatsApp replies are written for.',
    parse: parseMetaVersion,
  },
  ORDER_HOLD_MS: {
    fallback: '250',
    meaning: 'How long a message waits for one that was sent earlier but arrives later, in milliseconds.',
    parse: integer(0, 60_000),
  },
  RETRY_MAX_AGE_HOURS: {
    fallback: '24',
    meaning: 'How long a message is tried before it becomes a dead letter.',
    parse: (text) => integer(1, 8_760)(text) * HOUR_MS,
  },
  RETENTION_DAYS: {
    fallback: '14',
    meaning: 'How long ids (for deduplication) and dead letters are kept; older notifications are refused.',
    parse: (text) => integer(1, 36_500)(text) * DAY_MS,
  },
  SNS_CERT_DIR: {
    fallback: 'data/certs',
    meaning:
      'Signing certificates, by the file name in SigningCertURL; fetched ones are kept here, and one that is here and good is not fetched.',
    parse: (text) => text,
  },
  DEFAULT_COUNTRY: {
    fallback: '',
    meaning: 'ISO country (two letters) of SMS numbers that arrive without `+`.',
    parse: parseCountry,
  },
  TEXT_LIMIT_SMS: {
    fallback: '1024',
    meaning: 'Longest SMS text that Connect takes, in UTF-16 code units: a longer one goes in parts.',
    parse: integer(10, 16_384),
  },
  TEXT_LIMIT_WHATSAPP: {
    fallback: '4096',
    meaning: 'The same for WhatsApp. No part has more than 16,384 bytes of UTF-8, whatever the limit.',
    parse: integer(10, 16_384),
  },
  LOG_LEVEL: { fallback: 'info', meaning: `One of \`${LOG_LEVELS.join('`, `')}\`.`, parse: parseLogLevel },
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;
type SettingValue<Name extends SettingName> = ReturnType<(typeof SETTINGS)[Name]['parse']>;

export interface Config extends Routing {
  readonly topicArns: readonly string[];
  readonly replyTopicArns: readonly string[];
  readonly connectMethod: ConnectMethod;
  readonly store: StoreLocation;
  readonly publicListener: Listener;
  readonly adminListener: Listener;
  /** Calls per second, and calls at once, per account and Region. */
  readonly paces: PaceTable;
  readonly metaApiVersion: string;
  readonly orderHoldMs: number;
  readonly retryMaxAgeMs: number;
  readonly retentionMs: number;
  readonly certDir: string;
  readonly defaultCountry: CountryCode | undefined;
  readonly textLimits: TextLimits;
  readonly logLevel: LogLevel;
  /** AWS_REGION: for calls whose Region neither a route nor an ARN gives. */
  readonly fallbackRegion: string | undefined;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Throws CONFIG_INVALID, whose detail lists every problem. */
export function loadConfig(env: Environment): Config {
  const problems: string[] = [];
  const read = <Name extends SettingName>(name: Name): SettingValue<Name> => {
    try {
      return parseSetting(env, name);
    } catch (error) {
      problems.push(`${name}: ${describeProblem(error)}`);
      return undefined as SettingValue<Name>; // never seen: a problem ends in the throw below
    }
  };
  const config: Config = {
    topicArns: read('TOPIC_ARNS'),
    replyTopicArns: read('REPLY_TOPIC_ARNS'),
    routes: read('ROUTES'),
    connectMethod: read('CONNECT_METHOD'),
    store: read('STORE_URL'),
    publicListener: { host: read('HOST'), port: read('PORT') },
    adminListener: { host: read('ADMIN_HOST'), port: read('ADMIN_PORT') },
    paces: readPaces(read, env),
    metaApiVersion: read('META_API_VERSION'),
    orderHoldMs: read('ORDER_HOLD_MS'),
    retryMaxAgeMs: read('RETRY_MAX_AGE_HOURS'),
    retentionMs: read('RETENTION_DAYS'),
    certDir: read('SNS_CERT_DIR'),
    defaultCountry: read('DEFAULT_COUNTRY'),
    textLimits: { sms: read('TEXT_LIMIT_SMS'), whatsapp: read('TEXT_LIMIT_WHATSAPP') },
    logLevel: read('LOG_LEVEL'),
    fallbackRegion: env['AWS_REGION'] || undefined,
  };
  problems.push(...crossProblems(config));
  if (problems.length > 0) {
    throw new BridgeError('CONFIG_INVALID', {
      detail: problems.map((problem) => `\n  - ${problem}`).join(''),
    });
  }
  return config;
}

/** One variable alone, for commands that need no more. Throws CONFIG_INVALID. */
export function loadSetting<Name extends SettingName>(env: Environment, name: Name): SettingValue<Name> {
  try {
    return parseSetting(env, name);
  } catch (error) {
    throw new BridgeError('CONFIG_INVALID', { detail: `\n  - ${name}: ${describeProblem(error)}` });
  }
}

/** An empty variable counts as unset: that is what compose files and task definitions make of a missing value. */
function parseSetting<Name extends SettingName>(env: Environment, name: Name): SettingValue<Name> {
  const setting: Setting<unknown> = SETTINGS[name];
  const text = env[name] || setting.fallback;
  if (text === undefined) throw new SettingProblem('is required');
  return setting.parse(text, env) as SettingValue<Name>;
}

function describeProblem(error: unknown): string {
  if (error instanceof SettingProblem) return error.message;
  throw error;
}

/** Of Connect's operations each has its own default quota; a rate that is set is all of theirs. */
function readPaces(
  read: <Name extends SettingName>(name: Name) => SettingValue<Name>,
  env: Environment,
): PaceTable {
  const [rate, burst, replyRate] = [read('CONNECT_RATE'), read('CONNECT_BURST'), read('REPLY_RATE')];
  return makePaces(
    { ...(env['CONNECT_RATE'] ? { rate } : {}), ...(env['CONNECT_BURST'] ? { burst } : {}) },
    replyRate,
  );
}

/** The routing alone, for commands that need no more. Throws CONFIG_INVALID. */
export function loadRouting(env: Environment): Routing {
  return {
    routes: loadSetting(env, 'ROUTES'),
    connectMethod: loadSetting(env, 'CONNECT_METHOD'),
    replyTopicArns: loadSetting(env, 'REPLY_TOPIC_ARNS'),
    fallbackRegion: env['AWS_REGION'] || undefined,
  };
}

/** What has a problem of its own is undefined here, and has no further one. */
function crossProblems(config: Config): string[] {
  const problems: string[] = [];
  const { publicListener, adminListener } = config;
  const routes: Config['routes'] | undefined = config.routes;
  if (publicListener.port > 0 && publicListener.port === adminListener.port) {
    problems.push('ADMIN_PORT: is the same as PORT');
  }
  for (const topic of (config.topicArns as Config['topicArns'] | undefined) ?? []) {
    if ((config.replyTopicArns as Config['topicArns'] | undefined)?.includes(topic))
      problems.push(`REPLY_TOPIC_ARNS: ${topic} is among TOPIC_ARNS too`);
  }
  for (const [index, route] of routes?.entries() ?? []) {
    const problem = describeUnresolved(route, config);
    if (problem) problems.push(`ROUTES: $.routes[${index}] ${problem}`);
  }
  return problems;
}

/** What keeps a route that is complete in itself from leading anywhere. */
function describeUnresolved(route: Route, config: Config): string | undefined {
  const region = route.region || parseArn(route.destinationId ?? '')?.region || config.fallbackRegion;
  const isParticipant = methodOf(route, config) === 'participant';
  if (!region && (route.destinationId || isParticipant))
    return 'has no Region: give region, an ARN as destinationId, or AWS_REGION';
  const destination = destinationOfRoute(route, config);
  const isUnheard = destination?.replies === 'bridge' && destination.streamingEndpointArn === undefined;
  if ((isParticipant && !destination) || isUnheard)
    return `has no topic in ${region} to stream its chats to: give one in REPLY_TOPIC_ARNS or streamingEndpointArn`;
  return undefined;
}

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(value >= least && value <= most))
      throw new SettingProblem(`is no whole number from ${least} to ${most}`);
    return value;
  };
}

function parsePort(text: string): number {
  return integer(0, 65_535)(text);
}

function parseTopicArns(text: string): readonly string[] {
  const arns = text
    .split(',')
    .map((arn) => arn.trim())
    .filter(Boolean);
  if (arns.length === 0) throw new SettingProblem('is required');
  const problems = arns.flatMap((arn) => describeTopicProblem(arn) ?? []);
  if (problems.length > 0) throw new SettingProblem(problems.join('; '));
  return arns;
}

function describeTopicProblem(text: string): string | undefined {
  const arn = parseArn(text);
  if (arn?.service !== 'sns' || !arn.region || !arn.account) return `${text} is no SNS topic's ARN`;
  if (!(arn.partition in PARTITION_DNS_SUFFIXES)) {
    return `${text} is in a partition that is not known here: ${arn.partition}`;
  }
  if (arn.resource.endsWith('.fifo')) return `${text} is a FIFO topic, which can't deliver over HTTPS`;
  return /^[A-Za-z0-9_-]{1,256}$/.test(arn.resource) ? undefined : `${text} is no SNS topic's ARN`;
}

function parseStoreUrl(text: string): StoreLocation {
  if (/^postgres(ql)?:/.test(text)) return parsePostgresUrl(text);
  // Not what SQLite reads as a database in memory or as a URI, whose options could take the durability away.
  const path = /^sqlite:(?!:memory:|file:|\/\/[^/])(?:\/\/(?=\/))?(.+)$/.exec(text)?.[1];
  if (!path) throw new SettingProblem('is not of the form sqlite:PATH or postgres://…');
  return { kind: 'sqlite', path };
}

/** What it says of a problem never quotes the URL, which holds a password. */
function parsePostgresUrl(url: string): StoreLocation {
  try {
    parseConnectionUrl(url);
  } catch (error) {
    throw new SettingProblem((error as Error).message);
  }
  return { kind: 'postgres', url };
}

function parseCountry(text: string): CountryCode | undefined {
  if (!text) return undefined;
  if (!isSupportedCountry(text))
    throw new SettingProblem(`${text} is no ISO country code in capitals, such as US`);
  return text;
}

function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((level) => level === text);
  if (!level) throw new SettingProblem(`is none of ${LOG_LEVELS.join(', ')}`);
  return level;
}

function parseConnectMethod(text: string): ConnectMethod {
  const method = CONNECT_METHODS.find((method) => method === text);
  if (!method) throw new SettingProblem(`is none of ${CONNECT_METHODS.join(', ')}`);
  return method;
}

function parseMetaVersion(text: string): string {
  if (!/^v\d{1,3}\.\d$/.test(text)) throw new SettingProblem('is not of the form v24.0');
  return text;
}

function parseRoutes(text: string, env: Environment): readonly Route[] {
  if (!text) return [];
  const routesSchema = makeRoutesSchema({
    // What is wrong with these is said of them.
    connectMethod: CONNECT_METHODS.find((method) => method === env['CONNECT_METHOD']) ?? 'integration-event',
    replyTopicArns: (env['REPLY_TOPIC_ARNS'] ?? '').split(',').filter(Boolean),
  });
  const json = text.trimStart().startsWith('{') ? text : readRoutesFile(text);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new SettingProblem(`is no JSON: ${(error as Error).message}`);
  }
  const problems = schemaProblems(routesSchema, value);
  if (problems.length > 0) throw new SettingProblem(problems.map((problem) => `\n      ${problem}`).join(''));
  return routesSchema.parse(value).routes;
}

function readRoutesFile(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingProblem(`the file can't be read: ${(error as Error).message}`);
  }
}
