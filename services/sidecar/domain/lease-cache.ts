import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { fits, renewAt, retryRenewalAt } from './renewal-schedule.ts';

/** Who holds a grant: a workload's Watch session by its id, or, undefined, a caller without one. */
export type Holder = string | undefined;

/** A lease in memory, with what was handed out under it. Replaced whole, never changed. */
export type HeldLease<Access> = {
  readonly leaseId: LeaseId;
  readonly grantId: GrantId;
  /** The question it answers, see {@link cacheKey}; undefined: never given to another caller. */
  readonly key: string | undefined;
  /** The lifetime that was asked for, in milliseconds; undefined: the profile's default. */
  readonly wantedMs: number | undefined;
  /** When this credential, or its last renewal, was asked for. */
  readonly issuedAt: UnixMs;
  /** Not served from this moment on. */
  readonly expiresAt: UnixMs;
  /** The grant's end. */
  readonly hardExpiresAt: UnixMs;
  readonly renewable: boolean;
  /** What the broker's answer takes in memory. */
  readonly bytes: number;
  /** What callers get; opaque here. */
  readonly access: Access;
};

/** A lease that left the memory, and the sessions that held it and must hear of it. */
export type EvictedLease<Access> = {
  readonly lease: HeldLease<Access>;
  readonly sessions: readonly string[];
};

/** What a release did: nobody else holds the grant, others still do, or it is not in memory. */
export type ReleaseOutcome<Access> =
  | { readonly kind: 'last'; readonly lease: HeldLease<Access> }
  | { readonly kind: 'still_held' }
  | { readonly kind: 'unknown' };

type Entry<Access> = {
  /** Counts up with every lease that is taken in, so that a list can go on where it was. */
  readonly place: number;
  lease: HeldLease<Access>;
  /** Sessions hold once, however often they acquire: their stream's end releases all. Undefined: none has held it yet. */
  sessions: Set<string> | undefined;
  /** Holds of callers without a session: they cannot be told apart, so each Acquire counts and each Release gives one back. */
  unnamed: number;
  /** When an entry that nobody holds is given up; undefined while somebody does. */
  unclaimedUntil: UnixMs | undefined;
  /** When to renew next; undefined when it cannot or need not be. */
  renewAt: UnixMs | undefined;
  renewFailures: number;
};

/**
 * The leases a sidecar has in memory and who holds each.
 *
 * Held by construction: an entry is in the cache exactly while somebody holds it, or, for a short time after it
 * arrived, while the caller who asked for it may still come back. The last hold's end removes it and tells the caller
 * of this class to complete the grant. An expired lease is never found. Pure: time is an argument.
 */
export class LeaseCache<Access> {
  readonly #byGrant = new Map<GrantId, Entry<Access>>();
  readonly #byKey = new Map<string, Entry<Access>>();
  readonly #byLease = new Map<LeaseId, Entry<Access>>();
  #bytes = 0;
  #lastPlace = 0;

  get size(): number {
    return this.#byGrant.size;
  }

  /** The sum of all leases' bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A live lease that answers this question for that long; see {@link fits}. It is not yet held by the asker. */
  find(key: string, wantedMs: number | undefined, now: UnixMs): HeldLease<Access> | undefined {
    const lease = this.#byKey.get(key)?.lease;
    return lease !== undefined && fits(lease, wantedMs, now) ? lease : undefined;
  }

  findLease(leaseId: LeaseId): HeldLease<Access> | undefined {
    return this.#byLease.get(leaseId)?.lease;
  }

  findGrant(grantId: GrantId): HeldLease<Access> | undefined {
    return this.#byGrant.get(grantId)?.lease;
  }

  /**
   * Takes a lease in, unheld until `unclaimedUntil`. A grant that is already here (a replayed answer) keeps its
   * holders and gets the newer credential. The newest lease answers its key from now on.
   */
  add(lease: HeldLease<Access>, unclaimedUntil: UnixMs): void {
    const known = this.#byGrant.get(lease.grantId);
    if (known !== undefined) this.#forget(known);
    const entry: Entry<Access> = {
      place: ++this.#lastPlace,
      lease,
      sessions: known?.sessions,
      unnamed: known?.unnamed ?? 0,
      unclaimedUntil,
      renewAt: renewAt(lease),
      renewFailures: 0,
    };
    if (isHeld(entry)) entry.unclaimedUntil = undefined;
    this.#bytes += lease.bytes;
    this.#byGrant.set(lease.grantId, entry);
    this.#byLease.set(lease.leaseId, entry);
    if (lease.key !== undefined) this.#byKey.set(lease.key, entry);
  }

  /** Adds a hold. False when the grant is not in memory (any more). */
  hold(grantId: GrantId, holder: Holder): boolean {
    const entry = this.#byGrant.get(grantId);
    if (entry === undefined) return false;
    if (holder === undefined) entry.unnamed += 1;
    else if (entry.sessions === undefined) entry.sessions = new Set([holder]);
    else entry.sessions.add(holder);
    entry.unclaimedUntil = undefined;
    return true;
  }

  /** Whether this holder holds the grant. */
  isHeldBy(grantId: GrantId, holder: Holder): boolean {
    const entry = this.#byGrant.get(grantId);
    if (entry === undefined) return false;
    return holder === undefined ? entry.unnamed > 0 : entry.sessions?.has(holder) === true;
  }

  /** Ends one hold. A holder that has none changes nothing. The last hold's end removes the lease. */
  release(grantId: GrantId, holder: Holder): ReleaseOutcome<Access> {
    const entry = this.#byGrant.get(grantId);
    if (entry === undefined) return { kind: 'unknown' };
    const hadHold = holder === undefined ? entry.unnamed > 0 : entry.sessions?.delete(holder) === true;
    if (holder === undefined && hadHold) entry.unnamed -= 1;
    if (!hadHold || isHeld(entry)) return { kind: 'still_held' };
    this.#forget(entry);
    return { kind: 'last', lease: entry.lease };
  }

  /** Ends every hold of a session and removes the leases that nobody else holds, which it returns. */
  releaseSession(session: string): HeldLease<Access>[] {
    const last: HeldLease<Access>[] = [];
    for (const entry of this.#byGrant.values()) {
      if (entry.sessions?.delete(session) !== true || isHeld(entry)) continue;
      this.#forget(entry);
      last.push(entry.lease);
    }
    return last;
  }

  /** Puts a renewed lease in the old one's place; its holders, whom it returns, stay. Undefined: it is not here. */
  renewed(lease: HeldLease<Access>): readonly string[] | undefined {
    const entry = this.#byLease.get(lease.leaseId);
    if (entry === undefined) return undefined;
    entry.lease = lease;
    entry.renewAt = renewAt(lease);
    entry.renewFailures = 0;
    return sessionsOf(entry);
  }

  /** A renewal failed: it is tried again before the lease ends, or, when that is pointless, never. */
  renewalFailed(leaseId: LeaseId, outcome: { readonly isFinal: boolean; readonly now: UnixMs }): void {
    const entry = this.#byLease.get(leaseId);
    if (entry === undefined) return;
    entry.renewFailures += 1;
    entry.renewAt = outcome.isFinal
      ? undefined
      : retryRenewalAt(entry.lease, entry.renewFailures, outcome.now);
  }

  /** Removes a lease whatever holds it: its end came from outside. */
  evict(leaseId: LeaseId): EvictedLease<Access> | undefined {
    const entry = this.#byLease.get(leaseId);
    if (entry === undefined) return undefined;
    this.#forget(entry);
    return { lease: entry.lease, sessions: sessionsOf(entry) };
  }

  /** What time has done by `now`: `expired` and `unclaimed` leases are removed by this call, `toRenew` are not asked for twice. */
  sweep(now: UnixMs): {
    readonly expired: readonly EvictedLease<Access>[];
    readonly unclaimed: readonly HeldLease<Access>[];
    readonly toRenew: readonly HeldLease<Access>[];
  } {
    const expired: EvictedLease<Access>[] = [];
    const unclaimed: HeldLease<Access>[] = [];
    const toRenew: HeldLease<Access>[] = [];
    for (const entry of this.#byGrant.values()) {
      if (entry.lease.expiresAt <= now) {
        this.#forget(entry);
        expired.push({ lease: entry.lease, sessions: sessionsOf(entry) });
      } else if (entry.unclaimedUntil !== undefined && entry.unclaimedUntil <= now) {
        this.#forget(entry);
        unclaimed.push(entry.lease);
      } else if (entry.renewAt !== undefined && entry.renewAt <= now) {
        entry.renewAt = undefined; // set again by renewed or renewalFailed
        toRenew.push(entry.lease);
      }
    }
    return { expired, unclaimed, toRenew };
  }

  /** Every lease after a place with its own place and the number of its holders, oldest first. Nothing may change meanwhile. */
  *list(after = 0): Generator<{
    readonly lease: HeldLease<Access>;
    readonly holders: number;
    readonly place: number;
  }> {
    for (const { lease, place, sessions, unnamed } of this.#byGrant.values())
      if (place > after) yield { lease, place, holders: (sessions?.size ?? 0) + unnamed };
  }

  /** Removes everything, whatever holds it. */
  drain(): EvictedLease<Access>[] {
    const all = [...this.#byGrant.values()];
    for (const index of [this.#byGrant, this.#byKey, this.#byLease]) index.clear();
    this.#bytes = 0;
    return all.map((entry) => ({ lease: entry.lease, sessions: sessionsOf(entry) }));
  }

  #forget(entry: Entry<Access>): void {
    const { grantId, leaseId, key, bytes } = entry.lease;
    this.#bytes -= bytes;
    this.#byGrant.delete(grantId);
    this.#byLease.delete(leaseId);
    if (key !== undefined && this.#byKey.get(key) === entry) this.#byKey.delete(key);
  }
}

/**
 * The text under which a question's answer is kept. Two questions share it exactly when resource, action, parameters
 * and declared context are equal; JSON's quoting keeps the parts apart whatever they hold.
 */
export function cacheKey(question: {
  readonly resource: string;
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly context: Readonly<Record<string, string>>;
}): string {
  const { resource, action, parameters, context } = question;
  return JSON.stringify([resource, action, sortedEntries(parameters), sortedEntries(context)]);
}

function sortedEntries(entries: Readonly<Record<string, string>>): string[] {
  return Object.keys(entries)
    .sort()
    .flatMap((key) => [key, entries[key] ?? '']);
}

function isHeld(entry: Pick<Entry<unknown>, 'sessions' | 'unnamed'>): boolean {
  return entry.unnamed > 0 || (entry.sessions !== undefined && entry.sessions.size > 0);
}

function sessionsOf(entry: Pick<Entry<unknown>, 'sessions'>): string[] {
  return [...(entry.sessions ?? [])];
}
