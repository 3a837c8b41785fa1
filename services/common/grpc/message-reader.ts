import { ServiceError } from '../errors.ts';

/** A flag and a length, big-endian, before each message. Source: gRPC over HTTP/2, "Length-Prefixed-Message". */
const prefixBytes = 5;

/** Takes the length-prefixed messages out of a stream's bytes, however they were cut. */
export class MessageReader {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #length = 0;
  /** Bytes that make the next message whole, its prefix among them; known once the prefix is there. */
  #wanted = prefixBytes;
  #isPrefixRead = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether a message has begun and is not whole. */
  get isWithin(): boolean {
    return this.#length > 0;
  }

  /**
   * The messages that these bytes make whole, in order. They share memory with what was given.
   * @throws ServiceError MESSAGE_TOO_LARGE by the announced length, before the message is in memory; INVALID_FIELD when a
   * message is compressed, which no peer is told that it may be.
   */
  take(chunk: Buffer): Buffer[] {
    this.#parts.push(chunk);
    this.#length += chunk.length;
    const messages: Buffer[] = [];
    while (this.#length >= this.#wanted) {
      const bytes = this.#join();
      if (!this.#isPrefixRead) this.#readPrefix(bytes);
      else messages.push(this.#cut(bytes));
    }
    return messages;
  }

  #readPrefix(bytes: Buffer): void {
    const length = bytes.readUInt32BE(1);
    if (length > this.#bytesMax) throw messageTooLarge(length, this.#bytesMax);
    if (bytes[0] !== 0) throw unreadable('the message is compressed: send it as it is');
    this.#wanted = prefixBytes + length;
    this.#isPrefixRead = true;
  }

  #cut(bytes: Buffer): Buffer {
    const message = bytes.subarray(prefixBytes, this.#wanted);
    const rest = bytes.subarray(this.#wanted);
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    this.#wanted = prefixBytes;
    this.#isPrefixRead = false;
    return message;
  }

  #join(): Buffer {
    const [first] = this.#parts;
    if (first !== undefined && this.#parts.length === 1) return first;
    const joined = Buffer.concat(this.#parts, this.#length);
    this.#parts = [joined];
    return joined;
  }
}

/** A message as it goes onto a stream. */
export function prefixed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(prefixBytes + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, prefixBytes);
  return bytes;
}

/** A message above its method's limit. */
export function messageTooLarge(bytes: number, bytesMax: number): ServiceError {
  return new ServiceError(
    'MESSAGE_TOO_LARGE',
    `the message has ${bytes} bytes: at most ${bytesMax} are taken`,
    { metadata: { bytes: String(bytes), bytes_max: String(bytesMax) } },
  );
}

/** A request that is none. */
export function unreadable(text: string, cause?: unknown): ServiceError {
  return new ServiceError('INVALID_FIELD', text, {
    metadata: { field: 'message' },
    ...(cause === undefined ? {} : { cause }),
  });
}
