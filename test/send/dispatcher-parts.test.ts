/** A text that Connect does not take at once: cut, sent part by part, and resumed where something met it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import type { ConnectSender } from '../../src/send/connect-client.ts';
import { LEASE_MS } from '../queue/suite/store-scene.ts';
import { DispatcherScene, ROUTES } from './dispatcher-scene.ts';

const ANA = '+14255550111';
const BEN = '+14255550122';
const LONG = 'One sentence here. Another there. And a third one.';
const PARTS = ['One sentence here. ', 'Another there. ', 'And a third one.'];
const IN_PARTS = { textLimits: { sms: 20, whatsapp: 20 } };

let scene: DispatcherScene;

beforeEach(async () => {
  scene = await DispatcherScene.open();
});

afterEach(async () => {
  expect(await scene.end()).toEqual([]);
});

it('goes in order, with a token and a lease for each part, and ends once', async () => {
  scene.start(IN_PARTS);
  await scene.accept({ from: ANA, text: LONG });
  await scene.accept({ from: ANA, text: 'What else?' });
  await scene.log.until('message.delivered', 2);
  expect(scene.connect.transcript(ANA)).toEqual([...PARTS, 'What else?']);
  expect(scene.verdicts()).toEqual(['part_delivered', 'part_delivered', 'delivered', 'delivered']);
  expect(new Set(scene.claims.map(({ leaseToken }) => leaseToken)).size).toBe(4);
  expect(scene.log.events('message.part_delivered')).toMatchObject([
    { part: 1, parts: 3, newChatCreated: true },
    { part: 2, parts: 3, newChatCreated: false },
  ]);
  expect(scene.log.events('message.delivered')[0]).toMatchObject({ part: 3, parts: 3 });
  expect((await scene.queue.status()).books).toMatchObject({ received: 2, delivered: 2, pending: 0 });
  const metrics = await scene.metrics.render(scene.clock.now());
  expect(metrics).toContain('bridge_messages_total{channel="sms",outcome="delivered"} 2');
  expect(metrics).toContain('bridge_attempts_total{verdict="delivered",code="none"} 4');
});

it('lets other conversations go between its parts', async () => {
  await scene.accept({ from: ANA, text: LONG });
  await scene.accept({ from: BEN, text: 'short' });
  scene.start({ ...IN_PARTS, paceLimits: { rate: 1_000, burst: 1 } });
  for (let part = 1; part <= 4; part++) {
    await scene.connect.untilReceived(part);
    scene.skip(1);
  }
  await scene.log.until('message.delivered', 2);
  const order = scene.connect.lines.map(({ chat, content }) => [chat.sourceId, content]);
  expect(order.findIndex(([from]) => from === BEN)).toBe(1);
});

it('resumes at the part that failed, and at no other', async () => {
  let sends = 0;
  const failSecond = (sender: ConnectSender): ConnectSender => ({
    send: (request, place) => {
      sends += 1;
      if (sends === 2) scene.connect.queueFault(FAULTS.internal);
      return sender.send(request, place);
    },
  });
  scene.start(IN_PARTS, { sender: failSecond });
  await scene.accept({ from: ANA, text: LONG });
  await scene.log.until('message.retry', 1);
  await scene.accept({ from: ANA, text: 'behind' });
  scene.skip(1_000);
  await scene.log.until('message.delivered', 2);
  expect(scene.connect.transcript(ANA)).toEqual([...PARTS, 'behind']);
  expect(scene.verdicts()).toEqual(['part_delivered', 'retry', 'part_delivered', 'delivered', 'delivered']);
});

it('is cut as its first attempt cut it, whatever the limit is by then', async () => {
  scene.connect.queueFault(FAULTS.internal);
  scene.start(IN_PARTS);
  await scene.accept({ from: ANA, text: LONG });
  await scene.log.until('message.retry', 1);
  await scene.dispatcher.drain();
  scene.clock.skip(1_000);
  scene.start({ textLimits: { sms: 1_024, whatsapp: 4_096 } });
  await scene.log.until('message.delivered', 1);
  expect(scene.connect.transcript(ANA)).toEqual(PARTS);
});

it('resumes after a crash at the part that it met, which may come twice and is counted', async () => {
  await scene.accept({ from: ANA, text: LONG });
  scene.queue.now = scene.clock.now();
  await scene.queue.record(await scene.queue.claimOne(), { verdict: 'part_delivered' }, { parts: PARTS });
  await scene.queue.claimOne();
  scene.clock.skip(LEASE_MS);
  scene.start(IN_PARTS);
  await scene.log.until('message.delivered', 1);
  expect(scene.connect.transcript(ANA)).toEqual(PARTS.slice(1));
  expect((await scene.queue.status()).books).toMatchObject({ delivered: 1, possibleDuplicate: 1 });
});

it('stops between its parts when the service drains', async () => {
  scene.connect.faultFor = () => ({ kind: 'delay', ms: 20 });
  scene.start(IN_PARTS);
  await scene.accept({ from: ANA, text: LONG });
  await scene.connect.untilReceived(1);
  await scene.dispatcher.drain();
  expect(scene.connect.transcript(ANA)).toEqual(PARTS.slice(0, 1));
  const [waits] = await scene.queue.store.listMessages({ state: 'pending' }, { limit: 1 });
  expect(waits).toMatchObject({ partsDelivered: 1 });
});

it('counts attributes that found no room, once for the chat that they are missing from', async () => {
  const attributes = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`key-${index}`, 'x'.repeat(1_000)]),
  );
  const routes = ROUTES.map((route) => Object.assign({}, route, { attributes }));
  scene.start({ ...IN_PARTS, routes });
  await scene.accept({ from: ANA, text: LONG });
  await scene.log.until('message.delivered', 1);
  const [event] = await scene.log.until('attributes.dropped', 1);
  const dropped = event?.['keys'] as readonly string[];
  const metrics = await scene.metrics.render(scene.clock.now());
  expect(metrics).toContain(`bridge_dropped_attributes_total ${dropped.length}`);
  expect(dropped).toEqual(expect.arrayContaining(['key-39']));
  expect(scene.log.events('attributes.dropped')).toHaveLength(1);
});
