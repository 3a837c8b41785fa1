/** Fewest columns that text is wrapped into; in less room it is left to the terminal. */
export const wrapWidthMin = 24;

/** Text in lines of at most `width` columns, broken at spaces. A longer word, such as an id, stays whole: it is to be copied. */
export function wrapText(text: string, width: number): string[] {
  return wrapWords(text.split(' '), width);
}

/** What stays whole in prose: a command line, which is to be typed as it stands, and every other word. */
const proseWord = /(?<=^|[:;,] )(?:npx )?stint [a-z-][^;,]*|\((?:npx )?stint [a-z-][^;,)]*\)?|\S+/g;

/** Prose of ours as {@link wrapText} breaks it, but for the command lines in it. What fits stays as it is. */
export function wrapProse(text: string, width: number): string[] {
  return columnsOf(text) <= width ? [text] : wrapWords(text.match(proseWord) ?? [text], width);
}

function wrapWords(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line === '') line = word;
    else if (columnsOf(line) + 1 + columnsOf(word) <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

/** Columns that a text takes. */
export function columnsOf(text: string): number {
  return [...text].length;
}
