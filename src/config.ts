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
import { parseConnectionUrl } from './queue/postgres/connection-url.ts';
import { schemaProblems } from './schema-problems.ts';
import { routesSchema } from './send/route.ts';
import type { Route } from './send/route.ts';
import type { TextLimits } from './send/text-parts.ts';

/** Parses a variable's text; throws a SettingProblem that says what is wrong. `value` is undefined only without default. */
interface Setting<Value> {
  readonly fallback: string | undefined;
  readonly meaning: string;
  readonly parse: (text: string) => Value;
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
    meaning: 'SNS topics of Connect chat streaming. Not in this version: leave it unset.',
    parse: (text) => {
      if (text) throw new SettingProblem('agents’ replies are not in this version: leave it unset');
    },
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
    meaning: 'How messages reach Connect: `integration-event` (SendChatIntegrationEvent).',
    parse: (text) => {
      if (text === 'participant') throw new SettingProblem('the method participant is not in this version');
      if (text !== 'integration-event')
        throw new SettingProblem('is neither integration-event nor participant');
    },
  },
  CONNECT_RATE: {
    fallback: '17',
    meaning: 'Calls per second to Connect, per account and Region: SendChatIntegrationEvent’s default quota.',
    parse: integer(1, 1_000_000),
  },
  CONNECT_BURST: {
    fallback: '26',
    meaning: 'Calls to Connect at once after a quiet time, per account and Region.',
    parse: integer(1, 1_000_000),
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

export interface Config {
  readonly topicArns: readonly string[];
  readonly routes: readonly Route[];
  readonly store: StoreLocation;
  readonly publicListener: Listener;
  readonly adminListener: Listener;
  /** Calls per second, and calls at once, per account and Region. */
  readonly connectRate: number;
  readonly connectBurst: number;
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
  read('REPLY_TOPIC_ARNS');
  read('CONNECT_METHOD');
  const config: Config = {
    topicArns: read('TOPIC_ARNS'),
    routes: read('ROUTES'),
    store: read('STORE_URL'),
    publicListener: { host: read('HOST'), port: read('PORT') },
    adminListener: { host: read('ADMIN_HOST'), port: read('ADMIN_PORT') },
    connectRate: read('CONNECT_RATE'),
    connectBurst: read('CONNECT_BURST'),
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
  return setting.parse(text) as SettingValue<Name>;
}

function describeProblem(error: unknown): string {
  if (error instanceof SettingProblem) return error.message;
  throw error;
}

/** What has a problem of its own is undefined here, and has no further one. */
function crossProblems(config: Config): string[] {
  const problems: string[] = [];
  const { publicListener, adminListener, fallbackRegion } = config;
  const routes: Config['routes'] | undefined = config.routes;
  if (publicListener.port > 0 && publicListener.port === adminListener.port) {
    problems.push('ADMIN_PORT: is the same as PORT');
  }
  for (const [index, route] of routes?.entries() ?? []) {
    const hasRegion = route.region || parseArn(route.destinationId ?? '')?.region || fallbackRegion;
    if (route.destinationId && !hasRegion) {
      problems.push(
        `ROUTES: $.routes[${index}] has no Region: give region, an ARN as destinationId, or AWS_REGION`,
      );
    }
  }
  return problems;
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
  for (const text of arns) {
    const arn = parseArn(text);
    if (arn?.service !== 'sns' || !arn.region || !arn.account)
      throw new SettingProblem(`${text} is no SNS topic's ARN`);
    if (!(arn.partition in PARTITION_DNS_SUFFIXES)) {
      throw new SettingProblem(`${text} is in a partition that is not known here: ${arn.partition}`);
    }
    if (arn.resource.endsWith('.fifo'))
      throw new SettingProblem(`${text} is a FIFO topic, which can't deliver over HTTPS`);
    if (!/^[A-Za-z0-9_-]{1,256}$/.test(arn.resource))
      throw new SettingProblem(`${text} is no SNS topic's ARN`);
  }
  return arns;
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

function parseRoutes(text: string): readonly Route[] {
  if (!text) return [];
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
