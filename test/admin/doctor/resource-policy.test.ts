import { describe, expect, it } from 'vitest';
import { judgePolicy } from '../../../src/admin/doctor/resource-policy.ts';
import type { Access } from '../../../src/admin/doctor/resource-policy.ts';

const TOPIC = 'arn:aws:sns:us-east-1:111122223333:inbound';
const ACCESS: Access = {
  principal: 'sms-voice.amazonaws.com',
  action: 'sns:Publish',
  resource: TOPIC,
  context: {
    'aws:sourceaccount': '111122223333',
    'aws:sourcearn': undefined,
    'aws:sourceowner': null,
    'aws:securetransport': 'true',
  },
};
const ALLOW = {
  Effect: 'Allow',
  Principal: { Service: 'sms-voice.amazonaws.com' },
  Action: 'sns:Publish',
  Resource: TOPIC,
};
const DENY = { ...ALLOW, Effect: 'Deny' };

/** The policy that SNS gives a new topic. */
const DEFAULT = {
  Effect: 'Allow',
  Principal: { AWS: '*' },
  Action: ['SNS:GetTopicAttributes', 'SNS:Publish'],
  Resource: TOPIC,
  Condition: { StringEquals: { 'AWS:SourceOwner': '111122223333' } },
};
const insecure = { Bool: { 'aws:SecureTransport': 'false' } };

describe('judgePolicy', () => {
  it.each([
    ['the service by name', ALLOW, 'yes'],
    [
      'the service among others',
      { ...ALLOW, Principal: { Service: ['x.amazonaws.com', 'sms-voice.amazonaws.com'] } },
      'yes',
    ],
    ['everybody', { ...ALLOW, Principal: '*' }, 'yes'],
    ['everybody as AWS', { ...ALLOW, Principal: { AWS: '*' } }, 'yes'],
    ['another service', { ...ALLOW, Principal: { Service: 'sns.amazonaws.com' } }, 'no'],
    ['an account', { ...ALLOW, Principal: { AWS: '111122223333' } }, 'no'],
    ['all but others', { ...ALLOW, Principal: undefined, NotPrincipal: { AWS: '111122223333' } }, 'yes'],
    ['the action in another case', { ...ALLOW, Action: 'SNS:publish' }, 'yes'],
    ['the action by a pattern', { ...ALLOW, Action: ['sqs:*', 'sns:Pub*'] }, 'yes'],
    ['another action', { ...ALLOW, Action: 'sns:Subscribe' }, 'no'],
    ['all actions but another', { ...ALLOW, Action: undefined, NotAction: 'sns:Subscribe' }, 'yes'],
    ['all actions but this', { ...ALLOW, Action: undefined, NotAction: 'sns:*' }, 'no'],
    ['the resource by a pattern', { ...ALLOW, Resource: 'arn:aws:sns:*:111122223333:inb?und' }, 'yes'],
    ['another resource', { ...ALLOW, Resource: `${TOPIC}2` }, 'no'],
    ['all resources but some', { ...ALLOW, Resource: undefined, NotResource: 'x' }, 'perhaps'],
    [
      'the account as source',
      { ...ALLOW, Condition: { StringEquals: { 'aws:SourceAccount': ['1', '111122223333'] } } },
      'yes',
    ],
    [
      'another account as source',
      { ...ALLOW, Condition: { StringEquals: { 'aws:SourceAccount': '1' } } },
      'no',
    ],
    [
      'all accounts but another',
      { ...ALLOW, Condition: { StringNotEquals: { 'aws:SourceAccount': '1' } } },
      'yes',
    ],
    [
      'an account by a pattern',
      { ...ALLOW, Condition: { StringLike: { 'AWS:SourceAccount': '1111*' } } },
      'yes',
    ],
    [
      'a source that is not known',
      { ...ALLOW, Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:sms-voice:*' } } },
      'perhaps',
    ],
    [
      'an operator that is not known',
      { ...ALLOW, Condition: { DateLessThan: { 'aws:CurrentTime': '2027' } } },
      'perhaps',
    ],
    [
      'two conditions, one false',
      { ...ALLOW, Condition: { StringEquals: { 'aws:SourceArn': 'x', 'aws:SourceAccount': '1' } } },
      'no',
    ],
    ['a new topic’s own policy: not for services', DEFAULT, 'no'],
    [
      'SourceOwner, if it is there at all',
      { ...ALLOW, Condition: { StringEqualsIfExists: { 'aws:SourceOwner': '1' } } },
      'yes',
    ],
  ] as const)('%s', (_name, statement, judgement) => {
    expect(judgePolicy(JSON.stringify({ Statement: [statement] }), ACCESS)).toBe(judgement);
    expect(judgePolicy(JSON.stringify({ Statement: statement }), ACCESS)).toBe(judgement);
  });

  it.each([
    ['a denial wins', [ALLOW, DENY], 'no'],
    ['a denial of insecure transport does not apply', [ALLOW, { ...DENY, Condition: insecure }], 'yes'],
    [
      'a denial that can’t be judged',
      [ALLOW, { ...DENY, Condition: { NumericLessThan: { x: 1 } } }],
      'perhaps',
    ],
    ['one that surely allows beside one that perhaps does', [{ ...ALLOW, NotResource: 'x' }, ALLOW], 'yes'],
    ['nothing', [], 'no'],
    ['what is no statement', [null, 'x', {}], 'no'],
  ] as const)('%s', (_name, statements, judgement) => {
    expect(judgePolicy(JSON.stringify({ Statement: statements }), ACCESS)).toBe(judgement);
  });

  it.each([undefined, '', 'no JSON', '[]', '{"Statement":7}'])('no policy allows nothing: %s', (text) => {
    expect(judgePolicy(text, ACCESS)).toBe('no');
  });
});
