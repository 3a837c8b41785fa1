import { ServiceError } from '../errors.ts';

/** A flag and a length, big-endian, before each message. Source: gRPC over HTTP/2, "Length-Prefixed-Message". */
const prefixBytes = 5;

/** Takes the length-prefixed messages out of a stream's bytes, however they were cut. */
export class MessageReader {
  readonly #bytesMax: number;
  /** The prefix as far as it has come. */
  readonly #prefix = Buffer.allocUnsafeSlow(prefixBytes);
  #prefixLength = 0;
  /** The message that has begun and is not whole, and how much of it has come. */
  #message: Buffer | undefined;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether a message has begun and is not whole. */
  get isWithin(): boolean {
    return this.#prefixLength > 0;
  }

  /** Bytes of memory that a message that has begun and is not whole takes. */
  get heldBytes(): number {
    return this.#message?.length ?? 0;
  }

  /**
   * The messages that these bytes make whole, in order. One that came whole shares memory with what was given; one that
   * came in parts is copied as it comes, because each part would keep all that was read from the connection with it.
   * @throws ServiceError MESSAGE_TOO_LARGE by the announced length, before the message is in memory; INVALID_FIELD when a
   * message is compressed, which no peer is told that it may be.
   */
  take(chunk: Buffer): Buffer[] {
    const messages: Buffer[] = [];
    let rest = this.#takePrefix(chunk);
    while (this.#prefixLength === prefixBytes) {
      const length = this.#announced();
      const part = rest.subarray(0, length - this.#length);
      const message = this.#takePart(part, length);
      if (message === undefined) break;
      messages.push(message);
      rest = this.#takePrefix(rest.subarray(part.length));
    }
    return messages;
  }

  #takePrefix(bytes: Buffer): Buffer {
    const taken = bytes.copy(this.#prefix, this.#prefixLength);
    this.#prefixLength += taken;
    return bytes.subarray(taken);
  }

  #announced(): number {
    const length = this.#prefix.readUInt32BE(1);
    if (length > this.#bytesMax) throw messageTooLarge(length, this.#bytesMax);
    if (this.#prefix[0] !== 0) throw unreadable('the message is compressed: send it as it is');
    return length;
  }

  /** The message, when this part makes it whole. */
  #takePart(part: Buffer, length: number): Buffer | undefined {
    let message = part;
    if (this.#message !== undefined || part.length < length) {
      // Not from Node's pool, which would be kept as well.
      message = this.#message ??= Buffer.allocUnsafeSlow(length);
      this.#length += part.copy(message, this.#length);
      if (this.#length < length) return undefined;
    }
    this.#message = undefined;
    this.#length = 0;
    this.#prefixLength = 0;
    return message;
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
