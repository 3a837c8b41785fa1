import { constants, type ServerHttp2Stream } from 'node:http2';
import { ServiceError } from '../errors.ts';
import { messageBytesMax } from '../grpc-method.ts';
import { arrivalMsMax } from './request-arrivals.ts';

/**
 * Bytes that the calls of one connection, and of all of one unix socket, may have in memory: of requests that are not
 * whole, and of answers that are not read. 8 and 16 of the largest messages.
 */
export const heldBytesPerConnectionMax = 8 * messageBytesMax;
export const heldBytesMax = 16 * messageBytesMax;

/** How long an answer may stand unread, in milliseconds; then its connection is closed. No caller waits longer for an answer. */
export const unreadMsMax = 60_000;

/**
 * Calls of one unix socket at once, from the first frame until the stream is closed: more than all methods together let
 * in. One more is refused before it is read, without an answer that could stay unread.
 */
export const openCallsMax = 16_384;

/** How often the calls are looked through, in milliseconds: a call has its time and up to this much more. */
export const lookMs = 5_000;

/** Advice to a caller over a bound, in milliseconds. */
const boundRetryMs = 1_000;

/** What the calls of one connection have in memory. */
export type ConnectionCalls = { heldBytes: number };

/** A call as it is counted. Its transport makes it, and only {@link OpenCalls} changes it. */
export type CountedCall = {
  readonly stream: ServerHttp2Stream;
  readonly connection: ConnectionCalls;
  /** `arriving`: its request is not whole. `answered`: what is left of it is to be read. */
  stage: 'arriving' | 'running' | 'answered';
  /** The look after which its stage began. */
  since: number;
  /** Bytes of its request while it is not whole, or of its answer while it is not read. */
  heldBytes: number;
  /** The stream of its answers, if it has one: it may be over long before they are read. */
  answers: { readonly writableEnded: boolean } | undefined;
};

/**
 * The calls of one unix socket, and the bounds of what its peers have in memory by not finishing requests and by not
 * reading answers. A handler, which has the places of its method, knows of neither: it is not called yet, or long done.
 */
export class OpenCalls {
  readonly #open = new Set<CountedCall>();
  readonly #timer = setInterval(() => this.#look(), lookMs).unref();
  #heldBytes = 0;
  #looks = 0;

  /** Whether one more call may begin at all. */
  get hasPlace(): boolean {
    return this.#open.size < openCallsMax;
  }

  /** Counts a call until {@link end}. Why it is to be refused before its request is read; undefined: it is not. */
  begin(call: CountedCall): ServiceError | undefined {
    this.#open.add(call);
    call.since = this.#looks;
    return this.#refusal(call.connection);
  }

  /** So many bytes are kept of a request that is not whole. Why it is to be refused; undefined: it is not. */
  keeps(call: CountedCall, bytes: number): ServiceError | undefined {
    if (bytes === call.heldBytes) return undefined;
    const refusal = this.#refusal(call.connection);
    this.#count(call, bytes - call.heldBytes);
    return refusal;
  }

  /** Its request is whole, or will not be read any further. */
  arrived(call: CountedCall): void {
    if (call.stage !== 'arriving') return;
    call.stage = 'running';
    this.#count(call, -call.heldBytes);
  }

  /** A part of its answer was given to its stream. */
  wrote(call: CountedCall, bytes: number): void {
    this.#count(call, bytes);
  }

  /** Its peer has taken that part. */
  read(call: CountedCall, bytes: number): void {
    if (this.#open.has(call)) this.#count(call, -bytes);
  }

  /** The rest of its answer, or all, was given to its stream. */
  answered(call: CountedCall, bytes: number): void {
    call.stage = 'answered';
    call.since = this.#looks;
    this.#count(call, bytes);
  }

  /** Its stream is closed. */
  end(call: CountedCall): void {
    this.#count(call, -call.heldBytes);
    this.#open.delete(call);
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #count(call: CountedCall, bytes: number): void {
    call.heldBytes += bytes;
    call.connection.heldBytes += bytes;
    this.#heldBytes += bytes;
  }

  #refusal(connection: ConnectionCalls): ServiceError | undefined {
    if (connection.heldBytes >= heldBytesPerConnectionMax)
      return tooMuch('this connection', heldBytesPerConnectionMax);
    return this.#heldBytes >= heldBytesMax
      ? tooMuch('all connections of this socket', heldBytesMax)
      : undefined;
  }

  /** Ends what has outstayed its time. All are looked through at once, so that a call costs no timer. */
  #look(): void {
    this.#looks += 1;
    for (const call of this.#open) {
      if (call.stage === 'running' && call.answers?.writableEnded) this.answered(call, 0);
      const ageMs = (this.#looks - call.since - 1) * lookMs;
      if (call.stage === 'arriving' && ageMs >= arrivalMsMax) {
        call.stream.close(constants.NGHTTP2_CANCEL);
        // A peer that takes nothing would not take the word of it either.
        call.stream.destroy();
      }
      // What Node has given to the connection already is let go with the connection only.
      if (call.stage === 'answered' && ageMs >= unreadMsMax) call.stream.session?.destroy();
    }
  }
}

function tooMuch(whose: string, bytesMax: number): ServiceError {
  const text = `what ${whose} left unread or unfinished is at its bound of ${bytesMax} bytes`;
  const metadata = { bytes_max: String(bytesMax) };
  return new ServiceError('RATE_LIMITED', text, { metadata, retryAfterMs: boundRetryMs });
}
