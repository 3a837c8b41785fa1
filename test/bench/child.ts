import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * A process of the measurement that answers each message with one. The parent and what it measures must not share an event
 * loop. It ends when the parent lets go of it, however that happens.
 */
export class BenchChild<Order extends object, Word> {
  readonly #process: ChildProcess;

  /** `file` stands beside this one. */
  constructor(file: string) {
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Sends an order and returns its word. One at a time. @throws Error when the child has failed. */
  async ask(order: Order): Promise<Word> {
    const ended = new AbortController();
    const exited = once(this.#process, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`bench: a child ended with ${code}`);
    });
    exited.catch(() => undefined);
    this.#process.send(order);
    try {
      const [word] = (await Promise.race([
        once(this.#process, 'message', { signal: ended.signal }),
        exited,
      ])) as [Word | { fault: string }];
      if (typeof word === 'object' && word !== null && 'fault' in word) throw new Error(word.fault);
      return word as Word;
    } finally {
      ended.abort();
    }
  }

  stop(): void {
    this.#process.kill('SIGKILL');
  }
}

/** The child's side: answers orders, one after another. */
export function answerOrders<Order, Word extends object>(answer: (order: Order) => Promise<Word>): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (order: Order) => {
    answer(order).then(
      (word) => process.send?.(word),
      (thrown: unknown) =>
        process.send?.({ fault: thrown instanceof Error ? `${thrown.message}` : String(thrown) }),
    );
  });
}
