import type { Log } from '@stint/common/log.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import { endState, type Grant } from '../domain/grant.ts';
import { type Lease, type LeaseState, retryAt, targetCallMs } from '../domain/lease.ts';
import { recordContainment, recordRevocation } from './access-metrics.ts';
import { leaseEvent, leaseMove } from './lease-record.ts';
import {
  type Ledger,
  type LedgerEntry,
  ProviderFailure,
  type ProviderSet,
  type TargetProvider,
} from './ports.ts';
import type { StepObserver } from './steps.ts';

export type TargetEndingParts = {
  readonly providers: ProviderSet;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  readonly step: StepObserver;
  /** In [0, 1): spreads retries. */
  readonly random: () => number;
};

/** Beginnings kept in memory. Of leases beyond them, as of those begun before a restart, the lag is not told. */
const beginningsMax = 10_000;

/** The code of a lease whose provider the broker was started without. */
const providerMissing = 'provider_not_configured';

/** The end of a lease at its target. */
type TargetEnd = Pick<TargetProvider, 'contain' | 'remove'>;

/** For a signed lease whose end began while its provider was away, so that nobody knew that it stands at no target. */
const verifiersAlone: TargetEnd = {
  contain: () => Promise.resolve({ revocation: 'by_verifiers' }),
  remove: () => Promise.resolve({ revocation: 'by_verifiers' }),
};

/**
 * Steps 2 to 5 of a lease's end, as `end-lease.ts` numbers them: what is done at the target, and its record. What fails is
 * scheduled on the row.
 */
export class TargetEnding {
  readonly #parts: TargetEndingParts;
  /** When this process began to end leases that are not contained yet: for the record of how long it took. */
  readonly #beginnings = new Map<string, UnixMs>();

  constructor(parts: TargetEndingParts) {
    this.#parts = parts;
  }

  /** The lease began to end now, in this process. */
  begun(lease: Lease, now: UnixMs): void {
    if (this.#beginnings.size < beginningsMax) this.#beginnings.set(lease.id, now);
  }

  /** Goes as far as it goes now with a lease that has begun to end. Returns it as it is then. */
  async drive(grant: Grant, lease: Lease): Promise<Lease> {
    let current = lease;
    try {
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
      lease: leaseMove(
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
        leaseEvent(
          'lease.contained',
          { grant, lease },
          { proof, ...(lagMs === undefined ? {} : { lag_ms: lagMs }) },
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
      lease: leaseMove(
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
        leaseEvent('lease.revoked', { grant, lease }, { proof }),
        leaseEvent('grant.ended', { grant, lease }, { reason, state: endState(reason) }),
      ],
    });
    this.#parts.step('removed_committed');
    recordRevocation(lease, 'revoked', reason);
    const { nextAttemptAt: _, lastError: __, ...ended } = lease;
    return { ...ended, state: 'revoked', revokedAt: now };
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
      events: becomesStuck ? [leaseEvent('lease.stuck', { grant, lease }, { code: failure.code })] : [],
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
    this.#parts.log.error(
      { ...facts, todo, remedy: failure.remedy },
      'a lease is stuck: waiting alone will not end it',
    );
  }

  /** A conflict here means that another worker got ahead; its row is the truth and this one stops. */
  async #mustCommit(entry: LedgerEntry): Promise<void> {
    const outcome = await this.#parts.ledger.commit(entry);
    if (outcome.kind !== 'committed') throw new ProviderFailure('unreachable', 'overtaken');
  }
}

function needsContainment(lease: Lease): boolean {
  return lease.state === 'revoking' || (lease.state === 'stuck' && lease.containedAt === undefined);
}
