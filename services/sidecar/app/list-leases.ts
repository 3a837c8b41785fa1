import type { LeaseId } from '@stint/common/ids.ts';
import type { Clock } from '@stint/common/time.ts';
import type { Access, AccessCache } from './ports.ts';

/** Leases of a page, at most: all of them are read in one turn of the event loop. */
export const pageLeasesMax = 500;

/** A page ends with the lease whose answer makes it so large, in bytes: it stays far below what a gRPC client takes, 4 MiB. */
export const pageBytesMax = 1_048_576;

/** A lease in memory. */
export type ListedLease = { readonly access: Access; readonly leaseId: LeaseId; readonly holders: number };

/** A page, and where the next one goes on; `next` is undefined on the last. */
export type LeasePage = { readonly leases: readonly ListedLease[]; readonly next: number | undefined };

/**
 * One page of the leases held now, oldest first, after the place where the page before ended. What comes or goes between
 * two pages moves no other lease from one page to another.
 */
export function listLeases(
  { cache, clock }: { readonly cache: AccessCache; readonly clock: Clock },
  after: number,
): LeasePage {
  const now = clock.now();
  const leases: ListedLease[] = [];
  let bytes = 0;
  let last = after;
  for (const { lease, holders, place } of cache.list(after)) {
    if (lease.expiresAt <= now) continue;
    if (leases.length >= pageLeasesMax || bytes >= pageBytesMax) return { leases, next: last };
    leases.push({ access: lease.access, leaseId: lease.leaseId, holders });
    bytes += lease.bytes;
    last = place;
  }
  return { leases, next: undefined };
}
