import type { EventActor, EventDraft, EventType, EventValue } from '@stint/common/audit-event.ts';
import type { Log } from '@stint/common/log.ts';
import { traceIdsOf } from '@stint/common/telemetry.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import { endState, type Grant } from '../domain/grant.ts';
import {
  type EndReason,
  intentMs,
  isLegalMove,
  type Lease,
  type LeaseState,
  retryAt,
} from '../domain/lease.ts';
import { recordContainment, recordRevocation } from './access-metrics.ts';
import {
  type EndedLeaseFeed,
  type EndProof,
  type Ledger,
  type LedgerEntry,
  ProviderFailure,
  type ProviderSet,
  type TargetProvider,
} from './ports.ts';
import type { StepObserver } from './steps.ts';

export type LeaseEndingParts = {
  readonly providers: ProviderSet;
  readonly ledger: Ledger;
  readonly feed: EndedLeaseFeed;
  readonly clock: Clock;
  readonly log: Log;
  readonly step: StepObserver;
  /** In [0, 1): spreads retries. */
  readonly random: () => number;
};

/** Longest that one call to a target may take, in milliseconds; a slower one counts as unreachable and is tried again. */
const targetCallMs = intentMs / 2;

/** Beginnings kept in memory. Of leases beyond them, as of those begun before a restart, the lag is not told. */
const beginningsMax = 10_000;

/** The code of a lease whose provider the broker was started without. */
const providerMissing = 'provider_not_configured';

/** Why a lease ends and by whose act; an operator's own words go into the record. */
export type EndCause = { readonly reason: EndReason; readonly actor: EventActor; readonly note?: string };

const broker: EventActor = { kind: 'broker' };

/** The end of a lease at its target. */
type TargetEnd = Pick<TargetProvider, 'contain' | 'remove'>;

/** For a signed lease whose end began while its provider was away, so that nobody knew that it stands at no target. */
const verifiersAlone: TargetEnd = {
  contain: () => Promise.resolve({ revocation: 'by_verifiers' }),
  remove: () => Promise.resolve({ revocation: 'by_verifiers' }),
};

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
  /** Leases being driven by this process, so that a caller who waits and the sweeper do not both do it. */
  readonly #driving = new Map<string, Promise<Lease>>();

  /** When this process began to end leases that are not contained yet: for the record of how long it took. */
  readonly #beginnings = new Map<string, UnixMs>();

  constructor(parts: LeaseEndingParts) {
    this.#parts = parts;
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
      lease: move(
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
        event('lease.aborted', { grant, lease: intent }, { code }),
        event('grant.ended', { grant, lease: intent }, { reason: 'creation_failed', state: 'failed' }),
      ],
    });
  }

  /** Records that something may have been created, and begins to remove it. */
  async outcomeUnknown(grant: Grant, intent: Lease, code: string): Promise<Lease> {
    const now = this.#parts.clock.now();
    const outcome = await this.#parts.ledger.commit({
      lease: move(
        intent,
        { from: ['intent'], to: 'unknown' },
        {
          endReason: 'outcome_unknown',
          lastError: code,
          nextAttemptAt: now,
        },
      ),
      grant: { id: grant.id, from: ['active'], set: { state: 'ending', endReason: 'outcome_unknown' } },
      events: [event('lease.unknown', { grant, lease: intent }, { code })],
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
      lease: move(
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
        event('lease.revoked', { grant, lease, cause }, { reason, revocation: 'by_verifiers' }),
        event('grant.ended', { grant, lease, cause }, { reason, state }),
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
      lease: move(lease, { from, to: 'revoking' }, { endReason: reason, nextAttemptAt, attempts: 0 }),
      grant: { id: grant.id, from: ['active', 'ending'], set: { state: 'ending', endReason: reason } },
      events: [event('lease.revoking', { grant, lease, cause }, { reason })],
    });
    this.#parts.step('revoking_committed');
    if (outcome.kind !== 'committed') return lease;
    this.#noteBeginning(lease, now);
    this.#tellVerifiers(lease, reason);
    return { ...lease, state: 'revoking', endReason: reason, nextAttemptAt, attempts: 0 };
  }

  async #driveOnce(grant: Grant, lease: Lease): Promise<Lease> {
    let current = lease;
    try {
      if (current.state === 'unknown')
        current = await this.#beginCreated(grant, current, { reason: 'outcome_unknown', actor: broker });
      const provider = this.#providerOf(current);
      if (needsContainment(current)) current = await this.#contain(grant, current, provider);
      if (current.state === 'contained' || current.state === 'stuck')
        current = await this.#remove(grant, current, provider);
      return current;
    } catch (thrown) {
      if (!(thrown instanceof ProviderFailure)) throw thrown;
      return this.#defer(grant, current, thrown);
    }
  }

  /** Who can end the lease. A target that the operator has taken away comes back by him alone. */
  #providerOf(lease: Lease): TargetEnd {
    const provider = this.#parts.providers.get(lease.provider);
    if (provider === undefined) throw new ProviderFailure('blocked', providerMissing);
    return provider.mode === 'creates' ? provider : verifiersAlone;
  }

  /** Steps 2 and 3. */
  async #contain(grant: Grant, lease: Lease, provider: TargetEnd): Promise<Lease> {
    const proof = await provider.contain(lease, AbortSignal.timeout(targetCallMs));
    this.#parts.step('contained');
    const now = this.#parts.clock.now();
    const nextAttemptAt = now + targetCallMs;
    const lagMs = this.#lagMs(lease, now);
    await this.#mustCommit({
      lease: move(
        lease,
        { from: ['revoking', 'stuck'], to: 'contained' },
        {
          containedAt: now,
          nextAttemptAt,
          attempts: 0,
          lastError: null,
        },
      ),
      events: [
        event(
          'lease.contained',
          { grant, lease },
          { ...proofData(proof), ...(lagMs === undefined ? {} : { lag_ms: lagMs }) },
        ),
      ],
    });
    if (lagMs !== undefined) recordContainment(lease, lagMs);
    this.#beginnings.delete(lease.id);
    this.#parts.step('contained_committed');
    const { lastError: _, ...contained } = lease;
    return { ...contained, state: 'contained', containedAt: now, nextAttemptAt, attempts: 0 };
  }

  /** Steps 4 and 5. */
  async #remove(grant: Grant, lease: Lease, provider: TargetEnd): Promise<Lease> {
    const proof = await provider.remove(lease, AbortSignal.timeout(targetCallMs));
    this.#parts.step('removed');
    const now = this.#parts.clock.now();
    const reason = lease.endReason ?? 'revoked';
    await this.#mustCommit({
      lease: move(
        lease,
        { from: ['contained', 'stuck'], to: 'revoked' },
        {
          revokedAt: now,
          nextAttemptAt: null,
          lastError: null,
        },
      ),
      grant: {
        id: grant.id,
        from: ['active', 'ending'],
        set: { state: endState(reason), endedAt: now, endReason: reason },
      },
      events: [
        event('lease.revoked', { grant, lease }, proofData(proof)),
        event('grant.ended', { grant, lease }, { reason, state: endState(reason) }),
      ],
    });
    this.#parts.step('removed_committed');
    recordRevocation(lease, 'revoked', reason);
    const { nextAttemptAt: _, lastError: __, ...ended } = lease;
    return { ...ended, state: 'revoked', revokedAt: now };
  }

  #noteBeginning(lease: Lease, now: UnixMs): void {
    if (this.#beginnings.size < beginningsMax) this.#beginnings.set(lease.id, now);
  }

  /** How long after its end the lease is contained; undefined when it was another process that began to end it. */
  #lagMs(lease: Lease, now: UnixMs): number | undefined {
    const endedAt = lease.endReason === 'expired' ? lease.expiresAt : this.#beginnings.get(lease.id);
    return endedAt === undefined ? undefined : now - endedAt;
  }

  /** Schedules the next try on the row. Only a failure that waiting will not mend is news worth a record, once. */
  async #defer(grant: Grant, lease: Lease, failure: ProviderFailure): Promise<Lease> {
    const attempts = lease.attempts + 1;
    const nextAttemptAt = retryAt(this.#parts.clock.now(), attempts, this.#parts.random());
    const becomesStuck = failure.kind === 'blocked' && lease.state !== 'stuck';
    const state = becomesStuck ? 'stuck' : lease.state;
    const set = { attempts, nextAttemptAt, lastError: failure.code };
    this.#tellOperator(lease, { failure, attempts, state });
    await this.#parts.ledger.commit({
      lease: { id: lease.id, from: [lease.state], set: becomesStuck ? { ...set, state } : set },
      events: becomesStuck ? [event('lease.stuck', { grant, lease }, { code: failure.code })] : [],
    });
    if (becomesStuck) recordRevocation(lease, 'stuck');
    return { ...lease, state, attempts, nextAttemptAt, lastError: failure.code };
  }

  /** A lease that becomes stuck needs somebody: it is said once as an error, with what to do; every further try as a warning. */
  #tellOperator(
    lease: Lease,
    { failure, attempts, state }: { failure: ProviderFailure; attempts: number; state: LeaseState },
  ): void {
    const { id: lease_id, provider, resource, entityName: entity_name } = lease;
    const facts = { lease_id, provider, resource, entity_name, state, code: failure.code, attempts };
    if (state === lease.state) {
      this.#parts.log.warn(facts, 'revocation is not done yet and will be tried again');
      return;
    }
    const todo =
      failure.code === providerMissing
        ? `declare provider "${provider}" in the providers file again and restart the broker; the lease then ends by itself`
        : `mend at the target what "${failure.code}" says; the lease then ends by itself`;
    this.#parts.log.error({ ...facts, todo }, 'a lease is stuck: waiting alone will not end it');
  }

  /** A conflict here means that another worker got ahead; its row is the truth and this one stops. */
  async #mustCommit(entry: LedgerEntry): Promise<void> {
    const outcome = await this.#parts.ledger.commit(entry);
    if (outcome.kind !== 'committed') throw new ProviderFailure('unreachable', 'overtaken');
  }

  /** What ends in time needs no telling: everybody knows the time. */
  #tellVerifiers(lease: Lease, reason: EndReason): void {
    if (reason === 'expired') return;
    this.#parts.feed.publish([{ id: lease.id, grantId: lease.grantId, expiresAt: lease.expiresAt, reason }]);
  }
}

function needsContainment(lease: Lease): boolean {
  return lease.state === 'revoking' || (lease.state === 'stuck' && lease.containedAt === undefined);
}

/** A move of a lease that the state machine must allow from every state named. */
type Move = { readonly from: readonly LeaseState[]; readonly to: LeaseState };

function move(
  lease: Lease,
  { from, to }: Move,
  set: Omit<NonNullable<LedgerEntry['lease']>['set'], 'state'>,
): NonNullable<LedgerEntry['lease']> {
  for (const state of from)
    if (!isLegalMove(state, to)) throw new Error(`lease ${lease.id}: ${state} → ${to} is not a legal move`);
  return { id: lease.id, from, set: { ...set, state: to } };
}

function event(
  type: EventType,
  about: { readonly grant: Grant; readonly lease: Lease; readonly cause?: EndCause },
  data: Record<string, EventValue>,
): EventDraft {
  const { grant, lease, cause } = about;
  const ids = traceIdsOf(grant.traceparent);
  const note = cause?.note === undefined ? {} : { note: cause.note };
  return {
    type,
    actor: cause?.actor ?? broker,
    request_id: grant.requestId,
    grant_id: grant.id,
    lease_id: lease.id,
    ...(ids === undefined ? {} : { trace: ids }),
    data: {
      entity_name: lease.entityName,
      provider: lease.provider,
      resource: lease.resource,
      ...note,
      ...data,
    },
  };
}

function proofData(proof: EndProof): Record<string, EventValue> {
  return { proof };
}
