import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import { replyOrder, sendOrder, startControl } from '../../src/sandbox/control.ts';
import type { Control } from '../../src/sandbox/control.ts';
import type { EumStandIn } from '../../src/sandbox/eum-stand-in.ts';
import type { SnsStandIn } from '../../src/sandbox/sns-stand-in.ts';

const CUSTOMER = '+14255550182';
const OTHER = '+14255550143';
const TOPIC = 'arn:aws:sns:us-east-1:111122223333:agents-replies';

let connect: ConnectStandIn;
let control: Control | undefined;

beforeEach(async () => {
  connect = await ConnectStandIn.start();
});

afterEach(async () => {
  await control?.close();
  await connect.close();
});

/** The bridge brings each reply to its customer at once, unless it is told to keep them. */
async function start({ byBridge = true, isLost = false } = {}): Promise<Control> {
  const received = new Map<string, string[]>();
  connect.onItem = ({ chat, item }) => {
    if (item.type !== 'MESSAGE' || isLost) return;
    received.set(chat.sourceId, [...(received.get(chat.sourceId) ?? []), item.content ?? '']);
  };
  const eum = {
    textsTo: (customer: string) => received.get(customer) ?? [],
    untilText: async (isThere: () => boolean) => {
      if (!isThere()) throw new Error('Nothing came.');
    },
  } as unknown as EumStandIn;
  // It has the customer's words changed, as a choice is.
  const sns = {
    publish: async () => {
      write(CUSTOMER, 'Tomorrow');
      return { status: 200, end: 'taken' };
    },
  } as unknown as SnsStandIn;
  control = await startControl({ sns, connect, eum: byBridge ? eum : undefined });
  return control;
}

function write(customer: string, Content: string): void {
  connect.chats.take({ SourceId: customer, DestinationId: 'arn', Event: { Type: 'MESSAGE', Content } });
  const chat = connect.newestChat(customer);
  if (chat) connect.addTopic(chat.contactId, TOPIC);
}

it('answers in the newest chat, or that of a customer', async () => {
  write(CUSTOMER, 'Hello');
  write(OTHER, 'Hello');
  const { url, token } = await start();
  const newest = await replyOrder(url, token, { kind: 'reply', text: 'one' });
  expect(newest).toMatchObject({
    outcome: 'written',
    head: expect.stringContaining(OTHER) as string,
    texts: ['one'],
  });
  const chosen = await replyOrder(url, token, { kind: 'reply', text: 'two', to: CUSTOMER });
  expect(chosen).toMatchObject({
    outcome: 'written',
    head: expect.stringContaining(CUSTOMER) as string,
    texts: ['two'],
  });
});

it.each([
  { name: 'there is no chat', options: {}, hasChat: false, report: { outcome: 'noChat' } },
  {
    name: 'the bridge does not carry replies',
    options: { byBridge: false },
    hasChat: true,
    report: { outcome: 'notByBridge' },
  },
  {
    name: 'the customer did not get it',
    options: { isLost: true },
    hasChat: true,
    report: { outcome: 'written', texts: [] },
  },
])('says that $name', async ({ options, hasChat, report }) => {
  if (hasChat) write(CUSTOMER, 'Hello');
  const { url, token } = await start(options);
  expect(await replyOrder(url, token, { kind: 'reply', text: 'one' })).toMatchObject(report);
});

it('knows a message that came in other words by its customer, and by its being new', async () => {
  write(CUSTOMER, 'Hello');
  const { url, token } = await start();
  const order = { kind: 'send', from: '14255550182', channel: 'sms', text: '1' } as const;
  expect(await sendOrder(url, token, order)).toMatchObject({
    answer: 200,
    seen: { line: expect.stringContaining('Tomorrow') as string },
  });
});

it('refuses whoever does not know the token', async () => {
  const { url } = await start();
  await expect(replyOrder(url, 'guessed', { kind: 'reply', text: 'one' })).rejects.toThrow('403');
});
