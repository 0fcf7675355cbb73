/** Whether the sandbox sees what became of a reply: against bridges that do it right, and some that don't. */
import { describe, expect, it } from 'vitest';
import type { Publication } from '../../src/sandbox/chat-streaming.ts';
import { ConnectStandIn } from '../../src/sandbox/connect-stand-in.ts';
import type { EumStandIn } from '../../src/sandbox/eum-stand-in.ts';
import { Publications } from '../../src/sandbox/publications.ts';
import { showReplies, unitsOf } from '../../src/sandbox/reply-run.ts';
import type { Delivery, SnsStandIn } from '../../src/sandbox/sns-stand-in.ts';

const SMS_CUSTOMER = '+14255550182';
const WHATSAPP_CUSTOMER = '+12065550137';
const TOPIC = 'arn:aws:sns:us-east-1:111122223333:agents-replies';

interface Bridge {
  /** What a customer receives of an item that is for them. */
  readonly texts: (publication: Publication) => readonly string[];
  /** What an agent sees of the customer's `2`. */
  readonly choice: readonly string[];
}

/** As text, the choices numbered. */
function textOf({ item }: Publication): string {
  if (item.contentType === 'text/plain') return item.content ?? '';
  const { data } = JSON.parse(item.content ?? '') as {
    data: { content: { title: string; elements: { title: string }[] } };
  };
  const { title, elements } = data.content;
  return [title, ...elements.map((element, index) => `${index + 1}. ${element.title}`)].join('\n');
}

const SOUND: Bridge = { texts: (publication) => [textOf(publication)], choice: ['Tomorrow afternoon'] };

async function play(bridge: Bridge) {
  const connect = await ConnectStandIn.start();
  const write = (customer: string, Content: string): void => {
    connect.chats.take({ SourceId: customer, DestinationId: 'arn', Event: { Type: 'MESSAGE', Content } });
  };
  for (const customer of [SMS_CUSTOMER, WHATSAPP_CUSTOMER]) write(customer, 'Hello');
  const received = new Map<string, string[]>();
  const eum = {
    textsTo: (customer: string) => received.get(customer) ?? [],
    untilText: async (isThere: () => boolean) => {
      if (!isThere()) throw new Error('Nothing came.');
    },
  } as unknown as EumStandIn;
  const sns = {
    publish: async (message: string): Promise<Delivery> => {
      if (message.includes('originationNumber')) for (const text of bridge.choice) write(SMS_CUSTOMER, text);
      return { status: 200, end: 'taken', attempts: [{ status: 200 }] } as unknown as Delivery;
    },
  } as unknown as SnsStandIn;
  const publications = new Publications(sns);
  connect.onItem = (publication) => {
    publications.publish(publication);
    if (publication.item.type !== 'MESSAGE') return;
    const { sourceId } = publication.chat;
    received.set(sourceId, [...(received.get(sourceId) ?? []), ...bridge.texts(publication)]);
  };
  for (const chat of connect.chats.running) connect.addTopic(chat.contactId, TOPIC);
  const results = await showReplies({ sns, connect, eum, publications });
  await connect.close();
  return { good: results.map(({ isAsExpected }) => isAsExpected), units: unitsOf(publications) };
}

describe('a reply ended as it should only if the customer has it, once and whole', () => {
  it.each<{ name: string; bridge: Bridge; good: boolean[] }>([
    { name: 'sound', bridge: SOUND, good: [true, true, true, true] },
    {
      name: 'twice',
      bridge: { ...SOUND, texts: (one) => [textOf(one), textOf(one)] },
      good: [false, false, false, true],
    },
    {
      name: 'in other words',
      bridge: { ...SOUND, texts: (one) => [one.item.content?.slice(3) ?? ''] },
      good: [false, false, true, true],
    },
    {
      name: 'a choice as the number that it has',
      bridge: { ...SOUND, choice: ['2'] },
      good: [true, true, true, false],
    },
    {
      name: 'a choice twice',
      bridge: { ...SOUND, choice: ['Tomorrow afternoon', 'Tomorrow afternoon'] },
      good: [true, true, true, false],
    },
  ])('$name', async ({ bridge, good }) => {
    expect((await play(bridge)).good).toEqual(good);
  });

  it('and what else Connect published is ignored', async () => {
    // Two chats: the agent comes in twice, and types three times.
    expect((await play(SOUND)).units).toEqual({ delivered: 4, ignored: 5 });
  });
});
