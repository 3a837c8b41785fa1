import { plainText } from '@stint/common/plain-text.ts';
import pc from 'picocolors';
import { wrapText } from '../terminal/wrap-text.ts';
import { columnsMax } from './folded-text.ts';

/** A step of the story that did not hold. */
export class StoryBroken extends Error {}

type Out = { write(text: string): void };

/** Where the text of steps and details begins. */
const textIndent = 14;

/** Where drawings begin: near the margin, since their lines cannot be wrapped. */
const drawingIndent = 2;

/**
 * Prints the story as it happens: numbered steps with the seconds since its begin. Longer lines are wrapped below themselves;
 * of what others have named (rules, users, rows), what would not show as itself is written as an escape.
 */
export class StoryTeller {
  readonly #out: Out;
  readonly #begin = performance.now();
  #steps = 0;

  constructor(out: Out) {
    this.#out = out;
  }

  step(text: string): void {
    this.#step(pc.green('✓'), text);
  }

  /** A step that is told as done only if it holds. @throws StoryBroken */
  check(holds: boolean, text: string): void {
    if (holds) {
      this.step(text);
      return;
    }
    this.#step(pc.red('✗'), text);
    throw new StoryBroken(`step ${this.#steps} does not hold: ${text}`);
  }

  /** One proved thing of many. @throws StoryBroken */
  proved(holds: boolean, name: string, text: string): void {
    const named = name === '' ? '' : `${name.padEnd(5)} `;
    this.#wrapped(`${' '.repeat(textIndent)}${holds ? pc.green('✓') : pc.red('✗')} ${named}`, {
      text,
      indent: textIndent + '✓ '.length + named.length,
    });
    if (!holds) throw new StoryBroken(`this does not hold: ${name} ${text}`);
  }

  detail(text: string): void {
    this.#wrapped(' '.repeat(textIndent), { text, indent: textIndent });
  }

  drawing(lines: readonly string[]): void {
    for (const line of lines) this.#line(`${' '.repeat(drawingIndent)}${plainText(line)}`);
  }

  table(rows: readonly Readonly<Record<string, unknown>>[]): void {
    const columns = Object.keys(rows[0] ?? {});
    const cell = (row: Readonly<Record<string, unknown>>, column: string) => plainText(String(row[column]));
    const width = (column: string) => Math.max(column.length, ...rows.map((row) => cell(row, column).length));
    for (const row of rows) {
      const cells = columns.map((column) => cell(row, column).padEnd(width(column)));
      this.#line(`${' '.repeat(textIndent)}${pc.dim(cells.join('  ').trimEnd())}`);
    }
  }

  #step(mark: string, text: string): void {
    this.#steps++;
    const elapsed = `${((performance.now() - this.#begin) / 1_000).toFixed(2)} s`.padStart(8);
    const head = `${pc.dim(elapsed)} ${mark} ${pc.bold(String(this.#steps).padStart(2))} `;
    this.#wrapped(head, { text, indent: textIndent });
  }

  /** `head` takes `indent` columns, and may be painted. */
  #wrapped(head: string, { text, indent }: { readonly text: string; readonly indent: number }): void {
    const lines = wrapText(plainText(text), columnsMax - indent);
    for (const [i, line] of lines.entries()) this.#line(`${i === 0 ? head : ' '.repeat(indent)}${line}`);
  }

  #line(text: string): void {
    this.#out.write(`${text}\n`);
  }
}
