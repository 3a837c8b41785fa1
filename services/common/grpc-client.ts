import {
  Client,
  type ClientReadableStream,
  credentials,
  experimental,
  type CallOptions as GrpcCallOptions,
  type ServiceError as GrpcFailure,
  Metadata,
  type StatusObject,
} from '@grpc/grpc-js';
import { type ErrorReason, errorReasons, isServiceError, type ServiceError } from './errors.ts';
import { IncomingMessages } from './grpc/incoming-messages.ts';
import { OutgoingMessages } from './grpc/outgoing-messages.ts';
import { type MessageStream, messageBytesMax } from './grpc-method.ts';
import { fromGrpcStatus } from './grpc-status.ts';
import type { Log } from './log.ts';
import { type SpiffeId, type TrustDomain, trustDomainOf } from './spiffe-id.ts';
import { currentTraceparent, measure, telemetryIsOn, withSpan } from './telemetry.ts';
import type { Clock } from './time.ts';
import { checkPeerLeaf, type SvidSource } from './x509-svid.ts';

/** How often an idle connection with a stream on it is asked for a sign of life, and how long it may take, in milliseconds. */
const keepaliveMs = 20_000;
const keepaliveTimeoutMs = 10_000;

/** Longest wait between two tries to connect, in milliseconds; the first is tenfold shorter. */
const reconnectMsMax = 5_000;

/** Deadline of a unary call that names none, in milliseconds. */
export const callMsDefault = 10_000;

/** Who the server must be: exactly this SPIFFE ID, or one of this trust domain that satisfies the predicate. */
export type ExpectedServer =
  | SpiffeId
  | { readonly trustDomain: TrustDomain; readonly accepts: (id: SpiffeId) => boolean };

/** TLS towards a server. With a `source` our SVID is shown and its bundle trusted; new connections use the newest. */
export type ClientTls = { readonly expectedServer: ExpectedServer } & (
  | { readonly source: SvidSource }
  | { readonly bundlePem: string }
);

/** Where to connect, and as whom. */
export type GrpcChannelOptions = {
  /** A host and port (TLS), or the path of a unix socket (none). */
  readonly target:
    | { readonly host: string; readonly port: number; readonly tls: ClientTls }
    | { readonly unixPath: string };
  /** The reason that "nobody answers" gets, e.g. BROKER_UNAVAILABLE. */
  readonly unavailable: ErrorReason;
  readonly clock: Clock;
  readonly log: Log;
};

/** What one call may set. */
export type CallOptions = {
  /** How long to wait, in milliseconds; {@link callMsDefault} for unary calls, no end for streams. */
  readonly deadlineMs?: number | undefined;
  /** Gives the call up. The promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
};

/** A method of a service of the contract, as far as a caller needs it: `services.access.RequestAccess`. */
export type CallableMethod<In, Out> = {
  readonly path: string;
  readonly requestSerialize: (request: In) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Out;
};

/** A bidirectional stream of ours. Messages are taken by iterating; a failure ends the iteration with a ServiceError. */
export type ClientStream<In, Out> = MessageStream<Out, In> & {
  /** Says that nothing more will be written. */
  end(): void;
  /** Ends the call now. */
  cancel(): void;
};

/** A connection to one server: made when first used, made again when lost. */
export type GrpcChannel = {
  /** Calls a unary method. @throws ServiceError the server's own, or by what went wrong on the way. */
  call<In, Out>(method: CallableMethod<In, Out>, request: In, options?: CallOptions): Promise<Out>;
  /** Calls a server-streaming method. Leaving the loop ends the call. */
  serverStream<In, Out>(
    method: CallableMethod<In, Out>,
    request: In,
    options?: CallOptions,
  ): AsyncIterable<Out>;
  /** Opens a bidirectional stream. */
  bidi<In, Out>(method: CallableMethod<In, Out>, options?: CallOptions): ClientStream<In, Out>;
  close(): void;
};

/** Makes a channel. Connects at the first call; bad addresses and refused servers show there. */
export function connectGrpc(options: GrpcChannelOptions): GrpcChannel {
  const { target } = options;
  const address = 'unixPath' in target ? `unix:${target.unixPath}` : dnsTarget(target.host, target.port);
  const security = 'unixPath' in target ? credentials.createInsecure() : tlsCredentials(target.tls, options);
  return new Channel(
    options,
    new Client(address, security, {
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
      'grpc.initial_reconnect_backoff_ms': reconnectMsMax / 10,
      'grpc.max_reconnect_backoff_ms': reconnectMsMax,
      'grpc.enable_channelz': 0,
      // The mesh is reached directly: a proxy of the environment is meant for the web.
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      // The name sent in the handshake; servers are known by SPIFFE ID, and an IP address may not stand there.
      'grpc.ssl_target_name_override': 'stint',
      'grpc.default_authority': 'stint',
      // Each channel its own connection: another channel to the same server may expect somebody else there.
      'grpc.use_local_subchannel_pool': 1,
    }),
  );
}

class Channel implements GrpcChannel {
  readonly #options: GrpcChannelOptions;
  readonly #client: Client;

  constructor(options: GrpcChannelOptions, client: Client) {
    this.#options = options;
    this.#client = client;
  }

  async call<In, Out>(method: CallableMethod<In, Out>, request: In, options: CallOptions = {}): Promise<Out> {
    if (!telemetryIsOn()) return this.#call(method, request, options);
    const name = method.path.slice(1);
    const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': name };
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1_000;
    try {
      const answer = await withSpan(name, { kind: 'client', attributes }, () =>
        this.#call(method, request, options),
      );
      measure('rpc.client.call.duration', seconds(), { ...attributes, 'rpc.status_code': 'OK' });
      return answer;
    } catch (thrown) {
      const code = isServiceError(thrown) ? errorReasons[thrown.reason].code : 'CANCELLED';
      measure('rpc.client.call.duration', seconds(), { ...attributes, 'rpc.status_code': code });
      throw thrown;
    }
  }

  #call<In, Out>(method: CallableMethod<In, Out>, request: In, options: CallOptions): Promise<Out> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted) return reject(signal.reason);
      const answered = (failure: GrpcFailure | null, answer?: Out) => {
        signal?.removeEventListener('abort', giveUp);
        if (failure === null) resolve(answer as Out);
        else reject(signal?.aborted ? signal.reason : this.#failure(failure));
      };
      const running = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(options),
        this.#callOptions(options.deadlineMs ?? callMsDefault),
        answered,
      );
      const giveUp = () => running.cancel();
      signal?.addEventListener('abort', giveUp, { once: true });
      return undefined;
    });
  }

  async *serverStream<In, Out>(
    method: CallableMethod<In, Out>,
    request: In,
    options: CallOptions = {},
  ): AsyncGenerator<Out> {
    options.signal?.throwIfAborted();
    const raw = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadataOf(options),
      this.#callOptions(options.deadlineMs),
    );
    try {
      yield* new IncomingMessages<Out>(raw, {
        signal: this.#endOf(raw, options.signal),
        check: (message) => message,
        drains: true,
      });
    } finally {
      raw.cancel();
    }
  }

  bidi<In, Out>(method: CallableMethod<In, Out>, options: CallOptions = {}): ClientStream<In, Out> {
    options.signal?.throwIfAborted();
    const raw = this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadataOf(options),
      this.#callOptions(options.deadlineMs),
    );
    const signal = this.#endOf(raw, options.signal);
    const out = new OutgoingMessages<In>(raw, signal);
    const messages = new IncomingMessages<Out>(raw, { signal, check: (message) => message, drains: true });
    return {
      [Symbol.asyncIterator]: () => messages,
      write: (message) => out.write(message),
      drained: () => out.drained(),
      end: () => void raw.end(),
      cancel: () => raw.cancel(),
    };
  }

  close(): void {
    this.#client.close();
  }

  /** Aborts when the stream has failed, with the ServiceError it failed with, or the outer signal's reason. */
  #endOf(
    raw: Pick<ClientReadableStream<unknown>, 'cancel' | 'on'>,
    outer: AbortSignal | undefined,
  ): AbortSignal {
    const controller = new AbortController();
    const giveUp = () => raw.cancel();
    outer?.addEventListener('abort', giveUp, { once: true });
    raw.on('error', (failure: GrpcFailure) =>
      controller.abort(outer?.aborted ? outer.reason : this.#failure(failure)),
    );
    raw.on('status', () => outer?.removeEventListener('abort', giveUp));
    return controller.signal;
  }

  #callOptions(deadlineMs: number | undefined): GrpcCallOptions {
    return deadlineMs === undefined ? {} : { deadline: this.#options.clock.now() + deadlineMs };
  }

  #failure(failure: StatusObject): ServiceError {
    const { target, unavailable } = this.#options;
    return fromGrpcStatus(failure, { unavailable, peer: peerText(target) });
  }
}

function metadataOf(options: CallOptions): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  const traceparent = currentTraceparent();
  if (traceparent !== undefined) metadata.set('traceparent', traceparent);
  return metadata;
}

type ProviderListeners = Parameters<typeof experimental.createCertificateProviderChannelCredentials>[0];

function tlsCredentials(
  tls: ClientTls,
  options: GrpcChannelOptions,
): ReturnType<typeof credentials.createSsl> {
  const checkServerIdentity = (_name: string, certificate: { raw: Buffer }) =>
    serverFault(certificate.raw, tls, options);
  if ('bundlePem' in tls)
    return credentials.createSsl(Buffer.from(tls.bundlePem), null, null, { checkServerIdentity });
  const provider = svidProvider(tls.source);
  return experimental.createCertificateProviderChannelCredentials(provider, provider, {
    checkServerIdentity,
  });
}

function serverFault(der: Buffer, tls: ClientTls, { clock, log }: GrpcChannelOptions): Error | undefined {
  const expected = tls.expectedServer;
  const trustDomain = typeof expected === 'string' ? trustDomainOf(expected) : expected.trustDomain;
  try {
    const { spiffeId } = checkPeerLeaf(der, { trustDomain, role: 'server', now: clock.now() });
    const isExpected = typeof expected === 'string' ? spiffeId === expected : expected.accepts(spiffeId);
    if (isExpected) return undefined;
    log.warn({ spiffe_id: spiffeId }, 'server refused: it is somebody else');
    return new Error(`the server is ${spiffeId}, which is not who was expected`);
  } catch (thrown) {
    const fault = isServiceError(thrown) ? thrown.cause : thrown;
    log.warn({ error: fault }, 'server refused: its certificate is no acceptable X.509-SVID');
    return fault instanceof Error ? fault : new Error('the server shows no acceptable X.509-SVID');
  }
}

/**
 * An SVID source as grpc-js takes certificates: asked anew for every connection. While the source has none, connecting
 * waits, and calls wait for it until their deadline.
 */
function svidProvider(source: SvidSource): ProviderListeners {
  const subscriptions = new Map<object, () => void>();
  const subscribe = (listener: object, tell: () => void) => {
    subscriptions.set(listener, source.onChange(tell));
    queueMicrotask(() => {
      try {
        tell();
      } catch (thrown) {
        if (!isServiceError(thrown, 'IDENTITY_NOT_READY')) throw thrown;
      }
    });
  };
  const unsubscribe = (listener: object) => {
    subscriptions.get(listener)?.();
    subscriptions.delete(listener);
  };
  return {
    addCaCertificateListener: (listener) =>
      subscribe(listener, () => listener({ caCertificate: Buffer.from(source.current().bundlePem) })),
    addIdentityCertificateListener: (listener) =>
      subscribe(listener, () => {
        const { svid } = source.current();
        const privateKey = svid.privateKeyPem.reveal((pem) => Buffer.from(pem));
        listener({ certificate: Buffer.from(svid.certificatesPem), privateKey });
      }),
    removeCaCertificateListener: unsubscribe,
    removeIdentityCertificateListener: unsubscribe,
  };
}

/** A target as people write it. */
function peerText(target: GrpcChannelOptions['target']): string {
  if ('unixPath' in target) return `"${target.unixPath}"`;
  return target.host.includes(':') ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
}

function dnsTarget(host: string, port: number): string {
  return host.includes(':') ? `dns:[${host}]:${port}` : `dns:${host}:${port}`;
}
