import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { SvidSource } from '@stint/common/x509-svid.ts';
import type { AcquireAccess } from './acquire-access.ts';
import type { AccessCache, Broker } from './ports.ts';

/** How the sidecar does. */
export type SidecarStatus = {
  /** Undefined before attestation, and once the SVID has expired. */
  readonly spiffeId: SpiffeId | undefined;
  readonly svidExpiresAt: UnixMs | undefined;
  readonly connected: boolean;
  /** Why it is not connected, and what to do; empty while it is. */
  readonly outage: string;
  readonly leases: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly version: string;
};

export type GetStatusParts = {
  readonly svids: SvidSource;
  readonly broker: Broker;
  readonly cache: AccessCache;
  readonly acquire: AcquireAccess;
  readonly version: string;
};

/** The sidecar's state at this moment. Never fails: what is missing is absent. */
export function getStatus({ svids, broker, cache, acquire, version }: GetStatusParts): SidecarStatus {
  const svid = currentSvid(svids);
  const { hits, misses } = acquire.counts;
  const outage = broker.outage();
  return {
    spiffeId: svid?.spiffeId,
    svidExpiresAt: svid?.expiresAt,
    connected: outage === undefined,
    outage: outage?.message ?? '',
    leases: cache.size,
    cacheHits: hits,
    cacheMisses: misses,
    version,
  };
}

function currentSvid(svids: SvidSource) {
  try {
    return svids.current().svid;
  } catch {
    return undefined; // IDENTITY_NOT_READY is a state to be shown, not a failure of asking
  }
}
