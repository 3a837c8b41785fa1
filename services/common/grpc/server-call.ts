import { ServiceError } from '../errors.ts';
import type { AllowedCaller, CallContext, Caller, ErasedHandler, MethodRow } from '../grpc-method.ts';
import { newId, type RequestId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Clock, UnixMs } from '../time.ts';

/** The parts of a running server that its calls need. */
export type CallHost = {
  readonly service: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Set once, when the server begins to stop. */
  readonly isStopping: boolean;
  /** Streams under way, to be told when the server stops. */
  readonly streams: Set<ServerCall>;
};

/** Who is at the other end of one connection, found out once. */
export type Connection = {
  readonly caller: Caller;
  /** Streams on it, to be ended with the SVID. */
  readonly streams: Set<ServerCall>;
};

/** Nobody has streams on it yet. */
export function newConnection(caller: Caller): Connection {
  return { caller, streams: new Set<ServerCall>() };
}

/** A method as the server runs it. `inFlight` counts calls whose handler has not settled. */
export type BoundMethod = {
  /** `stint.broker.v1.AccessService/RequestAccess`. */
  readonly name: string;
  readonly row: MethodRow;
  readonly handler: ErasedHandler;
  inFlight: number;
};

/** In place of a request that could not be read: transports hand over whatever the decoder returns. */
export class UnreadableRequest {
  readonly error: ServiceError;
  constructor(error: ServiceError) {
    this.error = error;
  }
}

/** What is asked of a call, whichever transport it came by. `cancelled`: its caller has gone before the answer. */
export type IncomingCall = {
  readonly metadata: { get(name: string): readonly unknown[] };
  getDeadline(): Date | number;
  getPeer(): string;
  getAuthContext(): { sslPeerCertificate?: object };
  on(event: 'cancelled', listener: () => void): unknown;
};

/** Longest wait that Node's timers can hold, in milliseconds. */
export const timerMsMax = 2_147_483_647;

/** Advice to a caller over the concurrency limit, in milliseconds. */
const concurrencyRetryMs = 100;

/** Longest traceparent looked at, in characters: version 00 has 55. */
const traceparentMax = 128;

/**
 * One call under way: what its handler sees, and what ends it. Ids, signal and trace context are made when first asked
 * for: the answer from a sidecar's memory needs none of them.
 */
export class ServerCall implements CallContext {
  readonly caller: Caller;
  readonly startedAt = performance.now();
  readonly deadline: UnixMs | undefined;
  readonly #host: CallHost;
  readonly #method: BoundMethod;
  readonly #call: IncomingCall;
  #requestId: RequestId | undefined;
  #controller: AbortController | undefined;
  #abortReason: unknown;

  constructor(host: CallHost, method: BoundMethod, at: { caller: Caller; call: IncomingCall }) {
    this.#host = host;
    this.#method = method;
    this.#call = at.call;
    this.caller = at.caller;
    this.deadline = deadlineOf(method.row, Number(at.call.getDeadline()), host.clock);
  }

  get requestId(): RequestId {
    this.#requestId ??= newId('request', this.#host.clock.now());
    return this.#requestId;
  }

  get traceparent(): string | undefined {
    const [value] = this.#call.metadata.get('traceparent');
    return typeof value === 'string' && value.length <= traceparentMax ? value : undefined;
  }

  get peerAddress(): string {
    // grpc-js says `address:port` without brackets, and `unknown` where there is no address.
    const peer = this.#call.getPeer();
    return peer === 'unknown' ? '' : peer.replace(/:\d+$/, '');
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** Why the call was ended from outside its handler; undefined while it was not. */
  get abortReason(): unknown {
    return this.#abortReason;
  }

  /** Ends the call from outside its handler. The first reason stays. */
  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /**
   * Lets the call in, or refuses it. Counts it; {@link leave} must follow.
   * @throws ServiceError SHUTTING_DOWN, PEER_UNAUTHENTICATED, METHOD_NOT_ALLOWED, RATE_LIMITED.
   */
  enter(): void {
    const { row, name } = this.#method;
    if (this.#host.isStopping)
      throw new ServiceError('SHUTTING_DOWN', 'the service is stopping', { retryAfterMs: 1_000 });
    if (this.caller.kind === 'svid' && this.#host.clock.now() >= this.caller.expiresAt) throw svidEnded();
    if (!row.callers.some((allowed) => isAllowed(allowed, this.caller))) {
      throw new ServiceError('METHOD_NOT_ALLOWED', `"${name}" is not open to this caller`, {
        metadata: { method: name },
      });
    }
    if (this.#method.inFlight >= row.concurrencyMax) {
      const metadata = { method: name, concurrency_max: String(row.concurrencyMax) };
      throw new ServiceError('RATE_LIMITED', `too many calls of "${name}" at once`, {
        metadata,
        retryAfterMs: concurrencyRetryMs,
      });
    }
    this.#method.inFlight++;
  }

  /** The handler has settled. */
  leave(): void {
    this.#method.inFlight--;
  }

  /** Milliseconds left until the deadline; undefined for endless streams. */
  get remainingMs(): number | undefined {
    return this.deadline === undefined
      ? undefined
      : Math.min(Math.max(0, this.deadline - this.#host.clock.now()), timerMsMax);
  }
}

/** The end of a call whose SVID has run out. */
export function svidEnded(): ServiceError {
  return new ServiceError(
    'PEER_UNAUTHENTICATED',
    'the X.509-SVID of this connection has ended: connect again with the new one',
  );
}

function isAllowed(allowed: AllowedCaller, caller: Caller): boolean {
  return typeof allowed === 'function'
    ? caller.kind === 'svid' && allowed(caller.spiffeId)
    : allowed === caller.kind;
}

function deadlineOf(row: MethodRow, asked: number, clock: Clock): UnixMs | undefined {
  if (row.deadlineMs === 'endless') return Number.isFinite(asked) ? asked : undefined;
  const now = clock.now();
  return Number.isFinite(asked) ? Math.min(asked, now + row.deadlineMs.max) : now + row.deadlineMs.default;
}
