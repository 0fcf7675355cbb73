/** What a WhatsApp message refers to: another message, a product, an ad, a group. */
import type { InboundMessage, Referral } from '../inbound-message.ts';
import { asJsonObject, isTrue, present, readText } from '../payload-fields.ts';
import type { JsonObject } from '../payload-fields.ts';

type Context = Pick<InboundMessage, 'forwarded' | 'repliesTo' | 'product' | 'referral' | 'groupId'>;

/**
 * Of an element of Meta's `messages[]`: `context: {id?, forwarded?, frequently_forwarded?, referred_product?}`,
 * `referral` and `group_id`. `message_id` has been seen instead of the context's id. An edit may have the context in the message that it holds.
 */
export function readContext(message: JsonObject): Context {
  const { context: ownContext, edit, referral, group_id: groupId, type } = message;
  // Most messages refer to nothing.
  if ((ownContext ?? edit ?? referral ?? groupId) === undefined) return {};
  const context = asJsonObject(ownContext ?? asJsonObject(asJsonObject(edit)['message'])['context']);
  return present({
    forwarded: readForwarded(context),
    // A reaction names its message in its body; the context of one is that message again, and no quote.
    repliesTo: type === 'reaction' ? undefined : (readText(context['id']) ?? readText(context['message_id'])),
    product: readProduct(context['referred_product']),
    referral: readReferral(referral),
    groupId: readText(groupId),
  });
}

function readForwarded(context: JsonObject): Context['forwarded'] {
  if (isTrue(context['frequently_forwarded'])) return 'often';
  return isTrue(context['forwarded']) ? 'once' : undefined;
}

function readProduct(product: unknown): Context['product'] {
  const { product_retailer_id: productId, catalog_id: catalogId } = asJsonObject(product);
  return unlessEmpty(present({ productId: readText(productId), catalogId: readText(catalogId) }));
}

/** Of a video, `thumbnail_url` is the picture before it starts. */
function readReferral(referral: unknown): Referral | undefined {
  const ad = asJsonObject(referral);
  const urls = ad['media_type'] === 'video' ? ['video_url', 'image_url'] : ['image_url', 'video_url'];
  return unlessEmpty(
    present({
      sourceType: readText(ad['source_type']),
      sourceId: readText(ad['source_id']),
      sourceUrl: readText(ad['source_url']),
      headline: readText(ad['headline']),
      body: readText(ad['body']),
      mediaType: readText(ad['media_type']),
      mediaUrl: [...urls, 'thumbnail_url'].map((name) => readText(ad[name])).find((url) => url !== undefined),
      welcomeText: readText(asJsonObject(ad['welcome_message'])['text']),
    }),
  );
}

function unlessEmpty<Fields extends object>(fields: Fields): Fields | undefined {
  return Object.keys(fields).length === 0 ? undefined : fields;
}
