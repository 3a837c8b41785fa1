type Entry<Value> = { readonly value: Value; readonly movedAt: number };

/**
 * A map of at most `max` entries that drops one of those unused for longest: use moves an entry to the young end, unless it
 * is among the younger half as it is. So what is used all the time is not moved all the time.
 */
export class LruMap<Value> {
  readonly #max: number;
  /** In the order of their moves: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, Entry<Value>>();
  #moves = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, which thereby counts as used now. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // No more entries than moves since its own can be younger.
    if (this.#moves - entry.movedAt >= this.#max / 2) this.#move(key, entry.value);
    return entry.value;
  }

  /** Sets the value; the oldest goes when there is no room. */
  set(key: string, value: Value): void {
    if (!this.#entries.has(key) && this.#entries.size >= this.#max) this.dropOldest();
    this.#move(key, value);
  }

  /** Takes out the oldest value. */
  dropOldest(): Value | undefined {
    const oldest = this.#entries.entries().next().value;
    if (oldest === undefined) return undefined;
    this.#entries.delete(oldest[0]);
    return oldest[1].value;
  }

  #move(key: string, value: Value): void {
    this.#moves += 1;
    this.#entries.delete(key);
    this.#entries.set(key, { value, movedAt: this.#moves });
  }
}
