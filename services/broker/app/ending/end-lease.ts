import { SingleFlight } from '@stint/common/single-flight.ts';
import { endState, type GrantAndLease } from '../../domain/grant.ts';
import { type EndReason, type Lease, type LeaseState, targetCallMs } from '../../domain/lease.ts';
import { recordRevocation } from '../grant-metrics.ts';
import { broker, commitChange, type EndCause, leaseEvent } from '../lease-record.ts';
import type { LeaseChange, LedgerEntry } from '../ports/ledger.ts';
import { TargetEnding, type TargetEndingParts } from './end-at-target.ts';
import type { EndedLeaseFeed } from './ended-lease-feed.ts';

export type LeaseEndingParts = TargetEndingParts & { readonly feed: EndedLeaseFeed };

/** States in which a target holds something, or may, that has to go. */
const drivenStates: ReadonlySet<LeaseState> = new Set(['unknown', 'revoking', 'contained', 'stuck']);

/**
 * Ends leases: contain first, clean second, retry for ever. The same code ends a lease whose work is done, whose time is
 * up, that was revoked, that was never delivered, or whose creation a crash interrupted.
 *
 * 1. Commit the lease as `revoking`. A crash after it: the row's `nextAttemptAt` brings a worker back to 2.
 * 2. Contain at the target. A crash after it: 2 is repeated; an absent entity counts as contained.
 * 3. Commit `contained`, with the target's proof. A crash after it: a worker goes on at 4.
 * 4. Remove at the target. A crash after it: 4 is repeated; an absent entity counts as removed.
 * 5. Commit `revoked` and the grant's end.
 *
 * A lease of a provider that only signs stands at no target: one commit ends it, and its verifiers are told.
 */
export class LeaseEnding {
  readonly #parts: LeaseEndingParts;
  readonly #atTarget: TargetEnding;
  /** Leases being driven by this process, so that a caller who waits and the sweeper do not both do it. */
  readonly #driving = new SingleFlight<GrantAndLease>();

  constructor(parts: LeaseEndingParts) {
    this.#parts = parts;
    this.#atTarget = new TargetEnding(parts);
  }

  /**
   * Step 1: from its commit on the lease is ending, whatever crashes. Returns grant and lease as they are now; a lease that is
   * already ending or ended, or was renewed or delivered since it was found expired or undelivered, is returned unchanged.
   */
  begin(held: GrantAndLease, cause: EndCause): Promise<GrantAndLease> {
    const provider = this.#parts.providers.get(held.lease.provider);
    if (provider?.mode === 'signs') return this.#endSigned(held, cause);
    return held.lease.state === 'intent'
      ? this.#beginWhileCreating(held, cause)
      : this.#beginCreated(held, cause);
  }

  /**
   * Steps 2 to 5 as far as they go now; what fails is scheduled on the row. Returns grant and lease as they are then: unchanged
   * when the lease has not begun to end, or has ended, as every lease of a provider that only signs. One whose provider this
   * broker has not got is left to a broker that has it; with `isLastResort`, when none seems to come, it becomes stuck.
   */
  drive(held: GrantAndLease, { isLastResort = false } = {}): Promise<GrantAndLease> {
    const { id, provider, state } = held.lease;
    if (!drivenStates.has(state)) return Promise.resolve(held);
    if (!isLastResort && !this.#parts.providers.has(provider)) return Promise.resolve(held);
    return this.#driving.run(id, () => this.#driveOnce(held));
  }

  /** Schedules a live lease whose row was due too early: it was renewed while its delivery was being noted. */
  lookAgainAtEnd(held: GrantAndLease): Promise<GrantAndLease> {
    const { id, expiresAt: nextAttemptAt } = held.lease;
    return this.#commit(held, { lease: { id, from: ['active'], set: { nextAttemptAt } }, events: [] });
  }

  /** Records that nothing was created: lease aborted, grant failed. */
  async creationFailed(held: GrantAndLease, code: string): Promise<void> {
    const reason = 'creation_failed';
    const set = { endReason: reason, lastError: code, nextAttemptAt: null } as const;
    const ended = { endedAt: this.#parts.clock.now(), endReason: reason } as const;
    await this.#commit(held, {
      lease: { id: held.lease.id, from: ['intent'], to: 'aborted', set },
      grant: { id: held.grant.id, from: ['active'], to: 'failed', set: ended },
      events: [
        leaseEvent('lease.aborted', held, { code }),
        leaseEvent('grant.ended', held, { reason, state: 'failed' }),
      ],
    });
  }

  /** Records that something may have been created, and begins to remove it. Returns grant and lease as they are then. */
  outcomeUnknown(held: GrantAndLease, code: string): Promise<GrantAndLease> {
    const endReason = 'outcome_unknown';
    const set = { endReason, lastError: code, nextAttemptAt: this.#parts.clock.now() } as const;
    return this.#commit(held, {
      lease: { id: held.lease.id, from: ['intent'], to: 'unknown', set },
      grant: { id: held.grant.id, from: ['active'], to: 'ending', set: { endReason } },
      events: [leaseEvent('lease.unknown', held, { code })],
    });
  }

  async #endSigned(held: GrantAndLease, cause: EndCause): Promise<GrantAndLease> {
    const { reason } = cause;
    const now = this.#parts.clock.now();
    const state = endState(reason);
    const set = { endReason: reason, containedAt: now, revokedAt: now, nextAttemptAt: null };
    const ended = await commitChange(this.#parts.ledger, held, {
      lease: { id: held.lease.id, from: ['active'], to: 'revoked', set },
      grant: { id: held.grant.id, from: ['active'], to: state, set: { endedAt: now, endReason: reason } },
      events: [
        leaseEvent('lease.revoked', { ...held, cause }, { reason, revocation: 'by_verifiers' }),
        leaseEvent('grant.ended', { ...held, cause }, { reason, state }),
      ],
    });
    if (ended === undefined) return held;
    recordRevocation(ended.lease, 'revoked', reason);
    this.#tellVerifiers(ended.lease, reason);
    return ended;
  }

  /** The creation under way loses: its activation finds the lease moved on, and what it may have made is removed. */
  async #beginWhileCreating(intended: GrantAndLease, cause: EndCause): Promise<GrantAndLease> {
    return this.#beginCreated(await this.outcomeUnknown(intended, 'ended_while_creating'), cause);
  }

  async #beginCreated(held: GrantAndLease, cause: EndCause): Promise<GrantAndLease> {
    const { grant, lease } = held;
    const { reason } = cause;
    const from = (['active', 'unknown'] as const).filter((state) => state === lease.state);
    if (from.length === 0) return held;
    // Whoever begins goes on to drive, and another worker comes only if this one is gone; who cannot leaves it to the others.
    const now = this.#parts.clock.now();
    const nextAttemptAt = this.#parts.providers.has(lease.provider) ? now + targetCallMs : now;
    const set = { endReason: reason, nextAttemptAt, attempts: 0 };
    const begun = await commitChange(this.#parts.ledger, held, {
      lease: { id: lease.id, from, to: 'revoking', set, ...conditionOf(reason) },
      grant: { id: grant.id, from: ['active', 'ending'], to: 'ending', set: { endReason: reason } },
      events: [leaseEvent('lease.revoking', { ...held, cause }, { reason })],
    });
    this.#parts.step('revoking_committed');
    if (begun === undefined) return held;
    this.#atTarget.begun(begun.lease, now);
    this.#tellVerifiers(begun.lease, reason);
    return begun;
  }

  async #driveOnce(held: GrantAndLease): Promise<GrantAndLease> {
    if (held.lease.state !== 'unknown') return this.#atTarget.drive(held);
    const begun = await this.#beginCreated(held, { reason: 'outcome_unknown', actor: broker });
    // One that did not begin is somebody else's by now.
    return begun.lease.state === 'revoking' ? this.#atTarget.drive(begun) : begun;
  }

  /** Commits a change. Returns grant and lease as they are then: unchanged when somebody else had moved them. */
  async #commit(held: GrantAndLease, entry: LedgerEntry): Promise<GrantAndLease> {
    return (await commitChange(this.#parts.ledger, held, entry)) ?? held;
  }

  /** What ends in time needs no telling: everybody knows the time. */
  #tellVerifiers(lease: Lease, reason: EndReason): void {
    if (reason === 'expired') return;
    this.#parts.feed.publish([{ id: lease.id, grantId: lease.grantId, expiresAt: lease.expiresAt, reason }]);
  }
}

/**
 * A row may wait long between its claim and its turn. Who renewed or acknowledged it meanwhile was told that it lives, and has
 * put the row's schedule right; every other reason holds whatever the row has become.
 */
function conditionOf(reason: EndReason): Pick<LeaseChange, 'onlyIf'> {
  return reason === 'expired' || reason === 'undelivered' ? { onlyIf: reason } : {};
}
