import type { UnixMs } from '@stint/common/time.ts';

/** Shortest lifetime that can be asked for, in milliseconds. */
export const lifetimeMsMin = 1_000;

/** What bounds a lifetime. All in milliseconds; `svidExpiresAt` is a moment. */
export type LifetimeBounds = {
  readonly wantedMs: number | undefined;
  readonly profileDefaultMs: number;
  readonly profileMaxMs: number;
  readonly policyMaxMs: number;
  readonly svidExpiresAt: UnixMs;
  /** Whether the lease can be extended later, up to the grant's end. */
  readonly renewable: boolean;
  readonly now: UnixMs;
};

/** The ends of grant and lease and what shortened the wanted time, or why none can be given. */
export type Lifetime =
  | {
      readonly kind: 'granted';
      readonly grantExpiresAt: UnixMs;
      readonly leaseExpiresAt: UnixMs;
      readonly clampedBy: readonly string[];
    }
  | { readonly kind: 'out_of_range'; readonly maxMs: number };

/**
 * How long a grant and its lease may last. The lease gets the wanted time (or the profile's default), cut by policy and by
 * the end of the SVID that asked: a credential never outlives the identity it was given to. The grant lasts as long as
 * profile and policy allow when its lease can be extended, else as long as the lease. A wish for nothing, for less than
 * nothing or for more than the profile allows is refused, not cut: whoever asks for too much should learn it.
 */
export function boundLifetime(bounds: LifetimeBounds): Lifetime {
  const wantedMs = bounds.wantedMs ?? bounds.profileDefaultMs;
  if (!(wantedMs >= lifetimeMsMin && wantedMs <= bounds.profileMaxMs))
    return { kind: 'out_of_range', maxMs: bounds.profileMaxMs };
  const caps = [
    { by: 'policy', expiresAt: bounds.now + bounds.policyMaxMs },
    { by: 'svid', expiresAt: bounds.svidExpiresAt },
  ];
  const wantedAt = bounds.now + wantedMs;
  const leaseExpiresAt = Math.min(wantedAt, ...caps.map((cap) => cap.expiresAt));
  const longest = bounds.now + Math.min(bounds.profileMaxMs, bounds.policyMaxMs);
  return {
    kind: 'granted',
    leaseExpiresAt,
    grantExpiresAt: bounds.renewable ? Math.max(longest, leaseExpiresAt) : leaseExpiresAt,
    clampedBy: caps.filter((cap) => cap.expiresAt < wantedAt).map((cap) => cap.by),
  };
}
