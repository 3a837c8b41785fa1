import type { LedgerEntry } from '../app/ports.ts';
import { type Facts, quotaKey } from './commit-plan.ts';
import { lockKey, type Session } from './postgres-connection.ts';
import { type GrantRow, grantIsLive, type LeaseRow } from './schema.ts';

type Insert = NonNullable<LedgerEntry['insert']>;

/**
 * Loads, in a few statements whatever the number of entries, what their decision asks for. Rows that will change are
 * locked (leases before grants, each in order of id, so that brokers do not wait for each other in a circle), and so are
 * the quotas: two brokers never count the same holder's grants at the same time.
 */
export async function loadFacts(session: Session, entries: readonly LedgerEntry[]): Promise<Facts> {
  const inserts = entries.flatMap((entry) => entry.insert ?? []);
  const replays = await loadReplays(session, inserts);
  const live = await countLive(session, inserts);
  const leases = await lockRows<LeaseRow>(
    session,
    'leases',
    entries.map((entry) => entry.lease?.id),
  );
  const grants = await lockRows<GrantRow>(
    session,
    'grants',
    entries.map((entry) => entry.grant?.id),
  );
  return {
    findReplay: ({ spiffeId, idempotencyKey }) => replays.get(`${spiffeId}\n${idempotencyKey}`),
    countLive: (key) => live.get(quotaKey(key)) ?? 0,
    findGrant: (id) => grants.get(id),
    findLease: (id) => leases.get(id),
  };
}

async function loadReplays(
  session: Session,
  inserts: readonly Insert[],
): Promise<Map<string, { grant: GrantRow; lease: LeaseRow }>> {
  const found = new Map<string, { grant: GrantRow; lease: LeaseRow }>();
  if (inserts.length === 0) return found;
  const grants = await session.client.query<GrantRow>({
    name: 'grants-by-key',
    text: `select g.* from unnest($1::text[], $2::text[]) as k (spiffe_id, idempotency_key)
      join grants g on g.spiffe_id = k.spiffe_id and g.idempotency_key = k.idempotency_key`,
    values: [inserts.map(({ grant }) => grant.spiffeId), inserts.map(({ grant }) => grant.idempotencyKey)],
  });
  if (grants.rows.length === 0) return found;
  const leases = await session.client.query<LeaseRow>({
    name: 'first-leases',
    text: 'select distinct on (grant_id) * from leases where grant_id = any($1::text[]) order by grant_id, id',
    values: [grants.rows.map(({ id }) => id)],
  });
  const byGrant = new Map(leases.rows.map((lease) => [lease.grant_id, lease]));
  for (const grant of grants.rows) {
    const lease = byGrant.get(grant.id);
    if (lease !== undefined) found.set(`${grant.spiffe_id}\n${grant.idempotency_key}`, { grant, lease });
  }
  return found;
}

async function countLive(session: Session, inserts: readonly Insert[]): Promise<Map<string, number>> {
  const limited = inserts.filter(({ liveMax }) => liveMax !== undefined);
  const wanted = new Map(limited.map(({ grant }) => [quotaKey(grant), grant]));
  if (wanted.size === 0) return new Map();
  // The lock is a statement of its own: the count after it sees what the broker before us has committed.
  await session.client.query({
    name: 'lock-quotas',
    text: 'select pg_advisory_xact_lock(key) from unnest($1::bigint[]) as key',
    values: [[...wanted.keys()].map((key) => lockKey('quota', key)).sort()],
  });
  const grants = [...wanted.values()];
  const { rows } = await session.client.query<{ live: number }>({
    name: 'count-live',
    text: `select (select count(*) from grants g where g.spiffe_id = k.spiffe_id and g.resource = k.resource
        and g.action = k.action and g.${grantIsLive}) as live
      from unnest($1::text[], $2::text[], $3::text[]) with ordinality as k (spiffe_id, resource, action, place)
      order by place`,
    values: [
      grants.map(({ spiffeId }) => spiffeId),
      grants.map(({ resource }) => resource),
      grants.map(({ action }) => action),
    ],
  });
  return new Map([...wanted.keys()].map((key, i) => [key, rows[i]?.live ?? 0]));
}

async function lockRows<Row extends { id: string }>(
  session: Session,
  table: 'grants' | 'leases',
  ids: readonly (string | undefined)[],
): Promise<Map<string, Row>> {
  const wanted = ids.filter((id) => id !== undefined);
  if (wanted.length === 0) return new Map();
  const { rows } = await session.client.query<Row>({
    name: `lock-${table}`,
    text: `select * from ${table} where id = any($1::text[]) order by id for update`,
    values: [wanted],
  });
  return new Map(rows.map((row) => [row.id, row]));
}
