import { grantIsLive, type LiveGrantsRow } from './schema.ts';

/**
 * What has to be added to `live_grants` so that it says how many grants live: nothing, unless something else than a
 * ledger of this version wrote. One statement, so that grants and counts are seen as the same transactions left them; in
 * the order in which every transaction changes counts ({@link LiveGrantsRow}'s first three columns, by bytes).
 */
export const selectMiscounts = `select spiffe_id, resource, action, cast(sum(live) as bigint) as live from (
    select spiffe_id, resource, action, 1 as live from grants where ${grantIsLive}
    union all select spiffe_id, resource, action, -live from live_grants
  ) as counted_and_kept
  group by spiffe_id, resource, action having sum(live) <> 0 order by spiffe_id, resource, action`;

/** Miscounts in words for the log, the first few of them: a store may hold as many as there are holders. */
export function describeMiscounts(miscounts: readonly LiveGrantsRow[]): readonly string[] {
  const listedMax = 20;
  return miscounts
    .slice(0, listedMax)
    .map(
      ({ spiffe_id, resource, action, live }) =>
        `${spiffe_id} ${resource} ${action}: ${Math.abs(live)} too ${live < 0 ? 'many' : 'few'}`,
    );
}
