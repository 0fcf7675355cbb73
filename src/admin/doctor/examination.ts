/** What every area of checks is given, and what several of them ask of the configuration. */
import { parseArn } from '../../arn.ts';
import type { Config } from '../../config.ts';
import type { Channel } from '../../normalize/channel.ts';
import type { ChatPlace, Destination } from '../../send/route.ts';
import { destinationOfRoute } from '../../send/route.ts';
import type { Place, Readings } from './readings.ts';

export interface Examination {
  readonly config: Config;
  readonly readings: Readings;
  /** Where SNS is to reach the bridge: https://HOST/sns. */
  readonly endpoint: URL | undefined;
  /** Also try what changes something: an event, or a chat that is ended at once. */
  readonly probe: boolean;
}

/** The service that publishes a channel's messages. */
export const PUBLISHERS = {
  sms: 'sms-voice.amazonaws.com',
  whatsapp: 'social-messaging.amazonaws.com',
} as const satisfies Record<Channel, string>;

/** Regions in which numbers may publish to the bridge's topics: a topic's messages come from its own Region. */
export function topicRegions({ topicArns }: Config): readonly string[] {
  return [...new Set(topicArns.map((arn) => parseArn(arn)?.region ?? ''))];
}

/** Where doctor asks what belongs to no Region or to whichever the bridge runs in. */
export function homePlace(config: Config): Place {
  return { region: config.fallbackRegion ?? topicRegions(config)[0] ?? 'us-east-1' };
}

export function nameOf(arn: string): string {
  return parseArn(arn)?.resource ?? arn;
}

/** Everywhere that routes lead to, each once. */
export function destinations(config: Config): readonly Destination[] {
  const all = config.routes.flatMap((route) => destinationOfRoute(route, config) ?? []);
  return [
    ...new Map(all.map((one) => [`${one.destination} ${one.region} ${one.roleArn ?? ''}`, one])).values(),
  ];
}

/** Where nothing else tells its account, it is taken to be the topic's. */
export function instanceArn({ instanceId, account, region, streamingEndpointArn }: ChatPlace): string {
  const topic = parseArn(streamingEndpointArn);
  return `arn:${topic?.partition}:connect:${region}:${account || topic?.account}:instance/${instanceId}`;
}
