/** A map of at most `max` entries that drops the one unused for longest. */
export class LruMap<Value> {
  readonly #max: number;
  readonly #entries = new Map<string, Value>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, which thereby counts as used now. */
  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    // A Map keeps the order of insertion: the entry moves to the young end.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Sets the value; the oldest goes when there is no room. */
  set(key: string, value: Value): void {
    if (!this.#entries.delete(key) && this.#entries.size >= this.#max) this.dropOldest();
    this.#entries.set(key, value);
  }

  /** Takes out the value unused for longest. */
  dropOldest(): Value | undefined {
    const oldest = this.#entries.entries().next().value;
    if (oldest === undefined) return undefined;
    this.#entries.delete(oldest[0]);
    return oldest[1];
  }
}
