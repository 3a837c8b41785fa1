import type { Grant__Output } from '@stint/common/gen/stint/broker/v1/Grant.ts';
import type { GrantId } from '@stint/common/ids.ts';
import type { Clock } from '@stint/common/time.ts';
import { askMs, type Caller, waitFor } from './caller.ts';
import type { GrantEndings } from './grant-endings.ts';
import type { AccessCache, Broker, LeaseMessage } from './ports.ts';

/** What a workload gives back. */
export type ReleaseRequest = {
  readonly grantId: GrantId;
  readonly sessionId: string | undefined;
  /** Wait until nobody can use the credential any more. */
  readonly waitContained: boolean;
};

/** Whether the grant was completed; it and its leases then. */
export type Released = {
  readonly completed: boolean;
  readonly grant: Grant__Output | null;
  readonly leases: readonly LeaseMessage[];
};

export type ReleaseAccessParts = {
  readonly cache: AccessCache;
  readonly endings: GrantEndings;
  readonly broker: Broker;
  readonly clock: Clock;
};

/**
 * Ends one hold; when it was the last, completes the grant.
 *
 * 1. the hold ends and the lease leaves the memory, so that nobody gets it any more (crash: the grant ends by itself) ·
 * 2. the broker is told, again and again until it has it, whether or not this caller waits · 3. answer.
 */
export class ReleaseAccess {
  readonly #parts: ReleaseAccessParts;

  constructor(parts: ReleaseAccessParts) {
    this.#parts = parts;
  }

  /**
   * A grant that is not in memory is completed at the broker all the same: its sidecar may have been restarted, or this
   * is the repetition of a call whose answer was lost.
   * @throws ServiceError GRANT_NOT_FOUND when the broker knows no such grant of this identity; and those of {@link Broker}.
   * After BROKER_UNAVAILABLE and DEADLINE_EXCEEDED the sidecar keeps trying to end a grant that it held.
   */
  async execute(request: ReleaseRequest, caller: Caller): Promise<Released> {
    const { cache, endings, broker, clock } = this.#parts;
    const released = cache.release(request.grantId, request.sessionId);
    if (released.kind === 'still_held') return { completed: false, grant: null, leases: [] };
    const { grantId, waitContained } = request;
    const ending = { grantId, waitContained, reason: 'completed' } as const;
    const completing =
      released.kind === 'last'
        ? endings.add({ ...ending, until: released.lease.hardExpiresAt })
        : (endings.find(grantId) ?? broker.completeGrant(ending, { deadline: clock.now() + askMs }));
    const { grant, leases } = await waitFor(completing, caller, this.#parts);
    return { completed: true, grant, leases };
  }
}
