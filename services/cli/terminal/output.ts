import { plainJson, plainText } from '@stint/common/plain-text.ts';
import { asTyped, type CalledAs, calledAs } from '../called-as.ts';
import type { Failure } from '../cli-error.ts';
import { createPainter, type Paint, type Painter, wantsColor } from './colors.ts';
import { wrapProse } from './wrap-text.ts';

/** How results are written: tables for people, JSON for programs. */
export const outputFormats = ['table', 'json'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** A stream as far as writing to it goes. */
export type OutputStream = {
  readonly isTTY?: boolean;
  /** Of a terminal: how many it has. */
  readonly columns?: number;
  write(text: string): unknown;
};

export type OutputOptions = {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly format: OutputFormat;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Flags that name services, as words for a shell: what is told to be typed next has them too. */
  readonly placeFlags?: readonly string[];
};

/** Columns that prose takes on a terminal, at most: longer lines are hard to read. */
export const proseWidthMax = 80;

/** Empties the line that a terminal's cursor stands in. */
const clearedLine = '\r\u001b[K';

/** What a command writes: results to stdout in the format asked for, everything else to stderr. */
export class Output {
  readonly format: OutputFormat;
  readonly #options: OutputOptions;
  readonly #paintResult: Painter;
  readonly #paintNote: Painter;
  readonly #called: CalledAs;
  /** Columns of a line of prose; without end where there is no terminal. */
  readonly #proseWidth: number;
  #showsProgress = false;

  constructor(options: OutputOptions) {
    const { stdout, stderr, environment } = options;
    this.#options = options;
    this.format = options.format;
    this.#paintResult = createPainter(wantsColor(stdout.isTTY === true, environment), widthOf(stdout));
    this.#paintNote = createPainter(wantsColor(stderr.isTTY === true, environment));
    this.#called = calledAs(environment);
    const columns = widthOf(stderr);
    this.#proseWidth = columns === undefined ? Number.POSITIVE_INFINITY : Math.min(columns, proseWidthMax);
  }

  /** Writes a result. `json` must have the documented shape; `table` makes the text for people. */
  result(view: { readonly json: unknown; readonly table: (paint: Painter) => string }): void {
    this.#options.stdout.write(
      this.format === 'json' ? `${plainJson(view.json, 2)}\n` : view.table(this.#paintResult),
    );
  }

  /** Writes one of many results as it comes: JSON on a line of its own. */
  item(view: { readonly json: unknown; readonly table: (paint: Painter) => string }): void {
    this.#options.stdout.write(
      this.format === 'json' ? `${plainJson(view.json)}\n` : view.table(this.#paintResult),
    );
  }

  /** Whether people see on a terminal what goes on. */
  get isWatched(): boolean {
    return this.format === 'table' && this.#options.stderr.isTTY === true;
  }

  /** Tells people what goes on or comes next; programs hear nothing. */
  note(text: string): void {
    if (!this.isWatched) return;
    const onLineOfItsOwn = this.#showsProgress ? clearedLine : '';
    this.#showsProgress = false;
    this.#options.stderr.write(`${onLineOfItsOwn}${this.#prose(text, '  ', 'dim')}`);
  }

  /**
   * Shows how far something long is, in one line that the next one replaces; empty takes it away. On terminals alone.
   */
  progress(text: string): void {
    if (!this.isWatched) return;
    this.#showsProgress = text !== '';
    this.#options.stderr.write(`${clearedLine}${this.#paintNote(plainText(text), 'dim')}`);
  }

  /** Says on stderr what must not be missed. */
  warn(text: string): void {
    this.#options.stderr.write(this.#prose(`stint: ${text}`, '  ', 'yellow'));
  }

  /** Writes a failure to stderr: what, code, why, fix; as one line of JSON when programs read. */
  fail(failure: Failure): void {
    const typed = { ...failure, fix: this.#asTyped(failure.fix) };
    this.#options.stderr.write(this.format === 'json' ? failureLine(typed) : this.#failureText(typed));
  }

  #asTyped(text: string): string {
    return asTyped(text, this.#called, this.#options.placeFlags);
  }

  /** A text of ours in lines of a readable width, on a terminal; elsewhere in one. */
  #prose(text: string, indent: string, paint: Paint): string {
    const lines = wrapProse(plainText(this.#asTyped(text)), this.#proseWidth - indent.length);
    return `${lines.map((line) => this.#paintNote(line, paint)).join(`\n${indent}`)}\n`;
  }

  #failureText({ what, why, fix, reason, metadata }: Failure): string {
    const paint = this.#paintNote;
    const width = this.#proseWidth - nameWidth;
    const line = (name: string, text: string) => `${paint(`  ${name}:`, 'dim')} ${plainLines(text, width)}\n`;
    const ids = (['request_id', 'trace_id'] as const).flatMap((key) => {
      const id = metadata[key];
      return id === undefined || id === '' ? [] : [line(idNames[key], id)];
    });
    return [
      `${paint('error:', 'red')} ${plainLines(what, width)}\n`,
      line('why', why),
      line('fix', fix),
      line('code', reason),
      ...ids,
    ].join('');
  }
}

/** Ids of a failure's metadata by which its record and its trace are found, and how people read them. */
const idNames = { request_id: 'request', trace_id: 'trace' } as const;

/** What later lines of one text begin with: deeper than the names of a failure's lines, so that no text can pass for one. */
const continuation = '      ';

/** Columns of a name and its colon, and of {@link continuation}, at most. */
const nameWidth = 7;

/** Text of others whose lines mean something, such as a place in a file with a mark below it: each line plain by itself. */
function plainLines(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => wrapProse(plainText(line), width))
    .join(`\n${continuation}`);
}

/** A terminal that does not know its columns says 0. */
function widthOf({ isTTY, columns = 0 }: OutputStream): number | undefined {
  return isTTY === true && columns > 0 ? columns : undefined;
}

/** A failure for programs: one line of JSON. */
export function failureLine({ what, why, fix, reason, exitCode, metadata }: Failure): string {
  return `${plainJson({ error: { what, why, fix, reason, exit_code: exitCode, metadata } })}\n`;
}
