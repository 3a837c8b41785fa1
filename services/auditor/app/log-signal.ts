/** Wakes those who wait for the log to change: for a record to be appended or a checkpoint to be signed. */
export class LogSignal {
  readonly #waiting = new Set<() => void>();
  #changes = 0;

  /** How often it has changed. Read it before looking at the log, and wait past it: no change falls between. */
  get changes(): number {
    return this.#changes;
  }

  fire(): void {
    this.#changes++;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next change after that number, or when the signal aborts; leaves nothing behind. */
  waitPast(changes: number, signal: AbortSignal): Promise<void> {
    if (this.#changes > changes || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
