import type { Failure } from '../cli-error.ts';
import { createPainter, type Painter, wantsColor } from './colors.ts';
import { plainJson, plainText } from './plain-text.ts';

/** How results are written: tables for people, JSON for programs. */
export const outputFormats = ['table', 'json'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** A stream as far as writing to it goes. */
export type OutputStream = { readonly isTTY?: boolean; write(text: string): unknown };

export type OutputOptions = {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly format: OutputFormat;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** What a command writes: results to stdout in the format asked for, everything else to stderr. */
export class Output {
  readonly format: OutputFormat;
  readonly #options: OutputOptions;
  readonly #paintResult: Painter;
  readonly #paintNote: Painter;

  constructor(options: OutputOptions) {
    const { stdout, stderr, environment } = options;
    this.#options = options;
    this.format = options.format;
    this.#paintResult = createPainter(wantsColor(stdout.isTTY === true, environment));
    this.#paintNote = createPainter(wantsColor(stderr.isTTY === true, environment));
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

  /** Tells people what goes on or comes next; programs hear nothing. */
  note(text: string): void {
    const { stderr } = this.#options;
    if (this.format === 'table' && stderr.isTTY === true)
      stderr.write(`${this.#paintNote(plainText(text), 'dim')}\n`);
  }

  /** Says on stderr what must not be missed. */
  warn(text: string): void {
    this.#options.stderr.write(`${this.#paintNote(`stint: ${plainText(text)}`, 'yellow')}\n`);
  }

  /** Writes a failure to stderr: what, code, why, fix; as one line of JSON when programs read. */
  fail(failure: Failure): void {
    this.#options.stderr.write(
      this.format === 'json' ? `${plainJson({ error: failureJson(failure) })}\n` : this.#failureText(failure),
    );
  }

  #failureText({ what, why, fix, reason }: Failure): string {
    const paint = this.#paintNote;
    const line = (name: string, text: string) => `${paint(`  ${name}:`, 'dim')} ${plainText(text)}\n`;
    return [
      `${paint('error:', 'red')} ${plainText(what)}\n`,
      line('why', why),
      line('fix', fix),
      line('code', reason),
    ].join('');
  }
}

function failureJson({ what, why, fix, reason, exitCode, metadata }: Failure): object {
  return { what, why, fix, reason, exit_code: exitCode, metadata };
}
