import type { Socket } from 'node:net';
import {
  type ChannelOptions,
  ResponderBuilder,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { ServiceError } from '../errors.ts';
import { toGrpcStatus } from '../grpc-status.ts';
import { newId } from '../ids.ts';
import type { Clock } from '../time.ts';
import { peerRefusedText } from '../x509-svid.ts';
import type { ServedMethod, Transport } from './transport.ts';

export type GrpcJsTransportOptions = {
  /** The domain of refusals. */
  readonly service: string;
  readonly clock: Clock;
  readonly limits: ChannelOptions;
  readonly methods: readonly ServedMethod[];
};

/**
 * gRPC by grpc-js, for connections by TLS. A server for each listener: which one a call came by is then known from where
 * its handler was registered. A second one refuses every call of those whose certificate was not accepted.
 */
export class GrpcJsTransport implements Transport {
  readonly #serving: Server;
  readonly #refusing: Server;
  readonly #serve: (socket: Socket) => void;
  readonly #refuse: (socket: Socket) => void;

  constructor({ service, clock, limits, methods }: GrpcJsTransportOptions) {
    this.#serving = new Server(limits);
    this.#refusing = new Server({ ...limits, interceptors: [refuseEveryCall(service, clock)] });
    this.#serve = injectorOf(this.#serving);
    this.#refuse = injectorOf(this.#refusing);
    const definitions = Object.fromEntries(methods.map(({ definition }) => [definition.path, definition]));
    const handlers = Object.fromEntries(
      methods.map(({ definition, handler }) => [definition.path, handler.run as UntypedHandleCall]),
    );
    for (const server of [this.#serving, this.#refusing]) server.addService(definitions, handlers);
  }

  serve(socket: Socket): void {
    this.#serve(socket);
  }

  /** Takes a connection whose peer was not accepted: it is told so in answer to every call. */
  refuse(socket: Socket): void {
    this.#refuse(socket);
  }

  async shutDown(): Promise<void> {
    const servers = [this.#serving, this.#refusing];
    await Promise.all(
      servers.map((server) => new Promise<void>((resolve) => server.tryShutdown(() => resolve()))),
    );
  }

  cut(): void {
    this.#serving.forceShutdown();
    this.#refusing.forceShutdown();
  }
}

function injectorOf(server: Server): (socket: Socket) => void {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return (socket) => injector.injectConnection(socket);
}

/** What a connection without an acceptable SVID meets: every call is refused before its request is read. */
function refuseEveryCall(service: string, clock: Clock): ServerInterceptor {
  return (_method, call) => {
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata(() => {
        const refusal = new ServiceError('PEER_UNAUTHENTICATED', peerRefusedText);
        call.sendStatus(toGrpcStatus(refusal, { service, requestId: newId('request', clock.now()) }));
      })
      .build();
    return new ServerInterceptingCall(
      call,
      new ResponderBuilder().withStart((next) => next(listener)).build(),
    );
  };
}
