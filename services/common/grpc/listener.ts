import { constants } from 'node:crypto';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import type { Caller } from '../grpc-method.ts';
import type { Log } from '../log.ts';
import type { TrustDomain } from '../spiffe-id.ts';
import type { Clock } from '../time.ts';
import { checkPeerLeaf, type SvidSource, type SvidState } from '../x509-svid.ts';
import {
  ConnectionShares,
  connectionsPerAddressMax,
  connectionsPerIdentityMax,
  Handshakes,
} from './connection-bounds.ts';
import type { ServerCall } from './server-call.ts';
import { type Connection, svidEnded, timerMsMax } from './server-call.ts';
import { listenOnUnixSocket } from './unix-socket.ts';

/** Most connections of one listener at once; the kernel's queue holds the next. */
export const connectionsMax = 10_000;

/** How long a TLS handshake may take, in milliseconds. */
const handshakeMsMax = 5_000;

/** How long a refused peer's connection stays, in milliseconds: enough for it to be told why its calls fail. */
const refusedLingerMs = 5_000;

/** How long streams have to end by themselves once their SVID has, in milliseconds; then the connection is cut. */
const expiredLingerMs = 1_000;

/** Where a server listens. */
export type GrpcListener =
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly tls: {
        readonly source: SvidSource;
        /** False: only the server shows a certificate, and every caller is anonymous. */
        readonly requireClientSvid: boolean;
        readonly trustDomain: TrustDomain;
      };
    }
  | { readonly kind: 'unix'; readonly path: string };

/** A listener's actual address: the port is the one bound. */
export type GrpcAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Where accepted connections go: to the server, or to the one that refuses every call. */
export type ConnectionTaker = {
  serve(socket: Socket): void;
  refuse(socket: Socket): void;
};

/** What a listener needs of its server. */
export type ListenerHost = {
  readonly log: Log;
  readonly clock: Clock;
  readonly taker: ConnectionTaker;
};

/** A listener that is open. `stop` takes no new connections and resolves when the last has ended; `cut` ends them. */
export type OpenListener = {
  readonly address: GrpcAddress;
  /** Who is at the other end of a call's connection. */
  connectionOf(call: { getAuthContext(): { sslPeerCertificate?: object } }): Connection;
  stop(): Promise<void>;
  cut(): void;
};

/** Opens a listener. @throws Error when the address cannot be had. */
export function openListener(listener: GrpcListener, host: ListenerHost): Promise<OpenListener> {
  return listener.kind === 'unix' ? openUnixListener(listener.path, host) : openTlsListener(listener, host);
}

async function openUnixListener(path: string, host: ListenerHost): Promise<OpenListener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    track(sockets, socket, host.log);
    host.taker.serve(socket);
  });
  server.maxConnections = connectionsMax;
  await listenOnUnixSocket(server, path);
  const everybody = newConnection({ kind: 'local' });
  return {
    address: { kind: 'unix', path },
    connectionOf: () => everybody,
    stop: () => closed(server),
    cut: () => cutAll(sockets),
  };
}

type TcpListener = Extract<GrpcListener, { kind: 'tcp' }>;

async function openTlsListener(listener: TcpListener, host: ListenerHost): Promise<OpenListener> {
  const { source, requireClientSvid } = listener.tls;
  const sockets = new Set<Socket>();
  // By the peer's certificate object, which Node makes anew on each call: acceptPeer gives every socket one of its own.
  const connections = new WeakMap<object, Connection>();
  const anybody = newConnection({ kind: 'anonymous' });
  const handshakes = new Handshakes();
  const shares = new ConnectionShares(
    requireClientSvid ? connectionsPerIdentityMax : connectionsPerAddressMax,
  );
  const secured = createTlsServer({
    ...contextOptions(source.current()),
    ALPNProtocols: ['h2'],
    handshakeTimeout: handshakeMsMax,
    requestCert: requireClientSvid,
    // Whether the chain is good is looked at below: a peer that is refused by TLS itself would never be told why.
    rejectUnauthorized: false,
  });
  secured.on('secureConnection', (socket) => {
    handshakes.finish(socket);
    track(sockets, socket, host.log);
    if (requireClientSvid) acceptPeer({ socket, listener, host, connections, shares });
    else if (shares.take(socket.remoteAddress ?? '', socket)) host.taker.serve(socket);
    else refuseShare(socket, host.log);
  });
  secured.on('tlsClientError', (error, socket) =>
    host.log.debug({ error, remote: socket.remoteAddress }, 'TLS handshake failed'),
  );
  const unsubscribe = source.onChange((state) => {
    try {
      secured.setSecureContext(contextOptions(state));
    } catch (error) {
      host.log.error({ error }, 'the new SVID cannot be used: new connections still see the old one');
    }
  });
  // The TLS server does not listen itself: a connection is counted before it costs a TLS state.
  const server = createServer((socket) => {
    handshakes.begin(socket);
    if (!socket.destroyed) secured.emit('connection', socket);
  });
  server.maxConnections = connectionsMax;
  await listenOnTcp(server, listener);
  const { port } = server.address() as AddressInfo;
  return {
    address: { kind: 'tcp', host: listener.host, port },
    connectionOf: (call) => connections.get(call.getAuthContext().sslPeerCertificate ?? anybody) ?? anybody,
    stop: () => {
      unsubscribe();
      return closed(server);
    },
    cut: () => {
      handshakes.cut();
      cutAll(sockets);
    },
  };
}

// TLS 1.3 only, and no resumption: a resumed session would bring back a peer whose chain nobody has looked at since.
function contextOptions({ svid, bundlePem }: SvidState): SecureContextOptions {
  return {
    cert: svid.certificatesPem,
    key: svid.privateKeyPem.revealText(),
    ca: bundlePem,
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

type PeerArrival = {
  socket: TLSSocket;
  listener: TcpListener;
  host: ListenerHost;
  connections: WeakMap<object, Connection>;
  shares: ConnectionShares;
};

function acceptPeer({ socket, listener, host, connections, shares }: PeerArrival): void {
  const certificate = socket.getPeerCertificate();
  try {
    if (!socket.authorized) throw new Error(`chain: ${String(socket.authorizationError)}`);
    const peer = checkPeerLeaf(certificate.raw, {
      trustDomain: listener.tls.trustDomain,
      role: 'client',
      now: host.clock.now(),
    });
    if (!shares.take(peer.spiffeId, socket)) {
      refuseShare(socket, host.log, peer.spiffeId);
      return;
    }
    const connection = newConnection({
      kind: 'svid',
      spiffeId: peer.spiffeId,
      svidSha256: peer.svidSha256,
      expiresAt: peer.expiresAt,
    });
    connections.set(certificate, connection);
    socket.getPeerCertificate = (() => certificate) as TLSSocket['getPeerCertificate'];
    endWithSvid({ socket, connection, expiresAt: peer.expiresAt, clock: host.clock });
    host.taker.serve(socket);
  } catch (error) {
    host.log.warn({ error, remote: socket.remoteAddress }, 'peer refused');
    host.taker.refuse(socket);
    setTimeout(() => socket.destroy(), refusedLingerMs).unref();
  }
}

// Closed at once: to be told why would take the place that its peer has too many of.
function refuseShare(socket: Socket, log: Log, caller = 'anonymous'): void {
  log.warn(
    { caller, remote: socket.remoteAddress },
    'connection closed: its peer has its share of connections',
  );
  socket.destroy();
}

type EndingConnection = { socket: TLSSocket; connection: Connection; expiresAt: number; clock: Clock };

// Nothing outlives the SVID it was opened with: streams are told, then the connection is cut.
function endWithSvid({ socket, connection, expiresAt, clock }: EndingConnection): void {
  let timer: NodeJS.Timeout;
  const look = () => {
    const leftMs = expiresAt - clock.now();
    if (leftMs > 0) {
      timer = setTimeout(look, Math.min(leftMs, timerMsMax)).unref();
      return;
    }
    for (const stream of [...connection.streams]) stream.abort(svidEnded());
    timer = setTimeout(() => socket.destroy(), expiredLingerMs).unref();
  };
  look();
  socket.once('close', () => clearTimeout(timer));
}

function listenOnTcp(server: NetServer, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: at.host, port: at.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closed(server: NetServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function newConnection(caller: Caller): Connection {
  return { caller, streams: new Set<ServerCall>() };
}

function track(sockets: Set<Socket>, socket: Socket, log: Log): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  socket.on('error', (error) => log.debug({ error }, 'connection broke'));
}

function cutAll(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy();
}
