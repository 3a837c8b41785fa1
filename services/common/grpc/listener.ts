import { constants } from 'node:crypto';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
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
import type { ConnectionOf } from './method-wrapper.ts';
import { type Connection, newConnection, svidEnded, timerMsMax } from './server-call.ts';
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

export type UnixListener = Extract<GrpcListener, { kind: 'unix' }>;
export type TcpListener = Extract<GrpcListener, { kind: 'tcp' }>;

/** A listener's actual address: the port is the one bound. */
export type GrpcAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Where accepted connections go; and those whose peer is refused, to be told so in answer to every call. */
export type ConnectionTaker = {
  serve(socket: Socket): void;
  refuse(socket: Socket): void;
};

/** What a listener on a unix socket needs of its server. */
export type UnixListenerHost = { readonly log: Log; readonly taker: Pick<ConnectionTaker, 'serve'> };

/** What a listener by TLS needs of its server. */
export type TlsListenerHost = {
  readonly log: Log;
  readonly clock: Clock;
  readonly taker: ConnectionTaker;
  readonly peers: Peers;
};

/** Who is at the other end of the connections of one listener: whoever proved who he is, or anybody. */
export class Peers {
  // By the peer's certificate object, which Node makes anew on each call: acceptPeer gives every socket one of its own.
  readonly #known = new WeakMap<object, Connection>();
  readonly #anybody = newConnection({ kind: 'anonymous' });

  add(certificate: object, connection: Connection): void {
    this.#known.set(certificate, connection);
  }

  readonly of: ConnectionOf = (call) => {
    const certificate = call.getAuthContext().sslPeerCertificate;
    return (certificate === undefined ? undefined : this.#known.get(certificate)) ?? this.#anybody;
  };
}

/** A listener that is open. `stop` takes no new connections and resolves when the last has ended; `cut` ends them. */
export type OpenListener = {
  readonly address: GrpcAddress;
  stop(): Promise<void>;
  cut(): void;
};

/** Opens a listener on a unix socket. @throws Error when the path cannot be had. */
export async function openUnixListener(
  { path }: UnixListener,
  host: UnixListenerHost,
): Promise<OpenListener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    track(sockets, socket, host.log);
    host.taker.serve(socket);
  });
  server.maxConnections = connectionsMax;
  await listenOnUnixSocket(server, path);
  return {
    address: { kind: 'unix', path },
    stop: () => closed(server),
    cut: () => cutAll(sockets),
  };
}

/** Opens a listener by TLS. @throws Error when the address cannot be had. */
export async function openTlsListener(listener: TcpListener, host: TlsListenerHost): Promise<OpenListener> {
  const { source, requireClientSvid } = listener.tls;
  const sockets = new Set<Socket>();
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
    if (requireClientSvid) acceptPeer({ socket, listener, host, shares });
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
  host: TlsListenerHost;
  shares: ConnectionShares;
};

function acceptPeer({ socket, listener, host, shares }: PeerArrival): void {
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
    host.peers.add(certificate, connection);
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

function track(sockets: Set<Socket>, socket: Socket, log: Log): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  socket.on('error', (error) => log.debug({ error }, 'connection broke'));
}

function cutAll(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy();
}
