import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { type Kysely, sql } from 'kysely';
import type { GrantStore, LatestTimes, LeaseClaim } from '../app/ports/grant-store.ts';
import type { Grant, GrantAndLease } from '../domain/grant.ts';
import type { Lease, LeaseState } from '../domain/lease.ts';
import { orUnavailable } from './or-unavailable.ts';
import { fromGrantRow, fromLeaseRow } from './rows.ts';
import {
  type LeaseRow,
  type Schema,
  whereGrantIsLive,
  whereLeaseHasEndReason,
  whereLeaseIsOpen,
} from './schema.ts';

type ListFilter = Parameters<GrantStore['listGrants']>[0];

/** States of a lease that has begun to end. */
const ending = ['unknown', 'revoking', 'contained', 'stuck'] as const satisfies readonly LeaseState[];

/** Reads grants and leases, and claims those that are due. Every query goes by an index; a test asks SQLite's planner. */
export class KyselyGrantStore implements GrantStore {
  readonly #database: Kysely<Schema>;
  readonly #claimLock: 'none' | 'skip-locked';

  /** `claimLock`: `skip-locked` where several brokers share the database, so that none waits for another's claim. */
  constructor(database: Kysely<Schema>, claimLock: 'none' | 'skip-locked') {
    this.#database = database;
    this.#claimLock = claimLock;
  }

  async findGrant(
    id: GrantId,
  ): Promise<{ readonly grant: Grant; readonly leases: readonly Lease[] } | undefined> {
    const grant = await orUnavailable(
      this.#database.selectFrom('grants').selectAll().where('id', '=', id).executeTakeFirst(),
    );
    if (grant === undefined) return undefined;
    const leases = await orUnavailable(
      this.#database.selectFrom('leases').selectAll().where('grant_id', '=', id).orderBy('id').execute(),
    );
    return { grant: fromGrantRow(grant), leases: leases.map(fromLeaseRow) };
  }

  async findLease(id: LeaseId): Promise<GrantAndLease | undefined> {
    const lease = await orUnavailable(
      this.#database.selectFrom('leases').selectAll().where('id', '=', id).executeTakeFirst(),
    );
    return lease === undefined ? undefined : (await this.#withGrants([lease]))[0];
  }

  async listGrants(filter: ListFilter): Promise<readonly Grant[]> {
    let query = this.#database.selectFrom('grants').selectAll().orderBy('id', 'desc').limit(filter.limit);
    if (filter.before !== undefined) query = query.where('id', '<', filter.before);
    if (filter.liveOnly) query = query.where(whereGrantIsLive);
    for (const [column, value] of [
      ['spiffe_id', filter.spiffeId],
      ['resource', filter.resource],
    ] as const) {
      if (value === undefined) continue;
      // An expression, so that the live are found by their own index: the other indexes hold all that ever was.
      query = query.where(filter.liveOnly ? sql`coalesce(${sql.ref(column)}, '')` : column, '=', value);
    }
    return (await orUnavailable(query.execute())).map(fromGrantRow);
  }

  async claimDueLeases(claim: LeaseClaim): Promise<readonly GrantAndLease[]> {
    const { now, providers, othersDueBy, holdMs, limit } = claim;
    let due = this.#database
      .selectFrom('leases')
      .select('id')
      .where('next_attempt_at', '<=', now)
      .where((is) => is.or([isOfProvider(providers), is('next_attempt_at', '<=', othersDueBy)]))
      .orderBy('next_attempt_at')
      .limit(limit);
    if (this.#claimLock === 'skip-locked') due = due.forUpdate().skipLocked();
    const claimed = await orUnavailable(
      this.#database
        // A common table expression is evaluated once; a subquery in its place may be again, and take more than the limit.
        .with('due', () => due)
        .updateTable('leases')
        .set({ next_attempt_at: now + holdMs })
        .where('id', 'in', (select) => select.selectFrom('due').select('due.id'))
        .returningAll()
        .execute(),
    );
    return this.#withGrants(claimed);
  }

  async listInterrupted(now: UnixMs, limit: number): Promise<readonly Lease[]> {
    const rows = await orUnavailable(
      this.#database
        .selectFrom('leases')
        .selectAll()
        .where('next_attempt_at', '>', now)
        .where((is) =>
          is.or([
            is('state', 'in', ['intent', ...ending]),
            // The schedule of a live lease is never past its end: only a claim puts it there.
            is('state', '=', 'active').and('next_attempt_at', '>', is.ref('expires_at')),
          ]),
        )
        .orderBy('next_attempt_at')
        .limit(limit)
        .execute(),
    );
    return rows.map(fromLeaseRow);
  }

  async listPutOff(than: LatestTimes, limit: number): Promise<readonly Lease[]> {
    const rows = await orUnavailable(
      this.#database
        .selectFrom('leases')
        .selectAll()
        .where('next_attempt_at', '>', Math.min(than.intent, than.undelivered, than.ending))
        .where((is) => {
          const isActive = is('state', '=', 'active');
          return is.or([
            is('state', '=', 'intent').and('next_attempt_at', '>', than.intent),
            isActive.and('delivered_at', 'is', null).and('next_attempt_at', '>', than.undelivered),
            isActive
              .and('next_attempt_at', '>', is.ref('expires_at'))
              .and('next_attempt_at', '>', than.ending),
            is('state', 'in', ending).and('next_attempt_at', '>', than.ending),
          ]);
        })
        .orderBy('next_attempt_at', 'desc')
        .limit(limit)
        .execute(),
    );
    return rows.map(fromLeaseRow);
  }

  async makeDue(ids: readonly LeaseId[], at: UnixMs): Promise<void> {
    if (ids.length === 0) return;
    await orUnavailable(
      this.#database
        .updateTable('leases')
        .set({ next_attempt_at: at })
        .where('id', 'in', ids)
        .where('next_attempt_at', '>', at)
        .execute(),
    );
  }

  async nextDueAt(providers: readonly string[], until: UnixMs): Promise<UnixMs | undefined> {
    const next = await orUnavailable(
      this.#database
        .selectFrom('leases')
        .select('next_attempt_at')
        .where('next_attempt_at', '<=', until)
        .where(isOfProvider(providers))
        .orderBy('next_attempt_at')
        .limit(1)
        .executeTakeFirst(),
    );
    return next?.next_attempt_at ?? undefined;
  }

  async openEntities(provider: string, names: readonly string[]): Promise<ReadonlySet<string>> {
    if (names.length === 0) return new Set();
    const rows = await orUnavailable(
      this.#database
        .selectFrom('leases')
        .select('entity_name')
        .where('provider', '=', provider)
        .where('entity_name', 'in', names)
        .where(whereLeaseIsOpen)
        .execute(),
    );
    return new Set(rows.map((row) => row.entity_name));
  }

  async listEndedEarly(
    ...[providers, now, after, limit]: Parameters<GrantStore['listEndedEarly']>
  ): Promise<readonly Lease[]> {
    if (providers.length === 0) return [];
    let query = this.#database
      .selectFrom('leases')
      .selectAll()
      .where('provider', 'in', providers)
      .where('expires_at', '>', now)
      .where(whereLeaseHasEndReason)
      // Nothing was ever made for an aborted lease, so nobody can hold it.
      .where('state', '<>', 'aborted')
      .orderBy('id')
      .limit(limit);
    if (after !== undefined) query = query.where('id', '>', after);
    return (await orUnavailable(query.execute())).map(fromLeaseRow);
  }

  async listLiveHolders(): Promise<readonly SpiffeId[]> {
    const rows = await orUnavailable(
      this.#database.selectFrom('live_grants').select('spiffe_id').distinct().where('live', '>', 0).execute(),
    );
    return rows.map((row) => row.spiffe_id as SpiffeId);
  }

  async countLiveGrants(): Promise<number> {
    const row = await orUnavailable(
      this.#database
        .selectFrom('live_grants')
        .select(sql<number | null>`cast(sum(live) as bigint)`.as('live'))
        .executeTakeFirst(),
    );
    return row?.live ?? 0;
  }

  /** Counts leases in open states; those that have ended are history and not counted. */
  async countLeasesByState(): Promise<Readonly<Partial<Record<LeaseState, number>>>> {
    const rows = await orUnavailable(
      this.#database
        .selectFrom('leases')
        .select(['state', sql<number>`count(*)`.as('leases')])
        .where(whereLeaseIsOpen)
        .groupBy('state')
        .execute(),
    );
    return Object.fromEntries(rows.map((row) => [row.state, row.leases]));
  }

  async #withGrants(leases: readonly LeaseRow[]): Promise<GrantAndLease[]> {
    if (leases.length === 0) return [];
    const ids = [...new Set(leases.map((lease) => lease.grant_id))];
    const rows = await orUnavailable(
      this.#database.selectFrom('grants').selectAll().where('id', 'in', ids).execute(),
    );
    const grants = new Map(rows.map((row) => [row.id, fromGrantRow(row)]));
    // RETURNING promises no order; the scheduled time has been overwritten, and the end is the next best urgency.
    const inOrder = leases.toSorted((a, b) => a.expires_at - b.expires_at);
    return inOrder.flatMap((lease) => {
      const grant = grants.get(lease.grant_id as GrantId);
      return grant === undefined ? [] : [{ grant, lease: fromLeaseRow(lease) }];
    });
  }
}

/** An expression, so that the engine goes by what is due and not by all open leases of the provider. */
function isOfProvider(providers: readonly string[]) {
  if (providers.length === 0) return sql<boolean>`1 = 0`;
  return sql<boolean>`coalesce(provider, '') in (${sql.join(providers)})`;
}
