import type { Writable } from 'node:stream';

/**
 * The sending half of a stream. However many writers wait for room, the stream has one listener for all of them.
 * `signal` aborts when the call has ended.
 */
export class OutgoingMessages<Message> {
  readonly #target: Writable;
  readonly #signal: AbortSignal;
  #room: Promise<void> | undefined;

  constructor(target: Writable, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
  }

  /** Queues a message. False: the peer is slow, wait for room. A message for a stream that has ended is dropped. */
  write(message: Message): boolean {
    const isOpen = !this.#signal.aborted && !this.#target.destroyed && !this.#target.writableEnded;
    return isOpen && this.#target.write(message);
  }

  /** Resolves when there is room. Rejects with the signal's reason when the call has ended, or ends before. */
  drained(): Promise<void> {
    if (this.#signal.aborted) return Promise.reject(this.#signal.reason);
    if (!this.#target.writableNeedDrain) return Promise.resolve();
    this.#room ??= this.#waitForRoom();
    return this.#room;
  }

  #waitForRoom(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onDrain = () => {
      this.#signal.removeEventListener('abort', onAbort);
      this.#room = undefined;
      resolve();
    };
    const onAbort = () => {
      this.#target.off('drain', onDrain);
      reject(this.#signal.reason);
    };
    this.#target.once('drain', onDrain);
    this.#signal.addEventListener('abort', onAbort, { once: true });
    return promise;
  }
}
