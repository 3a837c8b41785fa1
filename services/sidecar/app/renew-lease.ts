import { isServiceError } from '@stint/common/errors.ts';
import type { LeaseId } from '@stint/common/ids.ts';
import { validateTtl } from '@stint/common/request-limits.ts';
import { currentTraceparent } from '@stint/common/telemetry.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import { askMs, type Caller, waitFor } from './caller.ts';
import type { AccessCache, Broker, HeldAccess, LeaseMessage, RenewedLease } from './ports.ts';
import type { WatchSessions } from './watch-sessions.ts';

export type RenewLeaseParts = {
  readonly cache: AccessCache;
  readonly sessions: WatchSessions;
  readonly broker: Broker;
  readonly clock: Clock;
};

/** `ttlMs`: wanted lifetime from now; undefined: the profile's default. */
export type RenewRequest = { readonly leaseId: LeaseId; readonly ttlMs: number | undefined };

/** Extends a lease at the broker and, when it is held here, in memory; its holders hear of it. */
export class RenewLease {
  readonly #parts: RenewLeaseParts;

  constructor(parts: RenewLeaseParts) {
    this.#parts = parts;
  }

  /**
   * A lease that is not in memory is extended all the same: the broker knows whose it is.
   * @throws ServiceError TTL_OUT_OF_RANGE, LEASE_NOT_FOUND, LEASE_NOT_RENEWABLE; and those of {@link Broker}.
   */
  execute(request: RenewRequest, caller: Caller): Promise<LeaseMessage> {
    validateTtl(request.ttlMs);
    const renewing = this.#renew(request, this.#parts.clock.now() + askMs);
    return waitFor(renewing, caller, this.#parts);
  }

  /** Renews a held lease because it is time to. A failure is remembered, and while the lease lives it is served on. */
  async renewHeld(lease: HeldAccess): Promise<void> {
    const { cache, clock } = this.#parts;
    try {
      await this.#renew({ leaseId: lease.leaseId, ttlMs: lease.wantedMs }, lease.expiresAt);
    } catch (error) {
      // Not for now, says LEASE_NOT_RENEWABLE: what is left may be longer than what is wanted, or as long as the SVID lasts,
      // which is replaced soon.
      const isFinal = isServiceError(error, 'LEASE_NOT_FOUND');
      cache.renewalFailed(lease.leaseId, { isFinal, now: clock.now() });
      throw error;
    }
  }

  async #renew(request: RenewRequest, deadline: UnixMs): Promise<LeaseMessage> {
    const { broker, cache, clock, sessions } = this.#parts;
    const askedAt = clock.now();
    const renewed = await broker.renewLease(request, { deadline, traceparent: currentTraceparent() });
    // Looked up only now: the lease may have been replaced or have ended while the broker was asked.
    const held = cache.findLease(request.leaseId);
    const holders = held === undefined ? undefined : cache.renewed(renewedAccess(held, renewed, askedAt));
    sessions.tell(holders ?? [], { kind: 'renewed', lease: renewed.lease });
    return renewed.lease;
  }
}

/** As of the first answer: it ends at the broker's time, or when what it had left there is over here, whichever is sooner. */
function renewedAccess(held: HeldAccess, renewed: RenewedLease, askedAt: UnixMs): HeldAccess {
  const { lease, renewedAt, expiresAt, hardExpiresAt, renewable } = renewed;
  return {
    ...held,
    issuedAt: askedAt,
    expiresAt: Math.min(expiresAt, askedAt + (expiresAt - (renewedAt ?? askedAt))),
    hardExpiresAt,
    renewable,
    access: { ...held.access, renewed: lease },
  };
}
