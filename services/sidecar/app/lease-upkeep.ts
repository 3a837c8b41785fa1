import type { Log } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import type { EndedLeases } from '../domain/ended-leases.ts';
import type { GrantEndings } from './grant-endings.ts';
import type { AccessCache } from './ports.ts';
import type { RenewLease } from './renew-lease.ts';
import type { WatchSessions } from './watch-sessions.ts';

/** How often the leases in memory are looked through, in milliseconds. What is expired is not served in between either. */
const tickMs = 1_000;

export type LeaseUpkeepParts = {
  readonly cache: AccessCache;
  readonly sessions: WatchSessions;
  readonly endings: GrantEndings;
  readonly endedLeases: EndedLeases;
  readonly renewing: RenewLease;
  readonly clock: Clock;
  readonly log: Log;
};

/** What time does to leases in memory: the expired leave, the unclaimed are given up, the renewable are renewed. */
export class LeaseUpkeep {
  readonly #parts: LeaseUpkeepParts;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: LeaseUpkeepParts) {
    this.#parts = parts;
  }

  start(): void {
    // A short tick rather than a timer per lease: it also sees the jump when a machine wakes from sleep.
    this.#timer ??= setInterval(() => this.tick(), tickMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Does everything that is due now. Renewals run on by themselves. */
  tick(): void {
    const { cache, sessions, endings, endedLeases, renewing, clock, log } = this.#parts;
    const now = clock.now();
    endedLeases.sweep(now);
    const { expired, unclaimed, toRenew } = cache.sweep(now);
    for (const { lease, sessions: holders } of expired) {
      const { leaseId, grantId } = lease;
      sessions.tell(holders, { kind: 'ended', leaseId, grantId, reason: 'expired' });
    }
    for (const lease of unclaimed) endings.abandon(lease);
    for (const lease of toRenew) {
      renewing.renewHeld(lease).catch((error: unknown) => {
        log.warn({ lease_id: lease.leaseId, error }, 'lease not renewed; it is served until its end');
      });
    }
  }
}
