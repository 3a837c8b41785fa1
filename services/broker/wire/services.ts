import type { GrpcService } from '@stint/common/grpc-method.ts';
import { version } from '@stint/common/version.ts';
import { ExplainDecision } from '../app/access/explain-decision.ts';
import { BrokerStatus } from '../app/broker-status.ts';
import { accessService } from '../rpc/access-service.ts';
import { adminService } from '../rpc/admin-service.ts';
import { attestationService } from '../rpc/attestation-service.ts';
import { identityService } from '../rpc/identity-service.ts';
import type { TrustFeed } from '../rpc/trust-feed.ts';
import type { Foundation } from './foundation.ts';
import { identityUseCases, type LeaseUseCases } from './use-cases.ts';

/** The services that speak for the use cases. */
export function wireServices(
  foundation: Foundation,
  { leases, trust }: { readonly leases: LeaseUseCases; readonly trust: TrustFeed },
): GrpcService[] {
  const { config, clock, ledger, bundles, providers, authority, link } = foundation;
  const identity = identityUseCases({
    ...foundation,
    issuer: authority,
    stateOf: (id) => bundles.current().registry.identities.get(id)?.state ?? 'unknown',
    record: async (events) => void (await ledger.commit({ events })),
    svidTtlMs: config.svidTtl,
    natsHostNames: config.natsHostNames,
  });
  return [
    accessService({ ...foundation, ...leases, trust }),
    attestationService(identity.attestWorkload, clock),
    identityService(identity.rotateSvid),
    adminService({
      ...foundation,
      ...identity,
      version,
      status: new BrokerStatus({
        ...foundation,
        storeKind: config.store,
        startedAt: clock.now(),
        isBusConnected: () => link.isConnected,
      }),
      endGrant: leases.endGrant,
      endSuspended: leases.endSuspended,
      explain: new ExplainDecision(bundles, providers, clock),
    }),
  ];
}
