import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/clock.ts';
import type { Claim, OutcomeReport } from '../../src/queue/message-store.ts';
import { reportDelivery, reportFailure, reportLost, reportUnsent } from '../../src/send/outcome-report.ts';
import type { FailureCircumstances } from '../../src/send/outcome-report.ts';
import type { Destination } from '../../src/send/route.ts';
import type { SendFailure } from '../../src/send/send-outcome.ts';

const NOW = Date.UTC(2026, 4, 4, 12);
const DESTINATION = 'destination-1';

const CLAIM: Claim = {
  messageId: 1,
  laneId: 2,
  leaseToken: 'token',
  destination: DESTINATION,
  paceKey: '111122223333/us-east-1',
  isProbe: false,
  probesBefore: 0,
  snsMessageId: 'sns-1',
  direction: 'inbound',
  message: {
    channel: 'sms',
    customerAddress: '+14255550182',
    customerAddressKind: 'phone',
    businessAddress: '+12065550100',
    externalId: 'external-1',
    sentAt: NOW,
    content: { kind: 'text', text: 'hello' },
  },
  parts: undefined,
  partsDelivered: 0,
  acceptedAt: NOW - MINUTE_MS,
  attempts: 0,
  followsLostAttempt: false,
  firstFailedAt: undefined,
  probeRefusals: 0,
  pausedMs: 0,
};

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
  return { claim: { ...CLAIM, ...claim }, now: NOW, paceLimits: PACE_LIMITS, parts: ['hello'] };
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
      random: () => 0,
    };
    const { attempt } = reportFailure(factsOf(), failure, TIMING, circumstances);
    expect(attempt).not.toHaveProperty('requestId');
  });

  it('of a delivery, with what Connect said', () => {
    const sent = { contactId: 'contact-1', newChatCreated: true, requestId: 'request-2' };
    const report = reportDelivery(factsOf(), sent, TIMING);
    expect(report).toEqual({
      claim: CLAIM,
      now: NOW,
      outcome: { verdict: 'delivered', contactId: 'contact-1', newChatCreated: true },
      attempt: { verdict: 'delivered', requestId: 'request-2', ...TIMING },
    });
    expect(reportDelivery(factsOf(PROBE), sent, TIMING).resume).toBe(DESTINATION);
  });

  it('that was not made is none', () => {
    expect(reportUnsent(factsOf(), undefined)).not.toHaveProperty('attempt');
    expect(reportLost(factsOf())).not.toHaveProperty('attempt');
  });
});

describe('parts', () => {
  const parts = ['one ', 'two ', 'three'];
  const sent = { contactId: 'contact-1', newChatCreated: true, requestId: 'request-2' };
  const factsAt = (partsDelivered: number, fixed?: readonly string[]) => ({
    ...factsOf({ partsDelivered, parts: fixed }),
    parts,
  });

  it.each([
    { partsDelivered: 0, verdict: 'part_delivered' },
    { partsDelivered: 1, verdict: 'part_delivered' },
    { partsDelivered: 2, verdict: 'delivered' },
  ])('after $partsDelivered of 3, the next is $verdict', ({ partsDelivered, verdict }) => {
    const { outcome, attempt } = reportDelivery(factsAt(partsDelivered, parts), sent, TIMING);
    expect(outcome).toEqual({ verdict, contactId: 'contact-1', newChatCreated: true });
    expect(attempt?.verdict).toBe('delivered');
  });

  it('are fixed by the first attempt, whatever becomes of it, and by no other', () => {
    const circumstances = {
      retryMaxAgeMs: DAY_MS,
      delivering: undefined,
      isDestinationFailing: false,
      random: () => 0,
    };
    expect(reportDelivery(factsAt(0), sent, TIMING).parts).toEqual(parts);
    expect(reportDelivery(factsAt(1, parts), sent, TIMING)).not.toHaveProperty('parts');
    for (const failure of Object.values(FAILURES)) {
      expect(reportFailure(factsAt(0), failure, TIMING, circumstances).parts).toEqual(parts);
      expect(reportFailure(factsAt(0, parts), failure, TIMING, circumstances)).not.toHaveProperty('parts');
    }
  });

  it('are none where the text goes at once', () => {
    expect(reportDelivery(factsOf(), sent, TIMING)).not.toHaveProperty('parts');
  });
});

describe('the pace token', () => {
  const KEY = CLAIM.paceKey;
  it.each([
    { name: 'throttled: slows', report: report('throttled'), effect: 'throttled' },
    { name: 'not sent: back', report: reportUnsent(factsOf(), undefined), effect: 'unused' },
    { name: 'lost too often: back', report: reportLost(factsOf()), effect: 'unused' },
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
    expect(reportUnsent(factsOf(), undefined).outcome).toMatchObject({ verdict: 'dead', reason: 'no_route' });
  });

  it('leaves the probe to the next in line', () => {
    expect(reportUnsent(factsOf(PROBE), elsewhere).nextProbe).toEqual({
      destination: DESTINATION,
      nextProbeAt: NOW,
    });
    expect(reportUnsent(factsOf(), elsewhere)).not.toHaveProperty('nextProbe');
  });

  it('after attempts that were lost again and again, is too old', () => {
    expect(reportLost(factsOf()).outcome).toMatchObject({ verdict: 'dead', reason: 'too_old' });
  });
});
