import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import type { UnixMs } from '@stint/common/time.ts';

/** Who is told that leases ended before their time: every open session, and through them every verifier. */
export interface EndedLeaseFeed {
  publish(
    leases: readonly {
      readonly id: LeaseId;
      readonly grantId: GrantId;
      readonly expiresAt: UnixMs;
      readonly reason: string;
    }[],
  ): void;
}
