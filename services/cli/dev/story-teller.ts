import pc from 'picocolors';

/** A step of the story that did not hold. */
export class StoryBroken extends Error {}

type Out = { write(text: string): void };

/** Prints the story as it happens: numbered steps with the seconds since its begin. */
export class StoryTeller {
  readonly #out: Out;
  readonly #begin = performance.now();
  #steps = 0;

  constructor(out: Out) {
    this.#out = out;
  }

  step(text: string): void {
    this.#steps++;
    this.#line(
      `${pc.dim(this.#elapsed())} ${pc.green('✓')} ${pc.bold(String(this.#steps).padStart(2))} ${text}`,
    );
  }

  /** A step that is told as done only if it holds. @throws StoryBroken */
  check(holds: boolean, text: string): void {
    if (holds) {
      this.step(text);
      return;
    }
    this.#steps++;
    this.#line(
      `${pc.dim(this.#elapsed())} ${pc.red('✗')} ${pc.bold(String(this.#steps).padStart(2))} ${text}`,
    );
    throw new StoryBroken(`step ${this.#steps} does not hold: ${text}`);
  }

  /** One proved thing of many. @throws StoryBroken */
  proved(holds: boolean, name: string, text: string): void {
    this.detail(
      [holds ? pc.green('✓') : pc.red('✗'), ...(name === '' ? [] : [name.padEnd(5)]), text].join(' '),
    );
    if (!holds) throw new StoryBroken(`this does not hold: ${name} ${text}`);
  }

  detail(text: string): void {
    this.#line(`             ${text}`);
  }

  lines(texts: readonly string[]): void {
    for (const text of texts) this.detail(text);
  }

  table(rows: readonly Readonly<Record<string, unknown>>[]): void {
    const columns = Object.keys(rows[0] ?? {});
    const width = (column: string) =>
      Math.max(column.length, ...rows.map((row) => String(row[column]).length));
    for (const row of rows)
      this.detail(pc.dim(columns.map((column) => String(row[column]).padEnd(width(column))).join('  ')));
  }

  #line(text: string): void {
    this.#out.write(`${text}\n`);
  }

  #elapsed(): string {
    return `${((performance.now() - this.#begin) / 1_000).toFixed(2)} s`.padStart(8);
  }
}
