import { describe, expect, it } from 'vitest';
import type { InboundMessage } from '../../src/normalize/inbound-message.ts';
import { schemaProblems } from '../../src/schema-problems.ts';
import {
  destinationOfRoute,
  findRoute,
  makeRoutesSchema,
  methodOf,
  placementOf,
  resolveDestination,
} from '../../src/send/route.ts';
import type { Destination, Route, Routing } from '../../src/send/route.ts';

const routesSchema = makeRoutesSchema({});

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
    const destination = resolveDestination({ routes, fallbackRegion: 'ca-central-1' }, to);
    if (expected === undefined) expect(destination).toBeUndefined();
    else expect(destination).toMatchObject(expected);
  });

  it('has no destination without a Region', () => {
    const routes = [{ ...SMS, destinationId: 'phone-1' }];
    expect(resolveDestination({ routes, fallbackRegion: undefined }, sms('+12065550100'))).toBeUndefined();
  });

  it('fills in every default', () => {
    expect(resolveDestination({ routes: [SMS], fallbackRegion: undefined }, sms('+12065550100'))).toEqual({
      destination: SMS_ARN,
      paceKey: '111122223333/eu-west-2',
      subtype: 'connect:SMS',
      displayName: undefined,
      attributes: {},
      supportedContentTypes: ['text/plain'],
      streamingEndpointArn: undefined,
      region: 'eu-west-2',
      replies: 'native',
      numberArn: 'arn:aws:sms-voice:eu-west-2:111122223333:phone-number/phone-1',
      roleArn: undefined,
    });
    expect(
      resolveDestination({ routes: [WHATSAPP], fallbackRegion: undefined }, whatsapp('12065550100'))?.subtype,
    ).toBe('connect:WhatsApp');
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
    expect(
      resolveDestination({ routes: [{ ...SMS, ...said }], fallbackRegion: undefined }, sms('+12065550100')),
    ).toMatchObject(said);
  });
});

const TOPIC = 'arn:aws:sns:eu-west-2:111122223333:replies';
const OTHER_TOPIC = 'arn:aws:sns:us-east-1:111122223333:replies';
const CHAT: Route = { ...SMS, method: 'participant', instanceId: 'instance-1', contactFlowId: 'flow-1' };

function resolve(routing: Partial<Routing>, to: InboundMessage): Destination | undefined {
  return resolveDestination({ routes: [], fallbackRegion: undefined, ...routing }, to);
}

describe('resolveDestination, of the method participant', () => {
  it('is an instance and a flow, under the pace of most messages', () => {
    expect(resolve({ routes: [CHAT], replyTopicArns: [TOPIC] }, sms('+12065550100'))).toEqual({
      destination: 'instance/instance-1/contact-flow/flow-1',
      paceKey: 'SendMessage instance-1',
      isIdempotent: true,
      subtype: 'connect:SMS',
      displayName: undefined,
      attributes: {},
      supportedContentTypes: ['text/plain'],
      streamingEndpointArn: TOPIC,
      region: 'eu-west-2',
      roleArn: undefined,
      replies: 'bridge',
      numberArn: SMS_ARN,
      chat: {
        instanceId: 'instance-1',
        contactFlowId: 'flow-1',
        streamingEndpointArn: TOPIC,
        account: '111122223333',
        region: 'eu-west-2',
      },
    });
  });

  it.each<{
    name: string;
    routing: Partial<Routing>;
    to?: InboundMessage;
    expected: object | undefined;
  }>([
    {
      name: 'streams to the topic of its own Region',
      routing: { routes: [CHAT], replyTopicArns: [OTHER_TOPIC, TOPIC] },
      expected: { chat: { streamingEndpointArn: TOPIC } },
    },
    {
      name: 'streams to the topic of the route’s Region, where that is another than the number’s',
      routing: { routes: [{ ...CHAT, region: 'us-east-1' }], replyTopicArns: [TOPIC, OTHER_TOPIC] },
      expected: { region: 'us-east-1', chat: { streamingEndpointArn: OTHER_TOPIC } },
    },
    {
      name: 'streams to the route’s topic before all others',
      routing: {
        routes: [{ ...CHAT, streamingEndpointArn: 'arn:aws:sns:eu-west-2:111122223333:own' }],
        replyTopicArns: [TOPIC],
      },
      expected: { chat: { streamingEndpointArn: 'arn:aws:sns:eu-west-2:111122223333:own' } },
    },
    {
      name: 'is none without a topic in its Region',
      routing: { routes: [CHAT], replyTopicArns: [OTHER_TOPIC] },
      expected: undefined,
    },
    {
      name: 'is none without an instance',
      routing: { routes: [{ ...CHAT, instanceId: undefined }], replyTopicArns: [TOPIC] },
      expected: undefined,
    },
    {
      name: 'is none without a flow',
      routing: { routes: [{ ...CHAT, contactFlowId: undefined }], replyTopicArns: [TOPIC] },
      expected: undefined,
    },
    {
      name: 'takes the chat’s duration',
      routing: { routes: [{ ...CHAT, chatDurationMinutes: 1_440 }], replyTopicArns: [TOPIC] },
      expected: { chat: { durationMinutes: 1_440 } },
    },
    {
      name: 'draws on the quota of the role’s account',
      routing: { routes: [{ ...CHAT, roleArn: ROLE_ARN }], replyTopicArns: [TOPIC] },
      expected: { chat: { account: '777788889999', region: 'eu-west-2' } },
    },
    {
      name: 'draws on the quota of its topic’s account, whichever number it is for',
      routing: {
        routes: [{ ...CHAT, channel: 'whatsapp', number: '*', region: 'eu-west-2' }],
        replyTopicArns: [TOPIC],
      },
      to: whatsapp('+12065550100', WHATSAPP_ARN),
      expected: { chat: { account: '111122223333', region: 'eu-west-2' } },
    },
    {
      name: 'needs no number’s ARN: the fallback Region serves',
      routing: {
        routes: [{ ...CHAT, destinationId: undefined }],
        fallbackRegion: 'eu-west-2',
        replyTopicArns: [TOPIC],
      },
      expected: { region: 'eu-west-2', chat: { account: '111122223333', region: 'eu-west-2' } },
    },
    {
      name: 'is of every route that does not say, by CONNECT_METHOD',
      routing: {
        routes: [{ ...CHAT, method: undefined }],
        connectMethod: 'participant',
        replyTopicArns: [TOPIC],
      },
      expected: { chat: { instanceId: 'instance-1' }, replies: 'bridge' },
    },
    {
      name: 'is not of a route that says otherwise',
      routing: {
        routes: [{ ...CHAT, method: 'integration-event' }],
        connectMethod: 'participant',
        replyTopicArns: [TOPIC],
      },
      expected: { destination: SMS_ARN, paceKey: '111122223333/eu-west-2', replies: 'native' },
    },
    {
      name: 'is none of WhatsApp without a route: nothing says where to open a chat',
      routing: { connectMethod: 'participant', replyTopicArns: [TOPIC] },
      to: whatsapp('+12065550100', WHATSAPP_ARN),
      expected: undefined,
    },
    {
      name: 'keeps the ARN of the WhatsApp number that was written to, by a route for all',
      routing: {
        routes: [{ ...CHAT, channel: 'whatsapp', number: '*', region: 'eu-west-2' }],
        replyTopicArns: [TOPIC],
      },
      to: whatsapp('+12065550100', WHATSAPP_ARN),
      expected: { numberArn: WHATSAPP_ARN, region: 'eu-west-2' },
    },
  ])('$name', ({ routing, to = sms('+12065550100'), expected }) => {
    const destination = resolve(routing, to);
    if (expected === undefined) expect(destination).toBeUndefined();
    else expect(destination).toMatchObject(expected);
  });

  it.each<{ route: Route; expected: string | undefined }>([
    { route: SMS, expected: 'native' },
    { route: { ...SMS, replies: 'bridge' }, expected: 'bridge' },
    { route: CHAT, expected: 'bridge' },
    { route: { ...CHAT, replies: 'native' }, expected: 'native' },
  ])('replies of $route.method, $route.replies, are $expected', ({ route, expected }) => {
    expect(resolve({ routes: [route], replyTopicArns: [TOPIC] }, sms('+12065550100'))?.replies).toBe(
      expected,
    );
  });

  it.each<{ name: string; route: Route; replyTopicArns?: readonly string[]; expected: string | undefined }>([
    {
      name: 'the topic of its Region, where the bridge carries replies',
      route: { ...SMS, replies: 'bridge' },
      expected: TOPIC,
    },
    {
      name: 'the route’s own before it',
      route: { ...SMS, replies: 'bridge', streamingEndpointArn: OTHER_TOPIC },
      expected: OTHER_TOPIC,
    },
    { name: 'none, where Connect does', route: SMS, expected: undefined },
    {
      name: 'none, where there is none in its Region',
      route: { ...SMS, replies: 'bridge' },
      replyTopicArns: [OTHER_TOPIC],
      expected: undefined,
    },
  ])('a chat of integration events is streamed to $name', ({ route, replyTopicArns, expected }) => {
    const routing = { routes: [route], replyTopicArns: replyTopicArns ?? [OTHER_TOPIC, TOPIC] };
    expect(resolve(routing, sms('+12065550100'))?.streamingEndpointArn).toBe(expected);
  });

  it('leaves to the store what it keeps of a place', () => {
    const destination = resolve({ routes: [CHAT], replyTopicArns: [TOPIC] }, sms('+12065550100'));
    const { destination: id, paceKey, isIdempotent } = destination as Destination;
    expect(placementOf(destination as Destination)).toEqual({ destination: id, paceKey, isIdempotent });
    const plain = resolve({ routes: [SMS] }, sms('+12065550100')) as Destination;
    expect(placementOf(plain)).toEqual({ destination: SMS_ARN, paceKey: '111122223333/eu-west-2' });
  });
});

describe('methodOf', () => {
  it.each<{ route: Route | undefined; connectMethod?: Routing['connectMethod']; expected: string }>([
    { route: undefined, expected: 'integration-event' },
    { route: SMS, expected: 'integration-event' },
    { route: CHAT, expected: 'participant' },
    { route: SMS, connectMethod: 'participant', expected: 'participant' },
    { route: undefined, connectMethod: 'participant', expected: 'participant' },
    {
      route: { ...SMS, method: 'integration-event' },
      connectMethod: 'participant',
      expected: 'integration-event',
    },
  ])('$route.method, by default $connectMethod: $expected', ({ route, connectMethod, expected }) => {
    const routing = { routes: [], fallbackRegion: undefined, ...(connectMethod ? { connectMethod } : {}) };
    expect(methodOf(route, routing)).toBe(expected);
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

  const IN_CHAT = {
    channel: 'sms',
    number: '+12065550100',
    instanceId: '11111111-2222-4333-8444-555555555555',
    contactFlowId: '66666666-7777-4888-8999-000000000000',
  };

  it.each<{
    name: string;
    defaults: Parameters<typeof makeRoutesSchema>[0];
    route: object;
    paths: readonly string[];
  }>([
    {
      name: 'all that it needs',
      defaults: { replyTopicArns: [TOPIC] },
      route: { ...IN_CHAT, method: 'participant' },
      paths: [],
    },
    {
      name: 'a topic of its own',
      defaults: {},
      route: { ...IN_CHAT, method: 'participant', streamingEndpointArn: TOPIC, replies: 'native' },
      paths: [],
    },
    {
      name: 'nothing that it needs',
      defaults: {},
      route: { channel: 'sms', number: '*', method: 'participant' },
      paths: ['routes.0.instanceId', 'routes.0.contactFlowId', 'routes.0.streamingEndpointArn'],
    },
    {
      name: 'nothing that it needs, by CONNECT_METHOD',
      defaults: { connectMethod: 'participant', replyTopicArns: [TOPIC] },
      route: { channel: 'whatsapp', number: '*' },
      paths: ['routes.0.instanceId', 'routes.0.contactFlowId'],
    },
    {
      name: 'the other method, by its own word',
      defaults: { connectMethod: 'participant' },
      route: { ...SMS, method: 'integration-event' },
      paths: [],
    },
    {
      name: 'a method, and a way of replies, that there are not',
      defaults: { replyTopicArns: [TOPIC] },
      route: { ...IN_CHAT, destinationId: SMS_ARN, method: 'fax', replies: 'both' },
      paths: ['routes.0.method', 'routes.0.replies'],
    },
    {
      name: 'a duration that Connect does not take',
      defaults: { replyTopicArns: [TOPIC] },
      route: { ...IN_CHAT, method: 'participant', chatDurationMinutes: 59 },
      paths: ['routes.0.chatDurationMinutes'],
    },
  ])('of the method participant: $name', ({ defaults, route, paths }) => {
    const issues = makeRoutesSchema(defaults).safeParse({ routes: [route] }).error?.issues ?? [];
    expect(issues.map(({ path }) => path.join('.'))).toEqual(paths);
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

describe('destinationOfRoute', () => {
  const CHAT: Route = {
    channel: 'sms',
    number: '+12065550100',
    method: 'participant',
    destinationId: SMS_ARN,
    instanceId: 'instance-1',
    contactFlowId: 'flow-1',
    streamingEndpointArn: 'arn:aws:sns:eu-west-2:111122223333:agent-replies',
  };

  it.each<{ name: string; route: Route; expected: string | undefined }>([
    { name: 'a number', route: SMS, expected: SMS_ARN },
    { name: 'all numbers', route: ANY_SMS, expected: ANY_SMS_ARN },
    {
      name: 'a chat: its instance and flow',
      route: CHAT,
      expected: 'instance/instance-1/contact-flow/flow-1',
    },
    {
      name: 'WhatsApp: the message’s ARN would tell',
      route: { channel: 'whatsapp', number: '*' },
      expected: undefined,
    },
  ])('$name', ({ route, expected }) => {
    const found = destinationOfRoute(route, { routes: [route], fallbackRegion: 'us-east-1' });
    expect(found?.destination).toBe(expected);
  });
});
