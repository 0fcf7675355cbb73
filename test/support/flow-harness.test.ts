/** The harness's own guards: each has a flow that it must not let pass. */
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { withFlow } from './flow-harness.ts';
import type { Flow } from './flow-harness.ts';

const CUSTOMER = '+14255550182';

async function deliverOne(flow: Flow): Promise<void> {
  await flow.sms({ from: CUSTOMER, text: 'An ordinary message' });
  await flow.log.until('message.delivered');
}

function changeStore(flow: Flow, sql: string): void {
  const database = new DatabaseSync(path.join(flow.directory, 'bridge.db'));
  database.exec(sql);
  database.close();
}

it.each([
  {
    guard: 'a fault that no request met',
    spoil: (flow: Flow) => flow.connect.queueFault(FAULTS.internal),
    problem: 'faults of Connect',
  },
  {
    guard: 'a failing call that was never made',
    spoil: (flow: Flow) => flow.sns.failNextCall(500, 'InternalError'),
    problem: 'faults of SNS',
  },
  {
    guard: 'a number in the log',
    spoil: (flow: Flow) => flow.log.write(`{"event":"x","customer":"${CUSTOMER}"}`),
    problem: 'the customer’s number …82 is in the log',
  },
  {
    guard: 'words in the log',
    spoil: (flow: Flow) => flow.log.write('{"event":"x","text":"An ordinary message"}'),
    problem: 'a customer’s words is in the log',
  },
  {
    guard: 'an unforeseen error',
    spoil: (flow: Flow) => flow.log.write('{"event":"x","code":"INTERNAL"}'),
    problem: 'unforeseen error',
  },
  {
    guard: 'a lane still leased',
    spoil: (flow: Flow) => changeStore(flow, "UPDATE lanes SET lease_token = 'somebody'"),
    problem: 'is still leased',
  },
  {
    guard: 'books that don’t balance',
    spoil: (flow: Flow) => changeStore(flow, "UPDATE books SET count = count + 1 WHERE counter = 'received'"),
    problem: 'the books don’t balance',
  },
])('$guard', async ({ spoil, problem }) => {
  const flow = withFlow({}, async (flow) => {
    await deliverOne(flow);
    spoil(flow);
  });
  await expect(flow).rejects.toThrow(problem);
});

it('an ordinary flow passes', async () => {
  await withFlow({}, deliverOne);
});
