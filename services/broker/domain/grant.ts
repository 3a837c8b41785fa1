import type { GrantId, RequestId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { EndReason, Lease } from './lease.ts';

/**
 * Where a grant stands.
 *
 *     active ── its lease begins to end ──▶ ending ── its lease has ended ──▶ completed | revoked | expired | failed
 *     active ── a signed token ends, or nothing was created ────────────────▶ completed | revoked | expired | failed
 *
 * It moves in the commits that move its lease. What began to end may be given another reason as long as it has not ended.
 */
export type GrantState = 'active' | 'ending' | 'completed' | 'revoked' | 'expired' | 'failed';

const endStates = ['completed', 'revoked', 'expired', 'failed'] as const satisfies readonly GrantState[];

const legalMoves: Readonly<Record<GrantState, readonly GrantState[]>> = {
  active: ['ending', ...endStates],
  ending: ['ending', ...endStates],
  completed: [],
  revoked: [],
  expired: [],
  failed: [],
};

/** Whether a grant may go from one state to the other. */
export function isLegalGrantMove(from: GrantState, to: GrantState): boolean {
  return legalMoves[from].includes(to);
}

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

/** What may change of a grant besides its state. Everything else stands for ever. */
export const mutableGrantMembers = ['endedAt', 'endReason'] as const satisfies readonly (keyof Grant)[];

export type MutableGrantMember = (typeof mutableGrantMembers)[number];

/** A lease with the grant that it stands under. */
export type GrantAndLease = { readonly grant: Grant; readonly lease: Lease };

/** The grant's last state for the reason its lease ended. */
export function endState(reason: EndReason): GrantState {
  switch (reason) {
    case 'completed':
    case 'abandoned':
      return 'completed';
    case 'expired':
      return 'expired';
    case 'revoked':
    case 'suspended':
    case 'undelivered':
      return 'revoked';
    case 'creation_failed':
    case 'outcome_unknown':
      return 'failed';
  }
}
