import type { Log } from '@stint/common/log.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import { endState, type GrantAndLease } from '../../domain/grant.ts';
import { type Lease, retryAt, targetCallMs } from '../../domain/lease.ts';
import { recordContainment, recordRevocation } from '../grant-metrics.ts';
import { commitChange, leaseEvent } from '../lease-record.ts';
import type { Ledger, LedgerEntry } from '../ports/ledger.ts';
import { ProviderFailure, type ProviderSet, type TargetProvider } from '../ports/provider.ts';
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

/** Starts of ends kept in memory. Of leases beyond them, as of those begun before a restart, the lag is not told. */
const endStartsMax = 10_000;

/** Stuck leases kept in memory as told. Of leases beyond them a restart alone is no news, only another code. */
const reportedStuckMax = 10_000;

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
  readonly #endStartedAt = new Map<string, UnixMs>();
  /** Stuck leases of which this process has told the operator what to do. */
  readonly #reportedStuck = new Set<string>();

  constructor(parts: TargetEndingParts) {
    this.#parts = parts;
  }

  /** The lease began to end now, in this process. */
  begun(lease: Lease, now: UnixMs): void {
    if (this.#endStartedAt.size < endStartsMax) this.#endStartedAt.set(lease.id, now);
  }

  /** Goes as far as it goes now with a lease that has begun to end. Returns it and its grant as they are then. */
  async drive(held: GrantAndLease): Promise<GrantAndLease> {
    let current = held;
    try {
      const provider = this.#providerOf(current.lease);
      if (needsContainment(current.lease)) current = await this.#contain(current, provider);
      const { state } = current.lease;
      return state === 'contained' || state === 'stuck' ? await this.#remove(current, provider) : current;
    } catch (thrown) {
      if (!(thrown instanceof ProviderFailure)) throw thrown;
      return this.#defer(current, thrown);
    }
  }

  /** Who can end the lease. A target that the operator has taken away comes back by him alone. */
  #providerOf(lease: Lease): TargetEnd {
    const provider = this.#parts.providers.get(lease.provider);
    if (provider === undefined) throw new ProviderFailure('blocked', providerMissing);
    return provider.mode === 'creates' ? provider : verifiersAlone;
  }

  /** Steps 2 and 3. */
  async #contain(held: GrantAndLease, provider: TargetEnd): Promise<GrantAndLease> {
    const { lease } = held;
    const proof = await provider.contain(lease, AbortSignal.timeout(targetCallMs));
    this.#parts.step('contained');
    const now = this.#parts.clock.now();
    const lagMs = this.#lagMs(lease, now);
    const set = { containedAt: now, nextAttemptAt: now + targetCallMs, attempts: 0, lastError: null };
    const data = { proof, ...(lagMs === undefined ? {} : { lag_ms: lagMs }) };
    const contained = await this.#mustCommit(held, {
      lease: { id: lease.id, from: ['revoking', 'stuck'], to: 'contained', set },
      events: [leaseEvent('lease.contained', held, data)],
    });
    if (lagMs !== undefined) recordContainment(lease, lagMs);
    this.#endStartedAt.delete(lease.id);
    this.#parts.step('contained_committed');
    return contained;
  }

  /** Steps 4 and 5. */
  async #remove(held: GrantAndLease, provider: TargetEnd): Promise<GrantAndLease> {
    const { grant, lease } = held;
    const proof = await provider.remove(lease, AbortSignal.timeout(targetCallMs));
    this.#parts.step('removed');
    const now = this.#parts.clock.now();
    const reason = lease.endReason ?? 'revoked';
    const state = endState(reason);
    const set = { revokedAt: now, nextAttemptAt: null, lastError: null };
    const ended = { endedAt: now, endReason: reason };
    const revoked = await this.#mustCommit(held, {
      lease: { id: lease.id, from: ['contained', 'stuck'], to: 'revoked', set },
      grant: { id: grant.id, from: ['active', 'ending'], to: state, set: ended },
      events: [
        leaseEvent('lease.revoked', held, { proof }),
        leaseEvent('grant.ended', held, { reason, state }),
      ],
    });
    this.#reportedStuck.delete(lease.id);
    this.#parts.step('removed_committed');
    recordRevocation(lease, 'revoked', reason);
    return revoked;
  }

  /**
   * How long after its end the lease is contained; undefined when it was another process that began to end it, and when the
   * clock was set back so far meanwhile that it says nothing.
   */
  #lagMs(lease: Lease, now: UnixMs): number | undefined {
    const endedAt = lease.endReason === 'expired' ? lease.expiresAt : this.#endStartedAt.get(lease.id);
    return endedAt === undefined || now < endedAt ? undefined : now - endedAt;
  }

  /** Schedules the next try on the row. Only a failure that waiting will not mend is news worth a record, once. */
  async #defer(held: GrantAndLease, failure: ProviderFailure): Promise<GrantAndLease> {
    const { id, state } = held.lease;
    const { code: lastError, kind } = failure;
    const attempts = held.lease.attempts + 1;
    const set = {
      attempts,
      nextAttemptAt: retryAt(this.#parts.clock.now(), attempts, this.#parts.random()),
      lastError,
    };
    const becomesStuck = kind === 'blocked' && state !== 'stuck';
    const deferred = await commitChange(
      this.#parts.ledger,
      held,
      becomesStuck
        ? {
            lease: { id, from: [state], to: 'stuck', set },
            events: [leaseEvent('lease.stuck', held, { code: lastError })],
          }
        : { lease: { id, from: [state], set }, events: [] },
    );
    if (deferred === undefined) return held;
    if (becomesStuck) recordRevocation(held.lease, 'stuck');
    const isNews = kind === 'blocked' && this.#isNews(held.lease, lastError);
    this.#tellOperator(deferred.lease, failure, isNews);
    return deferred;
  }

  /**
   * Whether the operator has yet to hear what to do: the row's last failure was another one, or it was an earlier process
   * that told it, which may have died before it did and whose log may be gone.
   */
  #isNews({ id, lastError }: Lease, code: string): boolean {
    const isFirst = !this.#reportedStuck.has(id) && this.#reportedStuck.size < reportedStuckMax;
    if (isFirst) this.#reportedStuck.add(id);
    return isFirst || code !== lastError;
  }

  /** A stuck lease needs somebody: what is news is said as an error, with what to do; every further try as a warning. */
  #tellOperator(lease: Lease, failure: ProviderFailure, isNews: boolean): void {
    const { id: lease_id, provider, resource, entityName: entity_name, state, attempts } = lease;
    const facts = { lease_id, provider, resource, entity_name, state, code: failure.code, attempts };
    if (!isNews) {
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
  async #mustCommit(held: GrantAndLease, entry: LedgerEntry): Promise<GrantAndLease> {
    const after = await commitChange(this.#parts.ledger, held, entry);
    if (after === undefined) throw new ProviderFailure('unreachable', 'overtaken');
    return after;
  }
}

function needsContainment(lease: Lease): boolean {
  return lease.state === 'revoking' || (lease.state === 'stuck' && lease.containedAt === undefined);
}
