import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Log } from '../log.ts';
import type { SpiffeId } from '../spiffe-id.ts';
import type { ConnectionOf } from './method-wrapper.ts';
import { UnreadAnswers } from './unread-answers.ts';

/** Requests of one SPIFFE ID that have begun to arrive and are not whole, streams aside. One more is refused unread. */
export const arrivingPerIdentityMax = 512;

/** How long a request may take to arrive, in milliseconds; then its stream is closed. Streams aside. */
export const arrivalMsMax = 10_000;

/** How long a peer may go on sending what has been answered already, in milliseconds; then its stream is closed. */
export const answeredLingerMs = 1_000;

// Node tells of each HTTP/2 stream here: grpc-js shows its streams to nobody.
const streamCreated = 'http2.server.stream.created';

type StreamCreated = { readonly stream: ServerHttp2Stream; readonly headers: IncomingHttpHeaders };

/**
 * Bounds what the holders of SVIDs have in memory by messages that they do not finish: grpc-js keeps the parts of a message
 * until the stream is closed, even when the call has long been answered. And by answers that they do not read.
 */
export class RequestArrivals {
  readonly #connectionOf: ConnectionOf;
  readonly #streamPaths: ReadonlySet<string>;
  readonly #log: Log;
  readonly #arriving = new Map<SpiffeId, number>();
  readonly #unread = new UnreadAnswers();

  /** `streamPaths`: the methods whose requests are streams, and may take for ever. */
  constructor(options: { connectionOf: ConnectionOf; streamPaths: ReadonlySet<string>; log: Log }) {
    this.#connectionOf = options.connectionOf;
    this.#streamPaths = options.streamPaths;
    this.#log = options.log;
    subscribe(streamCreated, this.#onCreated);
  }

  close(): void {
    unsubscribe(streamCreated, this.#onCreated);
  }

  readonly #onCreated = (message: unknown): void => {
    const { stream, headers } = message as StreamCreated;
    const caller = this.#callerOf(stream);
    if (caller === undefined) return;
    closeOnceAnswered(stream);
    if (!this.#streamPaths.has(headers[':path'] ?? '')) this.#begin(caller, stream);
  };

  /** Undefined for the streams of every other server of this process. */
  #callerOf({ session }: ServerHttp2Stream): SpiffeId | undefined {
    const socket = session?.socket as Partial<TLSSocket> | undefined;
    const certificate = socket?.getPeerCertificate?.();
    if (certificate === undefined) return undefined;
    const { caller } = this.#connectionOf({ getAuthContext: () => ({ sslPeerCertificate: certificate }) });
    return caller.kind === 'svid' ? caller.spiffeId : undefined;
  }

  #begin(caller: SpiffeId, stream: ServerHttp2Stream): void {
    const arriving = this.#arriving.get(caller) ?? 0;
    const mayRead = this.#unread.hasRoom(caller);
    if (arriving >= arrivingPerIdentityMax || !mayRead) {
      const why = mayRead ? 'too many are arriving' : 'its peer reads no answers';
      // Node tells the closing of a stream with this code as its error.
      stream.on('error', (error) => this.#log.debug({ error, caller }, `request refused: ${why}`));
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    this.#arriving.set(caller, arriving + 1);
    this.#unread.hold(caller, stream);
    const late = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), arrivalMsMax).unref();
    let isArriving = true;
    const arrived = () => {
      clearTimeout(late);
      if (isArriving) this.#leave(caller);
      isArriving = false;
    };
    stream.once('end', arrived);
    stream.once('close', arrived);
  }

  #leave(caller: SpiffeId): void {
    const left = (this.#arriving.get(caller) ?? 1) - 1;
    if (left === 0) this.#arriving.delete(caller);
    else this.#arriving.set(caller, left);
  }
}

function closeOnceAnswered(stream: ServerHttp2Stream): void {
  stream.once('finish', () => {
    if (stream.readableEnded) return;
    const linger = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), answeredLingerMs).unref();
    stream.once('close', () => clearTimeout(linger));
  });
}
