import type { LeaseId } from '@stint/common/ids.ts';
import type { Clock } from '@stint/common/time.ts';
import type { Access, AccessCache } from './ports.ts';

/** A lease in memory. */
export type ListedLease = { readonly access: Access; readonly leaseId: LeaseId; readonly holders: number };

/** The leases held now, oldest first. */
export function listLeases(cache: AccessCache, clock: Clock): ListedLease[] {
  const now = clock.now();
  return cache
    .list()
    .filter(({ lease }) => lease.expiresAt > now)
    .map(({ lease, holders }) => ({ access: lease.access, leaseId: lease.leaseId, holders }));
}
