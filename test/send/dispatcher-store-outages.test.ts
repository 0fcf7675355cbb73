import { afterEach, beforeEach, expect, it } from 'vitest';
import { BridgeError } from '../../src/errors.ts';
import type { MessageStore } from '../../src/queue/message-store.ts';
import { LEASE_MS } from '../queue/suite/store-scene.ts';
import { DispatcherScene } from './dispatcher-scene.ts';

const ANA = '+14255550111';
const DAY_MS = 86_400_000;

let scene: DispatcherScene;

beforeEach(async () => {
  scene = await DispatcherScene.open();
});

afterEach(async () => {
  expect(await scene.end()).toEqual([]);
});

const unavailable = (): Promise<never> => Promise.reject(new BridgeError('STORE_UNAVAILABLE'));

/** A store that takes no outcome while it is away. */
function away(store: MessageStore, isAway: () => boolean): Partial<MessageStore> {
  return {
    recordOutcome: (report) => (isAway() ? unavailable() : store.recordOutcome(report)),
    ping: () => (isAway() ? unavailable() : store.ping()),
  };
}

it('away for longer than a lease: what is known to be delivered is not sent again', async () => {
  let isAway = true;
  scene.start({}, { store: (store) => away(store, () => isAway) });
  await scene.accept({ from: ANA, text: 'once' });
  await scene.log.until('store.failed');
  scene.skip(LEASE_MS + 1);
  await scene.log.until('store.failed', 2);
  isAway = false;
  await scene.log.until('message.delivered');
  expect(scene.connect.transcript(ANA)).toEqual(['once']);
  expect((await scene.queue.status()).books).toMatchObject({ delivered: 1, possibleDuplicate: 0 });
});

it('away while the service ends: the delivery is recorded when it is back, and is no failure', async () => {
  let isAway = true;
  scene.start({}, { store: (store) => away(store, () => isAway) });
  await scene.accept({ from: ANA });
  await scene.log.until('store.failed');
  const drained = scene.dispatcher.drain();
  await scene.log.until('store.failed', 2);
  isAway = false;
  await drained;
  expect(new Set(scene.verdicts())).toEqual(new Set(['delivered']));
  expect((await scene.queue.status()).books).toMatchObject({
    delivered: 1,
    pending: 0,
    possibleDuplicate: 0,
  });
});

it('that works but for one outcome: everybody else’s messages go on', async () => {
  const refusesAna = (store: MessageStore): Partial<MessageStore> => ({
    recordOutcome: (report) =>
      report.claim.messageId === scene.claims[0]?.messageId
        ? Promise.reject(new BridgeError('STORE_UNAVAILABLE'))
        : store.recordOutcome(report),
  });
  scene.start({}, { store: refusesAna });
  await scene.accept({ from: ANA, text: 'can’t be recorded' });
  await scene.log.until('store.failed');
  await scene.accept({ from: '+14255550122', text: 'somebody else’s' });
  await scene.log.until('message.delivered');
  expect(scene.connect.transcript('+14255550122')).toEqual(['somebody else’s']);
});

it('slow to claim: what comes due meanwhile goes at once', async () => {
  let isSlow = true;
  const slowOnce = (store: MessageStore): Partial<MessageStore> => ({
    claimHeads: async (request) => {
      const claimed = await store.claimHeads(request);
      if (isSlow && claimed.nextDueAt !== undefined) {
        isSlow = false;
        scene.clock.skip(250);
      }
      return claimed;
    },
  });
  await scene.accept({ from: ANA, holdMs: 250 });
  const startedAt = performance.now();
  scene.start({}, { store: slowOnce });
  await scene.log.until('message.delivered');
  expect(performance.now() - startedAt).toBeLessThan(900); // asleep, it would look again after 1,000
});

it('whose message was lost with its sender again and again: dead, like one that fails for as long', async () => {
  await scene.accept({ from: ANA });
  for (let lost = 0; lost < 5; lost += 1) {
    scene.queue.now = scene.clock.now();
    await scene.queue.claimOne();
    scene.clock.skip(LEASE_MS);
  }
  scene.clock.skip(DAY_MS);
  scene.start();
  await scene.log.until('message.dead');
  expect(scene.connect.received).toBe(0);
  expect((await scene.queue.status()).books).toMatchObject({ dead: 1, deadByReason: { too_old: 1 } });
});

it('that answers a claim after the service was told to end: the head goes back unsent', async () => {
  const endOnClaim = (store: MessageStore): Partial<MessageStore> => ({
    claimHeads: async (request) => {
      const claimed = await store.claimHeads(request);
      if (claimed.claims.length > 0) void scene.dispatcher.drain();
      return claimed;
    },
  });
  await scene.accept({ from: ANA });
  scene.start({}, { store: endOnClaim });
  await scene.log.until('message.returned');
  expect(scene.connect.received).toBe(0);
  expect((await scene.queue.status()).books).toMatchObject({ pending: 1, possibleDuplicate: 0 });
});
