import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';

/**
 * Where a lease stands.
 *
 *     intent ── created ──▶ active ── its end ──▶ revoking ── access cut ──▶ contained ── cleaned ──▶ revoked
 *     intent ── definite failure ──▶ aborted
 *     intent ── outcome not known ──▶ unknown ──▶ revoking (never adopted: its secret is lost)
 *     revoking ── blocked ──▶ stuck ── access cut ──▶ contained ── blocked ──▶ stuck ── cleaned ──▶ revoked
 *     active ── the end of what was only signed ──▶ revoked
 *
 * `aborted` and `revoked` are ends. Everything else has a `nextAttemptAt`: the row is the schedule, and nothing about
 * a lease lives only in memory. `stuck` means that waiting alone will not mend it; it is retried all the same.
 */
export type LeaseState =
  | 'intent'
  | 'active'
  | 'unknown'
  | 'revoking'
  | 'contained'
  | 'revoked'
  | 'aborted'
  | 'stuck';

const legalMoves: Readonly<Record<LeaseState, readonly LeaseState[]>> = {
  intent: ['active', 'aborted', 'unknown'],
  // A signed credential stands at no target: telling its verifiers is all there is to do, in one commit.
  active: ['revoking', 'revoked'],
  unknown: ['revoking'],
  revoking: ['contained', 'stuck'],
  contained: ['revoked', 'stuck'],
  stuck: ['contained', 'revoked'],
  revoked: [],
  aborted: [],
};

/** Whether a lease may go from one state to the other. */
export function isLegalLeaseMove(from: LeaseState, to: LeaseState): boolean {
  return legalMoves[from].includes(to);
}

/** Why a lease ended or is ending. */
export type EndReason =
  | 'completed'
  | 'abandoned'
  | 'expired'
  | 'revoked'
  | 'suspended'
  | 'undelivered'
  | 'creation_failed'
  | 'outcome_unknown';

/** One credential at one target. */
export type Lease = {
  readonly id: LeaseId;
  readonly grantId: GrantId;
  /** Holder, copied from the grant so that every look-up is scoped by it. */
  readonly spiffeId: SpiffeId;
  /** Instance name in the provider catalog. */
  readonly provider: string;
  readonly resource: string;
  /** Name at the target, chosen before anything is created there. */
  readonly entityName: string;
  readonly state: LeaseState;
  readonly createdAt: UnixMs;
  /** When the credential ends unless renewed. */
  readonly expiresAt: UnixMs;
  /** When it ends at the latest: the grant's end. Never moves. */
  readonly hardExpiresAt: UnixMs;
  readonly renewable: boolean;
  /** Facts the provider needs to end it (a role's OID, a key id). Never a secret. */
  readonly handle: Readonly<Record<string, string>>;
  /** When the sidecar said that the credential arrived; undefined until then. */
  readonly deliveredAt?: UnixMs;
  /** When a worker must look at the lease next; undefined once it has ended. */
  readonly nextAttemptAt?: UnixMs;
  /** Tries to revoke so far. */
  readonly attempts: number;
  readonly endReason?: EndReason;
  readonly containedAt?: UnixMs;
  readonly revokedAt?: UnixMs;
  /** Class of the last failure to revoke (an SQLSTATE, a network code): never a target's free text. */
  readonly lastError?: string;
};

/** What may change of a lease besides its state. Everything else stands for ever, `hardExpiresAt` above all. */
export const mutableLeaseMembers = [
  'expiresAt',
  'handle',
  'deliveredAt',
  'nextAttemptAt',
  'attempts',
  'endReason',
  'containedAt',
  'revokedAt',
  'lastError',
] as const satisfies readonly (keyof Lease)[];

export type MutableLeaseMember = (typeof mutableLeaseMembers)[number];

/** How long the sidecar has to acknowledge a credential that exists at a target, in milliseconds. */
export const deliveryMs = 5_000;

/** How long a lease may stay an intent before it counts as `unknown`: longer than any provider may take to create. */
export const intentMs = 30_000;

/**
 * Longest that one call to a target may take, in milliseconds; a slower one is cut and tried again. Half of an intent's time, so
 * that who creates has its outcome on record before anybody else takes the intent for abandoned. Providers give up
 * sooner by themselves, for they can say whether anything was done.
 */
export const targetCallMs = intentMs / 2;

/**
 * Longest wait between two tries to revoke, in milliseconds. Tries never stop. As long as this a credential may live on at a
 * target that was down and is back.
 */
export const retryMsMax = 20_000;

/**
 * When to try again: full jitter under an exponential ceiling, so that a target that comes back is not met by all
 * leases at once. `random` is in [0, 1).
 */
export function retryAt(now: UnixMs, attempts: number, random: number): UnixMs {
  const ceiling = Math.min(retryMsMax, 500 * 2 ** Math.min(attempts, 16));
  return now + Math.round(100 + random * ceiling);
}

/** When a worker must look at an active lease: at its end, or sooner if nobody has said that it arrived. */
export function activeUntil(
  lease: Pick<Lease, 'createdAt' | 'expiresAt' | 'deliveredAt'>,
  activatedAt: UnixMs,
): UnixMs {
  return lease.deliveredAt === undefined
    ? Math.min(lease.expiresAt, activatedAt + deliveryMs)
    : lease.expiresAt;
}
