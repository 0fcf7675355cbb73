/** What an SMS says, or an RCS message, which comes in the same fields. */
import type { MediaContent, MediaKind, MessageContent } from './inbound-message.ts';
import { isJsonObject, parseJson, present, readText } from './payload-fields.ts';
import type { JsonObject } from './payload-fields.ts';
import { listFields } from './readable-fields.ts';

/** Of an RCS agent's id, which stands where an SMS has our number. */
const RCS_AGENT_PREFIX = 'rcs-';

/**
 * `destination` is EUM's destinationNumber. Control characters stay: what Connect can't take is the renderer's to
 * replace, and NUL is a customer's too.
 */
export function readSmsContent(messageBody: unknown, destination: string | undefined): MessageContent {
  if (messageBody === undefined || messageBody === null || messageBody === '') return { kind: 'empty' };
  const media = destination?.startsWith(RCS_AGENT_PREFIX) ? readMediaNotice(messageBody) : undefined;
  if (media) return media;
  return typeof messageBody === 'string'
    ? { kind: 'text', text: messageBody.toWellFormed() }
    : readOddBody(messageBody);
}

/** A number is what the customer wrote, by a hand in between that lost the quotes; of anything else, what is readable. */
function readOddBody(messageBody: unknown): MessageContent {
  const text = readText(messageBody);
  if (text !== undefined) return { kind: 'text', text };
  return {
    kind: 'unknown',
    type: 'none',
    fields: listFields(messageBody, isJsonObject(messageBody) ? '' : 'messageBody'),
  };
}

/**
 * RCS media (EUM SMS user guide, "Inbound RCS media"): a JSON object in messageBody, `{mediaStatus, mediaStatusMessage?,
 * s3Bucket?, s3Key?, mimeType, fileName, fileSizeBytes}`. Nothing but mediaStatus tells it from a text that is JSON. The
 * object itself is taken too.
 */
function readMediaNotice(messageBody: unknown): MediaContent | undefined {
  const isJson = typeof messageBody === 'string' && messageBody.trimStart().startsWith('{');
  const notice = isJson ? parseJson(messageBody) : messageBody;
  if (!isJsonObject(notice) || typeof notice['mediaStatus'] !== 'string') return undefined;
  const mimeType = readText(notice['mimeType']);
  return {
    kind: mediaKind(mimeType),
    ...present({
      fileName: readText(notice['fileName']),
      mimeType,
      size: readText(notice['fileSizeBytes']),
      source: readSource(notice),
      failure: readFailure(notice),
    }),
  };
}

const KINDS_BY_MIME_TYPE: Readonly<Record<string, MediaKind>> = {
  image: 'image',
  video: 'video',
  audio: 'audio',
};

function mediaKind(mimeType: string | undefined): MediaKind {
  const [mainType = ''] = (mimeType ?? '').trim().toLowerCase().split('/');
  return (Object.hasOwn(KINDS_BY_MIME_TYPE, mainType) ? KINDS_BY_MIME_TYPE[mainType] : undefined) ?? 'file';
}

function readSource(notice: JsonObject): string | undefined {
  const [bucket, key] = [readText(notice['s3Bucket']), readText(notice['s3Key'])];
  return bucket === undefined || key === undefined ? undefined : `s3://${bucket}/${key}`;
}

function readFailure(notice: JsonObject): string | undefined {
  if (notice['mediaStatus'] === 'SUCCESS') return undefined;
  const words = [notice['mediaStatus'], notice['mediaStatusMessage']].map(readText);
  return words.filter((text) => text !== undefined).join(': ') || 'unknown';
}
