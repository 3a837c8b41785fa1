import { isServiceError } from '@stint/common/errors.ts';
import type { Log } from '@stint/common/log.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { SvidSource } from '@stint/common/x509-svid.ts';
import type { AccessCache } from './ports.ts';
import type { WatchSessions } from './watch-sessions.ts';

export type FollowIdentityParts = {
  readonly svids: SvidSource;
  readonly cache: AccessCache;
  readonly sessions: WatchSessions;
  readonly log: Log;
};

/**
 * Forgets every lease when the sidecar becomes another identity: after its SVID has ended, a join token of somebody else
 * can make it so. The grants were the other's, which alone can complete them; here they end by themselves.
 * The returned function ends the watching.
 */
export function followIdentity({ svids, cache, sessions, log }: FollowIdentityParts): () => void {
  let own = currentIdentity(svids);
  return svids.onChange(({ svid }) => {
    const before = own;
    own = svid.spiffeId;
    if (before === undefined || before === own) return;
    const forgotten = cache.drain();
    log.warn(
      { before, now: own, leases: forgotten.length },
      'the identity has changed: its leases are forgotten',
    );
    for (const { lease, sessions: holders } of forgotten) {
      const { leaseId, grantId } = lease;
      sessions.tell(holders, { kind: 'ended', leaseId, grantId, reason: 'identity_changed' });
    }
  });
}

function currentIdentity(svids: SvidSource): SpiffeId | undefined {
  try {
    return svids.current().svid.spiffeId;
  } catch (error) {
    if (isServiceError(error, 'IDENTITY_NOT_READY')) return undefined;
    throw error;
  }
}
