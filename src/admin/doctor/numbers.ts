/** The numbers and WhatsApp accounts in End User Messaging: do they publish here, and does a route take them? */
import type { LinkedWhatsAppBusinessAccount } from '@aws-sdk/client-socialmessaging';
import { parseArn } from '../../arn.ts';
import type { Config } from '../../config.ts';
import { numberKey, resolveDestination } from '../../send/route.ts';
import type { Route } from '../../send/route.ts';
import { ok, unknown, wrong } from './check.ts';
import type { Check, Finding } from './check.ts';
import { homePlace, topicRegions } from './examination.ts';
import type { Examination } from './examination.ts';
import type { Place, SmsNumber } from './readings.ts';

export function numberChecks(examination: Examination): readonly Check[] {
  const { config } = examination;
  return [
    ...config.routes
      .filter((route) => route.number !== '*' || route.destinationId !== undefined)
      .map((route) => ({
        id: `number/${route.channel}/${route.number}`,
        title: `number ${route.channel} ${route.number}`,
        run: () =>
          route.channel === 'sms'
            ? checkSmsNumber(route, examination)
            : checkWhatsappNumber(route, examination),
      })),
    ...topicRegions(config).flatMap((region) => [
      {
        id: `numbers/sms/${region}`,
        title: `SMS numbers that publish here, ${region}`,
        run: () => checkSmsPublishers({ region }, examination),
      },
      {
        id: `numbers/whatsapp/${region}`,
        title: `WhatsApp accounts that publish here, ${region}`,
        run: () => checkWhatsappPublishers({ region }, examination),
      },
    ]),
  ];
}

/** Where a route's number is: in its instance's account. */
function placeOf(route: Route, config: Config): Place {
  const region = parseArn(route.destinationId ?? '')?.region || route.region || homePlace(config).region;
  return { region, roleArn: route.roleArn };
}

async function checkSmsNumber(route: Route, { config, readings }: Examination): Promise<Finding> {
  const place = placeOf(route, config);
  const isAgent = /^rcs-/i.test(route.number) || /:rcs-agent\//.test(route.destinationId ?? '');
  const all = await (isAgent ? readings.rcsAgents(place) : readings.smsNumbers(place));
  const found = all.find(({ arn, number }) =>
    route.destinationId ? arn === route.destinationId : numberKey(number) === numberKey(route.number),
  );
  if (!found)
    return wrong(
      `End User Messaging has no ${route.destinationId ?? route.number} in ${place.region}`,
      'mend the route’s destinationId, number or region',
    );
  if (route.number !== '*' && numberKey(found.number) !== numberKey(route.number))
    return wrong(
      `${found.arn} is ${found.number}, not ${route.number}`,
      'mend the route: number and destinationId have to be of the same number',
    );
  return judgeTwoWay(found, config);
}

function judgeTwoWay(found: SmsNumber, { topicArns }: Config): Finding {
  const { isTwoWay, channelArn, poolId, status } = found;
  const setTopic = 'in EUM set the number’s two-way channel to the topic';
  if (status !== 'ACTIVE')
    return wrong(`its status is ${status}`, 'wait, or look at its registration in EUM');
  if (isTwoWay && channelArn !== undefined && topicArns.includes(channelArn))
    return ok(`active, two-way, to ${channelArn}`);
  if (poolId !== undefined)
    return unknown(
      `it is in the pool ${poolId}, whose two-way settings count`,
      `look at the pool in EUM: its two-way channel has to be one of TOPIC_ARNS`,
    );
  if (!isTwoWay) return wrong('two-way messaging is off: what customers write goes nowhere', setTopic);
  if (channelArn?.startsWith('connect.'))
    return wrong('it hands over to Connect itself, so nothing comes to the bridge', setTopic);
  return wrong(
    `its messages go to ${channelArn ?? 'no topic'}, which is not in TOPIC_ARNS`,
    `${setTopic}, or add that topic to TOPIC_ARNS`,
  );
}

async function checkWhatsappNumber(route: Route, { config, readings }: Examination): Promise<Finding> {
  const place = placeOf(route, config);
  const accounts = await readings.whatsappAccounts(place);
  for (const account of accounts) {
    const number = account.phoneNumbers?.find(({ arn, phoneNumber, displayPhoneNumber }) =>
      route.destinationId
        ? arn === route.destinationId
        : [phoneNumber, displayPhoneNumber].some((one) => numberKey(one ?? '') === numberKey(route.number)),
    );
    if (number) return judgeDestination(account, config);
  }
  return wrong(
    `no linked WhatsApp account in ${place.region} has ${route.destinationId ?? route.number}`,
    'link the account in EUM Social, or mend the route’s number, destinationId or region',
  );
}

function judgeDestination(account: LinkedWhatsAppBusinessAccount, config: Config): Finding {
  const { wabaName, registrationStatus } = account;
  const name = `account ${wabaName}`;
  if (registrationStatus !== 'COMPLETE')
    return wrong(`${name}: its registration is ${registrationStatus}`, 'complete it in EUM Social');
  if (publishesHere(account, config)) return ok(`${name} publishes to the bridge's topic`);
  const others = destinationsOf(account).join(', ');
  return wrong(
    others
      ? `${name} publishes to ${others}, which is not in TOPIC_ARNS`
      : `${name} has no event destination`,
    'in EUM Social set the account’s event destination to the topic (an account has one only)',
  );
}

function destinationsOf({ eventDestinations = [] }: LinkedWhatsAppBusinessAccount): readonly string[] {
  return eventDestinations.map(({ eventDestinationArn }) => eventDestinationArn ?? '');
}

export function publishesHere(account: LinkedWhatsAppBusinessAccount, { topicArns }: Config): boolean {
  return destinationsOf(account).some((arn) => topicArns.includes(arn));
}

async function checkSmsPublishers(place: Place, { config, readings }: Examination): Promise<Finding> {
  const publishing = (await readings.smsNumbers(place)).filter(
    ({ isTwoWay, channelArn }) => isTwoWay && config.topicArns.includes(channelArn ?? ''),
  );
  const unrouted = publishing.filter(
    ({ number }) => !resolveDestination(config, { channel: 'sms', businessAddress: number }),
  );
  return judgePublishers(
    publishing.map(({ number }) => number),
    unrouted.map(({ number }) => number),
  );
}

async function checkWhatsappPublishers(place: Place, { config, readings }: Examination): Promise<Finding> {
  const numbers = (await readings.whatsappAccounts(place))
    .filter((account) => publishesHere(account, config))
    .flatMap(({ phoneNumbers = [] }) => phoneNumbers);
  const unrouted = numbers.filter(
    ({ arn = '', phoneNumber = '' }) =>
      !resolveDestination(config, {
        channel: 'whatsapp',
        businessAddress: phoneNumber,
        businessNumberArn: arn,
      }),
  );
  return judgePublishers(
    numbers.map(({ phoneNumber = '' }) => phoneNumber),
    unrouted.map(({ phoneNumber = '' }) => phoneNumber),
  );
}

function judgePublishers(publishing: readonly string[], unrouted: readonly string[]): Finding {
  if (publishing.length === 0) return ok('none');
  if (unrouted.length === 0) return ok(publishing.join(', '));
  return wrong(
    `without a route: ${unrouted.join(', ')}: what comes to them becomes a dead letter (no_route)`,
    'give them routes in ROUTES',
  );
}
