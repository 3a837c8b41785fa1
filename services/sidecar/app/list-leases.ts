import type { Clock } from '@stint/common/time.ts';
import type { AccessCache, GrantMessage, LeaseMessage } from './ports.ts';

/** A lease in memory, without its credential. */
export type ListedLease = {
  readonly grant: GrantMessage;
  readonly lease: LeaseMessage;
  readonly holders: number;
};

/** The leases held now, oldest first. */
export function listLeases(cache: AccessCache, clock: Clock): ListedLease[] {
  const now = clock.now();
  return cache
    .list()
    .filter(({ lease }) => lease.expiresAt > now)
    .map(({ lease, holders }) => ({ grant: lease.access.grant, lease: lease.access.lease, holders }));
}
