import type { MediaContent, MediaKind } from '../inbound-message.ts';
import { asJsonObject, isTrue, present, readText } from '../payload-fields.ts';

/**
 * `{id, mime_type, sha256, caption?, filename?, url?, voice?, animated?}`; `link` and `file` have been seen instead of
 * the id. Undefined where nothing says what was sent.
 */
export function readMedia(kind: MediaKind, body: unknown): MediaContent | undefined {
  const media = asJsonObject(body);
  const fields = present({
    caption: readText(media['caption']),
    fileName: readText(media['filename']),
    mimeType: readText(media['mime_type']),
    source: firstText(media['id'], media['url'], media['link'], media['file']),
    isAnimated: kind === 'sticker' && isTrue(media['animated']) ? (true as const) : undefined,
  });
  if (Object.keys(fields).length === 0) return undefined;
  return { kind: kind === 'audio' && isTrue(media['voice']) ? 'voice' : kind, ...fields };
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.map(readText).find((text) => text !== undefined);
}
