/**
 * Work that several callers wait for together. While a key's work runs, whoever asks for the same key joins it; its
 * outcome, good or bad, is everybody's, and is then forgotten: nothing is cached here, failures least of all.
 */
export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>();

  get size(): number {
    return this.#running.size;
  }

  run(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const flight = work().finally(() => this.#running.delete(key));
    this.#running.set(key, flight);
    return flight;
  }
}
