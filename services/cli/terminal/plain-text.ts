// Controls move the cursor, change colours and titles; the bidirectional marks show other text than what is there.
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Text of others (justifications, names, messages) as a terminal may show it: on one line, what would not show as itself
 * written as an escape.
 */
export function plainText(text: string): string {
  return text.toWellFormed().replace(unprintable, escaped);
}

/** A value as JSON that a terminal may show too: the same characters are escaped, which leaves its meaning as it is. */
export function plainJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent);
  return json.replace(unprintable, (found) => (found === '\n' ? found : escaped(found)));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
