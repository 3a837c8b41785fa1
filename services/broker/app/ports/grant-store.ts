import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { Grant, GrantAndLease } from '../../domain/grant.ts';
import type { Lease, LeaseState } from '../../domain/lease.ts';

/** What a worker takes, and for how long nobody else does. */
export type LeaseClaim = {
  readonly now: UnixMs;
  /** Those whose leases the worker can end. */
  readonly providers: readonly string[];
  /** Leases of any other provider are taken only if they were due by then: nobody else seems to come for them. */
  readonly othersDueBy: UnixMs;
  readonly holdMs: number;
  readonly limit: number;
};

/** The latest time at which a right clock has a lease looked at, by where the lease stands. */
export type LatestTimes = {
  readonly intent: UnixMs;
  /** Live, and nobody has said that its credential arrived. */
  readonly undelivered: UnixMs;
  /** Its end has begun, or a worker has claimed it after its end. */
  readonly ending: UnixMs;
};

/** Reading what the ledger wrote. Every method throws ServiceError STORE_UNAVAILABLE when the database is away. */
export interface GrantStore {
  findGrant(id: GrantId): Promise<{ readonly grant: Grant; readonly leases: readonly Lease[] } | undefined>;
  findLease(id: LeaseId): Promise<GrantAndLease | undefined>;
  /** Newest first. `before` is the id of the last grant of the page before. */
  listGrants(filter: {
    readonly spiffeId?: SpiffeId;
    readonly resource?: string;
    readonly liveOnly: boolean;
    readonly before?: GrantId;
    readonly limit: number;
  }): Promise<readonly Grant[]>;
  /**
   * Takes leases whose `nextAttemptAt` has come, oldest first, and pushes it to `now + holdMs`, so that no other worker
   * takes them meanwhile. A worker that dies leaves them to the next one after that time. Leases of providers that it has not
   * got are left to brokers that have them, as {@link LeaseClaim} says.
   */
  claimDueLeases(claim: LeaseClaim): Promise<readonly GrantAndLease[]>;
  /**
   * Leases that somebody was in the middle of, the next due first: intents, ends that have begun, also those that
   * wait to be tried again, and live ones that were claimed after their end. Their time is yet to come; whether anybody is still at them, the rows
   * do not say.
   */
  listInterrupted(now: UnixMs, limit: number): Promise<readonly Lease[]>;
  /** Leases that are to be looked at later than that, the furthest off first. */
  listPutOff(than: LatestTimes, limit: number): Promise<readonly Lease[]>;
  /** Makes open leases due at `at`, if they are not by then. At most 1,000 ids. A crash leaves them all so or as they were. */
  makeDue(ids: readonly LeaseId[], at: UnixMs): Promise<void>;
  /** The earliest `nextAttemptAt` of these providers' leases, none later than `until`, so that the worker can sleep until then. */
  nextDueAt(providers: readonly string[], until: UnixMs): Promise<UnixMs | undefined>;
  /** Which of these names at the provider's target belong to an open lease. At most 500 names. */
  openEntities(provider: string, names: readonly string[]): Promise<ReadonlySet<string>>;
  /** Leases of these providers that ended before their time and whose credential has not expired by itself. */
  listEndedEarly(
    providers: readonly string[],
    now: UnixMs,
    after: LeaseId | undefined,
    limit: number,
  ): Promise<readonly Lease[]>;
  /** Who has live grants; each once. */
  listLiveHolders(): Promise<readonly SpiffeId[]>;
  /** Grants that have not ended. */
  countLiveGrants(): Promise<number>;
  countLeasesByState(): Promise<Readonly<Partial<Record<LeaseState, number>>>>;
}
