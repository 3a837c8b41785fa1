import type { LeaseId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import type { Ledger } from '../ports/ledger.ts';

/**
 * Notes that a credential reached its workload's side, so that the lease lives to its end. One that is ending already, or
 * is not the caller's, is left as it is: the acknowledgement came too late or is a lie, and both change nothing.
 */
export class AcknowledgeDelivery {
  readonly #store: GrantStore;
  readonly #ledger: Ledger;
  readonly #clock: Clock;

  constructor(store: GrantStore, ledger: Ledger, clock: Clock) {
    this.#store = store;
    this.#ledger = ledger;
    this.#clock = clock;
  }

  async execute(spiffeId: SpiffeId, leaseId: LeaseId): Promise<void> {
    const found = await this.#store.findLease(leaseId);
    if (
      found?.lease.spiffeId !== spiffeId ||
      found.lease.state !== 'active' ||
      found.lease.deliveredAt !== undefined
    )
      return;
    const set = { deliveredAt: this.#clock.now(), nextAttemptAt: found.lease.expiresAt };
    await this.#ledger.commit({ lease: { id: leaseId, from: ['active'], set }, events: [] });
  }
}
