/**
 * Words by which customers opt out: the keywords that AWS End User Messaging SMS answers itself and, with self-managed
 * opt-outs, passes on (its user guide, "Required opt-out keywords" and "Keywords"). Their case doesn't matter.
 */
const OPT_OUT_WORDS: ReadonlySet<string> = new Set([
  'ARRET',
  'CANCEL',
  'END',
  'OPT-OUT',
  'OPTOUT',
  'QUIT',
  'REMOVE',
  'STOP',
  'TD',
  'UNSUBSCRIBE',
]);

const FIRST_WORD_PATTERN = /^\s*([A-Za-z]+(?:-[A-Za-z]+)*)(?![\p{L}\p{N}\p{M}_])/u;

/** EUM matches keywords at the start of the body: `Stop, please` is one. */
export function isOptOut(text: string): boolean {
  const [, word = ''] = FIRST_WORD_PATTERN.exec(text) ?? [];
  return OPT_OUT_WORDS.has(word.toUpperCase());
}
