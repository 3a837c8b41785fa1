import type { EventDraft } from '@stint/common/audit-event.ts';
import { AcknowledgeDelivery } from '../app/access/acknowledge-delivery.ts';
import { RenewLease } from '../app/access/renew-lease.ts';
import { RequestAccess } from '../app/access/request-access.ts';
import { EndDueLeases } from '../app/ending/end-due-leases.ts';
import { EndGrant } from '../app/ending/end-grant.ts';
import { LeaseEnding } from '../app/ending/end-lease.ts';
import { EndSuspended } from '../app/ending/end-suspended.ts';
import { endedEarly } from '../app/ending/ended-early.ts';
import { SweepOrphans } from '../app/ending/sweep-orphans.ts';
import { AttestWorkload } from '../app/identity/attest-workload.ts';
import { CreateJoinToken } from '../app/identity/create-join-token.ts';
import { MintSvid } from '../app/identity/mint-svid.ts';
import { RotateSvid } from '../app/identity/rotate-svid.ts';
import { SvidHolders } from '../app/identity/svid-holders.ts';
import { createAttestors } from '../attestors/catalog.ts';
import { readCsr } from '../ca/certificate-request.ts';
import type { Foundation } from './foundation.ts';

type LeaseParts = Pick<
  Foundation,
  'backlog' | 'bundles' | 'clock' | 'feed' | 'ledger' | 'log' | 'providers' | 'random' | 'step' | 'store'
>;

export type LeaseUseCases = ReturnType<typeof leaseUseCases>;

/** What is done with grants and their leases. One ending stands behind everything that ends a lease. */
export function leaseUseCases(parts: LeaseParts) {
  const { store, ledger, clock } = parts;
  const ending = new LeaseEnding(parts);
  const endGrant = new EndGrant(store, ending);
  return {
    ending,
    requestAccess: new RequestAccess({ ...parts, ending }),
    endGrant,
    endSuspended: new EndSuspended({ ...parts, endGrant }),
    renewLease: new RenewLease(parts),
    acknowledge: new AcknowledgeDelivery(store, ledger, clock),
    endedEarly: () => endedEarly(parts),
    worker: new EndDueLeases({ ...parts, ending }),
    sweeper: new SweepOrphans(parts),
  };
}

type IdentityParts = Pick<Foundation, 'clock' | 'joinTokens' | 'log' | 'trustDomain'> & {
  readonly issuer: Foundation['authority'];
  readonly stateOf: ConstructorParameters<typeof SvidHolders>[1];
  readonly record: (events: readonly EventDraft[]) => Promise<void>;
  readonly svidTtlMs: number;
  readonly natsHostNames: readonly string[];
};

/** What is done with SVIDs and with the tokens that a first one is had for. */
export function identityUseCases({ joinTokens, stateOf, ...parts }: IdentityParts) {
  const holders = new SvidHolders(parts.trustDomain, stateOf);
  const certifying = { ...parts, readCsr, holders };
  return {
    attestWorkload: new AttestWorkload({ ...certifying, attestors: createAttestors({ joinTokens }) }),
    rotateSvid: new RotateSvid(certifying),
    mintSvid: new MintSvid(certifying),
    createJoinToken: new CreateJoinToken({ ...certifying, store: joinTokens }),
  };
}
