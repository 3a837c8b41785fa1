import { plainText } from '@stint/common/plain-text.ts';
import type { Paint, Painter } from './colors.ts';
import { columnsOf, wrapText, wrapWidthMin } from './wrap-text.ts';

/** Columns between two columns of a table. */
const gap = 2;

/** A cell: its text, and how it is painted. */
export type Cell = string | { readonly text: string; readonly paint: Paint };

/**
 * Rows under a head, in columns of even width. Every cell's text is made fit for a terminal here. On a terminal that is
 * too narrow the last column is wrapped; where that leaves it no room, each row is written as facts.
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: Painter,
): string {
  const all = [head.map((text): Cell => ({ text, paint: 'dim' })), ...rows];
  if (roomOfLast(all, paint) >= wrapWidthMin) return renderRows(all, paint);
  return rows
    .map((row) =>
      renderFacts(
        row.flatMap((cell, column) => (textOf(cell) === '' ? [] : [[head[column] ?? '', cell] as const])),
        paint,
      ),
    )
    .join('\n');
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

/** Rows in columns; the last is wrapped below itself where the terminal has an end and leaves it room. */
function renderRows(rows: readonly (readonly Cell[])[], paint: Painter): string {
  const widths = columnWidths(rows);
  const room = roomOfLast(rows, paint);
  const indent = ' '.repeat(startOfLast(widths));
  const lines = rows.flatMap((row) => {
    const last = row.at(-1) ?? '';
    const before = row
      .slice(0, -1)
      .map((cell, column) => {
        const padding = ' '.repeat((widths[column] ?? 0) - columnsOf(textOf(cell)) + gap);
        return painted(cell, textOf(cell), paint) + padding;
      })
      .join('');
    const isWrapped = room >= wrapWidthMin && room < Number.POSITIVE_INFINITY;
    const texts = isWrapped ? wrapText(textOf(last), room) : [textOf(last)];
    return texts.map((text, i) => `${i === 0 ? before : indent}${painted(last, text, paint)}`.trimEnd());
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** Columns that the last column may take; without end where all fits, or there is no terminal. */
function roomOfLast(rows: readonly (readonly Cell[])[], paint: Painter): number {
  const widths = columnWidths(rows);
  const start = startOfLast(widths);
  const fits = paint.width === undefined || start + (widths.at(-1) ?? 0) <= paint.width;
  return fits ? Number.POSITIVE_INFINITY : (paint.width ?? 0) - start;
}

function startOfLast(widths: readonly number[]): number {
  return widths.slice(0, -1).reduce((sum, width) => sum + width + gap, 0);
}

function columnWidths(rows: readonly (readonly Cell[])[]): number[] {
  return (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => columnsOf(textOf(row[column] ?? '')))),
  );
}

function textOf(cell: Cell): string {
  return plainText(typeof cell === 'string' ? cell : cell.text);
}

function painted(cell: Cell, text: string, paint: Painter): string {
  return paint(text, typeof cell === 'string' ? undefined : cell.paint);
}
