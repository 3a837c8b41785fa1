import type { SignedBatch } from '@stint/common/audit-batch.ts';
import type { EventDraft } from '@stint/common/audit-event.ts';
import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { Grant, GrantAndLease, GrantState, MutableGrantMember } from '../../domain/grant.ts';
import type { EndReason, Lease, LeaseState, MutableLeaseMember } from '../../domain/lease.ts';

/** A change of one lease, carried out only if it is still in one of the `from` states and, where it says so, {@link LeaseFact} holds. Its
 * end never moves back: somebody was told of the later one. */
export type LeaseChange = {
  readonly id: LeaseId;
  readonly from: readonly LeaseState[];
  /** For a change whose cause a renewal or an acknowledgement may have taken away since the row was read. */
  readonly onlyIf?: LeaseFact;
  /** Where it goes. Left out, it stays where it is. */
  readonly to?: LeaseState;
  /** Members set to `null` are cleared; members left out stay. */
  readonly set: Clearing<Pick<Lease, MutableLeaseMember>>;
};

/** What a commit finds a lease to be, by its own time: past its end, or such that nobody has said that it arrived. */
export type LeaseFact = Extract<EndReason, 'expired' | 'undelivered'>;

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
  /** The lease or grant was no longer in a `from` state, the lease not what `onlyIf` says, or its end would have moved back. */
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
  /** Why the last commit failed, in words for an operator; undefined when it did not. */
  outage(): string | undefined;
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
