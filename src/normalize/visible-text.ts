/** What of a text a person can see. */

/** Characters that leave no mark on a screen: white space, joiners, variation selectors and their like, controls. */
const BLANK = String.raw`\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}`;

export const BLANK_RUN = new RegExp(`[${BLANK}]+`, 'gu');
export const VISIBLE = new RegExp(`[^${BLANK}]`, 'u');

export function isVisible(text: string): boolean {
  return VISIBLE.test(text);
}
