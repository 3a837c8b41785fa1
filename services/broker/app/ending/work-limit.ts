/** Work of one kind: so much of it at once, the rest in the order in which it came. */
export class WorkLimit {
  readonly #atOnceMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does the work when its turn has come. Settles as the work does. */
  async run(work: () => Promise<void>): Promise<void> {
    if (this.#running >= this.#atOnceMax) {
      // Whoever finishes hands his place over, so that nobody new can take it in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
