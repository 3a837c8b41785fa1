import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Gives the parts of queries their turns: one part for each turn of the event loop, whoever asks, first come first served.
 * The store is synchronous, so what viewers ask would else hold up ingest for as long as they like; so it waits for one part.
 */
export class QueryTurns {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves when it is this part's turn. Whoever goes on after it asks again. */
  next(): Promise<unknown> {
    this.#last = this.#last.then(() => nextTurn());
    return this.#last;
  }
}
