/** Scripts whose words are written with joiners: Persian and Urdu, and those of India and its neighbours. */
const joiningScripts = [
  'Arabic',
  'Bengali',
  'Devanagari',
  'Gujarati',
  'Gurmukhi',
  'Kannada',
  'Khmer',
  'Malayalam',
  'Mongolian',
  'Myanmar',
  'Nko',
  'Oriya',
  'Sinhala',
  'Syriac',
  'Tamil',
  'Telugu',
];

/**
 * A character that does not show as itself: controls, which break lines and drive terminals; marks of direction, which
 * show other text than what is there; and whatever shows as nothing (format characters, tags, variation selectors,
 * fillers), in which a text hides another one. Source: Unicode, General_Category Cc and Cf, Default_Ignorable_Code_Point.
 */
export const unprintable = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u;

const joiningLetter = `[${joiningScripts.map((script) => `\\p{Script=${script}}`).join('')}]`;
const joiners = '[\\u200c\\u200d]';
const misplaced = new RegExp(
  `(?<!${joiningLetter})${joiners}|${joiners}(?!${joiningLetter})|(?!${joiners})${unprintable.source}`,
  'u',
);

/**
 * The first character of a declared text that is not taken, as `U+200B`; undefined when all of it shows. A joiner (U+200C,
 * U+200D) is taken between two letters of a script that is written with it, and nowhere else: not in Latin words, and not
 * in emoji, whose sequences and variation selectors are refused.
 */
export function firstUnprintable(text: string): string | undefined {
  // Most texts, and on the hot path.
  if (/^[ -~]*$/.test(text)) return undefined;
  const found = misplaced.exec(text)?.[0];
  if (found === undefined) return undefined;
  return `U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
