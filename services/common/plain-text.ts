import { unprintable } from '@stint/common/unprintable.ts';

// Joiners too: records may hold them, and what a reader compares must not differ unseen.
const everyUnprintable = new RegExp(unprintable, 'gu');

/**
 * Text of others (justifications, names, messages) as a terminal may show it: on one line, what would not show as itself
 * written as an escape.
 */
export function plainText(text: string): string {
  return text.toWellFormed().replace(everyUnprintable, escaped);
}

/** A value as JSON that a terminal may show too: the same characters are escaped, which leaves its meaning as it is. */
export function plainJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  return json.replace(everyUnprintable, (found) => (found === '\n' ? found : escaped(found)));
}

/** One escape for each UTF-16 unit, as JSON has it. */
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
