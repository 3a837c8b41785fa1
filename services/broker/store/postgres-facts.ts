import type { LedgerEntry } from '../app/ports/ledger.ts';
import { type Facts, type QuotaKey, quotaKey, replayKey } from './commit-plan.ts';
import { lockKey, type Session } from './postgres-connection.ts';
import type { GrantRow, LeaseRow } from './schema.ts';

type Insert = NonNullable<LedgerEntry['insert']>;
type Replay = { readonly grant: GrantRow; readonly lease: LeaseRow };

/**
 * Begins the transaction and loads, in two statements more at most, what the entries' decision asks for. Rows that will
 * change are locked (leases before grants, each in order of id, so that brokers do not wait for each other in a circle),
 * and so are the quotas: two brokers never count the same holder's grants at the same time.
 */
export async function beginWithFacts(session: Session, entries: readonly LedgerEntry[]): Promise<Facts> {
  const inserts = entries.flatMap((entry) => entry.insert ?? []);
  const limited = inserts.filter(({ liveMax }) => liveMax !== undefined);
  const quotas = new Map(limited.map(({ grant }) => [quotaKey(grant), grant]));
  const locks = [...quotas.keys()].map((key) => `pg_advisory_xact_lock(${lockKey('quota', key)})`);
  // One round trip. The count comes in a statement of its own: it sees what the broker before us has committed.
  await session.client.query(locks.length === 0 ? 'begin' : `begin; select ${locks.sort().join(', ')}`);
  const { replays, live } = await loadInsertFacts(session, inserts, quotas);
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
    findReplay: (key) => replays.get(replayKey(key)),
    countLive: (key) => live.get(quotaKey(key)) ?? 0,
    findGrant: (id) => grants.get(id),
    findLease: (id) => leases.get(id),
  };
}

type InsertFacts = {
  readonly replays: ReadonlyMap<string, Replay>;
  readonly live: ReadonlyMap<string, number>;
};

async function loadInsertFacts(
  session: Session,
  inserts: readonly Insert[],
  quotas: ReadonlyMap<string, QuotaKey>,
): Promise<InsertFacts> {
  if (inserts.length === 0) return { replays: new Map(), live: new Map() };
  const counted = [...quotas.values()];
  const { rows } = await session.client.query<{ replays: Replay[] | null; live: number[] | null }>({
    name: 'insert-facts',
    text: insertFacts,
    values: [
      inserts.map(({ grant }) => grant.spiffeId),
      inserts.map(({ grant }) => grant.idempotencyKey),
      counted.map(({ spiffeId }) => spiffeId),
      counted.map(({ resource }) => resource),
      counted.map(({ action }) => action),
    ],
  });
  const replays = (rows[0]?.replays ?? []).map((replay) => {
    const { spiffe_id: spiffeId, idempotency_key: idempotencyKey } = replay.grant;
    return [replayKey({ spiffeId, idempotencyKey }), replay] as const;
  });
  return {
    replays: new Map(replays),
    live: new Map([...quotas.keys()].map((key, i) => [key, rows[0]?.live?.[i] ?? 0])),
  };
}

/** $1, $2: holders and keys to look for. $3 to $5: holders, resources and actions to count, in order. */
const insertFacts = `select
  (select json_agg(json_build_object('grant', g, 'lease', l))
    from unnest($1::text[], $2::text[]) as k (spiffe_id, idempotency_key)
    join grants g on g.spiffe_id = k.spiffe_id and g.idempotency_key = k.idempotency_key
    cross join lateral (select * from leases where grant_id = g.id order by id limit 1) l) as replays,
  (select json_agg(coalesce(live_grants.live, 0) order by q.place)
    from unnest($3::text[], $4::text[], $5::text[]) with ordinality as q (spiffe_id, resource, action, place)
    left join live_grants using (spiffe_id, resource, action)) as live`;

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
