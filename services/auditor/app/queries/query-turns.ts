import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Gives the parts of queries their turns: one part in each turn of the event loop, whoever asks, first come first served.
 * The store is synchronous: without turns a query would hold up ingest until its end, with them for one part at most.
 */
export class QueryTurns {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves when it is this part's turn. Whoever goes on after it asks again. */
  next(): Promise<unknown> {
    this.#last = this.#last.then(() => nextTurn());
    return this.#last;
  }
}
