/** One thing wrong with a file of a bundle, where it is, and what to do about it. */
export type SourceFault = {
  /** Path within the bundle, `policies/read.cedar`. */
  readonly file: string;
  /** From 1; 0 when the fault is of the file or the bundle as a whole. */
  readonly line: number;
  /** In characters, from 1. */
  readonly column: number;
  /** What is wrong and why: lower-case start, no full stop. */
  readonly what: string;
  /** What to do; empty when `what` says it all. */
  readonly help: string;
  /** The line with carets under the place, or empty. */
  readonly excerpt: string;
};

/** Most faults shown at once; the rest are counted. Nobody mends more than that between two tries. */
export const faultsShownMax = 50;

/** Longest stretch of a source line in an excerpt, in characters. */
const excerptCharsMax = 120;

/** A file's text with its lines, for saying where in it something is. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #lineStarts: number[] = [0];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1);
  }

  /** The line, from 1, that holds the character at `offset`. */
  lineAt(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  /** A fault at `start`, with carets up to `end` (UTF-16 offsets into the text) or the end of its line. */
  faultAt(range: { start: number; end: number }, what: string, help = ''): SourceFault {
    const line = this.lineAt(range.start);
    const lineStart = this.#lineStarts[line - 1] ?? 0;
    const lineEnd = (this.#lineStarts[line] ?? this.text.length + 1) - 1;
    const column = range.start - lineStart;
    const excerpt = drawExcerpt(this.text.slice(lineStart, lineEnd), {
      line,
      column,
      width: Math.min(range.end, lineEnd) - range.start,
    });
    return { file: this.file, line, column: column + 1, what, help, excerpt };
  }
}

/** A fault of a whole file, or of the bundle when `file` is its directory. */
export function wholeFileFault(file: string, what: string, help = ''): SourceFault {
  return { file, line: 0, column: 0, what, help, excerpt: '' };
}

/**
 * Writes the faults as a person reads them at a terminal, in the order of the files: as many as fit into `charsMax`
 * (at least one), then how many more there are.
 */
export function renderFaults(faults: readonly SourceFault[], charsMax = Number.POSITIVE_INFINITY): string {
  const sorted = faults.toSorted(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
  const shown: string[] = [];
  let chars = 'and 00000 more'.length;
  for (const fault of sorted) {
    const text = renderFault(fault);
    chars += text.length + 1;
    if (shown.length === faultsShownMax || (shown.length > 0 && chars > charsMax)) break;
    shown.push(text);
  }
  if (shown.length < sorted.length) shown.push(`and ${sorted.length - shown.length} more`);
  return shown.join('\n');
}

function renderFault(fault: SourceFault): string {
  const place = fault.line === 0 ? fault.file : `${fault.file}:${fault.line}:${fault.column}`;
  const help = fault.help === '' ? '' : `; ${fault.help}`;
  return `${place}: ${fault.what}${help}${fault.excerpt === '' ? '' : `\n${fault.excerpt}`}`;
}

function drawExcerpt(sourceLine: string, at: { line: number; column: number; width: number }): string {
  // A very long line is cut, so that the place stays in sight.
  const from = at.column > excerptCharsMax - 40 ? at.column - 40 : 0;
  const shown = sourceLine.slice(from, from + excerptCharsMax).replace(/[\p{Cc}\p{Cf}]/gu, ' ');
  const width = Math.max(1, Math.min(at.width, shown.length - (at.column - from)));
  const gutter = String(at.line).padStart(5);
  return `${gutter} | ${shown.trimEnd()}\n${' '.repeat(5)} | ${' '.repeat(at.column - from)}${'^'.repeat(width)}`;
}
