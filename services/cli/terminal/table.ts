import type { Paint, Painter } from './colors.ts';
import { plainText } from './plain-text.ts';

/** A cell: its text, and how it is painted. */
export type Cell = string | { readonly text: string; readonly paint: Paint };

/** Rows under a head, in columns of even width. Every cell's text is made fit for a terminal here. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: Painter,
): string {
  const headCells = head.map((text): Cell => ({ text, paint: 'dim' }));
  return renderRows([headCells, ...rows], paint);
}

/** Facts, one a line: name, then value. Absent values are left out. */
export function renderFacts(facts: readonly (readonly [string, Cell | undefined])[], paint: Painter): string {
  const rows = facts.flatMap(([name, value]): Cell[][] =>
    value === undefined ? [] : [[{ text: name, paint: 'dim' }, value]],
  );
  return renderRows(rows, paint);
}

/** One row by itself, for rows that come one by one. */
export function renderRow(row: readonly Cell[], paint: Painter): string {
  return renderRows([row], paint);
}

function renderRows(rows: readonly (readonly Cell[])[], paint: Painter): string {
  const texts = rows.map((row) => row.map((cell) => plainText(typeof cell === 'string' ? cell : cell.text)));
  const widths = (texts[0] ?? []).map((_, column) =>
    Math.max(...texts.map((row) => width(row[column] ?? ''))),
  );
  const lines = rows.map((row, i) =>
    row
      .map((cell, column) => {
        const text = texts[i]?.[column] ?? '';
        const isLast = column === row.length - 1;
        const padding = isLast ? '' : ' '.repeat((widths[column] ?? 0) - width(text) + 2);
        return paint(text, typeof cell === 'string' ? undefined : cell.paint) + padding;
      })
      .join('')
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}

function width(text: string): number {
  return [...text].length;
}
