import type { X509Svid } from '@stint/common/gen/stint/broker/v1/X509Svid.ts';
import { toTimestamp } from '@stint/common/proto-time.ts';
import type { IssuedSvid } from '../domain/svid-issuer.ts';

/** An issued SVID for the wire. */
export function toX509SvidMessage(issued: IssuedSvid): X509Svid {
  return {
    spiffeId: issued.spiffeId,
    certificates: [...issued.certificatesDer],
    bundle: [...issued.bundleDer],
    expiresAt: toTimestamp(issued.expiresAt),
  };
}
