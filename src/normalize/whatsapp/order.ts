import type { MessageContent, OrderItem } from '../inbound-message.ts';
import { asJsonObject, asList, present, readText } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';

/** `order: {catalog_id, text?, product_items: [{product_retailer_id, quantity, item_price, currency}]}`. */
export function readOrder(message: JsonObject): MessageContent | undefined {
  const order = asJsonObject(message['order']);
  const items = asList(order['product_items'])
    .map(readItem)
    .filter((item) => Object.keys(item).length > 0);
  const note = readText(order['text']);
  const catalogId = readText(order['catalog_id']);
  if (items.length === 0 && note === undefined && catalogId === undefined) return undefined;
  return { kind: 'order', items, ...present({ note, catalogId }) };
}

function readItem(item: unknown): OrderItem {
  const fields = asJsonObject(item);
  return present({
    product: readText(fields['product_retailer_id']),
    quantity: readText(fields['quantity']),
    price: readText(fields['item_price']),
    currency: readText(fields['currency']),
  });
}
