/** Each route: does Connect know the number, or the instance and flow, that it leads to? */
import { parseArn } from '../../arn.ts';
import type { Config } from '../../config.ts';
import type { Channel } from '../../normalize/channel.ts';
import {
  destinationOfRoute,
  methodOf,
  repliesOf,
  resolveDestination,
  streamingTopicOf,
} from '../../send/route.ts';
import type { ChatPlace, Route } from '../../send/route.ts';
import { hasFault } from './ask.ts';
import { ok, wrong } from './check.ts';
import type { Check, Finding } from './check.ts';
import { destinations, topicRegions } from './examination.ts';
import type { Examination } from './examination.ts';
import { publishesHere } from './numbers.ts';
import type { Place } from './readings.ts';

const ASSOCIATIONS = {
  sms: 'SMS_PHONE_NUMBER',
  whatsapp: 'WHATSAPP_MESSAGING_PHONE_NUMBER',
} as const satisfies Record<Channel, string>;

export function routeChecks(examination: Examination): readonly Check[] {
  return [
    ...examination.config.routes.flatMap((route) => checksOf(route, examination)),
    ...topicRegions(examination.config).map((region) => ({
      id: `route/whatsapp/without/${region}`,
      title: `WhatsApp numbers without a route of their own, ${region}`,
      run: () => checkUnrouted(region, examination),
    })),
  ];
}

function checksOf(route: Route, examination: Examination): readonly Check[] {
  const row = (aspect: string, title: string, run: Check['run']): Check => ({
    id: `route/${route.channel}/${route.number}/${aspect}`,
    title: `route ${route.channel} ${route.number}: ${title}`,
    run,
  });
  const streaming = row('streaming', 'streaming topic', async () => checkStreaming(route, examination));
  if (methodOf(route, examination.config) === 'integration-event') {
    const imported = row('import', 'imported, with a flow', () => checkRouteImport(route, examination));
    return repliesOf(route, examination.config) === 'bridge' ? [imported, streaming] : [imported];
  }
  return [
    row('instance', 'instance', () => checkInstance(route, examination)),
    row('flow', 'flow', () => checkFlow(route, examination)),
    streaming,
  ];
}

async function checkRouteImport(route: Route, examination: Examination): Promise<Finding> {
  const arn = destinationOfRoute(route, examination.config)?.numberArn;
  // A WhatsApp route for all numbers: the number's ARN comes with the message.
  if (arn === undefined) return ok('leads to whichever number a message comes with');
  return checkImport(arn, route.channel, placeOf(route, examination), examination);
}

/** WhatsApp needs no route: then a message's own number is where it goes, and has to be imported all the same. */
async function checkUnrouted(region: string, examination: Examination): Promise<Finding> {
  const { config, readings } = examination;
  const checked = new Set(destinations(config).map(({ destination }) => destination));
  const unrouted = (await readings.whatsappAccounts({ region }))
    .filter((account) => publishesHere(account, config))
    .flatMap(({ phoneNumbers = [] }) => phoneNumbers)
    .flatMap(({ arn = '', phoneNumber = '' }) => {
      const message = { channel: 'whatsapp', businessAddress: phoneNumber, businessNumberArn: arn } as const;
      const found = resolveDestination(config, message);
      return found && !found.chat && !checked.has(found.destination) ? [{ ...found, phoneNumber }] : [];
    });
  for (const { destination, phoneNumber, region: callRegion, roleArn } of unrouted) {
    const finding = await checkImport(destination, 'whatsapp', { region: callRegion, roleArn }, examination);
    if (finding.verdict !== 'ok') return { ...finding, what: `${phoneNumber}: ${finding.what}` };
  }
  const numbers = unrouted.map(({ phoneNumber }) => phoneNumber);
  return ok(numbers.length > 0 ? `imported, with a flow: ${numbers.join(', ')}` : 'none');
}

async function checkImport(
  arn: string,
  channel: Channel,
  place: Place,
  examination: Examination,
): Promise<Finding> {
  const { instanceId } = (await findImport(arn, place, examination)) ?? {};
  if (instanceId === undefined)
    return wrong(
      `no Connect instance has imported ${arn}`,
      'import the number into the instance (Connect console, Channels, Phone numbers, or ImportPhoneNumber), then associate a flow with it',
    );
  try {
    const flow = await examination.readings.flowOf(instanceId, arn, ASSOCIATIONS[channel], place);
    if (flow !== undefined) return ok(`imported to instance ${instanceId}, flow ${flow}`);
  } catch (error) {
    if (!hasFault(error, 'missing')) throw error;
  }
  return wrong(
    `imported to instance ${instanceId}, but no flow is associated with it`,
    'associate a flow with the number in the Connect console, or by AssociateFlow',
  );
}

/** `undefined`: no instance has it. */
export async function findImport(
  arn: string,
  place: Place,
  { readings }: Examination,
): Promise<{ readonly instanceId: string | undefined } | undefined> {
  const numbers = await readings.connectNumbers(place);
  const found = numbers.find(({ SourcePhoneNumberArn }) => SourcePhoneNumberArn === arn);
  return found && { instanceId: found.InstanceId ?? /instance\/(.+)$/.exec(found.TargetArn ?? '')?.[1] };
}

async function checkInstance(route: Route, examination: Examination): Promise<Finding> {
  const { instanceId } = chatOf(route, examination);
  const place = placeOf(route, examination);
  try {
    const instance = await examination.readings.instance(instanceId, place);
    if (instance?.InstanceStatus !== 'ACTIVE')
      return wrong(`${instanceId} is ${instance?.InstanceStatus}`, 'wait until it is ACTIVE');
    return ok(`${instance.InstanceAlias ?? instanceId}, active, in ${place.region}`);
  } catch (error) {
    if (!hasFault(error, 'missing')) throw error;
    return wrong(
      `there is no instance ${instanceId} in ${place.region}`,
      'mend the route’s instanceId or region',
    );
  }
}

async function checkFlow(route: Route, examination: Examination): Promise<Finding> {
  const { instanceId, contactFlowId } = chatOf(route, examination);
  try {
    const flow = await examination.readings.contactFlow(
      instanceId,
      contactFlowId,
      placeOf(route, examination),
    );
    const name = flow?.Name ?? contactFlowId;
    if (flow?.State === 'ARCHIVED') return wrong(`${name} is archived`, 'activate it, or give another flow');
    if (flow?.Status === 'SAVED') return wrong(`${name} is saved, but not published`, 'publish it');
    if (flow?.Type !== undefined && flow.Type !== 'CONTACT_FLOW')
      return wrong(`${name} is of type ${flow.Type}`, 'give an inbound flow (CONTACT_FLOW)');
    return ok(`${name}, published`);
  } catch (error) {
    if (!hasFault(error, 'missing')) throw error;
    return wrong(`the instance has no flow ${contactFlowId}`, 'mend the route’s contactFlowId');
  }
}

/** The configuration alone tells; whether the topic exists and lets Connect publish is said of the topic. */
function checkStreaming(route: Route, { config }: Examination): Finding {
  const region = destinationOfRoute(route, config)?.region ?? route.region;
  // A WhatsApp route for all numbers may lead to any Region that messages come from.
  const findings = (region === undefined ? topicRegions(config) : [region]).map((one) =>
    checkStreamingIn(one, route, config),
  );
  const arns = findings.map(({ what }) => what).join(', ');
  return findings.find(({ verdict }) => verdict !== 'ok') ?? ok(arns);
}

function checkStreamingIn(region: string, route: Route, config: Config): Finding {
  const arn = streamingTopicOf(route, region, config);
  if (arn === undefined)
    return wrong(
      `there is no topic in ${region} to stream chats to`,
      'give one in REPLY_TOPIC_ARNS or streamingEndpointArn',
    );
  const topicRegion = parseArn(arn)?.region;
  if (topicRegion !== region)
    return wrong(
      `${arn} is in ${topicRegion}, the instance in ${region}`,
      'give a topic of the instance’s own Region',
    );
  if (!config.replyTopicArns.includes(arn))
    return wrong(
      `${arn} is not in REPLY_TOPIC_ARNS: agents' replies by it are refused`,
      'add it to REPLY_TOPIC_ARNS, and subscribe the bridge to it',
    );
  return ok(arn);
}

function chatOf(route: Route, { config }: Examination): ChatPlace {
  const chat = destinationOfRoute(route, config)?.chat;
  // The configuration is refused without one.
  if (!chat) throw new Error('the route names no instance and flow');
  return chat;
}

function placeOf(route: Route, { config }: Examination): Place {
  return { region: destinationOfRoute(route, config)?.region ?? '', roleArn: route.roleArn };
}
