import type { GrpcAddress } from '@stint/common/grpc/listener.ts';
import type { GrpcService } from '@stint/common/grpc-method.ts';
import { type GrpcServer, startGrpcServer } from '@stint/common/grpc-server.ts';
import type { ReadyFacts } from '@stint/common/lifecycle.ts';
import type { Foundation } from './foundation.ts';

/** Opens the three listeners; each method says itself on which of them it answers. */
export function openListeners(
  { config, svid, trustDomain, log, clock }: Foundation,
  services: GrpcService[],
): Promise<GrpcServer> {
  const tls = { source: svid, trustDomain };
  return startGrpcServer({
    name: 'broker',
    listeners: [
      { kind: 'tcp', ...config.meshListen, tls: { ...tls, requireClientSvid: true } },
      { kind: 'tcp', ...config.bootstrapListen, tls: { ...tls, requireClientSvid: false } },
      { kind: 'unix', path: config.adminSocket },
    ],
    services,
    log,
    clock,
  });
}

/** Where the listeners are: the addresses in the order in which they were opened. */
export function readyFacts([mesh, bootstrap, admin]: readonly GrpcAddress[]): ReadyFacts {
  return { mesh: addressText(mesh), bootstrap: addressText(bootstrap), admin: addressText(admin) };
}

function addressText(address: GrpcAddress | undefined): string {
  return address?.kind === 'tcp' ? `${address.host}:${address.port}` : (address?.path ?? '');
}
