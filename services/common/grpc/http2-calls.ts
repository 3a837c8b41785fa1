import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { Duplex } from 'node:stream';
import { type Metadata, type StatusObject, status as statusCode } from '@grpc/grpc-js';
import { isServiceError, type ServiceError } from '../errors.ts';
import type { ErasedMethod } from '../grpc-method.ts';
import { MessageReader, prefixed, unreadable } from './message-reader.ts';
import type { UnaryCallback } from './method-wrapper.ts';
import type { CountedCall, OpenCalls } from './open-calls.ts';
import { type IncomingCall, UnreadableRequest } from './server-call.ts';

/** A call as it came: its stream, its headers, when its caller stops waiting (Infinity: never), and what it called. */
export type Http2Arrival = CountedCall & {
  readonly calls: OpenCalls;
  readonly headers: IncomingHttpHeaders;
  readonly deadline: number;
  readonly definition: ErasedMethod;
  /** Largest message of the caller, in bytes. */
  readonly bytesMax: number;
};

/** What a call ends with. */
export type CallStatus = Pick<StatusObject, 'code' | 'details'> & { readonly metadata: Metadata | null };

const { HTTP2_HEADER_STATUS, HTTP2_HEADER_CONTENT_TYPE, NGHTTP2_NO_ERROR } = constants;
const responseHeaders = { [HTTP2_HEADER_STATUS]: 200, [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc+proto' };
const ok = { code: statusCode.OK, details: '', metadata: null };
const okTrailers = { 'grpc-status': String(ok.code) };
const unencodable = { code: statusCode.INTERNAL, details: 'an answer could not be encoded', metadata: null };

/**
 * Runs a unary call: the handler gets it when its request is whole, or cannot become so, and answers it once.
 */
export function runUnary(
  arrival: Http2Arrival,
  handle: (call: Http2UnaryCall, answer: UnaryCallback) => void,
): void {
  let call: Http2UnaryCall | undefined;
  arrival.stream.once('close', () => {
    if (arrival.stage === 'running') call?.cancel();
    arrival.calls.end(arrival);
  });
  readRequest(arrival, (request) => {
    call = new Http2UnaryCall(arrival, request);
    handle(call, (status, value) => {
      if (status !== null) endWithStatus(arrival, status);
      else sendAnswer(arrival, value as object);
    });
  });
}

/** Runs a call whose answer is a stream, and its request one message. */
export function runServerStream(arrival: Http2Arrival, handle: (call: Http2StreamCall) => void): void {
  arrival.stream.once('close', () => arrival.calls.end(arrival));
  readRequest(arrival, (request) => handle(new Http2StreamCall(arrival, request)));
}

/** Runs a call that is a stream both ways. */
export function runBidi(arrival: Http2Arrival, handle: (call: Http2StreamCall) => void): void {
  const call = new Http2StreamCall(arrival, undefined);
  arrival.stream.once('close', () => arrival.calls.end(arrival));
  const refusal = arrival.calls.begin(arrival);
  if (refusal === undefined) call.readMessages();
  else call.push(new UnreadableRequest(refusal));
  handle(call);
}

/** Ends a call. What its caller still sends is not waited for. A call that is gone has nobody to be told. */
export function sendStatus(stream: ServerHttp2Stream, { code, details, metadata }: CallStatus): void {
  if (stream.destroyed || stream.closed) return;
  const trailers: OutgoingHttpHeaders = { ...metadata?.toHttp2Headers(), 'grpc-status': String(code) };
  if (details !== '') trailers['grpc-message'] = encodeURI(details);
  if (stream.headersSent) {
    endWith(stream, trailers);
    return;
  }
  stream.respond({ ...responseHeaders, ...trailers }, { endStream: true });
  if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR);
}

function endWithStatus(arrival: Http2Arrival, status: CallStatus): void {
  const { stream, calls } = arrival;
  if (stream.destroyed || stream.closed) return;
  calls.answered(arrival, 0);
  sendStatus(stream, status);
}

function sendAnswer(arrival: Http2Arrival, value: object): void {
  const { stream, calls, definition } = arrival;
  if (stream.destroyed || stream.closed) return;
  const bytes = encoded(definition, value);
  if (bytes === undefined) {
    endWithStatus(arrival, unencodable);
    return;
  }
  calls.answered(arrival, bytes.length);
  stream.respond(responseHeaders, { waitForTrailers: true });
  endWith(stream, okTrailers, bytes);
}

function endWith(stream: ServerHttp2Stream, trailers: OutgoingHttpHeaders, lastBytes?: Buffer): void {
  stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(lastBytes);
}

/** Undefined for an answer that has no encoding; the codec has logged why. */
function encoded(definition: ErasedMethod, value: object): Buffer | undefined {
  try {
    return prefixed(definition.responseSerialize(value));
  } catch {
    return undefined;
  }
}

/** Collects the one message of a request. It is given once: when all has come, or at its first fault. */
function readRequest(arrival: Http2Arrival, take: (request: object) => void): void {
  const { stream, definition, bytesMax, calls } = arrival;
  const reader = new MessageReader(bytesMax);
  let message: Buffer | undefined;
  let isTaken = false;
  const finish = (request: object) => {
    if (isTaken) return;
    isTaken = true;
    calls.arrived(arrival);
    take(request);
  };
  const refuse = (fault: ServiceError) => finish(new UnreadableRequest(fault));
  const read = (chunk: Buffer) => {
    if (isTaken) return;
    try {
      for (const next of reader.take(chunk)) {
        if (message !== undefined) throw unreadable('there is more than one message: the call takes one');
        message = next;
      }
      // A message that is whole is kept until its caller says that it was the only one: mostly at once, so it is counted only.
      const refusal = calls.keeps(arrival, reader.heldBytes + (message?.length ?? 0));
      if (refusal !== undefined && message === undefined) throw refusal;
    } catch (thrown) {
      refuse(isServiceError(thrown) ? thrown : unreadable('the message cannot be read', thrown));
    }
  };
  stream.on('data', read);
  stream.once('end', () => {
    // Node keeps a stream that is over until the next collection of old objects; what listens to it is kept with it.
    stream.off('data', read);
    if (reader.isWithin) refuse(unreadable('the request ends within a message'));
    else if (message === undefined) refuse(unreadable('the request has no message'));
    else finish(definition.requestDeserialize(message));
  });
  const refusal = calls.begin(arrival);
  if (refusal !== undefined) refuse(refusal);
}

/** The caller's headers, as handlers ask for them. */
class HeaderMetadata {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): string[] {
    const value = this.#headers[name];
    if (value === undefined) return [];
    return Array.isArray(value) ? value : [value];
  }
}

/** A unary call on its own stream. */
class Http2UnaryCall implements IncomingCall {
  readonly request: unknown;
  readonly metadata: HeaderMetadata;
  readonly #deadline: number;
  #onCancelled: (() => void) | undefined;

  constructor({ headers, deadline }: Http2Arrival, request: unknown) {
    this.request = request;
    this.metadata = new HeaderMetadata(headers);
    this.#deadline = deadline;
  }

  getDeadline(): number {
    return this.#deadline;
  }

  getPeer(): string {
    return 'unknown';
  }

  getAuthContext(): Record<string, never> {
    return {};
  }

  on(_event: 'cancelled', listener: () => void): this {
    this.#onCancelled = listener;
    return this;
  }

  /** Its stream has closed without an answer. */
  cancel(): void {
    this.#onCancelled?.();
  }
}

/**
 * A streaming call as a Duplex of messages, as grpc-js hands it to a handler: `end` ends it with OK, an `error` event
 * with that status; `cancelled`, and then `close`, when its caller has gone.
 */
export class Http2StreamCall extends Duplex implements IncomingCall {
  /** The one message of a call that streams only its answer. */
  readonly request: unknown;
  readonly metadata: HeaderMetadata;
  readonly #arrival: Http2Arrival;
  /** What it ends with when its messages have left; undefined: OK. */
  #status: CallStatus | undefined;

  constructor(arrival: Http2Arrival, request: unknown) {
    super({ objectMode: true });
    this.request = request;
    this.metadata = new HeaderMetadata(arrival.headers);
    this.#arrival = arrival;
    arrival.answers = this;
    this.on('error', (status: CallStatus) => this.#endWith(status));
    arrival.stream.once('close', () => {
      if (!this.writableFinished) this.emit('cancelled');
      this.destroy();
    });
  }

  getDeadline(): number {
    return this.#arrival.deadline;
  }

  getPeer(): string {
    return 'unknown';
  }

  getAuthContext(): Record<string, never> {
    return {};
  }

  /** Begins to take the caller's messages. A message that cannot be read is the last. */
  readMessages(): void {
    const { stream, definition, bytesMax } = this.#arrival;
    const reader = new MessageReader(bytesMax);
    const take = (chunk: Buffer) => {
      try {
        for (const message of reader.take(chunk))
          if (!this.push(definition.requestDeserialize(message))) stream.pause();
      } catch (thrown) {
        stream.off('data', take);
        const fault = isServiceError(thrown) ? thrown : unreadable('a message cannot be read', thrown);
        this.push(new UnreadableRequest(fault));
      }
    };
    stream.on('data', take);
    stream.once('end', () => this.push(null));
  }

  override _read(): void {
    this.#arrival.stream.resume();
  }

  override _write(value: object, _encoding: BufferEncoding, done: () => void): void {
    const { stream, definition, calls } = this.#arrival;
    const bytes = encoded(definition, value);
    if (bytes === undefined) this.#endWith(unencodable);
    if (bytes === undefined || stream.destroyed) {
      done();
      return;
    }
    if (!stream.headersSent) stream.respond(responseHeaders, { waitForTrailers: true });
    calls.wrote(this.#arrival, bytes.length);
    stream.write(bytes, () => {
      calls.read(this.#arrival, bytes.length);
      done();
    });
  }

  override _final(done: () => void): void {
    endWithStatus(this.#arrival, this.#status ?? ok);
    done();
  }

  #endWith(status: CallStatus): void {
    if (this.writableEnded) return;
    this.#status = status;
    this.end();
  }
}
