import { describe, expect, it } from 'vitest';
import { createMetrics, unknownTypeOf } from '../src/metrics.ts';
import type { InboundMessage, MessageContent } from '../src/normalize/inbound-message.ts';
import type { StoredMessage, StoreStatus } from '../src/queue/message-store.ts';
import { REPLY } from './send/claim-scene.ts';

const NOW = Date.UTC(2026, 4, 4, 12);

const EMPTY: StoreStatus = {
  books: {
    received: 0,
    delivered: 0,
    duplicate: 0,
    ignored: 0,
    discarded: 0,
    dead: 0,
    pending: 0,
    isBalanced: true,
    possibleDuplicate: 0,
    arrivedLate: 0,
    ignoredByReason: {},
    deadByReason: {},
  },
  messages: [],
  oldestPendingAt: undefined,
  waitingChats: {},
  paused: [],
};

const BUSY: StoreStatus = {
  ...EMPTY,
  messages: [
    { channel: 'sms', state: 'pending', count: 3 },
    { channel: 'whatsapp', state: 'sending', count: 1 },
    { channel: 'unknown', state: 'dead', count: 2 },
  ],
  oldestPendingAt: NOW - 90_500,
  waitingChats: { LimitExceededException: 2 },
  paused: [
    {
      destination: 'phone-1',
      code: 'AccessDeniedException',
      reason: 'Allow it.',
      pausedAt: NOW,
      nextProbeAt: NOW,
    },
  ],
};

function message(content: MessageContent, channel: InboundMessage['channel'] = 'whatsapp'): InboundMessage {
  return {
    channel,
    customerAddress: '+14255550182',
    customerAddressKind: 'phone',
    businessAddress: '+12065550100',
    externalId: 'external-1',
    sentAt: NOW,
    content,
  };
}

const TEXT: MessageContent = { kind: 'text', text: 'hello' };
const unknown = (type: string): MessageContent => ({ kind: 'unknown', type, fields: [] });
const ACCEPTED = { id: 1, outcome: 'accepted', arrivedLate: false } as const;

/** The bridge's own samples, without Node's and without comments. */
function samplesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith('bridge_'));
}

describe('the metrics', () => {
  it('show what is in the store', async () => {
    const samples = samplesOf(await createMetrics(() => Promise.resolve(BUSY)).render(NOW));
    expect(samples).toEqual(
      expect.arrayContaining([
        'bridge_messages{state="pending",channel="sms"} 3',
        'bridge_messages{state="sending",channel="whatsapp"} 1',
        'bridge_messages{state="dead",channel="unknown"} 2',
        'bridge_oldest_pending_seconds 90.5',
        'bridge_paused_destination{destination="phone-1",code="AccessDeniedException"} 1',
        'bridge_waiting_chats{code="LimitExceededException"} 2',
      ]),
    );
  });

  it('forget what is in the store no more', async () => {
    let status = BUSY;
    const metrics = createMetrics(() => Promise.resolve(status));
    await metrics.render(NOW);
    status = EMPTY;
    const samples = samplesOf(await metrics.render(NOW));
    expect(
      samples.filter((sample) => /^bridge_(messages|paused_destination|waiting_chats)\{/.test(sample)),
    ).toEqual([]);
    expect(samples).toContain('bridge_oldest_pending_seconds 0');
  });

  it('say nothing about a store that does not answer, and count it', async () => {
    let isAway = false;
    const metrics = createMetrics(() => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(BUSY)));
    await metrics.render(NOW);
    isAway = true;
    const samples = samplesOf(await metrics.render(NOW));
    expect(samples.filter((sample) => /^bridge_(messages\{|paused_|waiting_|oldest_)/.test(sample))).toEqual(
      [],
    );
    expect(samples).toContain('bridge_store_errors_total 1');
  });

  it.each([
    { outcome: 'accepted', arrivedLate: false, expected: ['accepted'] },
    { outcome: 'accepted', arrivedLate: true, expected: ['accepted', 'arrived_late'] },
    { outcome: 'duplicate', arrivedLate: false, expected: ['duplicate'] },
    { outcome: 'dead', arrivedLate: false, expected: ['dead'] },
  ] as const)('count what was $outcome, late: $arrivedLate', async ({ outcome, arrivedLate, expected }) => {
    const metrics = createMetrics(() => Promise.resolve(EMPTY));
    metrics.countAccepted('inbound', { id: 1, outcome, arrivedLate }, message(TEXT, 'sms'));
    const samples = samplesOf(await metrics.render(NOW));
    expect(samples.filter((sample) => sample.startsWith('bridge_messages_total'))).toEqual(
      expected.map((outcome) => `bridge_messages_total{channel="sms",outcome="${outcome}"} 1`),
    );
  });

  it('count replies apart from messages, and not what they hold', async () => {
    const metrics = createMetrics(() => Promise.resolve(EMPTY));
    const reply: StoredMessage = { ...REPLY, channel: 'whatsapp' };
    metrics.countAccepted('outbound', { ...ACCEPTED, arrivedLate: true }, reply);
    metrics.countAccepted('outbound', { ...ACCEPTED, outcome: 'duplicate' }, reply);
    metrics.countAccepted('outbound', { ...ACCEPTED, outcome: 'dead' }, undefined);
    metrics.countEnded('outbound', 'whatsapp', 'delivered');
    metrics.countEnded('outbound', 'whatsapp', 'dead');
    const samples = samplesOf(await metrics.render(NOW));
    expect(samples.filter((sample) => sample.startsWith('bridge_replies_total'))).toEqual([
      'bridge_replies_total{channel="whatsapp",outcome="accepted"} 1',
      'bridge_replies_total{channel="whatsapp",outcome="arrived_late"} 1',
      'bridge_replies_total{channel="whatsapp",outcome="duplicate"} 1',
      'bridge_replies_total{channel="unknown",outcome="dead"} 1',
      'bridge_replies_total{channel="whatsapp",outcome="delivered"} 1',
      'bridge_replies_total{channel="whatsapp",outcome="dead"} 1',
    ]);
    expect(samples.filter((sample) => /^bridge_(messages|contents)_total/.test(sample))).toEqual([]);
  });

  it('count what was accepted by kind, and what else came not', async () => {
    const metrics = createMetrics(() => Promise.resolve(EMPTY));
    metrics.countAccepted('inbound', ACCEPTED, message(TEXT, 'sms'));
    metrics.countAccepted('inbound', ACCEPTED, message({ kind: 'location' }));
    metrics.countAccepted('inbound', { ...ACCEPTED, outcome: 'duplicate' }, message(TEXT));
    metrics.countAccepted('inbound', { ...ACCEPTED, outcome: 'dead' }, message(unknown('hologram')));
    metrics.countAccepted('inbound', { ...ACCEPTED, outcome: 'dead' }, undefined);
    const samples = samplesOf(await metrics.render(NOW));
    expect(samples.filter((sample) => /^bridge_(contents|unknown_types)_total\{/.test(sample))).toEqual([
      'bridge_contents_total{channel="sms",kind="text"} 1',
      'bridge_contents_total{channel="whatsapp",kind="location"} 1',
    ]);
    expect(samples).toContain('bridge_messages_total{channel="unknown",outcome="dead"} 1');
  });

  it('count what is ignored by reason and field', async () => {
    const metrics = createMetrics(() => Promise.resolve(EMPTY));
    metrics.countIgnored({ kind: 'ignored', reason: 'other_field', field: 'flows' });
    metrics.countIgnored({ kind: 'ignored', reason: 'by_route' });
    const samples = samplesOf(await metrics.render(NOW));
    expect(samples.filter((sample) => sample.startsWith('bridge_ignored_total'))).toEqual([
      'bridge_ignored_total{reason="other_field",field="flows"} 1',
      'bridge_ignored_total{reason="by_route",field="none"} 1',
    ]);
  });

  it('name no more than 50 unknown types', async () => {
    const metrics = createMetrics(() => Promise.resolve(EMPTY));
    for (let index = 1; index <= 60; index += 1)
      metrics.countAccepted('inbound', ACCEPTED, message(unknown(`type_${index}`)));
    metrics.countAccepted('inbound', ACCEPTED, message(unknown('type_1')));
    const types = samplesOf(await metrics.render(NOW)).filter((sample) =>
      sample.startsWith('bridge_unknown_types_total'),
    );
    expect(types).toHaveLength(51);
    expect(types).toContain('bridge_unknown_types_total{type="type_1"} 2');
    expect(types).toContain('bridge_unknown_types_total{type="type_50"} 1');
    expect(types).toContain('bridge_unknown_types_total{type="other"} 10');
  });

  it('count how attempts, notifications and messages end', async () => {
    const metrics = createMetrics(() => Promise.resolve(EMPTY));
    metrics.countEnded('inbound', 'whatsapp', 'delivered');
    metrics.attempts.inc({ verdict: 'retry', code: 'HTTP_503' });
    metrics.notifications.inc({ answer: '200', outcome: 'accepted' });
    metrics.deliverySeconds.observe({ channel: 'sms' }, 0.2);
    expect(samplesOf(await metrics.render(NOW))).toEqual(
      expect.arrayContaining([
        'bridge_messages_total{channel="whatsapp",outcome="delivered"} 1',
        'bridge_attempts_total{verdict="retry",code="HTTP_503"} 1',
        'bridge_notifications_total{answer="200",outcome="accepted"} 1',
        'bridge_delivery_seconds_bucket{le="0.25",channel="sms"} 1',
      ]),
    );
  });

  it('bring Node’s own, the event loop’s lag among them', async () => {
    const text = await createMetrics(() => Promise.resolve(EMPTY)).render(NOW);
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  it('stand each on its own: two services in one process don’t mix', async () => {
    const [one, other] = [
      createMetrics(() => Promise.resolve(EMPTY)),
      createMetrics(() => Promise.resolve(EMPTY)),
    ];
    one.storeErrors.inc();
    expect(samplesOf(await other.render(NOW))).toContain('bridge_store_errors_total 0');
  });
});

describe('the type of a placeholder', () => {
  it.each<{ content: MessageContent; expected: string | undefined }>([
    { content: unknown('hologram'), expected: 'hologram' },
    { content: unknown('interactive/payment_method'), expected: 'interactive/payment_method' },
    { content: { kind: 'edit', content: unknown('hologram') }, expected: 'hologram' },
    { content: unknown('Words of somebody'), expected: 'other' },
    { content: unknown('14255550182'), expected: 'other' },
    { content: unknown('x'.repeat(61)), expected: 'other' },
    { content: unknown(''), expected: 'other' },
    { content: TEXT, expected: undefined },
    { content: { kind: 'edit', content: TEXT }, expected: undefined },
  ])('$content is $expected in logs and metrics', ({ content, expected }) => {
    expect(unknownTypeOf(content)).toBe(expected);
  });
});
