/** The topics: do they exist, and may those publish to them that have to? */
import { parseArn } from '../../arn.ts';
import { CHANNELS } from '../../normalize/channel.ts';
import type { Channel } from '../../normalize/channel.ts';
import { AskError, NothingToCheck, hasFault } from './ask.ts';
import { ok, unknown, warning, wrong } from './check.ts';
import type { Check, Finding } from './check.ts';
import { checkKey } from './encryption.ts';
import { PUBLISHERS, destinations, instanceArn, nameOf } from './examination.ts';
import type { Examination } from './examination.ts';
import type { Attributes } from './readings.ts';
import { judgePolicy } from './resource-policy.ts';
import type { Access } from './resource-policy.ts';

const CONNECT = 'connect.amazonaws.com';

export function topicChecks(examination: Examination): readonly Check[] {
  const { topicArns, replyTopicArns } = examination.config;
  return [
    ...topicArns.flatMap((arn) => inboundChecks(arn, examination)),
    ...replyTopicArns.flatMap((arn) => replyChecks(arn, examination)),
  ];
}

function inboundChecks(arn: string, examination: Examination): readonly Check[] {
  const publishers = CHANNELS.map((channel) =>
    row(arn, channel, `${channel} may publish`, () => checkPublisher(arn, channel, examination)),
  );
  return [
    existence(arn, examination),
    ...publishers,
    row(arn, 'key', 'encryption', () => checkInboundKey(arn, examination)),
  ];
}

function replyChecks(arn: string, examination: Examination): readonly Check[] {
  return [
    existence(arn, examination),
    row(arn, 'connect', 'Connect may publish', () => checkStreaming(arn, examination)),
    row(arn, 'key', 'encryption', () => checkTopicKey(arn, [CONNECT], examination)),
  ];
}

function row(arn: string, aspect: string, title: string, run: Check['run']): Check {
  return { id: `topic/${arn}/${aspect}`, title: `topic ${nameOf(arn)}: ${title}`, run };
}

function existence(arn: string, examination: Examination): Check {
  return { id: `topic/${arn}`, title: `topic ${nameOf(arn)}`, run: () => checkExistence(arn, examination) };
}

async function checkExistence(arn: string, { readings }: Examination): Promise<Finding> {
  const topic = await readings.topic(arn).catch(wrongIfMissing);
  if ('verdict' in topic) return topic as Finding;
  if (topic['FifoTopic'] === 'true')
    return wrong(
      'a FIFO topic, which neither EUM nor Connect can publish to, and which has no HTTPS subscribers',
      'make a standard topic',
    );
  if (topic['SignatureVersion'] !== '2')
    return warning(
      'a standard topic, but it signs with SHA-1 (SignatureVersion 1)',
      `\`bridge subscribe\` sets SignatureVersion 2`,
    );
  return ok('a standard topic, signing with SHA-256');
}

function wrongIfMissing(error: unknown): Finding {
  if (!hasFault(error, 'missing')) throw error;
  return wrong(
    'there is no such topic',
    'make it, or mend the ARN in TOPIC_ARNS or REPLY_TOPIC_ARNS: name, Region, account',
  );
}

/** What keeps it from being read stands in its own line, once. */
async function readTopic(arn: string, { readings }: Examination): Promise<Attributes> {
  try {
    return await readings.topic(arn);
  } catch (error) {
    if (hasFault(error, 'missing')) throw new NothingToCheck('there is no such topic');
    if (error instanceof AskError) throw new NothingToCheck('the topic could not be read: see its own line');
    throw error;
  }
}

/**
 * EUM publishes by the topic's policy, or by a role that the number or WhatsApp account names. Which of the two, and
 * whether it has to at all, only the numbers and accounts tell.
 */
async function checkPublisher(arn: string, channel: Channel, examination: Examination): Promise<Finding> {
  const topic = await readTopic(arn, examination);
  const principal = PUBLISHERS[channel];
  const judgement = judgePolicy(topic['Policy'], accessTo(arn, principal));
  if (judgement === 'yes') return ok(`the topic's policy lets ${principal} publish`);
  const use = await useOf(arn, channel, examination);
  if (use === 'none') return ok(`not needed: nothing of ${channel} publishes here`);
  if (use === 'role') return ok(`not by the topic's policy, but by a role that EUM has been given`);
  const allow = `in the topic's policy allow sns:Publish to ${principal}, with aws:SourceAccount as condition (docs/set-up.md)`;
  if (judgement === 'perhaps')
    return unknown(`the topic's policy has conditions that can't be judged from here`, `check: ${allow}`);
  if (use === 'unknown')
    return warning(
      `the topic's policy does not let ${principal} publish, and what publishes here is not known`,
      allow,
    );
  return wrong(`the topic's policy does not let ${principal} publish`, allow);
}

type Use = 'policy' | 'role' | 'none' | 'unknown';

async function useOf(arn: string, channel: Channel, { readings }: Examination): Promise<Use> {
  const place = { region: parseArn(arn)?.region ?? '' };
  try {
    const roles =
      channel === 'sms'
        ? (await readings.smsNumbers(place)).flatMap(({ isTwoWay, channelArn, channelRole }) =>
            isTwoWay && channelArn === arn ? [channelRole] : [],
          )
        : (await readings.whatsappAccounts(place)).flatMap(({ eventDestinations = [] }) =>
            eventDestinations.flatMap(({ eventDestinationArn, roleArn }) =>
              eventDestinationArn === arn ? [roleArn] : [],
            ),
          );
    if (roles.length === 0) return 'none';
    return roles.every(Boolean) ? 'role' : 'policy';
  } catch (error) {
    if (error instanceof AskError) return 'unknown';
    throw error;
  }
}

async function checkInboundKey(arn: string, examination: Examination): Promise<Finding> {
  const uses = await Promise.all(CHANNELS.map((channel) => useOf(arn, channel, examination)));
  const users = CHANNELS.filter((_, index) => uses[index] === 'policy');
  // Where the use is not known, the key has to serve what has routes; a role brings its own permissions.
  const assumed = users.length > 0 ? users : routedChannels(examination);
  return checkTopicKey(
    arn,
    assumed.map((channel) => PUBLISHERS[channel]),
    examination,
  );
}

function routedChannels({ config }: Examination): readonly Channel[] {
  const routed = CHANNELS.filter((channel) => config.routes.some((route) => route.channel === channel));
  return routed.length > 0 ? routed : ['whatsapp']; // which needs no route
}

async function checkStreaming(arn: string, examination: Examination): Promise<Finding> {
  const topic = await readTopic(arn, examination);
  const instances = instancesStreamedTo(arn, examination);
  const judgements = new Set(
    (instances.length > 0 ? instances : [undefined]).map((sourceArn) =>
      judgePolicy(topic['Policy'], accessTo(arn, CONNECT, sourceArn)),
    ),
  );
  const allow = `in the topic's policy allow sns:Publish to ${CONNECT}, with the instance's ARN as aws:SourceArn and its account as aws:SourceAccount, and remove the condition on AWS:SourceOwner (docs/set-up.md)`;
  if (judgements.has('no')) return wrong(`the topic's policy does not let ${CONNECT} publish`, allow);
  if (judgements.has('perhaps'))
    return unknown(`the topic's policy has conditions that can't be judged from here`, `check: ${allow}`);
  return ok(`the topic's policy lets ${CONNECT} publish`);
}

/** Their ARNs, which Connect gives as aws:SourceArn. */
function instancesStreamedTo(arn: string, { config }: Examination): readonly string[] {
  return destinations(config).flatMap(({ chat }) =>
    chat?.streamingEndpointArn === arn ? [instanceArn(chat)] : [],
  );
}

async function checkTopicKey(
  arn: string,
  principals: readonly string[],
  examination: Examination,
): Promise<Finding> {
  const keyId = (await readTopic(arn, examination))['KmsMasterKeyId'];
  if (!keyId) return ok('not encrypted with a key');
  const place = { region: parseArn(arn)?.region ?? '' };
  const { context } = accessTo(arn, '');
  return checkKey(keyId, principals, context, { readings: examination.readings, place });
}

/** `AWS:SourceOwner`, of a topic's default policy, does not come with what a service publishes. */
function accessTo(arn: string, principal: string, sourceArn?: string): Access {
  const account = (sourceArn && parseArn(sourceArn)?.account) || parseArn(arn)?.account;
  return {
    principal,
    action: 'sns:Publish',
    resource: arn,
    context: {
      'aws:sourceaccount': account,
      'aws:sourcearn': sourceArn,
      'aws:sourceowner': null,
      'aws:securetransport': 'true',
    },
  };
}
