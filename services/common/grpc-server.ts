import { ServiceError } from './errors.ts';
import { GrpcJsTransport } from './grpc/grpc-js-transport.ts';
import { Http2Transport } from './grpc/http2-transport.ts';
import {
  type GrpcAddress,
  type GrpcListener,
  type OpenListener,
  openTlsListener,
  openUnixListener,
  Peers,
  type TcpListener,
  type UnixListener,
} from './grpc/listener.ts';
import { messageTooLarge, unreadable } from './grpc/message-reader.ts';
import { type ConnectionOf, type MethodRun, wrapHandler } from './grpc/method-wrapper.ts';
import { RequestArrivals } from './grpc/request-arrivals.ts';
import {
  type BoundMethod,
  type CallHost,
  newConnection,
  type ServerCall,
  UnreadableRequest,
} from './grpc/server-call.ts';
import type { ServedMethod, Transport } from './grpc/transport.ts';
import { transportLimits } from './grpc/transport-limits.ts';
import { type ErasedMethod, type GrpcService, messageBytesMax } from './grpc-method.ts';
import type { Log } from './log.ts';
import type { Clock } from './time.ts';

/** How long the answered calls' last bytes may take to leave when the server stops, in milliseconds. */
const lastBytesMs = 500;

/** What a server serves, and where. */
export type GrpcServerOptions = {
  /** `broker`: the domain of its errors is `broker.stint`. */
  readonly name: string;
  readonly listeners: readonly GrpcListener[];
  readonly services: readonly GrpcService[];
  readonly log: Log;
  readonly clock: Clock;
};

/** A running server. */
export type GrpcServer = {
  /** In the order of the listeners. */
  readonly addresses: readonly GrpcAddress[];
  /**
   * Stops: new calls get SHUTTING_DOWN, streams are ended with it, unary calls under way are answered; what is left
   * after `deadlineMs` is cut. Calling it again waits for the same end.
   */
  close(deadlineMs: number): Promise<void>;
};

/**
 * Starts the one kind of gRPC server that Stint has. Every method must have a row in its method table, which says who
 * may call it and within which limits; callers are known by their SVID, or by the socket they could open.
 * @throws Error listing every method without a row or handler, and every row without a method; and when an address
 *   cannot be had. Nothing is left open then.
 * @throws ServiceError IDENTITY_NOT_READY when a TLS listener's source has no SVID.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const faults = options.services.flatMap(tableFaults);
  if (faults.length > 0)
    throw new Error(`gRPC server "${options.name}" does not start: ${faults.join('; ')}`);
  const running = new RunningServer(options);
  try {
    await running.open();
  } catch (fault) {
    await running.close(0);
    throw fault;
  }
  return running;
}

function tableFaults({ definition, methods, handlers }: GrpcService): string[] {
  const faults: string[] = [];
  for (const [name, method] of Object.entries(definition)) {
    if (!Object.hasOwn(methods, name)) faults.push(`${method.path} has no row in its method table`);
    else if ((methods[name]?.requestBytesMax ?? 0) > messageBytesMax)
      faults.push(`${method.path} allows requests above ${messageBytesMax} bytes`);
    if (!Object.hasOwn(handlers, name)) faults.push(`${method.path} has no handler`);
    if (method.requestStream && !method.responseStream)
      faults.push(`${method.path} streams only requests, which no service of ours does`);
  }
  const rows = new Set([...Object.keys(methods), ...Object.keys(handlers)]);
  for (const name of rows)
    if (!Object.hasOwn(definition, name)) faults.push(`"${name}" is no method of the contract`);
  return faults;
}

class RunningServer implements GrpcServer, CallHost {
  readonly service: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly streams = new Set<ServerCall>();
  readonly #options: GrpcServerOptions;
  readonly #methods: ReadonlyMap<string, BoundMethod>;
  readonly #listeners: OpenListener[] = [];
  readonly #transports: Transport[] = [];
  readonly #arrivals: RequestArrivals[] = [];
  #closing: Promise<void> | undefined;

  constructor(options: GrpcServerOptions) {
    this.service = options.name;
    this.log = options.log;
    this.clock = options.clock;
    this.#options = options;
    this.#methods = new Map(options.services.flatMap(bindMethods));
  }

  get isStopping(): boolean {
    return this.#closing !== undefined;
  }

  get addresses(): readonly GrpcAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  async open(): Promise<void> {
    for (const listener of this.#options.listeners) await this.#open(listener);
  }

  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  #open(listener: GrpcListener): Promise<void> {
    return listener.kind === 'unix' ? this.#openUnix(listener) : this.#openTls(listener);
  }

  async #openUnix(listener: UnixListener): Promise<void> {
    const { log, clock } = this;
    const local = newConnection({ kind: 'local' });
    const transport = new Http2Transport({ methods: this.#served(() => local, 'handler'), log, clock });
    this.#transports.push(transport);
    this.#listeners.push(await openUnixListener(listener, { log, taker: transport }));
  }

  async #openTls(listener: TcpListener): Promise<void> {
    const { log, clock, service } = this;
    const peers = new Peers();
    const methods = this.#served(peers.of, 'transport');
    const limits = transportLimits(listener, this.#options.services);
    const transport = new GrpcJsTransport({ service, clock, limits, methods });
    this.#transports.push(transport);
    this.#listeners.push(await openTlsListener(listener, { log, clock, taker: transport, peers }));
    if (listener.tls.requireClientSvid) this.#arrivals.push(this.#watch(peers.of));
  }

  #watch(connectionOf: ConnectionOf): RequestArrivals {
    const methods = this.#options.services.flatMap(({ definition }) => Object.values(definition));
    const streams = methods.filter(({ requestStream }) => requestStream);
    const streamPaths = new Set(streams.map(({ path }) => path));
    return new RequestArrivals({ connectionOf, streamPaths, log: this.log });
  }

  /** Every method with its codecs and its wrapped handler, for one listener. */
  #served(connectionOf: ConnectionOf, callersDeadline: MethodRun['callersDeadline']): ServedMethod[] {
    return this.#options.services.flatMap((service) =>
      guardedMethods(service, this.log).map(({ definition, bytesMax }) => {
        const method = this.#methods.get(definition.path);
        if (method === undefined) throw new Error(`${definition.path} is not bound`);
        const run = { host: this, method, connectionOf, callersDeadline };
        return { definition, bytesMax, handler: wrapHandler(definition, run) };
      }),
    );
  }

  async #close(deadlineMs: number): Promise<void> {
    const late = elapsed(deadlineMs);
    // 1. no new connections; calls on the old ones see isStopping from here on.
    const ended = Promise.all(this.#listeners.map((listener) => listener.stop()));
    // 2. streams would never end by themselves.
    await Promise.resolve();
    for (const stream of [...this.streams])
      stream.abort(new ServiceError('SHUTTING_DOWN', 'the service is stopping'));
    // 3. calls under way get their answers, as long as there is time.
    const answered = Promise.all(this.#transports.map((transport) => transport.shutDown()));
    await Promise.race([answered, late.passed]);
    // 4. the last bytes leave; a connection that never got beyond its handshake has none.
    const lingered = elapsed(Math.min(lastBytesMs, deadlineMs));
    await Promise.race([ended, late.passed, lingered.passed]);
    // 5. what is left is cut.
    for (const transport of this.#transports) transport.cut();
    for (const listener of this.#listeners) listener.cut();
    for (const arrivals of this.#arrivals) arrivals.close();
    late.cancel();
    lingered.cancel();
  }
}

function elapsed(ms: number): { passed: Promise<void>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return { passed: promise, cancel: () => clearTimeout(timer) };
}

// Keyed by path. Counts of calls are by method, over all listeners.
function bindMethods({ definition, methods, handlers }: GrpcService): [string, BoundMethod][] {
  return Object.entries(definition).map(([key, method]) => {
    const [row, handler] = [methods[key], handlers[key]];
    if (row === undefined || handler === undefined) throw new Error(`${method.path} is not served`);
    return [method.path, { name: method.path.slice(1), row, handler, inFlight: 0 }];
  });
}

/** Each method with codecs that turn a bad request into a refusal with a reason, and log a bad answer of ours. */
function guardedMethods({ definition, methods }: GrpcService, log: Log): Omit<ServedMethod, 'handler'>[] {
  return Object.entries(definition).map(([key, method]) => {
    const bytesMax = methods[key]?.requestBytesMax ?? 0;
    const guarded = {
      ...method,
      requestDeserialize: (bytes: Buffer) => readRequest(method, bytes, bytesMax),
      responseSerialize: (value: object) => writeResponse(method, value, log),
    };
    return { definition: guarded, bytesMax };
  });
}

function readRequest(method: ErasedMethod, bytes: Buffer, bytesMax: number): object {
  if (bytes.length > bytesMax) return new UnreadableRequest(messageTooLarge(bytes.length, bytesMax));
  try {
    return method.requestDeserialize(bytes);
  } catch (cause) {
    return new UnreadableRequest(unreadable('the message cannot be decoded', cause));
  }
}

function writeResponse(method: ErasedMethod, value: object, log: Log): Buffer {
  try {
    return method.responseSerialize(value);
  } catch (error) {
    log.error({ error, method: method.path.slice(1) }, 'an answer could not be encoded');
    throw error;
  }
}
