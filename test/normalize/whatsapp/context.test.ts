import { describe, expect, it } from 'vitest';
import { readContext } from '../../../src/normalize/whatsapp/context.ts';
import { WHATSAPP_MESSAGES } from '../../fixtures/whatsapp-messages.ts';

type Fields = Readonly<Record<string, unknown>>;

const QUOTED_ID = 'wamid.FIXTUREQUOTED';
const REFERRAL = {
  sourceType: 'ad',
  sourceId: '400000000000004',
  sourceUrl: 'https://fb.example/ad/1',
  headline: 'Summer boots, half price',
  body: 'Write to us to reserve a pair.',
  mediaType: 'image',
  mediaUrl: 'https://cdn.example/boots.jpg',
  welcomeText: 'Hello! Which size do you need?',
};

describe('readContext', () => {
  it.each<[fixture: string, context: Fields]>([
    ['text', {}],
    ['text-quoting', { repliesTo: QUOTED_ID }],
    ['text-forwarded', { forwarded: 'once' }],
    ['text-forwarded-often', { forwarded: 'often' }],
    [
      'text-about-product',
      { repliesTo: QUOTED_ID, product: { productId: 'BOOT-42', catalogId: '500000000000005' } },
    ],
    ['text-from-ad', { referral: REFERRAL }],
    [
      'image-from-ad',
      { referral: { ...REFERRAL, mediaType: 'video', mediaUrl: 'https://cdn.example/boots.mp4' } },
    ],
    ['text-in-group', { groupId: 'Y2FwaV9ncm91cDpmaXh0dXJl' }],
    ['button', { repliesTo: QUOTED_ID }],
    ['nfm-reply', { repliesTo: QUOTED_ID }],
    ['edit', { repliesTo: QUOTED_ID }],
    ['edit-of-image', {}],
  ])('of the fixture %s', (name, context) => {
    expect(readContext(WHATSAPP_MESSAGES[name] as Fields)).toEqual(context);
  });

  it.each<[name: string, message: Fields, context: Fields]>([
    [
      'a reaction, whose message is no quote',
      { type: 'reaction', context: { id: 'wamid.Q', forwarded: true } },
      { forwarded: 'once' },
    ],
    [
      'both kinds of forwarding',
      { context: { forwarded: true, frequently_forwarded: true } },
      { forwarded: 'often' },
    ],
    [
      'forwarding in words',
      { context: { forwarded: 'false', frequently_forwarded: 'true' } },
      { forwarded: 'often' },
    ],
    [
      'the id of a quoted message under its other name',
      { context: { message_id: 'wamid.Q' } },
      { repliesTo: 'wamid.Q' },
    ],
    ['no forwarding', { context: { forwarded: false, frequently_forwarded: false } }, {}],
    ['no product', { context: { referred_product: {} } }, {}],
    ['half a product', { context: { referred_product: { catalog_id: 5 } } }, { product: { catalogId: '5' } }],
    ['no ad', { referral: {} }, {}],
    [
      'an ad with no picture but a small one',
      { referral: { thumbnail_url: 'https://x' } },
      { referral: { mediaUrl: 'https://x' } },
    ],
    [
      'a video ad with an image only',
      { referral: { media_type: 'video', image_url: 'u' } },
      { referral: { mediaType: 'video', mediaUrl: 'u' } },
    ],
    ['nulls', { context: null, referral: null, group_id: null, edit: null }, {}],
    ['odd types', { context: [1], referral: 'ad', group_id: {}, edit: { message: 5 } }, {}],
  ])('of a message with %s', (_name, message, context) => {
    expect(readContext(message)).toEqual(context);
  });
});
