import { inspect } from 'node:util';

/**
 * A value that must never be printed, logged or serialised: a password, a token, a private key.
 *
 * String conversion, JSON and `util.inspect` all give `[secret]`. Only {@link Secret.reveal} opens it, so that
 * every place that handles plaintext can be found by one word. The bytes are a private copy; `destroy` clears them.
 */
export class Secret {
  readonly #bytes: Buffer;

  constructor(value: string | Uint8Array) {
    // Memory of its own: in Node's pool it would stand among other bytes, and keep them for as long as it lives.
    this.#bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(value));
    if (typeof value === 'string') this.#bytes.write(value, 'utf8');
    else this.#bytes.set(value);
  }

  /** Opens the secret for the length of one call. What the callback keeps is the callback's responsibility. */
  reveal<T>(use: (plaintext: Buffer) => T): T {
    return use(this.#bytes);
  }

  /** Opens the secret as UTF-8 text, for drivers that take only strings. The string cannot be cleared afterwards. */
  revealText(): string {
    return this.#bytes.toString('utf8');
  }

  /** Overwrites the bytes. Later reveals see zeros; calling it twice is harmless. */
  destroy(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
