/** What Connect does wrong, and what becomes of the messages. */
import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import type { Fault } from '../../src/sandbox/connect-faults.ts';
import { SMS_NUMBER_ARN } from '../../src/sandbox/end-user-messaging.ts';
import { throttleFor } from '../../src/sandbox/sample-run.ts';
import { withFlow } from '../support/flow-harness.ts';

const CUSTOMER = '+14255550182';
const OTHER = '+14255550143';

describe('tried again until Connect takes it', () => {
  it.each([
    { name: '500', fault: FAULTS.internal, times: 2, copies: 1, possibleDuplicate: 2 },
    { name: '503 without JSON', fault: FAULTS.unavailable, times: 2, copies: 1, possibleDuplicate: 2 },
    { name: 'a connection that breaks', fault: FAULTS.drop, times: 2, copies: 1, possibleDuplicate: 2 },
    {
      name: '500 though Connect took it',
      fault: FAULTS.takenButInternal,
      times: 2,
      copies: 3,
      possibleDuplicate: 2,
    },
    {
      name: 'a connection that breaks after Connect took it',
      fault: FAULTS.takenButDrop,
      times: 2,
      copies: 3,
      possibleDuplicate: 2,
    },
    {
      name: 'throttling, which counts no attempt',
      fault: FAULTS.throttled,
      times: 1,
      copies: 1,
      possibleDuplicate: 0,
    },
  ] satisfies { name: string; fault: Fault; copies: number; possibleDuplicate: number; times: number }[])(
    '$name',
    async ({ fault, times, copies, possibleDuplicate }) => {
      await withFlow({}, async (flow) => {
        flow.connect.queueFault(fault, times);
        await flow.sms({ from: CUSTOMER, text: 'the first message' });
        await flow.sms({ from: CUSTOMER, text: 'the second message' });
        await flow.connect.until(copies + 1);
        const first = Array.from({ length: copies }, () => 'the first message');
        expect(flow.connect.transcript(CUSTOMER)).toEqual([...first, 'the second message']);
        await flow.log.until('message.delivered', 2);
        expect(await flow.books()).toMatchObject({ delivered: 2, possibleDuplicate });
        expect(await flow.metrics()).toContain(`\nbridge_possible_duplicates_total ${possibleDuplicate}\n`);
      });
    },
  );

  it('a second of throttling, for many customers', async () => {
    await withFlow({}, async (flow) => {
      throttleFor(flow.connect, 1_000);
      const customers = Array.from({ length: 10 }, (_, index) => `+142555501${index}0`);
      for (const from of customers) await flow.sms({ from, text: 'It gets through all the same' });
      await flow.connect.until(customers.length);
      expect(flow.connect.requests.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
      await flow.log.until('message.delivered', customers.length);
      expect(await flow.books()).toMatchObject({ delivered: customers.length, possibleDuplicate: 0 });
    });
  });
});

describe('pauses the destination, and nothing else', () => {
  it.each([
    { name: '403', set: 'deniedDestinations', code: 'AccessDeniedException' },
    { name: '404', set: 'unknownDestinations', code: 'ResourceNotFoundException' },
  ] as const)('$name: $code', async ({ set, code }) => {
    await withFlow({}, async (flow) => {
      flow.connect[set].add(SMS_NUMBER_ARN);
      await flow.sms({ from: CUSTOMER, text: 'the first message' });
      const [paused] = await flow.log.until('destination.paused');
      expect(paused).toMatchObject({ level: 'error', destination: SMS_NUMBER_ARN, code });
      await flow.sms({ from: CUSTOMER, text: 'the second message' });
      await flow.sms({ from: OTHER, text: 'somebody else’s message' });
      const readiness = await flow.readiness();
      expect(readiness.status).toBe(200);
      expect(JSON.stringify(readiness.body['degraded'])).toContain(SMS_NUMBER_ARN);
      expect(await flow.metrics()).toContain(
        `bridge_paused_destination{destination="${SMS_NUMBER_ARN}",code="${code}"} 1`,
      );
      await flow.whatsApp([{ from: CUSTOMER, text: 'another destination' }]);
      await flow.connect.until(1);
      flow.connect[set].clear();
      await flow.log.until('destination.resumed');
      await flow.connect.until(4);
      expect(flow.connect.transcript(CUSTOMER)).toEqual([
        'another destination',
        'the first message',
        'the second message',
      ]);
      expect(flow.connect.transcript(OTHER)).toEqual(['somebody else’s message']);
      await flow.log.until('message.delivered', 4);
      expect(await flow.books()).toMatchObject({ delivered: 4, dead: 0, possibleDuplicate: 0 });
      expect((await flow.readiness()).body['degraded']).toEqual([]);
    });
  });

  it('a pause outlives a restart', async () => {
    await withFlow({}, async (flow) => {
      flow.connect.deniedDestinations.add(SMS_NUMBER_ARN);
      await flow.sms({ from: CUSTOMER, text: 'waits over the restart' });
      await flow.log.until('destination.paused');
      await flow.stopBridge();
      flow.connect.deniedDestinations.clear();
      await flow.startBridge();
      expect(JSON.stringify((await flow.readiness()).body['degraded'])).toContain(SMS_NUMBER_ARN);
      await flow.log.until('destination.resumed');
      await flow.connect.until(1);
    });
  });
});

describe('dead at once', () => {
  it('400: the lane goes on', async () => {
    await withFlow({}, async (flow) => {
      flow.connect.queueFault(FAULTS.invalid);
      await flow.sms({ from: CUSTOMER, text: 'the refused message' });
      await flow.sms({ from: CUSTOMER, text: 'the message after it' });
      await flow.connect.until(1);
      expect(flow.connect.transcript(CUSTOMER)).toEqual(['the message after it']);
      const [dead] = await flow.log.until('message.dead');
      expect(dead).toMatchObject({ reason: 'refused', customer: '***82' });
      await flow.log.until('message.delivered');
      expect(await flow.books()).toMatchObject({ delivered: 1, deadByReason: { refused: 1 } });
    });
  });
});
