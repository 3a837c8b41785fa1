import type { Log } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import type { EndedLeases } from '../domain/ended-leases.ts';
import { clockLeewayMs } from '../domain/grant-token.ts';
import type { AccessCache, EndedLease } from './ports.ts';
import type { WatchSessions } from './watch-sessions.ts';

export type DropEndedLeasesParts = {
  readonly cache: AccessCache;
  readonly sessions: WatchSessions;
  readonly endedLeases: EndedLeases;
  readonly clock: Clock;
  readonly log: Log;
};

/** Drops what the broker says ended before its time: it is not served, and its tokens are not accepted, any more. */
export class DropEndedLeases {
  readonly #parts: DropEndedLeasesParts;

  constructor(parts: DropEndedLeasesParts) {
    this.#parts = parts;
  }

  execute(ended: readonly EndedLease[]): void {
    const { cache, sessions, endedLeases, clock, log } = this.#parts;
    const now = clock.now();
    const forgotten = endedLeases.forgotten;
    for (const { leaseId, grantId, expiresAt, reason } of ended) {
      // Verification allows that much beyond the end, so the list must remember for as long.
      endedLeases.add(leaseId, expiresAt + clockLeewayMs, now);
      const evicted = cache.evict(leaseId);
      if (evicted !== undefined) sessions.tell(evicted.sessions, { kind: 'ended', leaseId, grantId, reason });
    }
    if (endedLeases.forgotten > forgotten) {
      const fields = { forgotten: endedLeases.forgotten, remembered: endedLeases.size };
      log.error(
        fields,
        'too many leases ended early: the oldest were forgotten, and Verify accepts their tokens',
      );
    }
  }
}
