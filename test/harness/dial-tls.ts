import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { GrpcServer } from '@stint/common/grpc-server.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import type { Scope } from './temp-dir.ts';

/** The port of a server's first listener, which is a TCP one. */
export function portOf(server: GrpcServer): number {
  const [address] = server.addresses;
  if (address?.kind !== 'tcp') throw new Error('the server has no TCP listener first');
  return address.port;
}

/** Whom a connection trusts, what it shows (nothing unless given), and whatever else of TLS a test wants otherwise. */
export type DialOptions = {
  readonly bundlePem: string;
  readonly svid?: SvidState | undefined;
} & ConnectionOptions;

/** A TLS connection by hand to a server's first listener: it does not check whose it is, and ends with the scope. */
export function dialTls(
  scope: Scope,
  server: GrpcServer,
  { bundlePem, svid, ...options }: DialOptions,
): TLSSocket {
  const shown = svid && { cert: svid.svid.certificatesPem, key: svid.svid.privateKeyPem.revealText() };
  const socket = connect({
    host: '127.0.0.1',
    port: portOf(server),
    ca: bundlePem,
    ALPNProtocols: ['h2'],
    checkServerIdentity: () => undefined,
    ...shown,
    ...options,
  });
  socket.on('error', () => socket.destroy());
  scope.after(() => {
    socket.destroy();
  });
  return socket;
}
