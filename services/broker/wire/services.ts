import type { EventDraft } from '@stint/common/audit-event.ts';
import type { GrpcService } from '@stint/common/grpc-method.ts';
import { AcknowledgeDelivery } from '../app/acknowledge-delivery.ts';
import { AttestWorkload } from '../app/attest-workload.ts';
import { BrokerStatus } from '../app/broker-status.ts';
import { CreateJoinToken } from '../app/create-join-token.ts';
import { EndGrant } from '../app/end-grant.ts';
import type { LeaseEnding } from '../app/end-lease.ts';
import { endedEarly } from '../app/ended-early.ts';
import { ExplainDecision } from '../app/explain-decision.ts';
import { MintSvid } from '../app/mint-svid.ts';
import { RenewLease } from '../app/renew-lease.ts';
import { RequestAccess } from '../app/request-access.ts';
import { RotateSvid } from '../app/rotate-svid.ts';
import { SvidHolders } from '../app/svid-holders.ts';
import { createAttestors } from '../attestors/catalog.ts';
import { readCsr } from '../ca/certificate-request.ts';
import { accessService } from '../rpc/access-service.ts';
import { adminService } from '../rpc/admin-service.ts';
import { attestationService } from '../rpc/attestation-service.ts';
import { identityService } from '../rpc/identity-service.ts';
import type { TrustFeed } from '../rpc/trust-feed.ts';
import type { Foundation } from './foundation.ts';

/** The program's version, told in status. */
const version = '0.1.0';

/** The use cases, and the services that speak for them. */
export function wireServices(
  foundation: Foundation,
  { ending, trust }: { readonly ending: LeaseEnding; readonly trust: TrustFeed },
): GrpcService[] {
  const { config, clock, store, ledger, joinTokens, bundles, providers, authority, link } = foundation;
  const { trustDomain, log } = foundation;
  const endGrant = new EndGrant(store, ending);
  const record = async (events: readonly EventDraft[]) => void (await ledger.commit({ events }));
  const holders = new SvidHolders(
    trustDomain,
    (id) => bundles.current().registry.identities.get(id)?.state ?? 'unknown',
  );
  const certifying = { readCsr, issuer: authority, holders, record, clock, svidTtlMs: config.svidTtl };
  const attestors = createAttestors({ joinTokens });
  return [
    accessService({
      ...foundation,
      requestAccess: new RequestAccess({ ...foundation, ending }),
      endGrant,
      renewLease: new RenewLease(foundation),
      acknowledge: new AcknowledgeDelivery(store, ledger, clock),
      endedEarly: () => endedEarly(foundation),
      trust,
    }),
    attestationService(new AttestWorkload({ ...certifying, log, attestors }), clock),
    identityService(new RotateSvid(certifying)),
    adminService({
      ...foundation,
      version,
      status: new BrokerStatus({
        ...foundation,
        storeKind: config.store,
        startedAt: clock.now(),
        isBusConnected: () => link.isConnected,
      }),
      endGrant,
      explain: new ExplainDecision(bundles, providers, clock),
      createJoinToken: new CreateJoinToken({ store: joinTokens, holders, record, clock }),
      mintSvid: new MintSvid({ ...certifying, trustDomain, natsHostNames: config.natsHostNames }),
    }),
  ];
}
