import type { GrantId, RequestId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { EndReason, Lease } from './lease.ts';

/**
 * Where a grant stands: `active → ending → completed | revoked | expired | failed`. `ending` lasts until its last lease
 * is revoked at the target. A grant whose credential could not be made goes from active to failed by way of ending.
 */
export type GrantState = 'active' | 'ending' | 'completed' | 'revoked' | 'expired' | 'failed';

/** A decision in force, with the request it answered. */
export type Grant = {
  readonly id: GrantId;
  readonly requestId: RequestId;
  readonly idempotencyKey: string;
  /** SHA-256 over the request's canonical body, hex: the same key with another body is refused. */
  readonly bodySha256: string;
  readonly spiffeId: SpiffeId;
  readonly resource: string;
  readonly action: string;
  readonly justification: string;
  readonly context: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
  readonly state: GrantState;
  readonly decidedAt: UnixMs;
  /** Absolute end: no lease under it lives longer. */
  readonly expiresAt: UnixMs;
  readonly ruleIds: readonly string[];
  readonly policySha256: string;
  /** What shortened the wanted lifetime: `policy`, `svid`. */
  readonly clampedBy: readonly string[];
  readonly traceparent?: string;
  readonly endedAt?: UnixMs;
  readonly endReason?: EndReason;
};

/** The grant's last state for the reason its lease ended. */
export function endState(reason: EndReason): GrantState {
  switch (reason) {
    case 'completed':
    case 'abandoned':
      return 'completed';
    case 'expired':
      return 'expired';
    case 'revoked':
    case 'undelivered':
      return 'revoked';
    case 'creation_failed':
    case 'outcome_unknown':
      return 'failed';
  }
}

/** The grant as the commit left it that brought its lease where it is: both move together. */
export function grantAfter(grant: Grant, lease: Lease): Grant {
  const { state, endReason = 'revoked', revokedAt } = lease;
  if (state === 'revoking') return { ...grant, state: 'ending', endReason };
  if (state !== 'revoked' || revokedAt === undefined) return grant;
  return { ...grant, state: endState(endReason), endedAt: revokedAt, endReason };
}
