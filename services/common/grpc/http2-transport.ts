import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { status as statusCode } from '@grpc/grpc-js';
import type { Log } from '../log.ts';
import type { Clock, UnixMs } from '../time.ts';
import { type Http2Arrival, runBidi, runServerStream, runUnary, sendStatus } from './http2-calls.ts';
import type { WrappedHandler } from './method-wrapper.ts';
import { type ConnectionCalls, OpenCalls } from './open-calls.ts';
import type { ServedMethod, Transport } from './transport.ts';
import { callsPerConnectionMax } from './transport-limits.ts';

/**
 * How long the calls of a peer that has said goodbye may go on, in milliseconds: as long as a call without a deadline of
 * its caller's may take, and no stream outlives its workload for longer.
 */
export const leavingMsMax = 30_000;

/** Longest part of an unknown path that its caller is told, in characters: headers are small. */
const pathShownMax = 100;

const { HTTP2_HEADER_STATUS, HTTP2_HEADER_PATH, HTTP2_HEADER_METHOD, HTTP2_HEADER_CONTENT_TYPE } = constants;
const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** Milliseconds of each unit of `grpc-timeout`. Source: gRPC over HTTP/2, "Timeout". */
const timeoutUnits = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 } as const;
const timeoutGrammar = /^(\d{1,8})([HMSmun])$/;

export type Http2TransportOptions = {
  readonly methods: readonly ServedMethod[];
  readonly log: Log;
  readonly clock: Clock;
};

/**
 * gRPC on Node's HTTP/2, for unix sockets: what workloads call at the moment they need access. It leaves out what
 * grpc-js' server has and nobody needs there: compression, interceptors, channelz, and signs of life, since the kernel knows
 * whether the other end of a unix socket lives. Source: gRPC over HTTP/2.
 */
export class Http2Transport implements Transport {
  readonly #methods: ReadonlyMap<string, ServedMethod>;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #calls = new OpenCalls();

  constructor({ methods, log, clock }: Http2TransportOptions) {
    this.#methods = new Map(methods.map((method) => [method.definition.path, method]));
    this.#log = log;
    this.#clock = clock;
  }

  serve(socket: Socket): void {
    const session = performServerHandshake(socket, {
      settings: { maxConcurrentStreams: callsPerConnectionMax },
      // What calls hold is bounded by OpenCalls; a bound of Node's would end the connection for all of them.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
    });
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    session.on('error', (error) => this.#log.debug({ error }, 'connection broke'));
    const connection = { heldBytes: 0 };
    session.on('stream', (stream, headers) => this.#accept(stream, headers, connection));
    session.once('goaway', () => boundLeaving(session));
  }

  shutDown(): Promise<void> {
    const closed = [...this.#sessions].map(
      (session) =>
        new Promise<void>((resolve) => {
          session.once('close', resolve);
          session.close();
        }),
    );
    return Promise.all(closed).then(() => undefined);
  }

  cut(): void {
    this.#calls.stop();
    for (const session of this.#sessions) session.destroy();
  }

  #accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, connection: ConnectionCalls): void {
    // What the stream's error means for the call, its close says.
    stream.on('error', (error) => this.#log.debug({ error }, 'call broke'));
    if (!this.#calls.hasPlace) {
      stream.close(NGHTTP2_REFUSED_STREAM);
      return;
    }
    const refusal = httpRefusal(headers);
    if (refusal !== undefined) {
      stream.respond({ [HTTP2_HEADER_STATUS]: refusal }, { endStream: true });
      if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR);
      return;
    }
    const path = String(headers[HTTP2_HEADER_PATH]);
    const method = this.#methods.get(path);
    const deadline = deadlineOf(headers['grpc-timeout'], this.#clock.now());
    if (method === undefined)
      sendStatus(
        stream,
        statusOf('UNIMPLEMENTED', `the service has no method ${path.slice(0, pathShownMax)}`),
      );
    else if (deadline === undefined) sendStatus(stream, statusOf('INTERNAL', 'grpc-timeout cannot be read'));
    else if (!isPlain(headers['grpc-encoding']))
      sendStatus(stream, statusOf('UNIMPLEMENTED', 'messages are taken without compression only'));
    else {
      const { definition, bytesMax, handler } = method;
      // A request that is a stream may take for ever.
      const stage = handler.streams === 'both' ? 'running' : 'arriving';
      run(handler, {
        stream,
        headers,
        deadline,
        definition,
        bytesMax,
        calls: this.#calls,
        connection,
        stage,
        since: 0,
        heldBytes: 0,
        answers: undefined,
      });
    }
  }
}

function run(handler: WrappedHandler, arrival: Http2Arrival): void {
  if (handler.streams === 'nothing') runUnary(arrival, handler.run);
  else if (handler.streams === 'answers') runServerStream(arrival, handler.run);
  else runBidi(arrival, handler.run);
}

/**
 * Bounds what a peer that says goodbye may leave behind. After a goodbye and a fault of the protocol Node reads nothing
 * more, and would never see the connection close: its calls would hold their places for ever.
 */
function boundLeaving(session: ServerHttp2Session): void {
  const late = setTimeout(() => session.destroy(), leavingMsMax).unref();
  session.once('close', () => clearTimeout(late));
}

/** The HTTP status for what is not gRPC at all. Source: gRPC over HTTP/2, "Requests". */
function httpRefusal(headers: IncomingHttpHeaders): number | undefined {
  if (headers[HTTP2_HEADER_METHOD] !== 'POST') return 405;
  return String(headers[HTTP2_HEADER_CONTENT_TYPE]).startsWith('application/grpc') ? undefined : 415;
}

/** Milliseconds since 1970; Infinity without a timeout, undefined for one that is none. */
function deadlineOf(timeout: string | string[] | undefined, now: UnixMs): UnixMs | undefined {
  if (timeout === undefined) return Number.POSITIVE_INFINITY;
  const [, amount, unit] = timeoutGrammar.exec(String(timeout)) ?? [];
  if (amount === undefined) return undefined;
  return now + Math.floor(Number(amount) * timeoutUnits[unit as keyof typeof timeoutUnits]);
}

function isPlain(encoding: string | string[] | undefined): boolean {
  return encoding === undefined || encoding === 'identity';
}

function statusOf(code: 'UNIMPLEMENTED' | 'INTERNAL', details: string) {
  return { code: statusCode[code], details, metadata: null };
}
