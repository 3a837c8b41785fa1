/** Fewest columns that text is wrapped into; in less room it is left to the terminal. */
export const wrapWidthMin = 24;

/** Text in lines of at most `width` columns, broken at spaces. A longer word, such as an id, stays whole: it is to be copied. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
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
