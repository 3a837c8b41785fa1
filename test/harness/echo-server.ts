import { connectGrpc, type ExpectedServer, type GrpcChannel } from '@stint/common/grpc-client.ts';
import {
  type GrpcService,
  grpcService,
  type MethodRow,
  type MethodTable,
  type ServiceHandlers,
} from '@stint/common/grpc-method.ts';
import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from '@stint/common/grpc-server.ts';
import type { Log } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import type { SpiffeId, TrustDomain } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import type { SvidSource } from '@stint/common/x509-svid.ts';
import { capturedLog } from './captured-log.ts';
import type { Scope } from './temp-dir.ts';
import type { LeafOptions, SettableSvidSource, TestCa } from './test-ca.ts';

/** Who the echo server is. */
export const echoServerId = 'spiffe://stint.local/stint/broker/echo' as SpiffeId;

/** Who calls it, where no test says otherwise. */
export const workload = 'spiffe://stint.local/ci/deploy';

type Access = typeof services.access;
export type EchoHandlers = ServiceHandlers<Access>;

/** A method that anybody whose kind is known may call. */
export const openRow: MethodRow = {
  callers: ['svid', 'local'],
  deadlineMs: { default: 1_000, max: 5_000 },
  concurrencyMax: 100,
  requestBytesMax: 65_536,
};

/** The access service with handlers that echo, apart from those a test replaces. */
export function echoService(
  handlers: Partial<EchoHandlers> = {},
  rows: Partial<MethodTable<Access>> = {},
): GrpcService {
  return grpcService({
    definition: services.access,
    methods: {
      RequestAccess: openRow,
      CompleteGrant: openRow,
      RenewLease: openRow,
      Session: { ...openRow, deadlineMs: 'endless' },
      ...rows,
    },
    handlers: {
      RequestAccess: (request) => ({ grant: { resource: request.resource } }),
      CompleteGrant: (request) => Promise.resolve({ grant: { id: request.grantId } }),
      RenewLease: (request) => ({ lease: { id: request.leaseId } }),
      Session: async (stream) => {
        for await (const frame of stream) {
          const messages = frame.messages.map(({ id }) => ({ id, alive: {} }));
          if (!stream.write({ messages })) await stream.drained();
        }
      },
      ...handlers,
    },
  });
}

/** Starts a server that ends with the scope. */
export async function startEcho(
  scope: Scope,
  options: Pick<GrpcServerOptions, 'listeners'> & Partial<GrpcServerOptions>,
): Promise<GrpcServer> {
  const { log } = capturedLog();
  const server = await startGrpcServer({
    name: 'echo',
    log,
    clock: systemClock,
    services: [echoService()],
    ...options,
  });
  scope.after(() => server.close(0));
  return server;
}

/** Starts a server over TLS on a free port, with the source of its SVID, by which a test gives it another. */
export async function startEchoOverTls(
  scope: Scope,
  ca: TestCa,
  options: {
    readonly leaf?: LeafOptions;
    readonly requireClientSvid?: boolean;
    readonly handlers?: Partial<EchoHandlers>;
    readonly rows?: Partial<MethodTable<Access>>;
    readonly log?: Log;
  },
): Promise<{ readonly server: GrpcServer; readonly source: SettableSvidSource }> {
  const { leaf, requireClientSvid, handlers, rows, ...log } = options;
  const source = await ca.source(echoServerId, leaf);
  const server = await startEcho(scope, {
    listeners: [meshListener(source, requireClientSvid)],
    services: [echoService(handlers, rows)],
    ...log,
  });
  return { server, source };
}

/** A listener on a free port of this machine, shown the SVID of the source. */
export function meshListener(
  source: SvidSource,
  requireClientSvid = true,
): GrpcServerOptions['listeners'][number] {
  const tls = { source, requireClientSvid, trustDomain: 'stint.local' as TrustDomain };
  return { kind: 'tcp', host: '127.0.0.1', port: 0, tls };
}

/** A channel to a server's first listener, which ends with the scope. */
export function connectTo(
  scope: Scope,
  server: GrpcServer,
  tls?: { expectedServer?: ExpectedServer } & ({ source: SvidSource } | { bundlePem: string }),
): GrpcChannel {
  const [address] = server.addresses;
  if (address === undefined) throw new Error('the server has no listener');
  if (address.kind === 'tcp' && tls === undefined) throw new Error('a TCP listener asks for TLS');
  const target =
    address.kind === 'unix' || tls === undefined
      ? { unixPath: address.kind === 'unix' ? address.path : '' }
      : { host: address.host, port: address.port, tls: { expectedServer: echoServerId, ...tls } };
  const { log } = capturedLog();
  const channel = connectGrpc({ target, unavailable: 'BROKER_UNAVAILABLE', clock: systemClock, log });
  scope.after(() => channel.close());
  return channel;
}
