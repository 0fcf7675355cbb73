/** The participant method, end to end: the bridge opens the chats itself. */
import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import type { ConnectOperation } from '../../src/sandbox/connect-call.ts';
import { killBridge, startBridgeProcess, terminateBridge } from '../support/bridge-process.ts';
import { withFlow } from '../support/flow-harness.ts';
import type { Flow } from '../support/flow-harness.ts';

const ANA = '+14255550182';
const BEN = '+14255550143';
const STEPS = [
  'StartChatContact',
  'StartContactStreaming',
  'CreateParticipantConnection',
  'SendMessage',
] as const satisfies readonly ConnectOperation[];

/** How many requests of each operation came in. */
function requestsOf(flow: Flow): Readonly<Record<string, number>> {
  const operations = flow.connect.requests.map(({ operation = 'none' }) => operation);
  return Object.fromEntries(
    [...Map.groupBy(operations, (operation) => operation)].map(([operation, { length }]) => [
      operation,
      length,
    ]),
  );
}

async function seen(flow: Flow, from: string, count: number): Promise<readonly string[]> {
  await flow.connect.untilMessage(() => flow.connect.transcript(from).length >= count);
  return flow.connect.transcript(from);
}

describe('the participant method', () => {
  it('opens one chat a conversation, with what the agent has to know, and writes into it', async () => {
    await withFlow({ method: 'participant' }, async (flow) => {
      await flow.sms({ from: ANA, text: 'one' });
      await flow.sms({ from: ANA, text: 'two' });
      await flow.sms({ from: BEN, text: 'somebody else' });
      expect(await seen(flow, ANA, 2)).toEqual(['one', 'two']);
      expect(await seen(flow, BEN, 1)).toEqual(['somebody else']);
      expect(requestsOf(flow)).toEqual({
        StartChatContact: 2,
        StartContactStreaming: 2,
        CreateParticipantConnection: 2,
        SendMessage: 3,
      });
      expect(flow.connect.chats.opened[0]).toMatchObject({
        displayName: ANA,
        attributes: { channel: 'sms', customerAddress: ANA, country: 'US' },
      });
      await flow.log.until('message.delivered', 3);
      expect((await flow.books()).delivered).toBe(3);
    });
  });

  it.each(STEPS)('a failure of %s is tried again: one chat, one copy', async (operation) => {
    await withFlow({ method: 'participant' }, async (flow) => {
      for (const fault of [FAULTS.throttled, FAULTS.internal, FAULTS.drop, FAULTS.takenButInternal])
        flow.connect.queueFault(fault, 1, { operation });
      await flow.sms({ from: ANA, text: 'one' });
      await flow.sms({ from: ANA, text: 'two' });
      expect(await seen(flow, ANA, 2)).toEqual(['one', 'two']);
      expect(flow.connect.chats.opened).toHaveLength(1);
      await flow.log.until('message.delivered', 2);
      expect(await flow.books()).toMatchObject({ delivered: 2, possibleDuplicate: 0 });
    });
  });

  it('renews a connection that is refused, and opens no new chat for it', async () => {
    await withFlow({ method: 'participant' }, async (flow) => {
      await flow.sms({ from: ANA, text: 'one' });
      await seen(flow, ANA, 1);
      flow.connect.expireConnections(flow.connect.chats.opened[0]?.contactId ?? '');
      await flow.sms({ from: ANA, text: 'two' });
      expect(await seen(flow, ANA, 2)).toEqual(['one', 'two']);
      expect(flow.connect.chats.opened).toHaveLength(1);
    });
  });

  it.each([
    { name: 'and says so', isTold: true },
    { name: 'without a word', isTold: false },
  ])('opens a new chat after one that ended $name', async ({ isTold }) => {
    await withFlow({ method: 'participant' }, async (flow) => {
      await flow.sms({ from: ANA, text: 'one' });
      await seen(flow, ANA, 1);
      if (!isTold) flow.connect.onItem = undefined;
      flow.connect.endChat(flow.connect.chats.opened[0]?.contactId ?? '');
      await flow.publications.delivered();
      await flow.sms({ from: ANA, text: 'two' });
      await flow.sms({ from: ANA, text: 'three' });
      expect(await seen(flow, ANA, 3)).toEqual(['one', 'two', 'three']);
      expect(flow.connect.chats.opened).toHaveLength(2);
      await flow.log.until('message.delivered', 3);
      expect(await flow.books()).toMatchObject({ delivered: 3, possibleDuplicate: 0 });
    });
  });

  it('opens no chats in a loop where new ones are refused, and says what to mend', async () => {
    await withFlow({ method: 'participant' }, async (flow) => {
      flow.connect.faultFor = ({ operation }) =>
        operation === 'CreateParticipantConnection' ? FAULTS.denied : undefined;
      await flow.sms({ from: ANA, text: 'one' });
      await flow.sms({ from: BEN, text: 'two' });
      await flow.log.until('destination.paused');
      await flow.connect.untilReceived(5);
      expect((await flow.readiness()).body['degraded']).toMatchObject([
        {
          code: 'CreateParticipantConnection.AccessDeniedException',
          reason: expect.stringContaining('refuses a chat that was just opened') as string,
        },
      ]);
      expect(flow.connect.chats.opened.length).toBeLessThanOrEqual(2);
      flow.connect.clearFaults();
      expect(await seen(flow, ANA, 1)).toEqual(['one']);
      expect(await seen(flow, BEN, 1)).toEqual(['two']);
      expect(flow.connect.chats.opened).toHaveLength(2);
    });
  });

  it('opens no chats in a loop where a flow ends each at once, and says what to mend', async () => {
    await withFlow({ method: 'participant' }, async (flow) => {
      let isClosed = true;
      flow.connect.onItem = (publication) => {
        flow.publications.publish(publication);
        if (isClosed && publication.item.contentType?.endsWith('participant.joined'))
          flow.connect.endChat(publication.contactId);
      };
      await flow.sms({ from: ANA, text: 'after hours' });
      await flow.log.until('destination.paused');
      await flow.publications.delivered();
      expect(flow.connect.chats.opened).toHaveLength(1);
      expect((await flow.readiness()).body['degraded']).toMatchObject([
        { reason: expect.stringContaining('hours of operation') as string },
      ]);
      isClosed = false;
      await flow.sms({ from: BEN, text: 'within hours' });
      expect(await seen(flow, BEN, 1)).toEqual(['within hours']);
    });
  });

  it('lets one conversation alone wait for a chat that ended before it took a message', async () => {
    await withFlow({ method: 'participant' }, async (flow) => {
      await flow.sms({ from: BEN, text: 'one' });
      await seen(flow, BEN, 1);
      flow.connect.onItem = ({ contactId, item }) => {
        if (item.contentType?.endsWith('participant.joined')) flow.connect.endChat(contactId);
      };
      await flow.sms({ from: ANA, text: 'waits' });
      await flow.log.until('message.retry');
      flow.connect.onItem = undefined;
      await flow.sms({ from: BEN, text: 'two' });
      expect(await seen(flow, BEN, 2)).toEqual(['one', 'two']);
      expect(flow.log.events('destination.paused')).toEqual([]);
      await flow.log.until('message.delivered', 2);
      expect((await flow.books()).pending).toBe(1);
    });
  });

  it('pauses where no chat can be opened, though those that are open take messages', async () => {
    await withFlow({ method: 'participant' }, async (flow) => {
      await flow.sms({ from: ANA, text: 'one' });
      await seen(flow, ANA, 1);
      flow.connect.faultFor = ({ operation }) =>
        operation === 'StartChatContact' ? FAULTS.invalid : undefined;
      for (let customer = 10; customer < 20; customer += 1) {
        await flow.sms({ from: ANA, text: `goes on ${customer}` });
        await seen(flow, ANA, customer - 8);
        await flow.sms({ from: `+142555502${customer}`, text: 'new' });
        await flow.connect.untilReceived(4 + 2 * (customer - 9));
      }
      await flow.log.until('destination.paused');
      expect((await flow.readiness()).body['degraded']).toMatchObject([
        { code: 'StartChatContact.InvalidRequestException' },
      ]);
      flow.connect.clearFaults();
      await flow.sms({ from: BEN, text: 'two' });
      expect(await seen(flow, BEN, 1)).toEqual(['two']);
      expect((await flow.books()).deadByReason).toEqual({ refused: 10 });
    });
  });

  it('waits in order while there are too many chats, and says so', async () => {
    await withFlow({ method: 'participant', connect: { concurrentChats: 1 } }, async (flow) => {
      await flow.sms({ from: ANA, text: 'one' });
      await seen(flow, ANA, 1);
      await flow.sms({ from: BEN, text: 'two' });
      await flow.sms({ from: BEN, text: 'three' });
      await flow.log.until('chat.waits');
      await flow.sms({ from: ANA, text: 'goes on' });
      expect(await seen(flow, ANA, 2)).toEqual(['one', 'goes on']);
      expect((await flow.metrics()).split('\n')).toContain(
        'bridge_waiting_chats{code="LimitExceededException"} 1',
      );
      flow.connect.endChat(flow.connect.chats.opened[0]?.contactId ?? '');
      expect(await seen(flow, BEN, 2)).toEqual(['two', 'three']);
      await flow.log.until('message.delivered', 4);
      expect(await flow.books()).toMatchObject({ delivered: 4, dead: 0 });
    });
  });

  it.concurrent.each(STEPS)('kill -9 in the middle of %s: one chat, one copy', async (operation) => {
    await withFlow({ method: 'participant', startBridge: startBridgeProcess }, async (flow) => {
      flow.connect.queueFault(FAULTS.takenButHang, 1, { operation });
      await flow.sms({ from: ANA, text: 'one' });
      await flow.connect.untilReceived(STEPS.indexOf(operation) + 1);
      await killBridge(flow);
      await flow.startBridge();
      await flow.sms({ from: ANA, text: 'two' });
      expect(await seen(flow, ANA, 2)).toEqual(['one', 'two']);
      expect(flow.connect.chats.opened).toHaveLength(1);
      await flow.publications.delivered();
      await terminateBridge(flow);
      expect(await flow.books()).toMatchObject({ delivered: 2, possibleDuplicate: 0 });
    });
  });
});
