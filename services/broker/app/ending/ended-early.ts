import type { Clock } from '@stint/common/time.ts';
import type { Lease } from '../../domain/lease.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import type { ProviderSet } from '../ports/provider.ts';
import type { EndedLease } from './ended-lease-feed.ts';

export type EndedEarlyParts = {
  readonly store: Pick<GrantStore, 'listEndedEarly'>;
  readonly providers: ProviderSet;
  readonly clock: Clock;
};

/** Leases of a page. Source: stint.broker.v1.LeasesEnded, which tells of so many at most. */
export const endedLeasesMax = 256;

/**
 * Gives all leases that ended before their time and could still be used, a page at a time, none of them empty: what
 * whoever has not listened must be told. What ends meanwhile may be missing; who listens by then hears it from the feed.
 */
export async function* endedEarly({
  store,
  providers,
  clock,
}: EndedEarlyParts): AsyncGenerator<readonly EndedLease[], void, void> {
  // Of every provider: a sidecar verifies tokens, and serves users of targets from its memory.
  const names = [...providers.keys()];
  const now = clock.now();
  let page: readonly Lease[] = [];
  do {
    page = await store.listEndedEarly(names, now, page.at(-1)?.id, endedLeasesMax);
    if (page.length > 0) yield page.map(toEndedLease);
  } while (page.length === endedLeasesMax);
}

/** A lease that has ended, as its verifiers are told of it. */
export function toEndedLease({ id, grantId, expiresAt, endReason }: Lease): EndedLease {
  return { id, grantId, expiresAt, reason: endReason ?? 'revoked' };
}
