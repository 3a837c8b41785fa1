import { ServiceError } from '@stint/common/errors.ts';
import type { LeaseId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import { type Clock, formatTime } from '@stint/common/time.ts';
import type { GrantAndLease } from '../../domain/grant.ts';
import { type Lease, targetCallMs } from '../../domain/lease.ts';
import { lifetimeMsMin } from '../../domain/lifetime.ts';
import { findProfile } from '../../domain/registry.ts';
import type { Bundles } from '../bundles.ts';
import { commitChange, leaseEvent } from '../lease-record.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { ProviderSet, TargetProvider } from '../ports/provider.ts';
import type { Asker } from './access-question.ts';
import { failureOf } from './access-refusals.ts';
import type { AuditBacklog } from './audit-backlog.ts';
import { logFailedCall } from './failed-call.ts';
import { actorOf } from './grant-draft.ts';

export type RenewLeaseParts = {
  readonly bundles: Bundles;
  readonly providers: ProviderSet;
  readonly ledger: Ledger;
  readonly store: GrantStore;
  readonly backlog: AuditBacklog;
  readonly clock: Clock;
  readonly log: Log;
};

/** A lease with less than this left is refused: extending it would race with its end. In milliseconds. */
const remainingMsMin = 2_000;

/**
 * Extends a lease within its grant. Renewals of one lease take turns: the last to reach the target is the last to be put on
 * record, and who waited for one that reached as far is told of that one's end. Brokers on one store do not see each other's
 * turns: there the ledger refuses an end that would move back.
 *
 * 1. Check holder, state and bounds. Nothing is written.
 * 2. Extend at the target. A crash after it: the target would let the credential live on, but the row still ends it at the
 *    old time, so a crash ends access early, never late.
 * 3. Commit the new end.
 */
export class RenewLease {
  readonly #parts: RenewLeaseParts;
  /** The last turn of each lease that is being renewed; never rejects. By holder too: nobody waits for what somebody else asks. */
  readonly #lastTurns = new Map<string, Promise<unknown>>();

  constructor(parts: RenewLeaseParts) {
    this.#parts = parts;
  }

  /**
   * @throws ServiceError LEASE_NOT_FOUND (or somebody else's), LEASE_NOT_RENEWABLE, TTL_OUT_OF_RANGE, IDENTITY_SUSPENDED,
   * AUDIT_UNAVAILABLE, PROVIDER_UNAVAILABLE, CONCURRENT_UPDATE.
   */
  async execute(asker: Asker, leaseId: LeaseId, ttlMs: number | undefined): Promise<Lease> {
    const key = `${asker.spiffeId} ${leaseId}`;
    const before = this.#lastTurns.get(key);
    const renew = () => this.#renew(asker, leaseId, { ttlMs, isAfterAnother: before !== undefined });
    const renewing = before === undefined ? renew() : before.then(renew);
    const turn = renewing.catch(() => undefined);
    this.#lastTurns.set(key, turn);
    try {
      return await renewing;
    } finally {
      if (this.#lastTurns.get(key) === turn) this.#lastTurns.delete(key);
    }
  }

  async #renew(
    asker: Asker,
    leaseId: LeaseId,
    { ttlMs, isAfterAnother }: { readonly ttlMs: number | undefined; readonly isAfterAnother: boolean },
  ): Promise<Lease> {
    this.#parts.backlog.assertRoom();
    const held = await this.#find(asker, leaseId);
    const { grant, lease } = held;
    const { registry } = this.#parts.bundles.current();
    const identity = registry.identities.get(asker.spiffeId);
    if (identity?.state !== 'active')
      throw new ServiceError('IDENTITY_SUSPENDED', `identity "${asker.spiffeId}" is not active any more`);
    const resource = registry.resources.get(lease.resource);
    const profile = resource === undefined ? undefined : findProfile(resource, grant.action);
    const provider = this.#parts.providers.get(lease.provider);
    if (provider === undefined) throw notRenewable(lease, `this broker has no provider "${lease.provider}"`);
    if (provider.mode !== 'creates') throw notRenewable(lease, 'its kind is asked for anew');
    if (resource === undefined || profile === undefined)
      throw notRenewable(lease, `"${grant.action}" on "${lease.resource}" is not registered any more`);
    const expiresAt = this.#newEnd(asker, lease, ttlMs ?? profile.ttlSecondsDefault * 1_000);
    if (expiresAt <= lease.expiresAt) {
      if (isAfterAnother) return lease;
      // Nothing to gain is the grant's end reached; shortening is not what renewing is for.
      throw notRenewable(lease, 'its end would not move: the grant ends, or the wanted time is shorter');
    }
    await this.#extend(provider, held, expiresAt);
    return this.#commit(asker, held, expiresAt);
  }

  async #find(asker: Asker, leaseId: LeaseId): Promise<GrantAndLease> {
    const found = await this.#parts.store.findLease(leaseId);
    if (found === undefined || found.lease.spiffeId !== asker.spiffeId) {
      throw new ServiceError('LEASE_NOT_FOUND', `lease "${leaseId}" is not one of yours`, {
        metadata: { lease_id: leaseId },
      });
    }
    return found;
  }

  #newEnd(asker: Asker, lease: Lease, ttlMs: number): number {
    const now = this.#parts.clock.now();
    if (lease.state !== 'active') throw notRenewable(lease, `it is ${lease.state}`);
    if (!lease.renewable) throw notRenewable(lease, 'its kind is asked for anew');
    if (lease.expiresAt - now < remainingMsMin) throw notRenewable(lease, 'it is about to end');
    if (!(ttlMs >= lifetimeMsMin))
      throw new ServiceError('TTL_OUT_OF_RANGE', `ttl: ${ttlMs} ms is less than 1 s`, {
        metadata: { field: 'ttl' },
      });
    return Math.min(now + ttlMs, lease.hardExpiresAt, asker.svidExpiresAt);
  }

  async #extend(provider: TargetProvider, held: GrantAndLease, expiresAt: number): Promise<void> {
    try {
      await provider.extend(held.lease, expiresAt, AbortSignal.timeout(targetCallMs));
    } catch (cause) {
      logFailedCall(this.#parts.log, 'extend', { ...held, cause });
      throw new ServiceError(
        'PROVIDER_UNAVAILABLE',
        'the target did not extend the credential; it ends when it would have',
        { metadata: { provider: provider.name, code: failureOf(cause).code }, retryAfterMs: 1_000, cause },
      );
    }
  }

  async #commit(asker: Asker, held: GrantAndLease, expiresAt: number): Promise<Lease> {
    const { lease } = held;
    const cause = { actor: actorOf(asker) };
    // Who renews a lease has it: nobody needs to say any more that it arrived.
    const deliveredAt = lease.deliveredAt ?? this.#parts.clock.now();
    const set = { expiresAt, nextAttemptAt: expiresAt, deliveredAt };
    const renewed = await commitChange(this.#parts.ledger, held, {
      lease: { id: lease.id, from: ['active'], set },
      events: [leaseEvent('lease.renewed', { ...held, cause }, { expires_at: formatTime(expiresAt) })],
    });
    if (renewed !== undefined) return renewed.lease;
    throw new ServiceError(
      'CONCURRENT_UPDATE',
      `lease "${lease.id}" ended, or was renewed by another broker, while it was being renewed`,
    );
  }
}

function notRenewable(lease: Lease, why: string): ServiceError {
  return new ServiceError('LEASE_NOT_RENEWABLE', `lease "${lease.id}" cannot be renewed: ${why}`, {
    metadata: { lease_id: lease.id, state: lease.state },
  });
}
