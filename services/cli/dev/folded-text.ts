import { plainText } from '@stint/common/plain-text.ts';
import { wrapText } from '../terminal/wrap-text.ts';

/** Columns of what `stint dev` says: those that every terminal has, a page of documentation too. */
export const columnsMax = 80;

const hangingIndent = 4;

/**
 * A text as a terminal may show it: its first line is folded to 80 columns, each further piece indented. Lines below it are
 * others' words, and kept. What would not show as itself is written as an escape in all of them, so paint what this returns.
 */
export function foldedText(text: string): string {
  const [first = '', ...rest] = text.split('\n').map(plainText);
  const begin = first.length - first.trimStart().length;
  const pieces = wrapText(first.trimStart(), columnsMax - Math.max(begin, hangingIndent));
  const folded = pieces.map((piece, i) => ' '.repeat(i === 0 ? begin : hangingIndent) + piece);
  return [...folded, ...rest].join('\n');
}
