import { describe, expect, it } from 'vitest';
import type { PartExplanation } from '../../src/admin/explanation.ts';
import { whatsAppMessage } from '../fixtures/whatsapp-payload.ts';
import { findLostContent } from './lost-content.ts';

const ID = 'wamid.FIXTURE0001';

function sent(...contents: readonly string[]): PartExplanation {
  return {
    outcome: 'sent',
    message: {
      channel: 'whatsapp',
      customerAddress: '+14255550182',
      customerAddressKind: 'phone',
      businessAddress: '+12065550100',
      externalId: ID,
      sentAt: '2026-03-04T05:06:00.000Z',
      content: 'text',
    },
    way: { destination: 'number', region: 'us-east-1' },
    requests: contents.map((content) => ({
      operation: 'SendChatIntegrationEvent',
      input: {
        SourceId: '+14255550182',
        DestinationId: 'number',
        Event: { Type: 'MESSAGE', Content: content },
      },
      content,
    })),
    droppedAttributes: [],
  };
}

/** In JSON the number 47.50. */
const RAW_NUMBER = 'RAW 47.50';

function lost(body: object, ...parts: readonly PartExplanation[]): readonly string[] {
  const message = whatsAppMessage([{ from: '14255550182', id: ID, timestamp: '1', ...body }]);
  return findLostContent(message.replace(String.raw`\"RAW 47.50\"`, '47.50'), parts);
}

const TEXT = { type: 'text', text: { body: 'Is it  open?\nToday?' } };
const ORDER = { type: 'order', order: { product_items: [{ quantity: 1, item_price: '12.10' }] } };

describe('what the agent would not see', () => {
  it.each<{
    name: string;
    body: object;
    parts: readonly PartExplanation[];
    expected: readonly string[];
  }>([
    { name: 'nothing', body: TEXT, parts: [sent('Is it open? Today?')], expected: [] },
    { name: 'nothing, in parts', body: TEXT, parts: [sent('Is it op', 'en?\nToday?')], expected: [] },
    { name: 'a text', body: TEXT, parts: [sent('Is it open?')], expected: ['content lost: text.body'] },
    { name: 'a message', body: TEXT, parts: [], expected: ['a message lost'] },
    {
      name: 'a property of a vCard',
      body: {
        type: 'contacts',
        contacts: [{ vcard: 'BEGIN:VCARD\nN:Bo;;\nFN:Bo\nitem1.NOTE;X=1:Tall\nEND:VCARD' }],
      },
      parts: [sent('Bo')],
      expected: ['content lost: contacts[0].vcard.NOTE'],
    },
    {
      name: 'a digit that stands in another number only',
      body: ORDER,
      parts: [sent('12.10')],
      expected: ['content lost: order.product_items[0].quantity'],
    },
    {
      name: 'a number that was rounded',
      body: ORDER,
      parts: [sent('1 at 12.1')],
      expected: ['content lost: order.product_items[0].item_price'],
    },
    {
      name: 'a number spelt otherwise than it came',
      body: { type: 'location', location: { latitude: RAW_NUMBER } },
      parts: [sent('47.5')],
      expected: ['content lost: location.latitude'],
    },
    {
      name: 'something that nobody knows yet',
      body: { type: 'hologram', hologram: { colour: 'blue', sha256: 'digest' } },
      parts: [sent('[Hologram]')],
      expected: ['content lost: hologram.colour'],
    },
    {
      name: 'an answer in JSON in a text',
      body: {
        type: 'interactive',
        interactive: { type: 'nfm_reply', nfm_reply: { response_json: '{"size":"42","flow_token":"x"}' } },
      },
      parts: [sent('[Form]')],
      expected: ['content lost: interactive.nfm_reply.response_json.size'],
    },
    {
      name: 'one of two names for the same',
      body: { type: 'image', image: { id: '7', url: 'https://cdn.example/7' } },
      parts: [sent('[Image: 7]')],
      expected: [],
    },
  ])('$name', ({ body, parts, expected }) => {
    expect(lost(body, ...parts)).toEqual(expected);
  });

  it('says nothing of what can’t be a message', () => {
    expect(findLostContent(whatsAppMessage([{ ...TEXT, id: ID }]), [])).toEqual([]);
    expect(findLostContent('no JSON', [])).toEqual([]);
  });
});
