import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
} from '@grpc/grpc-js';
import type { RequestId } from './ids.ts';
import type { ProtoHandlers } from './proto.ts';
import type { SpiffeId } from './spiffe-id.ts';
import type { UnixMs } from './time.ts';

/** Who calls: the holder of an SVID over mutual TLS, whoever may open our unix socket, or anybody over server TLS. */
export type Caller =
  | {
      readonly kind: 'svid';
      readonly spiffeId: SpiffeId;
      readonly svidSha256: string;
      readonly expiresAt: UnixMs;
    }
  | { readonly kind: 'local' }
  | { readonly kind: 'anonymous' };

/** Who may call a method: every caller of a kind, or the holders of SVIDs whose SPIFFE ID satisfies the predicate. */
export type AllowedCaller = Caller['kind'] | ((spiffeId: SpiffeId) => boolean);

/** What the server enforces for one method, before its handler runs. */
export type MethodRow = {
  readonly callers: readonly AllowedCaller[];
  /**
   * How long a call may take, in milliseconds: `default` when the caller sets no deadline, `max` however long the
   * caller would wait. Streams that live as long as their connection are `endless`.
   */
  readonly deadlineMs: { readonly default: number; readonly max: number } | 'endless';
  /** Most calls under way at once; one more is RATE_LIMITED. */
  readonly concurrencyMax: number;
  /** Largest message of the caller, in bytes; a larger one is MESSAGE_TOO_LARGE. At most {@link messageBytesMax}. */
  readonly requestBytesMax: number;
};

/** Every method of a service with its row: a method without one keeps the server from starting. */
export type MethodTable<Service> = { readonly [Method in keyof ProtoHandlers<Service>]: MethodRow };

/**
 * Largest message that a client of ours takes, and that a row may allow, in bytes. A server takes no more than the largest
 * of its rows. Transports refuse by the announced length, before the message is in memory.
 */
export const messageBytesMax = 4 * 1_024 * 1_024;

/** What a handler knows of its call besides the request. */
export type CallContext = {
  readonly caller: Caller;
  /** Where the caller's connection comes from, an IP address; empty for a unix socket. */
  readonly peerAddress: string;
  /** Made for each call; stands in the log and in the text of INTERNAL. */
  readonly requestId: RequestId;
  /** The caller's W3C trace context, as sent; undefined when it sent none. */
  readonly traceparent: string | undefined;
  /** Aborts when the caller has gone, the deadline has passed, the caller's SVID has ended, or (streams) on shutdown. */
  readonly signal: AbortSignal;
  /** When the answer is of no use any more; undefined for endless streams without a caller's deadline. */
  readonly deadline: UnixMs | undefined;
};

/** The sending half of a stream. */
export type MessageSink<Message> = {
  /** Queues a message. False: the peer is slow, wait for {@link MessageSink.drained} before the next. */
  write(message: Message): boolean;
  /** Resolves when there is room again. Rejects with the signal's reason when the call ends before. */
  drained(): Promise<void>;
};

/** Both halves of a bidirectional stream. Iterating takes messages one at a time; not taking them slows the peer down. */
export type MessageStream<In, Out> = MessageSink<Out> & AsyncIterable<In>;

/** Answers one request. A value that is not a promise is sent without waiting for anything. */
export type UnaryHandler<In, Out> = (request: In, call: CallContext) => Out | Promise<Out>;
/** Answers with a stream, which ends when the promise resolves. */
export type ServerStreamHandler<In, Out> = (
  request: In,
  out: MessageSink<Out>,
  call: CallContext,
) => Promise<void>;
/** Speaks both ways until the promise resolves. */
export type BidiHandler<In, Out> = (stream: MessageStream<In, Out>, call: CallContext) => Promise<void>;

type HandlerOf<Generated> =
  Generated extends handleBidiStreamingCall<infer In, infer Out>
    ? BidiHandler<In, Out>
    : Generated extends handleServerStreamingCall<infer In, infer Out>
      ? ServerStreamHandler<In, Out>
      : Generated extends handleClientStreamingCall<infer _In, infer _Out>
        ? never
        : Generated extends handleUnaryCall<infer In, infer Out>
          ? UnaryHandler<In, Out>
          : never;

/** A service's handlers, typed by the contract. */
export type ServiceHandlers<Service> = {
  readonly [Method in keyof ProtoHandlers<Service>]: HandlerOf<ProtoHandlers<Service>[Method]>;
};

// What the server works with, once the types have done their part.
export type ErasedHandler = (...args: never[]) => unknown;
export type ErasedMethod = MethodDefinition<object, object>;

/** A service as {@link startGrpcServer} takes it. Made only by {@link grpcService}. */
export type GrpcService = {
  readonly definition: Readonly<Record<string, ErasedMethod>>;
  readonly methods: Readonly<Record<string, MethodRow>>;
  readonly handlers: Readonly<Record<string, ErasedHandler>>;
};

/** Joins a service of the contract with its method table and handlers. */
export function grpcService<Service extends object>(parts: {
  definition: Service;
  methods: MethodTable<Service>;
  handlers: ServiceHandlers<Service>;
}): GrpcService {
  return parts as unknown as GrpcService;
}
