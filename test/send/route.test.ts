import { describe, expect, it } from 'vitest';
import type { InboundMessage } from '../../src/normalize/inbound-message.ts';
import { schemaProblems } from '../../src/schema-problems.ts';
import { findRoute, resolveDestination, routesSchema } from '../../src/send/route.ts';
import type { Destination, Route } from '../../src/send/route.ts';

const SMS_ARN = 'arn:aws:sms-voice:eu-west-2:111122223333:phone-number/phone-1';
const ANY_SMS_ARN = 'arn:aws:sms-voice:us-west-2:111122223333:phone-number/phone-any';
const WHATSAPP_ARN = 'arn:aws:social-messaging:ap-southeast-1:444455556666:phone-number-id/own';
const ROUTED_ARN = 'arn:aws:social-messaging:us-west-2:111122223333:phone-number-id/routed';
const ROLE_ARN = 'arn:aws:iam::777788889999:role/connect-writer';

const SMS: Route = { channel: 'sms', number: '+12065550100', destinationId: SMS_ARN };
const ANY_SMS: Route = { channel: 'sms', number: '*', destinationId: ANY_SMS_ARN };
const WHATSAPP: Route = { channel: 'whatsapp', number: '+1 (206) 555-0100', destinationId: ROUTED_ARN };
const ANY_WHATSAPP: Route = { ...WHATSAPP, number: '*' };

function message(
  channel: InboundMessage['channel'],
  businessAddress: string,
  businessNumberArn?: string,
): InboundMessage {
  return {
    channel,
    customerAddress: '+14255550182',
    customerAddressKind: 'phone',
    businessAddress,
    externalId: 'external-1',
    sentAt: 0,
    content: { kind: 'text', text: 'hello' },
    ...(businessNumberArn === undefined ? {} : { businessNumberArn }),
  };
}

const sms = (number: string): InboundMessage => message('sms', number);
const whatsapp = (number: string, arn?: string): InboundMessage => message('whatsapp', number, arn);

describe('resolveDestination', () => {
  it.each<{
    name: string;
    routes: readonly Route[];
    to: InboundMessage;
    expected: Partial<Destination> | undefined;
  }>([
    {
      name: 'SMS: its number’s route, Region and account by the ARN',
      routes: [ANY_SMS, SMS],
      to: sms('+12065550100'),
      expected: { destination: SMS_ARN, region: 'eu-west-2', paceKey: '111122223333/eu-west-2' },
    },
    {
      name: 'SMS: the default route for another number',
      routes: [ANY_SMS, SMS],
      to: sms('+12065550199'),
      expected: { destination: ANY_SMS_ARN },
    },
    { name: 'SMS: none', routes: [SMS, ANY_WHATSAPP], to: sms('+12065550199'), expected: undefined },
    { name: 'no routes at all', routes: [], to: sms('+12065550100'), expected: undefined },
    {
      name: 'a number written otherwise',
      routes: [{ ...SMS, number: '1-206-555-0100' }],
      to: sms('+12065550100'),
      expected: { destination: SMS_ARN },
    },
    {
      name: 'a short code',
      routes: [{ ...SMS, number: '55555' }],
      to: sms('55555'),
      expected: { destination: SMS_ARN },
    },
    {
      name: 'an RCS agent, whatever the case',
      routes: [{ ...SMS, number: 'rcs-A1b2' }],
      to: sms('RCS-a1B2'),
      expected: { destination: SMS_ARN },
    },
    {
      name: 'another RCS agent is another number',
      routes: [{ ...SMS, number: 'rcs-a1b2' }],
      to: sms('rcs-a1b3'),
      expected: undefined,
    },
    {
      name: 'WhatsApp needs no route',
      routes: [SMS],
      to: whatsapp('+12065550100', WHATSAPP_ARN),
      expected: {
        destination: WHATSAPP_ARN,
        region: 'ap-southeast-1',
        paceKey: '444455556666/ap-southeast-1',
      },
    },
    {
      name: 'WhatsApp: an exact route wins over the ARN',
      routes: [WHATSAPP],
      to: whatsapp('+12065550100', WHATSAPP_ARN),
      expected: { destination: ROUTED_ARN },
    },
    {
      name: 'WhatsApp: a default route does not',
      routes: [ANY_WHATSAPP],
      to: whatsapp('+12065550100', WHATSAPP_ARN),
      expected: { destination: WHATSAPP_ARN },
    },
    {
      name: 'WhatsApp: a default route where there is no ARN',
      routes: [ANY_WHATSAPP],
      to: whatsapp('+12065550100'),
      expected: { destination: ROUTED_ARN },
    },
    {
      name: 'WhatsApp: neither route nor ARN',
      routes: [ANY_SMS],
      to: whatsapp('+12065550100'),
      expected: undefined,
    },
    {
      name: 'WhatsApp: the rest of a route without destination',
      routes: [{ channel: 'whatsapp', number: '+12065550100', displayName: 'Support' }],
      to: whatsapp('+12065550100', WHATSAPP_ARN),
      expected: { destination: WHATSAPP_ARN, displayName: 'Support' },
    },
    {
      name: 'the route’s Region before the ARN’s',
      routes: [{ ...SMS, region: 'us-east-1' }],
      to: sms('+12065550100'),
      expected: { region: 'us-east-1', paceKey: '111122223333/us-east-1' },
    },
    {
      name: 'AWS_REGION for a destination that is no ARN',
      routes: [{ ...SMS, destinationId: 'phone-1' }],
      to: sms('+12065550100'),
      expected: { destination: 'phone-1', region: 'ca-central-1', paceKey: '/ca-central-1' },
    },
    {
      name: 'the role’s account, whose quota it is',
      routes: [{ ...SMS, roleArn: ROLE_ARN }],
      to: sms('+12065550100'),
      expected: { roleArn: ROLE_ARN, paceKey: '777788889999/eu-west-2' },
    },
  ])('$name', ({ routes, to, expected }) => {
    const destination = resolveDestination(routes, to, 'ca-central-1');
    if (expected === undefined) expect(destination).toBeUndefined();
    else expect(destination).toMatchObject(expected);
  });

  it('has no destination without a Region', () => {
    const routes = [{ ...SMS, destinationId: 'phone-1' }];
    expect(resolveDestination(routes, sms('+12065550100'), undefined)).toBeUndefined();
  });

  it('fills in every default', () => {
    expect(resolveDestination([SMS], sms('+12065550100'), undefined)).toEqual({
      destination: SMS_ARN,
      paceKey: '111122223333/eu-west-2',
      subtype: 'connect:SMS',
      displayName: undefined,
      attributes: {},
      supportedContentTypes: ['text/plain'],
      streamingEndpointArn: undefined,
      region: 'eu-west-2',
      roleArn: undefined,
    });
    expect(resolveDestination([WHATSAPP], whatsapp('12065550100'), undefined)?.subtype).toBe(
      'connect:WhatsApp',
    );
  });

  it('takes everything that a route says', () => {
    const said = {
      subtype: 'connect:sms',
      displayName: 'Support',
      attributes: { team: 'one' },
      supportedContentTypes: ['text/plain', 'text/markdown'],
      streamingEndpointArn: 'arn:aws:sns:eu-west-2:111122223333:replies',
      region: 'us-east-1',
      roleArn: ROLE_ARN,
    };
    expect(resolveDestination([{ ...SMS, ...said }], sms('+12065550100'), undefined)).toMatchObject(said);
  });
});

describe('findRoute', () => {
  it.each<{ name: string; to: InboundMessage; expected: Route | undefined }>([
    { name: 'the number’s own', to: sms('+1 206 555 0100'), expected: SMS },
    { name: 'the default', to: sms('+12065550199'), expected: ANY_SMS },
    { name: 'the default for what names no number', to: sms('unknown'), expected: ANY_SMS },
    { name: 'none of another channel', to: whatsapp('+12065550100', WHATSAPP_ARN), expected: undefined },
  ])('$name', ({ to, expected }) => {
    expect(findRoute([ANY_SMS, SMS, { ...SMS, number: 'unknown' }], to)).toBe(expected);
  });
});

describe('routesSchema', () => {
  it.each<{ name: string; routes: readonly unknown[] }>([
    { name: 'none', routes: [] },
    { name: 'one of each channel', routes: [SMS, WHATSAPP] },
    { name: 'the same number on both', routes: [SMS, { ...WHATSAPP, number: SMS.number }] },
    { name: 'a default beside a number', routes: [SMS, ANY_SMS] },
    { name: 'WhatsApp without a destination', routes: [{ channel: 'whatsapp', number: '*' }] },
    {
      name: 'kinds to ignore',
      routes: [{ channel: 'whatsapp', number: '*', ignore: ['reaction', 'request_welcome'] }],
    },
  ])('takes $name', ({ routes }) => {
    expect(routesSchema.safeParse({ routes }).success).toBe(true);
  });

  it.each<{ name: string; routes: unknown; path: string; message: string }>([
    { name: 'no list', routes: SMS, path: 'routes', message: 'expected array' },
    {
      name: 'another channel',
      routes: [{ ...SMS, channel: 'fax' }],
      path: 'routes.0.channel',
      message: 'sms',
    },
    { name: 'no number', routes: [{ channel: 'whatsapp' }], path: 'routes.0.number', message: 'string' },
    {
      name: 'an empty number',
      routes: [{ ...SMS, number: '' }],
      path: 'routes.0.number',
      message: 'neither digits nor letters',
    },
    {
      name: 'SMS without a destination',
      routes: [SMS, { channel: 'sms', number: '*' }],
      path: 'routes.1.destinationId',
      message: 'is required for the channel sms',
    },
    {
      name: 'the same number twice, written otherwise',
      routes: [SMS, { ...SMS, number: '1 206 555 0100' }],
      path: 'routes.1.number',
      message: 'stands twice for sms',
    },
    { name: 'two defaults', routes: [ANY_SMS, ANY_SMS], path: 'routes.1.number', message: 'stands twice' },
    { name: 'a misspelt member', routes: [{ ...SMS, subType: 'x' }], path: 'routes.0', message: 'subType' },
    {
      name: 'an attribute that Connect would refuse',
      routes: [{ ...SMS, attributes: { 'a b': '1' } }],
      path: 'routes.0.attributes.a b',
      message: 'Invalid key',
    },
    {
      name: 'an attribute that is no text',
      routes: [{ ...SMS, attributes: { a: 1 } }],
      path: 'routes.0.attributes.a',
      message: 'string',
    },
    {
      name: 'content types without plain text',
      routes: [{ ...SMS, supportedContentTypes: ['text/markdown'] }],
      path: 'routes.0.supportedContentTypes',
      message: 'must contain text/plain',
    },
    {
      name: 'a Region’s name',
      routes: [{ ...SMS, region: 'Ohio' }],
      path: 'routes.0.region',
      message: 'is no Region',
    },
    {
      name: 'a role’s name',
      routes: [{ ...SMS, roleArn: 'writer' }],
      path: 'routes.0.roleArn',
      message: "is no role's ARN",
    },
    {
      name: 'a topic’s name',
      routes: [{ ...SMS, streamingEndpointArn: 'replies' }],
      path: 'routes.0.streamingEndpointArn',
      message: 'ARN',
    },
    {
      name: 'a long display name',
      routes: [{ ...SMS, displayName: 'x'.repeat(257) }],
      path: 'routes.0.displayName',
      message: '256',
    },
    {
      name: 'a number without digits or letters',
      routes: [{ ...SMS, number: ' + ' }],
      path: 'routes.0.number',
      message: 'neither digits nor letters',
    },
    {
      name: 'a kind that there is not',
      routes: [{ ...SMS, ignore: ['reaction', 'stickers'] }],
      path: 'routes.0.ignore.1',
      message: 'sticker',
    },
    {
      name: 'to ignore texts',
      routes: [{ ...SMS, ignore: ['text'] }],
      path: 'routes.0.ignore.0',
      message: 'request_welcome',
    },
    {
      name: 'a long destination',
      routes: [{ ...SMS, destinationId: 'x'.repeat(256) }],
      path: 'routes.0.destinationId',
      message: '255',
    },
  ])('refuses $name', ({ routes, path, message }) => {
    const issues = routesSchema.safeParse({ routes }).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join('.'))).toEqual([path]);
    expect(issues[0]?.message).toContain(message);
  });

  it('names every fault at once, each with its JSON path', () => {
    const routes = [
      { channel: 'fax', number: '+12065550100', destinationId: SMS_ARN },
      { ...SMS, subType: 'x', region: 'Ohio' },
      { channel: 'sms', number: '*' },
      { ...WHATSAPP, number: '', ignore: ['text'], attributes: { 'a b': '1' } },
      { ...SMS, roleArn: 'writer', streamingEndpointArn: 'replies', supportedContentTypes: [] },
    ];
    const problems = schemaProblems(routesSchema, { routes }).join('\n');
    for (const path of [
      '$.routes[0].channel',
      '$.routes[1].region',
      'subType',
      '$.routes[2].destinationId',
      '$.routes[3].number',
      '$.routes[3].ignore[0]',
      '$.routes[3].attributes',
      '$.routes[4].roleArn',
      '$.routes[4].streamingEndpointArn',
      '$.routes[4].supportedContentTypes',
    ]) {
      expect(problems).toContain(path);
    }
  });

  it.each<{ name: string; routes: readonly unknown[]; expected: readonly string[] }>([
    {
      name: 'a number that stands twice, beside a channel that there is not',
      routes: [SMS, { ...SMS, number: '1 206 555 0100' }, { ...SMS, channel: 'fax' }],
      expected: ['$.routes[2].channel', '$.routes[1].number'],
    },
    {
      name: 'a number that stands twice, beside an empty one without a destination',
      routes: [SMS, SMS, { channel: 'sms', number: '' }],
      expected: ['$.routes[2].number', '$.routes[2].destinationId', '$.routes[1].number'],
    },
    {
      name: 'a destination that is missing, beside a name of the wrong type',
      routes: [{ channel: 'sms', number: '*', displayName: 7 }],
      expected: ['$.routes[0].displayName', '$.routes[0].destinationId'],
    },
    {
      name: 'what is no route at all, beside one at fault',
      routes: [7, null, { channel: 'sms', number: '*' }],
      expected: ['$.routes[0]', '$.routes[1]', '$.routes[2].destinationId'],
    },
  ])('names $name', ({ routes, expected }) => {
    const problems = schemaProblems(routesSchema, { routes });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(expected);
  });
});
