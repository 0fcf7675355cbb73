import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/errors.ts';
import type { MessageContent } from '../../src/normalize/inbound-message.ts';
import type { Claim } from '../../src/queue/message-store.ts';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import type { ConnectSender } from '../../src/send/connect-client.ts';
import { MAX_IN_FLIGHT } from '../../src/send/dispatcher.ts';
import { DESTINATION, LEASE_MS, OTHER_DESTINATION } from '../queue/suite/store-scene.ts';
import { DispatcherScene, NUMBER, OTHER_NUMBER } from './dispatcher-scene.ts';

const ANA = '+14255550111';
const BEN = '+14255550122';
const EVE = '+14255550133';

let scene: DispatcherScene;

beforeEach(async () => {
  scene = await DispatcherScene.open();
});

afterEach(async () => {
  expect(await scene.end()).toEqual([]);
});

/** Fails the first call that it is for, as a store that is away for a moment. */
function failOnce<Argument, Result>(
  call: (argument: Argument) => Promise<Result>,
): (argument: Argument) => Promise<Result> {
  let hasFailed = false;
  return (argument) => {
    if (hasFailed) return call(argument);
    hasFailed = true;
    return Promise.reject(new BridgeError('STORE_UNAVAILABLE'));
  };
}

describe('delivery', () => {
  it('keeps the order of each conversation, and records what Connect said', async () => {
    scene.start();
    for (const text of ['one', 'two', 'three']) {
      await scene.accept({ from: ANA, text });
      await scene.accept({ from: BEN, text });
    }
    await scene.log.until('message.delivered', 6);
    expect(scene.connect.transcript(ANA)).toEqual(['one', 'two', 'three']);
    expect(scene.connect.transcript(BEN)).toEqual(['one', 'two', 'three']);
    expect(scene.reports[0]?.outcome).toEqual({
      verdict: 'delivered',
      contactId: expect.any(String),
      newChatCreated: true,
    });
    expect((await scene.queue.status()).books).toMatchObject({ delivered: 6, pending: 0 });
    const metrics = await scene.metrics.render(scene.clock.now());
    expect(metrics).toContain('bridge_messages_total{channel="sms",outcome="delivered"} 6');
  });

  it('delivers what waited before it started', async () => {
    await scene.accept({ text: 'waited' });
    scene.start();
    await scene.connect.until(1);
    expect(scene.connect.transcript('+14255550182')).toEqual(['waited']);
  });

  it('holds a message as long as it is told', async () => {
    scene.start();
    await scene.accept({ from: ANA, text: 'held', holdMs: 3_600_000 });
    await scene.accept({ from: BEN, text: 'not held' });
    await scene.log.until('message.delivered', 1);
    expect(scene.connect.received).toBe(1);
    scene.skip(3_600_000);
    await scene.log.until('message.delivered', 2);
  });

  it('lets no lane wait for another that hangs', async () => {
    scene.connect.queueFault(FAULTS.hang, 1, { sourceId: ANA });
    scene.start();
    await scene.accept({ from: ANA, text: 'hangs' });
    await scene.connect.untilReceived(1);
    for (const text of ['one', 'two', 'three']) await scene.accept({ from: BEN, text });
    await scene.accept({ from: ANA, text: 'behind' });
    await scene.log.until('message.delivered', 3);
    expect(scene.connect.transcript(BEN)).toEqual(['one', 'two', 'three']);
    expect(scene.connect.transcript(ANA)).toEqual([]);
  });

  it('gives at most half of what is in flight to one of two destinations', async () => {
    scene.connect.faultFor = ({ destinationId }) => (destinationId === DESTINATION ? FAULTS.hang : undefined);
    for (let customer = 0; customer < MAX_IN_FLIGHT; customer++) {
      await scene.accept({ from: `+1425555${1_000 + customer}` });
    }
    scene.start();
    await scene.connect.untilReceived(MAX_IN_FLIGHT / 2);
    await scene.accept({ from: BEN, number: OTHER_NUMBER });
    await scene.log.until('message.delivered', 1);
    expect(scene.connect.received).toBe(MAX_IN_FLIGHT / 2 + 1);
  });
});

describe('a failed attempt', () => {
  it('is tried again, before anything else of its lane', async () => {
    scene.connect.queueFault(FAULTS.internal, 2, { sourceId: ANA });
    await scene.accept({ from: ANA, text: 'one' });
    await scene.accept({ from: ANA, text: 'two' });
    scene.start();
    await scene.log.until('message.delivered', 2);
    expect(scene.connect.transcript(ANA)).toEqual(['one', 'two']);
    expect(scene.verdicts()).toEqual(['retry', 'retry', 'delivered', 'delivered']);
    expect(scene.claims.map(({ attempts }) => attempts)).toEqual([0, 1, 2, 0]);
  });

  it('after which Connect may have the message is counted, and the second copy not hidden', async () => {
    scene.connect.queueFault(FAULTS.takenButDrop);
    scene.start();
    await scene.accept({ from: ANA, text: 'twice' });
    await scene.log.until('message.delivered');
    expect(scene.connect.transcript(ANA)).toEqual(['twice', 'twice']);
    expect((await scene.queue.status()).books.possibleDuplicate).toBe(1);
    const metrics = await scene.metrics.render(scene.clock.now());
    expect(metrics).toContain('bridge_possible_duplicates_total 1');
  });

  it('with the verdict dead lets the lane go on', async () => {
    scene.connect.queueFault(FAULTS.invalid);
    await scene.accept({ from: ANA, text: 'no such thing' });
    await scene.accept({ from: ANA, text: 'next' });
    scene.start();
    await scene.log.until('message.delivered');
    expect(scene.connect.transcript(ANA)).toEqual(['next']);
    expect(scene.log.events('message.dead')).toMatchObject([{ level: 'warn', reason: 'refused' }]);
    expect((await scene.queue.status()).books.deadByReason).toEqual({ refused: 1 });
  });

  it('for a kind of content that only a newer version knows is no delivery, and nothing of it is lost', async () => {
    const item = scene.queue.messageItem({ from: ANA });
    const content = { kind: 'of-a-newer-version', words: 'for the newer one' } as unknown as MessageContent;
    const [accepted] = await scene.queue.store.accept(
      scene.queue.request([{ ...item, message: { ...item.message, content } }]),
    );
    scene.start();
    await scene.log.until('message.retry');
    expect(scene.connect.received).toBe(0);
    expect(scene.log.events('message.retry')).toMatchObject([{ code: 'ContentNotRendered' }]);
    expect(await scene.queue.store.readMessage(accepted?.id ?? 0)).toMatchObject({ message: { content } });
    expect((await scene.queue.status()).books.possibleDuplicate).toBe(0);
  });

  it('that its sender didn’t live to record is counted, and tried again', async () => {
    await scene.accept({ from: ANA, text: 'once more' });
    await scene.queue.claimOne();
    scene.clock.skip(LEASE_MS);
    scene.start();
    await scene.log.until('message.delivered');
    expect(scene.log.events('attempt.lost')).toMatchObject([{ level: 'warn', attempt: 2 }]);
    expect((await scene.queue.status()).books.possibleDuplicate).toBe(1);
  });
});

describe('throttling', () => {
  it('slows the pace, and sends the message later, with no attempt counted', async () => {
    scene.connect.queueFault(FAULTS.throttled);
    scene.start({ paceLimits: { rate: 2, burst: 10 } });
    await scene.accept({ from: ANA, text: 'too fast' });
    await scene.log.until('message.returned');
    const looksBefore = scene.looks.length;
    await scene.accept({ from: BEN, text: 'too soon' });
    await expect.poll(() => scene.looks.length, POLLING).toBeGreaterThan(looksBefore);
    expect(scene.looks.at(-1)).toEqual({ claims: [], nextDueAt: scene.clock.now() + 1_000 });
    expect(scene.connect.received).toBe(1);
    scene.skip(1_000); // one token, at half the rate
    await scene.log.until('message.delivered', 1);
    expect(scene.claims).toHaveLength(2);
    scene.skip(1_000);
    await scene.log.until('message.delivered', 2);
    expect(scene.claims.map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
    expect((await scene.queue.status()).paused).toEqual([]);
  });

  it('of one account and Region slows no other', async () => {
    const elsewhere = 'arn:aws:sms-voice:eu-west-2:111122223333:phone-number/phone-2';
    const routes = [
      { channel: 'sms', number: NUMBER, destinationId: DESTINATION },
      { channel: 'sms', number: OTHER_NUMBER, destinationId: elsewhere },
    ] as const;
    scene.connect.queueFault(FAULTS.throttled);
    scene.start({ paceLimits: { rate: 1, burst: 5 }, routes });
    await scene.accept({ from: ANA });
    await scene.log.until('message.returned');
    const place = { destination: elsewhere, paceKey: '111122223333/eu-west-2' };
    for (const from of [ANA, BEN, EVE]) await scene.accept({ from, number: OTHER_NUMBER, ...place });
    await scene.log.until('message.delivered', 3);
  });
});

describe('a pause', () => {
  it('begins with a refusal of the set-up, stops that destination only, and ends with a probe', async () => {
    scene.connect.deniedDestinations.add(DESTINATION);
    scene.start();
    await scene.accept({ from: ANA, text: 'one' });
    const [paused] = await scene.log.until('destination.paused');
    expect(paused).toMatchObject({ level: 'error', destination: DESTINATION, code: 'AccessDeniedException' });
    expect(paused?.['reason']).toContain('connect:SendChatIntegrationEvent');

    for (const text of ['two', 'three']) await scene.accept({ from: ANA, text });
    for (const text of ['one', 'two']) await scene.accept({ from: BEN, text });
    await scene.accept({ from: EVE, number: OTHER_NUMBER, text: 'elsewhere' });
    await scene.log.until('message.delivered', 1);
    expect(scene.connect.transcript(EVE)).toEqual(['elsewhere']);
    expect(scene.connect.received).toBe(2);

    scene.connect.deniedDestinations.clear();
    scene.skip(1_000);
    await scene.log.until('destination.resumed');
    await scene.log.until('message.delivered', 6);
    expect(scene.connect.transcript(ANA)).toEqual(['one', 'two', 'three']);
    expect(scene.connect.transcript(BEN)).toEqual(['one', 'two']);
    expect((await scene.queue.status()).paused).toEqual([]);
    expect((await scene.queue.status()).books).toMatchObject({ dead: 0, possibleDuplicate: 0 });
  });

  it('after ten refusals in a row keeps what was under way from dying, too', async () => {
    scene.connect.faultFor = () => FAULTS.invalid;
    for (let customer = 10; customer < 50; customer += 1)
      await scene.accept({ from: `+142555501${customer}` });
    scene.start({ paceLimits: { rate: 1_000, burst: 1_000 } });
    await scene.log.until('destination.paused', 1);
    await scene.log.until('message.returned', 20);
    expect(scene.log.events('message.dead')).toHaveLength(10);
    scene.connect.clearFaults();
    scene.skip(1_000);
    await scene.log.until('message.delivered', 20);
  });

  it('is probed after 1 s, 2 s, 4 s, …, with one message at a time, each time another customer’s', async () => {
    scene.connect.deniedDestinations.add(DESTINATION);
    for (const from of [ANA, BEN, EVE]) await scene.accept({ from });
    scene.start();
    for (const [probes, delayMs] of [1_000, 2_000, 4_000, 8_000].entries()) {
      await scene.log.until('message.returned', 3 + probes);
      const { pause, now } = scene.reports.at(-1) ?? {};
      expect((pause?.nextProbeAt ?? 0) - (now ?? 0)).toBe(probes === 0 ? 1_000 : delayMs);
      scene.skip(delayMs);
    }
    await scene.log.until('message.returned', 7);
    const probed = scene.claims.filter(({ isProbe }) => isProbe).map(({ messageId }) => messageId);
    expect(probed).toHaveLength(4);
    expect(new Set(probed.slice(0, 3)).size).toBe(3);
    expect(probed[3]).toBe(probed[0]);
  });

  it.each([
    { name: 'fails', fault: FAULTS.internal, code: 'InternalServiceException' },
    { name: 'refuses everything', fault: FAULTS.invalid, code: 'InvalidRequestException' },
  ])('begins with ten failures of three conversations, where Connect $name', async ({ fault, code }) => {
    scene.connect.faultFor = () => fault;
    for (const from of [ANA, BEN, EVE]) {
      for (let message = 0; message < 6; message++) await scene.accept({ from });
    }
    scene.start();
    const [paused] = await scene.log.until('destination.paused');
    expect(paused).toMatchObject({ code, destination: DESTINATION });
    const { books } = await scene.queue.status();
    expect(books.pending).toBeGreaterThanOrEqual(6);
    expect(scene.connect.received).toBeGreaterThanOrEqual(10);
    expect(scene.connect.received).toBeLessThanOrEqual(12);
  });
});

describe('a claim that must not be sent', () => {
  it('goes back with the destination that it now has', async () => {
    scene.start();
    await scene.accept({ text: 'moved', destination: OTHER_DESTINATION, paceKey: 'another' });
    await scene.log.until('message.delivered');
    expect(scene.verdicts()).toEqual(['returned', 'delivered']);
    expect(scene.claims.map(({ destination }) => destination)).toEqual([OTHER_DESTINATION, DESTINATION]);
    expect(scene.connect.requests.map(({ destinationId }) => destinationId)).toEqual([DESTINATION]);
  });

  it('is dead where no route takes it any more', async () => {
    scene.start();
    await scene.accept({ number: '+12065550155' });
    await scene.log.until('message.dead');
    expect((await scene.queue.status()).books.deadByReason).toEqual({ no_route: 1 });
    expect(scene.connect.received).toBe(0);
  });

  it('goes back, unsent, where its lease might not outlive the send', async () => {
    let isFrozen = false;
    const frozenAfterClaim = {
      store: (store: DispatcherScene['queue']['store']) => ({
        claimHeads: async (request: Parameters<typeof store.claimHeads>[0]) => {
          const claimed = await store.claimHeads(request);
          if (!isFrozen && claimed.claims.length > 0) {
            isFrozen = true;
            scene.clock.skipMonotonic(4_000);
          }
          return claimed;
        },
      }),
    };
    scene.start({}, frozenAfterClaim);
    await scene.accept({ from: ANA });
    await scene.log.until('message.delivered');
    expect(scene.verdicts()).toEqual(['returned', 'delivered']);
    expect(scene.connect.received).toBe(1);
    expect(scene.claims.map(({ attempts }) => attempts)).toEqual([0, 0]);
  });

  it('gives its pace token back', async () => {
    scene.start({ paceLimits: { rate: 1, burst: 1 } });
    await scene.accept({ number: '+12065550155', from: ANA });
    await scene.log.until('message.dead');
    await scene.accept({ from: BEN });
    await scene.log.until('message.delivered');
  });
});

describe('a store that is away for a moment', () => {
  it('hears the outcome later, and the message is sent once', async () => {
    scene.start(
      {},
      { store: (store) => ({ recordOutcome: failOnce((report) => store.recordOutcome(report)) }) },
    );
    await scene.accept({ from: ANA, text: 'once' });
    await scene.log.until('message.delivered');
    expect(scene.log.events('store.failed')).toMatchObject([{ err: { code: 'STORE_UNAVAILABLE' } }]);
    expect(scene.connect.transcript(ANA)).toEqual(['once']);
    expect((await scene.queue.status()).books).toMatchObject({ delivered: 1, possibleDuplicate: 0 });
    expect(await scene.metrics.render(scene.clock.now())).toContain('bridge_store_errors_total 1');
  });

  it('is asked again for what is due', async () => {
    await scene.accept({ from: ANA });
    scene.start({}, { store: (store) => ({ claimHeads: failOnce((request) => store.claimHeads(request)) }) });
    await scene.log.until('message.delivered');
    expect(scene.log.events('store.failed')).toHaveLength(1);
  });

  it('may have given the lane to somebody else: then that one’s outcome counts', async () => {
    const { other, open } = await startTooLate('twice');
    open();
    const [delivered] = await scene.log.until('message.delivered');
    expect(delivered).toMatchObject({ isSuperseded: true });
    expect(await scene.queue.record(other)).toBe('recorded');
    expect((await scene.queue.status()).books).toMatchObject({ delivered: 1, possibleDuplicate: 1 });
  });
});

it('a failure that comes too late, of a lane that somebody else has, pauses nothing and says nothing of a pause', async () => {
  scene.connect.deniedDestinations.add(DESTINATION);
  const { other, open } = await startTooLate('late');
  open();
  expect(await scene.log.until('message.returned')).toMatchObject([{ isSuperseded: true }]);
  expect(scene.log.events('destination.paused')).toEqual([]);
  expect((await scene.queue.status()).paused).toEqual([]);
  expect(await scene.queue.record(other)).toBe('recorded');
});

describe('draining', () => {
  it('claims no more, and waits for what runs', async () => {
    const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
    scene.start({}, { sender: gated(isOpen) });
    await scene.accept({ from: ANA, text: 'runs' });
    await expect.poll(() => scene.claims.length, POLLING).toBe(1);
    const drained = scene.dispatcher.drain();
    await scene.accept({ from: BEN, text: 'waits' });
    const isDrained = await Promise.race([drained.then(() => true), scene.queue.status().then(() => false)]);
    expect(isDrained).toBe(false);
    open();
    await drained;
    expect(scene.connect.lines.map(({ content }) => content)).toEqual(['runs']);
    expect((await scene.queue.status()).books).toMatchObject({ delivered: 1, pending: 1 });
  });

  it('is quick when nothing runs', async () => {
    scene.start();
    await scene.dispatcher.drain();
    await scene.accept();
    expect(scene.claims).toEqual([]);
  });
});

/** Looks again at once, and so waits no longer than it takes. */
const POLLING = { interval: 1, timeout: 10_000 };

/** A sender whose requests leave once the gate is open. */
function gated(isOpen: Promise<void>): (sender: ConnectSender) => ConnectSender {
  return (sender) => ({
    send: async (request, place) => {
      await isOpen;
      return sender.send(request, place);
    },
  });
}

/** A send that has not left yet, of a lane whose lease has run out meanwhile, and that somebody else has claimed. */
async function startTooLate(text: string): Promise<{ readonly other: Claim; readonly open: () => void }> {
  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
  scene.start({}, { sender: gated(isOpen) });
  await scene.accept({ from: ANA, text });
  await expect.poll(() => scene.claims.length, POLLING).toBe(1);
  scene.queue.now = scene.clock.now() + LEASE_MS;
  return { other: await scene.queue.claimOne(), open };
}
