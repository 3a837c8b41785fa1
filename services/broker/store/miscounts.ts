import { grantIsLive, keptLive, type LiveGrantsRow, liveIsCount } from './schema.ts';

/** What has to be added to a kept count. `was_count` is 0 for one that was no number of grants, and stood for none. */
export type Miscount = LiveGrantsRow & { readonly was_count?: number };

/**
 * What has to be added to `live_grants` so that it says how many grants live: nothing, unless something else than a
 * ledger of this version wrote. One statement, so that grants and counts are seen as the same transactions left them; in
 * the order in which every transaction changes counts ({@link LiveGrantsRow}'s first three columns, by bytes).
 */
export const selectMiscounts = `select spiffe_id, resource, action, cast(sum(live) as bigint) as live, min(was_count) as was_count from (
    select spiffe_id, resource, action, 1 as live, 1 as was_count from grants where ${grantIsLive}
    union all select spiffe_id, resource, action, -(${keptLive}), case when ${liveIsCount} then 1 else 0 end from live_grants
  ) as counted_and_kept
  group by spiffe_id, resource, action having sum(live) <> 0 or min(was_count) = 0 order by spiffe_id, resource, action`;

/** Miscounts in words for the log, the first few of them: a store may hold as many as there are holders. */
export function describeMiscounts(miscounts: readonly Miscount[]): readonly string[] {
  const listedMax = 20;
  return miscounts
    .slice(0, listedMax)
    .map((miscount) => `${miscount.spiffe_id} ${miscount.resource} ${miscount.action}: ${faultOf(miscount)}`);
}

function faultOf({ live, was_count }: Miscount): string {
  if (was_count === 0) return `no number of grants, ${live} live`;
  return `${Math.abs(live)} too ${live < 0 ? 'many' : 'few'}`;
}
