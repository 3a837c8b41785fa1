import type { Duplex, Writable } from 'node:stream';
import { status as statusCode } from '@grpc/grpc-js';
import { ServiceError } from '../errors.ts';
import type { ErasedMethod, MessageSink } from '../grpc-method.ts';
import { publicError, toGrpcStatus } from '../grpc-status.ts';
import { measure, telemetryIsOn, withSpan } from '../telemetry.ts';
import { IncomingMessages } from './incoming-messages.ts';
import { OutgoingMessages } from './outgoing-messages.ts';
import {
  type BoundMethod,
  type CallHost,
  type Connection,
  type IncomingCall,
  ServerCall,
  UnreadableRequest,
} from './server-call.ts';

/** Finds who is at the other end of a call's connection. */
export type ConnectionOf = (call: { getAuthContext(): { sslPeerCertificate?: object } }) => Connection;

/** What every wrapped handler of one method on one listener works with. */
export type MethodRun = {
  readonly host: CallHost;
  readonly method: BoundMethod;
  readonly connectionOf: ConnectionOf;
  /** Who answers at the caller's deadline: the transport itself, or nobody unless the handler's wrapper does. */
  readonly callersDeadline: 'transport' | 'handler';
};

type UnaryCall = IncomingCall & { readonly request: unknown };
type OutgoingStream = IncomingCall & Writable;

/** Answers a unary call: with a status, or with null and the answer. */
export type UnaryCallback = (status: ReturnType<typeof toGrpcStatus> | null, answer?: unknown) => void;

/** A handler as transports call it, by what it streams. */
export type WrappedHandler =
  | { readonly streams: 'nothing'; readonly run: (call: UnaryCall, answer: UnaryCallback) => void }
  | { readonly streams: 'answers'; readonly run: (call: OutgoingStream & UnaryCall) => void }
  | { readonly streams: 'both'; readonly run: (call: IncomingCall & Duplex) => void };

/** Wraps a method's handler for a transport. */
export function wrapHandler(
  { requestStream, responseStream }: Pick<ErasedMethod, 'requestStream' | 'responseStream'>,
  run: MethodRun,
): WrappedHandler {
  if (!responseStream) return { streams: 'nothing', run: unaryMethod(run) };
  return requestStream
    ? { streams: 'both', run: bidiMethod(run) }
    : { streams: 'answers', run: serverStreamMethod(run) };
}

/**
 * The caller is checked, the call is counted, whatever the handler throws or rejects
 * with becomes a status, and the caller always gets an answer by the deadline. A handler that answers at once is
 * answered at once, without a promise or a timer.
 */
function unaryMethod(run: MethodRun): (raw: UnaryCall, callback: UnaryCallback) => void {
  const { host, method, connectionOf } = run;
  return (raw, callback) => {
    const call = new ServerCall(host, method, { caller: connectionOf(raw).caller, call: raw });
    const answer = new UnaryAnswer({ host, method, call }, callback);
    let result: unknown;
    try {
      call.enter();
    } catch (thrown) {
      return answer.fail(thrown);
    }
    try {
      const request = readable(raw.request);
      result = inSpan(method, call, () => method.handler(request as never, call as never));
    } catch (thrown) {
      call.leave();
      return answer.fail(thrown);
    }
    if (!(result instanceof Promise)) {
      call.leave();
      return answer.succeed(result);
    }
    raw.on('cancelled', () => answer.abandon());
    const isAnswered = run.callersDeadline === 'transport' && call.deadline === Number(raw.getDeadline());
    if (call.deadline !== undefined && !isAnswered) answer.startTimer();
    return void result
      .finally(() => call.leave())
      .then(
        (value) => answer.succeed(value),
        (thrown) => answer.fail(thrown),
      );
  };
}

type Ending = { readonly host: CallHost; readonly method: BoundMethod; readonly call: ServerCall };

// The one answer of a unary call, by whoever is first: handler, deadline, or the caller going away.
class UnaryAnswer {
  readonly #ending: Ending;
  readonly #callback: UnaryCallback;
  #timer: NodeJS.Timeout | undefined;
  #isGiven = false;

  constructor(ending: Ending, callback: UnaryCallback) {
    this.#ending = ending;
    this.#callback = callback;
  }

  succeed(value: unknown): void {
    if (!this.#take()) return;
    this.#callback(null, value);
    recordEnd(this.#ending);
  }

  fail(thrown: unknown): void {
    if (!this.#take()) return;
    const { host, call } = this.#ending;
    this.#callback(toGrpcStatus(thrown, { service: host.service, requestId: call.requestId }));
    recordEnd(this.#ending, thrown);
  }

  // grpc-js says of every call that it was cancelled, once it is over: an error is made for those that were.
  abandon(): void {
    if (!this.#take()) return;
    const reason = new Error('the caller has gone');
    this.#ending.call.abort(reason);
    recordEnd(this.#ending, reason);
  }

  startTimer(): void {
    this.#timer = setTimeout(() => {
      const late = deadlineExceeded();
      this.#ending.call.abort(late);
      this.fail(late);
    }, this.#ending.call.remainingMs);
  }

  #take(): boolean {
    if (this.#isGiven) return false;
    this.#isGiven = true;
    clearTimeout(this.#timer);
    return true;
  }
}

function serverStreamMethod(run: MethodRun): (raw: OutgoingStream & UnaryCall) => void {
  return (raw) => {
    runStream(run, raw, (call, out) =>
      run.method.handler(readable(raw.request) as never, out as never, call as never),
    );
  };
}

function bidiMethod(run: MethodRun): (raw: IncomingCall & Duplex) => void {
  return (raw) => {
    runStream(run, raw, (call, out) => {
      const messages = new IncomingMessages(raw, { signal: call.signal, check: readable });
      const stream = {
        write: (message: unknown) => out.write(message),
        drained: () => out.drained(),
        [Symbol.asyncIterator]: () => messages,
      };
      return run.method.handler(stream as never, call as never);
    });
  };
}

/**
 * Runs a streaming handler to its end: the stream ends with OK when the handler resolves, with its error when it
 * rejects, and with the reason of the abort when the call is ended from outside, whether or not the handler listens.
 */
function runStream(
  run: MethodRun,
  raw: OutgoingStream,
  handle: (call: ServerCall, out: MessageSink<unknown>) => unknown,
): void {
  const { host, method } = run;
  const connection = run.connectionOf(raw);
  const call = new ServerCall(host, method, { caller: connection.caller, call: raw });
  const end = streamEnd({ host, method, call }, raw);
  try {
    call.enter();
  } catch (thrown) {
    end(thrown);
    return;
  }
  connection.streams.add(call);
  host.streams.add(call);
  raw.on('cancelled', () => call.abort(new Error('the caller has gone')));
  call.signal.addEventListener('abort', () => end(call.abortReason), { once: true });
  const timer =
    call.deadline === undefined
      ? undefined
      : setTimeout(() => call.abort(deadlineExceeded()), call.remainingMs);
  host.log.debug({ method: method.name, request_id: call.requestId, ...callerFacts(call) }, 'stream opened');
  const settle = (thrown?: unknown) => {
    clearTimeout(timer);
    connection.streams.delete(call);
    host.streams.delete(call);
    call.leave();
    end(thrown);
  };
  const settled = (async () =>
    await inSpan(method, call, () => handle(call, new OutgoingMessages<unknown>(raw, call.signal))))();
  settled.then(() => settle(), settle);
}

function streamEnd(ending: Ending, raw: OutgoingStream): (thrown?: unknown) => void {
  let isEnded = false;
  return (thrown) => {
    if (isEnded) return;
    isEnded = true;
    const { host, call } = ending;
    // A destroyed stream is one that the caller left: there is nobody to tell.
    if (!raw.destroyed && thrown === undefined) raw.end();
    else if (!raw.destroyed)
      raw.emit('error', toGrpcStatus(thrown, { service: host.service, requestId: call.requestId }));
    recordEnd(ending, thrown);
  };
}

function readable(request: unknown): unknown {
  if (request instanceof UnreadableRequest) throw request.error;
  return request;
}

function inSpan<T>(method: BoundMethod, call: ServerCall, work: () => T): T {
  // A span as long as a connection says nothing: what happens on an endless stream has spans of its own.
  if (!telemetryIsOn() || method.row.deadlineMs === 'endless') return work();
  const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': method.name };
  return withSpan(method.name, { kind: 'server', parent: call.traceparent, attributes }, work);
}

function deadlineExceeded(): ServiceError {
  return new ServiceError('DEADLINE_EXCEEDED', 'the answer was not ready in time');
}

function callerFacts(call: ServerCall): object {
  return call.caller.kind === 'svid' ? { caller: call.caller.spiffeId } : { caller: call.caller.kind };
}

// One line and one measurement for each call. Faults of ours come with their cause; everything else is the callers' business.
function recordEnd({ host, method, call }: Ending, thrown?: unknown): void {
  if (telemetryIsOn() && method.row.deadlineMs !== 'endless') recordDuration(method, call, thrown);
  if (thrown === undefined) {
    if (!host.log.isLevelEnabled('debug')) return;
    host.log.debug({ ...endFacts(method, call) }, 'call answered');
    return;
  }
  const error = publicError(thrown, call.requestId);
  const isGone = call.abortReason === thrown && error.reason === 'INTERNAL';
  if (isGone) host.log.debug(endFacts(method, call), 'caller left');
  else if (error.reason === 'INTERNAL')
    host.log.error({ ...endFacts(method, call), error: thrown }, 'call failed');
  else
    host.log.debug({ ...endFacts(method, call), reason: error.reason, cause: error.cause }, 'call refused');
}

function endFacts(method: BoundMethod, call: ServerCall): object {
  const durationMs = Math.round((performance.now() - call.startedAt) * 1_000) / 1_000;
  return { method: method.name, request_id: call.requestId, ...callerFacts(call), duration_ms: durationMs };
}

function recordDuration(method: BoundMethod, call: ServerCall, thrown: unknown): void {
  const code =
    thrown === undefined
      ? statusCode.OK
      : toGrpcStatus(thrown, { service: '', requestId: call.requestId }).code;
  const attributes = {
    'rpc.system.name': 'grpc',
    'rpc.method': method.name,
    'rpc.status_code': statusCode[code] ?? String(code),
  };
  measure('rpc.server.call.duration', (performance.now() - call.startedAt) / 1_000, attributes);
}
