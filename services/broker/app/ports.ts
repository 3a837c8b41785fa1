import type { SignedBatch } from '@stint/common/audit-batch.ts';
import type { EventDraft } from '@stint/common/audit-event.ts';
import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import type { Secret } from '@stint/common/secret.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { Grant, GrantAndLease, GrantState, MutableGrantMember } from '../domain/grant.ts';
import type { Lease, LeaseState, MutableLeaseMember } from '../domain/lease.ts';
import type { Profile, Resource } from '../domain/registry.ts';

/** A change of one lease, carried out only if it is still in one of the `from` states. */
export type LeaseChange = {
  readonly id: LeaseId;
  readonly from: readonly LeaseState[];
  /** Where it goes. Left out, it stays where it is. */
  readonly to?: LeaseState;
  /** Members set to `null` are cleared; members left out stay. */
  readonly set: Clearing<Pick<Lease, MutableLeaseMember>>;
};

/** Some members of a type; those that it may be without may be `null` too. */
type Clearing<Type> = {
  readonly [Key in keyof Type]?: Partial<Pick<Type, Key>> extends Pick<Type, Key>
    ? Type[Key] | null
    : Type[Key];
};

/** A change of one grant, carried out only if it is still in one of the `from` states. */
export type GrantChange = {
  readonly id: GrantId;
  readonly from: readonly GrantState[];
  /** Where it goes. Left out, it stays where it is. */
  readonly to?: GrantState;
  readonly set: Partial<Pick<Grant, MutableGrantMember>>;
};

/** One indivisible piece of a commit: its rows and its events stand together or not at all. */
export type LedgerEntry = {
  /** A new grant and its first lease. `liveMax` bounds the holder's live grants of the same resource and action. */
  readonly insert?: { readonly grant: Grant; readonly lease: Lease; readonly liveMax?: number };
  readonly lease?: LeaseChange;
  readonly grant?: GrantChange;
  /** In order. May be empty for changes nobody needs to read about (a retry's time, a delivery). */
  readonly events: readonly EventDraft[];
};

/** What became of an entry. Anything but `committed` has written nothing of it. */
export type LedgerOutcome =
  /** A row that the entry changed is given as the entry left it. */
  | ({ readonly kind: 'committed' } & Partial<GrantAndLease>)
  /** The idempotency key was used before, with the same body: the grant and lease of then, as they are now. */
  | ({ readonly kind: 'replayed' } & GrantAndLease)
  /** The idempotency key was used before, with another body. */
  | { readonly kind: 'key_reused' }
  /** The holder has `liveMax` live grants of this resource and action. */
  | { readonly kind: 'quota_exceeded'; readonly live: number }
  /** The lease or grant was no longer in a `from` state. */
  | { readonly kind: 'conflict' };

/**
 * The one writer of a broker. Entries that arrive while a commit is under way share the next one: rows and the sealed
 * batch of their events in a single transaction. An entry's promise settles only after the commit is durable, and
 * entries commit in the order in which they were given.
 */
export interface Ledger {
  /**
   * @throws ServiceError STORE_UNAVAILABLE when the commit failed (nothing was written), RATE_LIMITED when
   * too many entries wait, SHUTTING_DOWN, INTERNAL for what never may be: a move that {@link isLegalLeaseMove} or
   * {@link isLegalGrantMove} refuses, a row against the store's rules.
   */
  commit(entry: LedgerEntry): Promise<LedgerOutcome>;
  /** Events committed and not yet covered by a receipt, and when the oldest was committed. In memory, kept current. */
  backlog(): { readonly events: number; readonly bytes: number; readonly oldestAt: UnixMs | undefined };
  /** Sequence of the last event committed. */
  sequence(): number;
}

/** One commit's sealed events, as the outbox holds them until a receipt covers them. */
export type OutboxBatch = SignedBatch & {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of the work that caused the first of its events. */
  readonly traceparent?: string;
};

/** What the relay sees of the ledger. */
export interface Outbox {
  /** Sequence of the last event committed. */
  sequence(): number;
  /** Calls back with every batch once it is durable, in order of sequence. Listeners must not throw. */
  onCommit(listener: (batch: OutboxBatch) => void): void;
  /** Batches not yet released, from the first that begins at `fromSeq` or later, in order. */
  read(fromSeq: number, limit: number): Promise<readonly OutboxBatch[]>;
  /** The batch with this event; undefined when it was released, or never made. */
  findAt(seq: number): Promise<OutboxBatch | undefined>;
  /** Forgets the batches up to `seq`, the last event of a batch that a receipt covers. Soon, not at once. */
  release(seq: number): void;
}

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

/** Reading what the ledger wrote. */
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
  /** Makes open leases due now, if they are not yet. At most 1,000 ids. A crash leaves them all due or as they were. */
  makeDue(ids: readonly LeaseId[], now: UnixMs): Promise<void>;
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
  /** Grants that have not ended. */
  countLiveGrants(): Promise<number>;
  countLeasesByState(): Promise<Readonly<Partial<Record<LeaseState, number>>>>;
}

/** A credential in the shape its target is used with. Only ever in memory, on its way to the workload. */
export type Credential =
  | { readonly kind: 'token'; readonly token: Secret }
  | {
      readonly kind: 'database';
      readonly engine: 'postgresql';
      readonly host: string;
      readonly port: number;
      readonly database: string;
      readonly username: string;
      readonly password: Secret;
      readonly sslmode: string;
    };

/** Something at a target that bears a lease's name, whether or not there is such a lease. */
export type TargetEntity = {
  readonly entityName: string;
  /** The lease whose name it is, read out of the name. */
  readonly leaseId: LeaseId;
  /** As the target says; empty where it does not. */
  readonly resource: string;
};

/** All that ending needs to know of a lease. Of one whose row is lost, it is read out of the name at the target. */
export type LeaseAtTarget = Pick<Lease, 'id' | 'entityName' | 'createdAt' | 'handle'>;

/** A resource and one of its profiles. */
export type TargetPlace = { readonly resource: Resource; readonly profile: Profile };

/** What checking a target found. Faults keep leases from working or from being safe; warnings should be read once. */
export type TargetFindings = { readonly faults: readonly string[]; readonly warnings: readonly string[] };

/** Public keys as verifiers read them. Source: RFC 7517 §5. */
export type JwkSet = { readonly keys: readonly Readonly<Record<string, unknown>>[] };

/** What every provider is. A member that may be absent is so where the provider has no need of it. */
type ProviderBase = {
  readonly name: string;
  readonly kind: string;
  /** The lease's name at the target, made from the id alone, valid there, and recognisable as ours. */
  entityName(leaseId: LeaseId): string;
  /** What is wrong with a resource and profile that name this provider; empty when nothing is. Read at bundle load. */
  profileFaults(resource: Resource, profile: Profile): readonly string[];
  /** Does what time has made due, such as a new signing key. Called every ten minutes; what fails is tried again then. */
  readonly maintain?: (() => Promise<void>) | undefined;
};

/**
 * Issues by signing: nothing exists at a target, so decision, lease and credential are one commit. What is signed cannot be
 * renewed: it is asked for anew.
 */
export interface SigningProvider extends ProviderBase {
  readonly mode: 'signs';
  /** Synchronous and quick: it runs between decision and commit. The same lease gives an equivalent credential again. */
  sign(grant: Grant, lease: Lease, profile: Profile): Credential;
  /** The public keys that live credentials are verified with, now or soon. Sidecars are given them. */
  readonly keySet?: (() => JwkSet) | undefined;
}

/**
 * Issues by creating something at a target. Every call has a deadline of its own below {@link targetCallMs}; every call may
 * be repeated. Failures are {@link ProviderFailure}. Ending takes what stands at the target alone, with the handle that
 * creating gave: the resource may have left the registry, and the broker may be another one on the same store.
 */
export interface TargetProvider extends ProviderBase {
  readonly mode: 'creates';
  /**
   * Creates `lease.entityName` with the target's own expiry. An existing entity of that name is a definite failure.
   * Returns the facts that ending it will need.
   */
  create(
    grant: Grant,
    lease: Lease,
    place: TargetPlace,
    signal: AbortSignal,
  ): Promise<{ readonly credential: Credential; readonly handle: Readonly<Record<string, string>> }>;
  /** A new secret for a live entity, for the replay of a request: no secret is stored anywhere. */
  remint(lease: Lease, resource: Resource, signal: AbortSignal): Promise<Credential>;
  /** Moves the target's own expiry. */
  extend(lease: Lease, expiresAt: UnixMs, signal: AbortSignal): Promise<void>;
  /** Cuts access and sessions; resolves only when the target says that nobody can use it. Absent counts as contained. */
  contain(lease: LeaseAtTarget, signal: AbortSignal): Promise<EndProof>;
  /** Removes what is left. Absent counts as removed. */
  remove(lease: LeaseAtTarget, signal: AbortSignal): Promise<EndProof>;
  /** What stands at the target under names that are this broker's by their form, in any order. */
  listEntities(signal: AbortSignal): Promise<readonly TargetEntity[]>;
  /** Compares the broker's rights at the target with what its places there need: no fewer, and no more. Changes nothing. */
  readonly checkTarget?:
    | ((places: readonly TargetPlace[], signal: AbortSignal) => Promise<TargetFindings>)
    | undefined;
  /** Frees connections. */
  close(): Promise<void>;
}

export type Provider = SigningProvider | TargetProvider;

/** What the target said, for the record: counts and codes, no free text. */
export type EndProof = { readonly [fact: string]: string | number | boolean };

/** Providers by instance name. */
export type ProviderSet = ReadonlyMap<string, Provider>;

/**
 * How a provider fails. `definite`: nothing was or is changed at the target. `ambiguous`: it may have been (lost reply,
 * timeout). `unreachable`: the target cannot be asked now; waiting may mend it. `blocked`: waiting alone will not
 * (missing rights, dependent objects). `code` is an SQLSTATE, errno or the like, safe to record; `remedy` is what mends it
 * at the target, for the operator, where the provider can tell.
 */
export class ProviderFailure extends Error {
  readonly kind: 'definite' | 'ambiguous' | 'unreachable' | 'blocked';
  readonly code: string;
  readonly target: TargetSign;
  readonly remedy: string | undefined;

  /** `target` is `away` for `unreachable` and `ambiguous`, and `answers` for the others, unless it is given. */
  constructor(
    kind: ProviderFailure['kind'],
    code: string,
    about: { readonly cause?: unknown; readonly target?: TargetSign; readonly remedy?: string } = {},
  ) {
    const { cause, target, remedy } = about;
    super(`provider failure: ${kind} (${code})`, { cause });
    this.name = 'ProviderFailure';
    this.kind = kind;
    this.code = code;
    this.remedy = remedy;
    this.target = target ?? (kind === 'unreachable' || kind === 'ambiguous' ? 'away' : 'answers');
  }
}

/**
 * What a failed call says of its target. `answers`: it is there, and refused this call. `away`: no call can be done there
 * now, for it does not answer, or does not let the broker in. `unasked`: the call did not come as far as the target.
 */
export type TargetSign = 'answers' | 'away' | 'unasked';

/** Who is told that leases ended before their time: every open session, and through them every verifier. */
export interface EndedLeaseFeed {
  publish(
    leases: readonly {
      readonly id: LeaseId;
      readonly grantId: GrantId;
      readonly expiresAt: UnixMs;
      readonly reason: string;
    }[],
  ): void;
}
