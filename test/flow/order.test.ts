/** In order per conversation; conversations don't wait for each other. */
import { expect, it } from 'vitest';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { withFlow } from '../support/flow-harness.ts';

const CUSTOMER = '+14255550182';

function secondsAgo(seconds: number): string {
  return new Date(Date.now() - seconds * 1_000).toISOString();
}

it('puts right what arrives in disorder within the hold', async () => {
  await withFlow({ env: { ORDER_HOLD_MS: '1000' } }, async (flow) => {
    for (const age of [1, 3, 5, 2, 4]) {
      await flow.sms({ from: CUSTOMER, text: `sent ${age} seconds ago` }, { timestamp: secondsAgo(age) });
    }
    await flow.connect.until(5);
    expect(flow.connect.transcript(CUSTOMER)).toEqual(
      [5, 4, 3, 2, 1].map((age) => `sent ${age} seconds ago`),
    );
    expect((await flow.books()).arrivedLate).toBe(0);
  });
});

it('goes by WhatsApp’s own time, not by that of SNS', async () => {
  await withFlow({ env: { ORDER_HOLD_MS: '1000' } }, async (flow) => {
    await flow.whatsApp([{ from: CUSTOMER, text: 'written second', sentAt: new Date(secondsAgo(10)) }], {
      timestamp: secondsAgo(3),
    });
    await flow.whatsApp([{ from: CUSTOMER, text: 'written first', sentAt: new Date(secondsAgo(20)) }], {
      timestamp: secondsAgo(1),
    });
    await flow.connect.until(2);
    expect(flow.connect.transcript(CUSTOMER)).toEqual(['written first', 'written second']);
  });
});

it('counts what arrives after a later one has gone', async () => {
  await withFlow({}, async (flow) => {
    await flow.sms({ from: CUSTOMER, text: 'written second' }, { timestamp: secondsAgo(1) });
    await flow.connect.until(1);
    await flow.sms({ from: CUSTOMER, text: 'written first' }, { timestamp: secondsAgo(60) });
    await flow.connect.until(2);
    expect((await flow.books()).arrivedLate).toBe(1);
  });
});

it('keeps each of many conversations in order while Connect is slow', async () => {
  await withFlow({}, async (flow) => {
    const customers = Array.from({ length: 20 }, (_, index) => `+142555501${String(index).padStart(2, '0')}`);
    const texts = ['the first message', 'the second message', 'the third message'];
    let running = 0;
    let mostRunning = 0;
    const busy = new Set<string>();
    flow.connect.faultFor = ({ sourceId }) => {
      expect(busy.has(sourceId)).toBe(false);
      mostRunning = Math.max(mostRunning, (running += 1));
      return { kind: 'delay', ms: 20 };
    };
    flow.connect.onLine = () => void (running -= 1);
    await Promise.all(
      customers.map(async (from) => {
        for (const text of texts) await flow.sms({ from, text });
      }),
    );
    await flow.connect.until(customers.length * texts.length);
    for (const customer of customers) expect(flow.connect.transcript(customer)).toEqual(texts);
    expect(mostRunning).toBeGreaterThan(4);
  });
});

it('lets other conversations pass one that has to wait', async () => {
  await withFlow({}, async (flow) => {
    flow.connect.queueFault(FAULTS.hang, 1, { sourceId: CUSTOMER });
    await flow.sms({ from: CUSTOMER, text: 'has to wait' });
    await flow.connect.untilReceived(1);
    await flow.sms({ from: CUSTOMER, text: 'waits behind it' });
    await flow.sms({ from: '+14255550143', text: 'passes' });
    await flow.connect.until(1);
    expect(flow.connect.lines.map(({ content }) => content)).toEqual(['passes']);
    flow.connect.releaseHanging();
    await flow.connect.until(3);
    expect(flow.connect.transcript(CUSTOMER)).toEqual(['has to wait', 'waits behind it']);
  });
});

it('opens one chat for a conversation, and a new one after its end', async () => {
  await withFlow({}, async (flow) => {
    await flow.sms({ from: CUSTOMER, text: 'the first message' });
    await flow.sms({ from: CUSTOMER, text: 'the second message' });
    await flow.connect.until(2);
    const [first, second] = flow.connect.lines;
    expect(second?.chat).toBe(first?.chat);
    flow.connect.chats.end(CUSTOMER, first?.chat.destinationId ?? '', 'connect:SMS');
    await flow.sms({ from: CUSTOMER, text: 'the third message' });
    await flow.connect.until(3);
    expect(flow.connect.lines.map(({ newChatCreated }) => newChatCreated)).toEqual([true, false, true]);
  });
});
