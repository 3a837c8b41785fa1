import type { KeyObject } from 'node:crypto';
import {
  batchBytesMax,
  batchEventsMax,
  batchHash,
  type SignedBatch,
  sealBatch,
} from '@stint/common/audit-batch.ts';
import type { EventDraft } from '@stint/common/audit-event.ts';
import { newId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { formatTime, type UnixMs } from '@stint/common/time.ts';
import type { GrantChange, LeaseChange, LeaseFact, LedgerEntry, LedgerOutcome } from '../app/ports/ledger.ts';
import { type Grant, isLegalGrantMove } from '../domain/grant.ts';
import { isLegalLeaseMove } from '../domain/lease.ts';
import { encodeCommitted, joinEvents } from './event-encoding.ts';
import {
  changedGrantRow,
  changedLeaseRow,
  fromGrantRow,
  fromLeaseRow,
  toGrantRow,
  toLeaseRow,
} from './rows.ts';
import type { BrokerStateRow, GrantRow, LeaseRow, LiveGrantsRow, OutboxRow } from './schema.ts';

/** Most events in one entry, so that every entry fits into one batch however large its events are. */
export const entryEventsMax = 32;

/** A holder's live grants are counted by these three. */
export type QuotaKey = { readonly spiffeId: string; readonly resource: string; readonly action: string };

/** What the store holds as the transaction sees it, for the entries it was asked about. */
export type Facts = {
  findReplay(
    key: Pick<Grant, 'spiffeId' | 'idempotencyKey'>,
  ): { grant: GrantRow; lease: LeaseRow } | undefined;
  countLive(key: QuotaKey): number;
  findGrant(id: string): GrantRow | undefined;
  findLease(id: string): LeaseRow | undefined;
};

/** What one transaction writes. Every row stands in it once, as it is in the end. */
export type Writes = {
  readonly grantInserts: readonly GrantRow[];
  readonly leaseInserts: readonly LeaseRow[];
  readonly grantUpdates: readonly GrantRow[];
  readonly leaseUpdates: readonly LeaseRow[];
  /** To be added to the counts that stand, in one order in every transaction so that no two wait in a circle. */
  readonly liveChanges: readonly LiveGrantsRow[];
  /** The sealed events; absent when no entry had any. */
  readonly sealed?: { readonly batch: SignedBatch; readonly row: OutboxRow; readonly state: BrokerStateRow };
};

/** Who commits, and how far its log has come. */
export type CommitPlace = {
  readonly broker: SpiffeId;
  readonly brokerName: string;
  readonly state: Pick<BrokerStateRow, 'epoch' | 'seq' | 'batch_sha256'>;
  readonly epochKey: KeyObject;
  readonly now: UnixMs;
};

/**
 * Decides, entry by entry and in order, what one transaction writes. Nothing is written here: an entry that conflicts,
 * replays or cannot be encoded leaves no trace in the plan, so its neighbours stand untouched.
 *
 * The quota counts the grants that live when the entry's turn comes: those of before, and what the entries before it began
 * and ended.
 */
export class CommitPlan {
  readonly #facts: Facts;
  readonly #place: CommitPlace;
  readonly #time: string;
  readonly #grants = new Map<string, { row: GrantRow; isNew: boolean }>();
  readonly #leases = new Map<string, { row: LeaseRow; isNew: boolean }>();
  readonly #byKey = new Map<string, { grant: GrantRow; lease: LeaseRow }>();
  readonly #live = new Map<string, number>();
  readonly #liveChanges = new Map<string, LiveGrantsRow>();
  readonly #events: Buffer[] = [];
  #bytes = 0;
  #traceparent: string | null = null;

  constructor(facts: Facts, place: CommitPlace) {
    this.#facts = facts;
    this.#place = place;
    this.#time = formatTime(place.now);
  }

  /**
   * Takes the entry in, or says why not; `full` when it must wait for the next transaction.
   * @throws Error when it moves a lease or grant as its state machine does not allow, or one of its events has no canonical form.
   */
  add(entry: LedgerEntry): LedgerOutcome | { readonly kind: 'full' } {
    const { insert } = entry;
    const refusal = insert === undefined ? undefined : this.#refuse(insert);
    if (refusal !== undefined) return refusal;
    const lease = entry.lease === undefined ? undefined : this.#changedLease(entry.lease);
    const grant = entry.grant === undefined ? undefined : this.#changedGrant(entry.grant);
    if (lease === 'conflict' || grant === 'conflict') return { kind: 'conflict' };
    if (!this.#takeEvents(entry.events)) return { kind: 'full' };
    if (insert !== undefined) this.#insert(insert);
    if (lease !== undefined) this.#stage(this.#leases, lease);
    if (grant !== undefined) this.#changeGrant(grant);
    return {
      kind: 'committed',
      ...(lease === undefined ? {} : { lease: fromLeaseRow(lease) }),
      ...(grant === undefined ? {} : { grant: fromGrantRow(grant) }),
    };
  }

  /** Seals the events and says what to write. */
  finish(): Writes {
    const grants = [...this.#grants.values()];
    const leases = [...this.#leases.values()];
    return {
      grantInserts: grants.filter((staged) => staged.isNew).map((staged) => staged.row),
      leaseInserts: leases.filter((staged) => staged.isNew).map((staged) => staged.row),
      grantUpdates: grants.filter((staged) => !staged.isNew).map((staged) => staged.row),
      leaseUpdates: leases.filter((staged) => !staged.isNew).map((staged) => staged.row),
      liveChanges: [...this.#liveChanges.keys()].sort().flatMap((key) => this.#liveChanges.get(key) ?? []),
      ...(this.#events.length === 0 ? {} : { sealed: this.#seal() }),
    };
  }

  #refuse({ grant, liveMax }: NonNullable<LedgerEntry['insert']>): LedgerOutcome | undefined {
    const earlier = this.#byKey.get(replayKey(grant)) ?? this.#facts.findReplay(grant);
    if (earlier !== undefined) {
      if (earlier.grant.body_sha256 !== grant.bodySha256) return { kind: 'key_reused' };
      const now = { grant: this.#findGrant(earlier.grant.id), lease: this.#findLease(earlier.lease.id) };
      return {
        kind: 'replayed',
        grant: fromGrantRow(now.grant ?? earlier.grant),
        lease: fromLeaseRow(now.lease ?? earlier.lease),
      };
    }
    if (liveMax === undefined) return undefined;
    const live = this.#countLive(grant);
    return live < liveMax ? undefined : { kind: 'quota_exceeded', live };
  }

  #countLive(grant: Grant): number {
    const key = quotaKey(grant);
    const live = this.#live.get(key) ?? this.#facts.countLive(grant);
    this.#live.set(key, live);
    return live + (this.#liveChanges.get(key)?.live ?? 0);
  }

  #findGrant(id: string): GrantRow | undefined {
    return this.#grants.get(id)?.row ?? this.#facts.findGrant(id);
  }

  #findLease(id: string): LeaseRow | undefined {
    return this.#leases.get(id)?.row ?? this.#facts.findLease(id);
  }

  #changedLease(change: LeaseChange): LeaseRow | 'conflict' {
    requireLegalMove(change, isLegalLeaseMove);
    const row = this.#findLease(change.id);
    if (row === undefined || !isIn(row, change.from)) return 'conflict';
    if (change.set.expiresAt !== undefined && change.set.expiresAt < row.expires_at) return 'conflict';
    const isMeant = change.onlyIf === undefined || holds(row, change.onlyIf, this.#place.now);
    return isMeant ? changedLeaseRow(row, change) : 'conflict';
  }

  #changedGrant(change: GrantChange): GrantRow | 'conflict' {
    requireLegalMove(change, isLegalGrantMove);
    const row = this.#findGrant(change.id);
    return row !== undefined && isIn(row, change.from) ? changedGrantRow(row, change) : 'conflict';
  }

  #stage<Row extends GrantRow | LeaseRow>(rows: Map<string, { row: Row; isNew: boolean }>, row: Row): void {
    rows.set(row.id, { row, isNew: rows.get(row.id)?.isNew ?? false });
  }

  #changeGrant(row: GrantRow): void {
    const wasLive = this.#findGrant(row.id)?.ended_at === null;
    if (wasLive && row.ended_at !== null) this.#countChange(row, -1);
    this.#stage(this.#grants, row);
  }

  #countChange({ spiffe_id, resource, action }: GrantRow, by: 1 | -1): void {
    const key = quotaKey({ spiffeId: spiffe_id, resource, action });
    const live = (this.#liveChanges.get(key)?.live ?? 0) + by;
    this.#liveChanges.set(key, { spiffe_id, resource, action, live });
  }

  #insert({ grant, lease }: NonNullable<LedgerEntry['insert']>): void {
    const rows = { grant: toGrantRow(grant), lease: toLeaseRow(lease) };
    this.#grants.set(grant.id, { row: rows.grant, isNew: true });
    this.#leases.set(lease.id, { row: rows.lease, isNew: true });
    this.#byKey.set(replayKey(grant), rows);
    this.#countChange(rows.grant, 1);
    this.#traceparent ??= grant.traceparent ?? null;
  }

  /** Encodes an entry's events under the next sequences; false when they do not fit any more. */
  #takeEvents(drafts: readonly EventDraft[]): boolean {
    if (this.#events.length + drafts.length > batchEventsMax) return false;
    const { broker, state, now } = this.#place;
    const encoded = drafts.map((draft, i) => {
      const seq = state.seq + this.#events.length + i + 1;
      return encodeCommitted(draft, {
        id: newId('event', now),
        time: this.#time,
        source: { broker, epoch: state.epoch, seq },
      });
    });
    const bytes = encoded.reduce((sum, event) => sum + event.length, 0);
    if (this.#bytes + bytes > batchBytesMax) return false;
    this.#events.push(...encoded);
    this.#bytes += bytes;
    const trace = drafts.find((draft) => draft.trace !== undefined)?.trace;
    if (trace !== undefined) this.#traceparent ??= `00-${trace.trace_id}-${trace.span_id}-01`;
    return true;
  }

  #seal(): NonNullable<Writes['sealed']> {
    const { broker, brokerName, state, epochKey, now } = this.#place;
    const batch = sealBatch(
      {
        broker,
        epoch: state.epoch,
        first_seq: state.seq + 1,
        prev_batch_sha256: state.batch_sha256,
        time: this.#time,
      },
      this.#events,
      epochKey,
    );
    const seq = state.seq + this.#events.length;
    const row: OutboxRow = {
      broker: brokerName,
      first_seq: state.seq + 1,
      last_seq: seq,
      header: batch.header,
      signature: batch.signature,
      events: joinEvents(batch.events),
      bytes: this.#bytes,
      traceparent: this.#traceparent,
      committed_at: now,
    };
    return {
      batch,
      row,
      state: { broker: brokerName, epoch: state.epoch, seq, batch_sha256: batchHash(batch.header) },
    };
  }
}

type Move<State> = { readonly id: string; readonly from: readonly State[]; readonly to?: State };

/** @throws Error when from one of the states named the state machine has no such move: a fault of the code that asks for it. */
function requireLegalMove<State extends string>(
  { id, from, to }: Move<State>,
  isLegal: (from: State, to: State) => boolean,
): void {
  if (to === undefined) return;
  for (const state of from)
    if (!isLegal(state, to)) throw new Error(`ledger: ${id}: ${state} → ${to} is not a legal move`);
}

function isIn({ state }: GrantRow | LeaseRow, states: readonly string[]): boolean {
  return states.includes(state);
}

function holds(row: LeaseRow, fact: LeaseFact, now: UnixMs): boolean {
  return fact === 'expired' ? row.expires_at <= now : row.delivered_at === null;
}

/** A grant's place among those that replay: one per holder and key. */
export function replayKey(grant: { readonly spiffeId: string; readonly idempotencyKey: string }): string {
  return `${grant.spiffeId}\n${grant.idempotencyKey}`;
}

/** One text for {@link QuotaKey}; none of the three can hold a newline. */
export function quotaKey(key: QuotaKey): string {
  return `${key.spiffeId}\n${key.resource}\n${key.action}`;
}
