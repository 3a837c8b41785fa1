import { endState, type Grant } from '../domain/grant.ts';
import { type EndReason, type Lease, type LeaseState, targetCallMs } from '../domain/lease.ts';
import { recordRevocation } from './access-metrics.ts';
import { TargetEnding, type TargetEndingParts } from './end-at-target.ts';
import { broker, type EndCause, leaseEvent, leaseMove } from './lease-record.ts';
import type { EndedLeaseFeed } from './ports.ts';

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
  readonly #driving = new Map<string, Promise<Lease>>();

  constructor(parts: LeaseEndingParts) {
    this.#parts = parts;
    this.#atTarget = new TargetEnding(parts);
  }

  /**
   * Step 1: from its commit on the lease is ending, whatever crashes. Returns the lease as it is now; one that is
   * already ending or ended is returned unchanged.
   */
  begin(grant: Grant, lease: Lease, cause: EndCause): Promise<Lease> {
    const provider = this.#parts.providers.get(lease.provider);
    if (provider?.mode === 'signs') return this.#endSigned(grant, lease, cause);
    return lease.state === 'intent'
      ? this.#beginWhileCreating(grant, lease, cause)
      : this.#beginCreated(grant, lease, cause);
  }

  /**
   * Steps 2 to 5 as far as they go now; what fails is scheduled on the row. Returns the lease as it is then: unchanged when
   * it has not begun to end, or has ended, as every lease of a provider that only signs. One whose provider this broker has
   * not got is left to a broker that has it; with `isLastResort`, when none seems to come, it becomes stuck.
   */
  drive(grant: Grant, lease: Lease, { isLastResort = false } = {}): Promise<Lease> {
    if (!drivenStates.has(lease.state)) return Promise.resolve(lease);
    if (!isLastResort && !this.#parts.providers.has(lease.provider)) return Promise.resolve(lease);
    const running = this.#driving.get(lease.id);
    if (running !== undefined) return running;
    const driving = this.#driveOnce(grant, lease).finally(() => this.#driving.delete(lease.id));
    this.#driving.set(lease.id, driving);
    return driving;
  }

  /** Schedules a live lease whose row was due too early: it was renewed while its delivery was being noted. */
  async lookAgainAtEnd(lease: Lease): Promise<Lease> {
    const set = { nextAttemptAt: lease.expiresAt };
    await this.#parts.ledger.commit({ lease: { id: lease.id, from: ['active'], set }, events: [] });
    return lease;
  }

  /** Records that nothing was created: lease aborted, grant failed. */
  async creationFailed(grant: Grant, intent: Lease, code: string): Promise<void> {
    const endedAt = this.#parts.clock.now();
    await this.#parts.ledger.commit({
      lease: leaseMove(
        intent,
        { from: ['intent'], to: 'aborted' },
        {
          endReason: 'creation_failed',
          lastError: code,
          nextAttemptAt: null,
        },
      ),
      grant: {
        id: grant.id,
        from: ['active'],
        set: { state: 'failed', endedAt, endReason: 'creation_failed' },
      },
      events: [
        leaseEvent('lease.aborted', { grant, lease: intent }, { code }),
        leaseEvent('grant.ended', { grant, lease: intent }, { reason: 'creation_failed', state: 'failed' }),
      ],
    });
  }

  /** Records that something may have been created, and begins to remove it. */
  async outcomeUnknown(grant: Grant, intent: Lease, code: string): Promise<Lease> {
    const now = this.#parts.clock.now();
    const outcome = await this.#parts.ledger.commit({
      lease: leaseMove(
        intent,
        { from: ['intent'], to: 'unknown' },
        {
          endReason: 'outcome_unknown',
          lastError: code,
          nextAttemptAt: now,
        },
      ),
      grant: { id: grant.id, from: ['active'], set: { state: 'ending', endReason: 'outcome_unknown' } },
      events: [leaseEvent('lease.unknown', { grant, lease: intent }, { code })],
    });
    return outcome.kind === 'committed'
      ? { ...intent, state: 'unknown', endReason: 'outcome_unknown', nextAttemptAt: now, lastError: code }
      : intent;
  }

  async #endSigned(grant: Grant, lease: Lease, cause: EndCause): Promise<Lease> {
    const { reason } = cause;
    const now = this.#parts.clock.now();
    const state = endState(reason);
    const outcome = await this.#parts.ledger.commit({
      lease: leaseMove(
        lease,
        { from: ['active'], to: 'revoked' },
        {
          endReason: reason,
          containedAt: now,
          revokedAt: now,
          nextAttemptAt: null,
        },
      ),
      grant: { id: grant.id, from: ['active'], set: { state, endedAt: now, endReason: reason } },
      events: [
        leaseEvent('lease.revoked', { grant, lease, cause }, { reason, revocation: 'by_verifiers' }),
        leaseEvent('grant.ended', { grant, lease, cause }, { reason, state }),
      ],
    });
    if (outcome.kind !== 'committed') return lease;
    recordRevocation(lease, 'revoked', reason);
    this.#tellVerifiers(lease, reason);
    const { nextAttemptAt: _, ...ended } = lease;
    return { ...ended, state: 'revoked', endReason: reason, containedAt: now, revokedAt: now };
  }

  /** The creation under way loses: its activation finds the lease moved on, and what it may have made is removed. */
  async #beginWhileCreating(grant: Grant, intent: Lease, cause: EndCause): Promise<Lease> {
    const unknown = await this.outcomeUnknown(grant, intent, 'ended_while_creating');
    return this.#beginCreated(grant, unknown, cause);
  }

  async #beginCreated(grant: Grant, lease: Lease, cause: EndCause): Promise<Lease> {
    const { reason } = cause;
    const from = (['active', 'unknown'] as const).filter((state) => state === lease.state);
    if (from.length === 0) return lease;
    // Whoever begins goes on to drive, and another worker comes only if this one is gone; who cannot leaves it to the others.
    const now = this.#parts.clock.now();
    const nextAttemptAt = this.#parts.providers.has(lease.provider) ? now + targetCallMs : now;
    const outcome = await this.#parts.ledger.commit({
      lease: leaseMove(lease, { from, to: 'revoking' }, { endReason: reason, nextAttemptAt, attempts: 0 }),
      grant: { id: grant.id, from: ['active', 'ending'], set: { state: 'ending', endReason: reason } },
      events: [leaseEvent('lease.revoking', { grant, lease, cause }, { reason })],
    });
    this.#parts.step('revoking_committed');
    if (outcome.kind !== 'committed') return lease;
    this.#atTarget.begun(lease, now);
    this.#tellVerifiers(lease, reason);
    return { ...lease, state: 'revoking', endReason: reason, nextAttemptAt, attempts: 0 };
  }

  async #driveOnce(grant: Grant, lease: Lease): Promise<Lease> {
    const cause: EndCause = { reason: 'outcome_unknown', actor: broker };
    const begun = lease.state === 'unknown' ? await this.#beginCreated(grant, lease, cause) : lease;
    return this.#atTarget.drive(grant, begun);
  }

  /** What ends in time needs no telling: everybody knows the time. */
  #tellVerifiers(lease: Lease, reason: EndReason): void {
    if (reason === 'expired') return;
    this.#parts.feed.publish([{ id: lease.id, grantId: lease.grantId, expiresAt: lease.expiresAt, reason }]);
  }
}
