import type { ServerHttp2Stream } from 'node:http2';
import { messageBytesMax } from '../grpc-method.ts';
import type { SpiffeId } from '../spiffe-id.ts';

/** Answers of the largest size that one SPIFFE ID may leave unread. */
const unreadAnswersMax = 16;
/** Bytes of answers that one SPIFFE ID may leave unread; while there are as many, it may ask nothing more. */
export const unreadBytesPerIdentityMax = unreadAnswersMax * messageBytesMax;
/** Calls of one SPIFFE ID at once, streams of requests aside, from the first byte until the answer has left. */
export const openCallsPerIdentityMax = 2_048;

/**
 * Bounds what the holders of SVIDs have in memory by not reading: an answer is kept until its peer takes it, however long
 * that is, and its handler, which has the places, is done long before.
 */
export class UnreadAnswers {
  readonly #open = new Map<SpiffeId, Set<ServerHttp2Stream>>();

  /** Whether one more call of this identity may begin. */
  hasRoom(caller: SpiffeId): boolean {
    const open = this.#open.get(caller);
    if (open === undefined || open.size < unreadAnswersMax) return true;
    if (open.size >= openCallsPerIdentityMax) return false;
    let unreadBytes = 0;
    for (const stream of open) unreadBytes += stream.writableLength;
    return unreadBytes < unreadBytesPerIdentityMax;
  }

  /** Counts a call until its stream is closed. */
  hold(caller: SpiffeId, stream: ServerHttp2Stream): void {
    const open = this.#open.get(caller) ?? new Set();
    this.#open.set(caller, open.add(stream));
    stream.once('close', () => {
      open.delete(stream);
      if (open.size === 0 && this.#open.get(caller) === open) this.#open.delete(caller);
    });
  }
}
