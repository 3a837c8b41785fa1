import type { Readable } from 'node:stream';

type Taker<Message> = {
  resolve: (result: IteratorResult<Message>) => void;
  reject: (reason: unknown) => void;
};

/**
 * Messages of a stream, one at a time and in order. Written by hand because a Readable's own iterator destroys the
 * stream, both halves of it, when the loop ends; here the other half goes on.
 *
 * Ends when the peer has said all; throws the signal's reason when the call ends before, and what `check` throws.
 * With `drains`, messages that had arrived before the end are given first.
 */
export class IncomingMessages<Message> implements AsyncIterableIterator<Message> {
  readonly #source: Readable;
  readonly #signal: AbortSignal;
  readonly #check: (raw: unknown) => unknown;
  readonly #drains: boolean;
  #isEnded = false;
  #waiting: Taker<Message> | undefined;

  constructor(
    source: Readable,
    options: { signal: AbortSignal; check: (raw: unknown) => unknown; drains?: boolean },
  ) {
    this.#source = source;
    this.#signal = options.signal;
    this.#check = options.check;
    this.#drains = options.drains ?? false;
    source.on('readable', () => this.#wake());
    // A peer that cancels looks for a moment as if it had said all: the signal follows in the same turn.
    source.on('end', () => {
      setImmediate(() => {
        this.#isEnded = true;
        this.#wake();
      });
    });
    options.signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** One taker at a time. */
  next(): Promise<IteratorResult<Message>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#wake();
    });
  }

  return(): Promise<IteratorResult<Message>> {
    this.#isEnded = true;
    return Promise.resolve({ done: true, value: undefined });
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (this.#signal.aborted) {
      if (this.#drains && this.#give(waiting)) return;
      this.#waiting = undefined;
      waiting.reject(this.#signal.reason);
    } else if (this.#isEnded) {
      this.#waiting = undefined;
      waiting.resolve({ done: true, value: undefined });
    } else {
      this.#give(waiting);
    }
  }

  #give(waiting: Taker<Message>): boolean {
    const raw: unknown = this.#source.read();
    if (raw === null) return false;
    this.#waiting = undefined;
    try {
      waiting.resolve({ done: false, value: this.#check(raw) as Message });
    } catch (fault) {
      waiting.reject(fault);
    }
    return true;
  }
}
