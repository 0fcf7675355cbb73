import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/clock.ts';
import type { ChatSession, Claim, OutcomeReport } from '../../src/queue/message-store.ts';
import type { Answer } from '../../src/send/delivery-method.ts';
import {
  UNCLEAR_REPLIES_MAX,
  reportAnswer,
  reportFailure,
  reportLost,
  reportNowhere,
  reportUnclear,
  reportUnsent,
  reportUseless,
} from '../../src/send/outcome-report.ts';
import type { FailureCircumstances } from '../../src/send/outcome-report.ts';
import type { Destination } from '../../src/send/route.ts';
import type { SendFailure } from '../../src/send/send-outcome.ts';
import { CLAIM as INBOUND_CLAIM, NOW } from './claim-scene.ts';

const DESTINATION = 'destination-1';
const CLAIM: Claim = { ...INBOUND_CLAIM, destination: DESTINATION };

const FAILURES = {
  retry: failure('retry', 'InternalServiceException', true),
  surelyNotSent: failure('retry', 'ECONNREFUSED', false),
  throttled: failure('throttled', 'ThrottlingException', false),
  pause: failure('pause', 'AccessDeniedException', false),
  dead: failure('dead', 'InvalidRequestException', false),
};

function failure(verdict: SendFailure['verdict'], code: string, isAmbiguous: boolean): SendFailure {
  return {
    verdict,
    code,
    isAmbiguous,
    remedy: `Mend ${code}.`,
    sentence: `${code}: said so`,
    requestId: 'request-1',
  };
}

const PACE_LIMITS = { rate: 17, burst: 26 };
const TIMING = { startedAt: NOW - 20, durationMs: 20 };

function factsOf(claim: Partial<Claim> = {}) {
  return { claim: { ...CLAIM, ...claim } as Claim, now: NOW, paceLimits: PACE_LIMITS, parts: ['hello'] };
}

function report(
  kind: keyof typeof FAILURES,
  claim: Partial<Claim> = {},
  circumstances: Partial<FailureCircumstances> = {},
): OutcomeReport {
  return reportFailure(factsOf(claim), FAILURES[kind], TIMING, {
    retryMaxAgeMs: DAY_MS,
    delivering: undefined,
    isDestinationFailing: false,
    isDestinationPaused: false,
    random: () => 0.5,
    ...circumstances,
  });
}

const OLD = { acceptedAt: NOW - DAY_MS, attempts: 4, firstFailedAt: NOW - HOUR_MS };
const PROBE = { isProbe: true, probesBefore: 3 };

describe('the outcome', () => {
  it.each<{
    name: string;
    report: OutcomeReport;
    expected: Record<string, unknown>;
  }>([
    {
      name: 'retry: after half of a second, by a random number of a half',
      report: report('retry'),
      expected: { verdict: 'retry', retryAt: NOW + 500, isAmbiguous: true },
    },
    {
      name: 'retry: doubling with the attempts',
      report: report('retry', { attempts: 3 }),
      expected: { verdict: 'retry', retryAt: NOW + 4_000 },
    },
    {
      name: 'retry: unambiguous where nothing was sent',
      report: report('surelyNotSent'),
      expected: { verdict: 'retry', isAmbiguous: false },
    },
    {
      name: 'retry of a probe: now, since the pause says when',
      report: report('retry', PROBE),
      expected: { verdict: 'retry', retryAt: NOW },
    },
    {
      name: 'too old, after five attempts',
      report: report('retry', OLD),
      expected: { verdict: 'dead', reason: 'too_old', isAmbiguous: true },
    },
    {
      name: 'not too old before the fifth attempt',
      report: report('retry', { ...OLD, attempts: 3 }),
      expected: { verdict: 'retry' },
    },
    {
      name: 'not too old by time paused',
      report: report('retry', { ...OLD, pausedMs: 1 }),
      expected: { verdict: 'retry' },
    },
    {
      name: 'given up: ten minutes of failures while the destination takes others',
      report: report(
        'retry',
        { attempts: 9, firstFailedAt: NOW - 10 * MINUTE_MS },
        { delivering: { sinceAt: 0, lastAt: NOW - 1 } },
      ),
      expected: { verdict: 'dead', reason: 'gave_up', isAmbiguous: true },
    },
    {
      name: 'not given up at the first failure',
      report: report('retry', {}, { delivering: { sinceAt: 0, lastAt: NOW - 1 } }),
      expected: { verdict: 'retry' },
    },
    {
      name: 'throttled: back in 0.5 to 2 s',
      report: report('throttled'),
      expected: { verdict: 'returned', dueAt: NOW + 1_250 },
    },
    { name: 'pause: back now', report: report('pause'), expected: { verdict: 'returned', dueAt: NOW } },
    { name: 'dead: refused', report: report('dead'), expected: { verdict: 'dead', reason: 'refused' } },
    {
      name: 'dead as a probe, the first time: back, and counted',
      report: report('dead', PROBE),
      expected: { verdict: 'returned', dueAt: NOW, isProbeRefusal: true },
    },
    {
      name: 'dead as a probe, the second time: refused',
      report: report('dead', { ...PROBE, probeRefusals: 1 }),
      expected: { verdict: 'dead', reason: 'refused' },
    },
    {
      name: 'throttled never makes a message too old',
      report: report('throttled', OLD),
      expected: { verdict: 'returned' },
    },
  ])('$name', ({ report, expected }) => {
    expect(report.outcome).toMatchObject(expected);
    expect(report).toMatchObject({ now: NOW, claim: { messageId: 1, laneId: 2, leaseToken: 'token' } });
  });

  it.each(['retry', 'throttled', 'pause', 'dead'] as const)('keeps what was said: %s', (kind) => {
    expect(report(kind).outcome).toMatchObject({ error: FAILURES[kind].sentence });
  });
});

describe('the pause', () => {
  it.each<{ name: string; report: OutcomeReport; probeInMs: number | undefined }>([
    { name: 'retry: none', report: report('retry'), probeInMs: undefined },
    { name: 'throttled: none', report: report('throttled'), probeInMs: undefined },
    { name: 'dead: none', report: report('dead'), probeInMs: undefined },
    { name: 'pause: a probe after a second', report: report('pause'), probeInMs: 1_000 },
    {
      name: 'pause, whatever the failures: the same',
      report: report('pause', {}, { isDestinationFailing: true }),
      probeInMs: 1_000,
    },
    {
      name: 'retry of a failing destination',
      report: report('retry', {}, { isDestinationFailing: true }),
      probeInMs: 1_000,
    },
    {
      name: 'dead at a failing destination',
      report: report('dead', {}, { isDestinationFailing: true }),
      probeInMs: 1_000,
    },
    { name: 'the first probe refused', report: report('pause', { isProbe: true }), probeInMs: 2_000 },
    { name: 'the fourth probe refused', report: report('pause', PROBE), probeInMs: 16_000 },
    { name: 'a probe failed', report: report('retry', PROBE), probeInMs: 16_000 },
    { name: 'a probe refused as a message', report: report('dead', PROBE), probeInMs: 16_000 },
    {
      name: 'the probes of hours: five minutes',
      report: report('pause', { isProbe: true, probesBefore: 60 }),
      probeInMs: 300_000,
    },
  ])('$name', ({ report, probeInMs }) => {
    if (probeInMs === undefined) expect(report).not.toHaveProperty('pause');
    else expect(report.pause).toMatchObject({ destination: DESTINATION, nextProbeAt: NOW + probeInMs });
  });

  it('stays as it is when its probe is throttled, which says nothing about it', () => {
    const throttled = report('throttled', PROBE);
    expect(throttled).not.toHaveProperty('pause');
    expect(throttled.nextProbe).toEqual({ destination: DESTINATION, nextProbeAt: NOW + 1_250 });
  });

  it.each([
    { kind: 'pause', code: 'AccessDeniedException', reason: 'Mend AccessDeniedException.' },
    { kind: 'dead', code: 'InvalidRequestException', reason: 'check the route’s destinationId and subtype' },
    { kind: 'retry', code: 'InternalServiceException', reason: 'Mend InternalServiceException.' },
  ] as const)('says in words what to do: $kind', ({ kind, code, reason }) => {
    const { pause } = report(kind, {}, { isDestinationFailing: true });
    expect(pause?.code).toBe(code);
    expect(pause?.reason).toContain(reason);
    expect(pause?.reason).not.toContain('said so');
  });

  it('of a number whose replies are all refused is about End User Messaging, not about Connect', () => {
    const { pause } = report('dead', { direction: 'outbound' }, { isDestinationFailing: true });
    expect(pause?.reason).toContain('End User Messaging refuses every reply from this number');
    expect(pause?.reason).not.toContain('Connect');
  });
});

it.each<{ name: string; direction?: 'outbound'; failure: SendFailure; reason: readonly string[] }>([
  {
    name: 'of replies: by its own service, with what it says',
    direction: 'outbound',
    failure: { ...FAILURES.dead, why: 'the customer has opted out' },
    reason: ['End User Messaging refuses', 'InvalidRequestException', 'Mend InvalidRequestException.'],
  },
  {
    name: 'of a chat: by what its route says of it',
    failure: { ...FAILURES.dead, code: 'StartChatContact.InvalidRequestException' },
    reason: ['Connect refuses', 'instanceId', 'contactFlowId', 'StartChatContact.InvalidRequestException'],
  },
])('the pause of what refuses everything is told in words: $name', ({ direction, failure, reason }) => {
  const { pause } = reportFailure(factsOf(direction && { direction }), failure, TIMING, {
    retryMaxAgeMs: DAY_MS,
    delivering: undefined,
    isDestinationFailing: true,
    isDestinationPaused: false,
    random: () => 0,
  });
  for (const words of reason) expect(pause?.reason).toContain(words);
  expect(pause?.reason).not.toContain('opted out');
});

describe('the attempt', () => {
  it.each(['retry', 'throttled', 'pause', 'dead'] as const)('of a failure: %s', (kind) => {
    const { verdict, code } = FAILURES[kind];
    expect(report(kind).attempt).toEqual({ verdict, code, requestId: 'request-1', ...TIMING });
  });

  it('has no request id where none came', () => {
    const failure = { ...FAILURES.retry, requestId: undefined };
    const circumstances = {
      retryMaxAgeMs: DAY_MS,
      delivering: undefined,
      isDestinationFailing: false,
      isDestinationPaused: false,
      random: () => 0,
    };
    const { attempt } = reportFailure(factsOf(), failure, TIMING, circumstances);
    expect(attempt).not.toHaveProperty('requestId');
  });

  it('of a delivery, with what Connect said', () => {
    const sent = {
      kind: 'delivered',
      contactId: 'contact-1',
      newChatCreated: true,
      requestId: 'request-2',
    } as const;
    const report = reportAnswer(factsOf(), sent, TIMING);
    expect(report).toEqual({
      claim: CLAIM,
      now: NOW,
      outcome: { verdict: 'delivered', contactId: 'contact-1', newChatCreated: true },
      attempt: { verdict: 'delivered', requestId: 'request-2', ...TIMING },
    });
    expect(reportAnswer(factsOf(PROBE), sent, TIMING).resume).toBe(DESTINATION);
  });

  it('that was not made is none', () => {
    expect(reportNowhere(factsOf())).not.toHaveProperty('attempt');
    expect(reportLost(factsOf())).not.toHaveProperty('attempt');
  });
});

describe('parts', () => {
  const parts = ['one ', 'two ', 'three'];
  const sent = {
    kind: 'delivered',
    contactId: 'contact-1',
    newChatCreated: true,
    requestId: 'request-2',
  } as const;
  const factsAt = (partsDelivered: number, fixed?: readonly string[]) => ({
    ...factsOf({ partsDelivered, parts: fixed }),
    parts,
  });

  it.each([
    { partsDelivered: 0, verdict: 'part_delivered' },
    { partsDelivered: 1, verdict: 'part_delivered' },
    { partsDelivered: 2, verdict: 'delivered' },
  ])('after $partsDelivered of 3, the next is $verdict', ({ partsDelivered, verdict }) => {
    const { outcome, attempt } = reportAnswer(factsAt(partsDelivered, parts), sent, TIMING);
    expect(outcome).toEqual({ verdict, contactId: 'contact-1', newChatCreated: true });
    expect(attempt?.verdict).toBe('delivered');
  });

  it('are fixed by the first attempt, whatever becomes of it, and by no other', () => {
    const circumstances = {
      retryMaxAgeMs: DAY_MS,
      delivering: undefined,
      isDestinationFailing: false,
      isDestinationPaused: false,
      random: () => 0,
    };
    expect(reportAnswer(factsAt(0), sent, TIMING).parts).toEqual(parts);
    expect(reportAnswer(factsAt(1, parts), sent, TIMING)).not.toHaveProperty('parts');
    for (const failure of Object.values(FAILURES)) {
      expect(reportFailure(factsAt(0), failure, TIMING, circumstances).parts).toEqual(parts);
      expect(reportFailure(factsAt(0, parts), failure, TIMING, circumstances)).not.toHaveProperty('parts');
    }
  });

  it('are none where the text goes at once', () => {
    expect(reportAnswer(factsOf(), sent, TIMING)).not.toHaveProperty('parts');
  });
});

const SESSION: ChatSession = {
  seed: '0d9f6a51-2b1c-4a53-9a35-6d4c1f1b7e11',
  generation: 1,
  parties: {
    channel: 'sms',
    customerAddress: '+14255550182',
    customerAddressKind: 'phone',
    businessAddress: '+12065550100',
  },
};
const NEXT_PLACE = { destination: DESTINATION, paceKey: 'StartContactStreaming a', isIdempotent: true };

function step(code: string, over: Partial<Extract<Answer, { kind: 'step' }>> = {}): Answer {
  return { kind: 'step', code, session: SESSION, placement: NEXT_PLACE, requestId: 'request-3', ...over };
}

describe('a step on the way', () => {
  it('keeps the chat and the next place, and counts no attempt against the message', () => {
    expect(reportAnswer(factsOf(), step('StartChatContact'), TIMING)).toEqual({
      claim: CLAIM,
      now: NOW,
      outcome: { verdict: 'returned', dueAt: NOW },
      attempt: { verdict: 'step', code: 'StartChatContact', requestId: 'request-3', ...TIMING },
      session: SESSION,
      placement: NEXT_PLACE,
    });
  });

  it('into a new chat may make a second copy', () => {
    const { outcome } = reportAnswer(factsOf(), step('ChatEnded', { isAmbiguous: true }), TIMING);
    expect(outcome).toEqual({ verdict: 'returned', dueAt: NOW, isAmbiguous: true });
  });

  it('fixes the parts, as any attempt does', () => {
    const facts = { ...factsOf(), parts: ['one ', 'two'] };
    expect(reportAnswer(facts, step('StartChatContact'), TIMING).parts).toEqual(['one ', 'two']);
  });

  const same = { nextProbe: { destination: DESTINATION, nextProbeAt: NOW, isSameLane: true } };
  const resumed = { resume: DESTINATION };

  it.each<{ code: string; pauseCode: string | undefined; expected: object }>([
    { code: 'StartChatContact', pauseCode: 'StartContactStreaming.AccessDeniedException', expected: same },
    {
      code: 'CreateParticipantConnection',
      pauseCode: 'CreateParticipantConnection.HTTP_403',
      expected: same,
    },
    { code: 'ConnectionRefused', pauseCode: 'SendMessage.AccessDeniedException', expected: same },
    { code: 'ChatEnded', pauseCode: 'SendMessage.AccessDeniedException', expected: same },
    { code: 'StartChatContact', pauseCode: 'AccessDeniedException', expected: same },
    { code: 'StartChatContact', pauseCode: 'StartChatContact.AccessDeniedException', expected: resumed },
    { code: 'CreateParticipantConnection', pauseCode: 'StartChatContact.HTTP_403', expected: resumed },
  ])('of a probe: $code, paused by $pauseCode', ({ code, pauseCode, expected }) => {
    const { resume, nextProbe } = reportAnswer(factsOf({ ...PROBE, pauseCode }), step(code), TIMING);
    expect({ ...(resume && { resume }), ...(nextProbe && { nextProbe }) }).toEqual(expected);
  });
});

describe('a wait', () => {
  const wait: Answer = {
    kind: 'wait',
    code: 'LimitExceededException',
    sentence: 'too many chats',
    waitMs: 7_500,
    session: { ...SESSION, waitsFor: 'LimitExceededException' },
  };

  it('puts the message back for later, whole, and its token is used', () => {
    expect(reportAnswer(factsOf(), wait, TIMING)).toEqual({
      claim: CLAIM,
      now: NOW,
      outcome: { verdict: 'returned', dueAt: NOW + 7_500, error: 'too many chats' },
      attempt: { verdict: 'throttled', code: 'LimitExceededException', ...TIMING },
      session: { ...SESSION, waitsFor: 'LimitExceededException' },
    });
  });

  it('of a probe says nothing about the pause', () => {
    const waited = reportAnswer(factsOf(PROBE), wait, TIMING);
    expect(waited.nextProbe).toEqual({ destination: DESTINATION, nextProbeAt: NOW + 7_500 });
    expect(waited).not.toHaveProperty('resume');
    expect(waited).not.toHaveProperty('pause');
  });
});

describe('what a delivery brings with it', () => {
  const offers = { contactId: 'contact-1', choices: [{ title: 'Yes' }] };
  const sent: Answer = { kind: 'delivered', session: SESSION, offers, isChoiceMade: true };

  it('is kept: chat, offers, choice', () => {
    expect(reportAnswer(factsOf(), sent, TIMING)).toMatchObject({
      session: SESSION,
      offers,
      isChoiceMade: true,
    });
    const plain = reportAnswer(factsOf(), { kind: 'delivered' }, TIMING);
    for (const name of ['session', 'offers', 'isChoiceMade']) expect(plain).not.toHaveProperty(name);
  });

  it('are offers with the last part alone', () => {
    const parts = ['one ', 'two'];
    const at = (partsDelivered: number) =>
      reportAnswer({ ...factsOf({ parts, partsDelivered }), parts }, sent, TIMING);
    expect(at(0)).not.toHaveProperty('offers');
    expect(at(0)).toHaveProperty('session');
    expect(at(1)).toHaveProperty('offers');
  });
});

describe('a reply of which nobody knows whether it was sent', () => {
  const outbound = { direction: 'outbound' } as Partial<Claim>;

  it.each<{
    name: string;
    kind: keyof typeof FAILURES;
    claim: Partial<Claim>;
    expected: object;
  }>([
    { name: 'the first time', kind: 'retry', claim: outbound, expected: { verdict: 'retry' } },
    {
      name: 'the second time',
      kind: 'retry',
      claim: { ...outbound, unclearAttempts: 1 },
      expected: { verdict: 'dead', reason: 'gave_up', isAmbiguous: true },
    },
    {
      name: 'once, and then surely not',
      kind: 'surelyNotSent',
      claim: { ...outbound, attempts: 1, unclearAttempts: 1 },
      expected: { verdict: 'retry', isAmbiguous: false },
    },
    {
      name: 'as a probe',
      kind: 'retry',
      claim: { ...outbound, ...PROBE, unclearAttempts: 1 },
      expected: { verdict: 'dead', reason: 'gave_up' },
    },
    {
      name: 'however often it is a customer’s message',
      kind: 'retry',
      claim: { unclearAttempts: 9 },
      expected: { verdict: 'retry' },
    },
  ])('$name', ({ kind, claim, expected }) => {
    expect(report(kind, claim).outcome).toMatchObject(expected);
  });

  it('because its senders were lost goes no third time', () => {
    expect(UNCLEAR_REPLIES_MAX).toBe(1);
    expect(reportUnclear(factsOf(outbound)).outcome).toEqual({
      verdict: 'dead',
      reason: 'gave_up',
      error: 'Two attempts ended without a word whether it was sent.',
    });
  });
});

describe('the pace token', () => {
  const KEY = CLAIM.paceKey;
  it.each([
    { name: 'throttled: slows', report: report('throttled'), effect: 'throttled' },
    { name: 'not sent: back', report: reportNowhere(factsOf()), effect: 'unused' },
    { name: 'lost too often: back', report: reportLost(factsOf()), effect: 'unused' },
    { name: 'unclear too often: back', report: reportUnclear(factsOf()), effect: 'unused' },
    { name: 'useless: back', report: reportUseless(factsOf(), 'chat_ended'), effect: 'unused' },
    {
      name: 'its chat is stored first: back',
      report: reportUnsent(factsOf(), NEXT_PLACE, SESSION),
      effect: 'unused',
    },
  ])('$name', ({ report, effect }) => {
    expect(report.pace).toEqual({ key: KEY, limits: PACE_LIMITS, effect });
  });

  it.each(['retry', 'pause', 'dead'] as const)('is used: %s', (kind) => {
    expect(report(kind)).not.toHaveProperty('pace');
  });
});

describe('what must not be sent', () => {
  const elsewhere = { destination: 'destination-2', paceKey: '111122223333/eu-west-2' } as Destination;

  it('goes back, to the place that it has now', () => {
    expect(reportUnsent(factsOf(), elsewhere)).toMatchObject({
      outcome: { verdict: 'returned', dueAt: NOW },
      placement: { destination: 'destination-2', paceKey: '111122223333/eu-west-2' },
    });
  });

  it('is dead where no route takes it', () => {
    expect(reportNowhere(factsOf()).outcome).toMatchObject({ verdict: 'dead', reason: 'no_route' });
  });

  it('leaves the probe to the next in line', () => {
    expect(reportUnsent(factsOf(PROBE), elsewhere).nextProbe).toEqual({
      destination: DESTINATION,
      nextProbeAt: NOW,
    });
    expect(reportUnsent(factsOf(), elsewhere)).not.toHaveProperty('nextProbe');
  });

  it('is discarded where nobody has use for it any more', () => {
    expect(reportUseless(factsOf(), 'chat_ended').outcome).toEqual({
      verdict: 'discarded',
      reason: 'chat_ended',
    });
    expect(reportUseless(factsOf(PROBE), 'chat_ended').nextProbe).toEqual({
      destination: DESTINATION,
      nextProbeAt: NOW,
    });
  });

  it('before its chat is stored goes on with it, as the probe that it is', () => {
    expect(reportUnsent(factsOf(), NEXT_PLACE, SESSION)).toMatchObject({
      outcome: { verdict: 'returned', dueAt: NOW },
      session: SESSION,
      placement: NEXT_PLACE,
    });
    expect(reportUnsent(factsOf(PROBE), NEXT_PLACE, SESSION).nextProbe).toEqual({
      destination: DESTINATION,
      nextProbeAt: NOW,
      isSameLane: true,
    });
  });

  it('after attempts that were lost again and again, is too old', () => {
    expect(reportLost(factsOf()).outcome).toMatchObject({ verdict: 'dead', reason: 'too_old' });
  });
});
