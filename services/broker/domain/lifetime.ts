import type { UnixMs } from '@stint/common/time.ts';

/** What bounds a lifetime. All in milliseconds; `svidExpiresAt` is a moment. */
export type LifetimeBounds = {
  readonly wantedMs: number | undefined;
  readonly profileDefaultMs: number;
  readonly profileMaxMs: number;
  readonly policyMaxMs: number;
  readonly svidExpiresAt: UnixMs;
  readonly now: UnixMs;
};

/** The lifetime granted and what shortened it, or why none can be. */
export type Lifetime =
  | { readonly kind: 'granted'; readonly expiresAt: UnixMs; readonly clampedBy: readonly string[] }
  | { readonly kind: 'out_of_range'; readonly maxMs: number };

/**
 * How long a grant may last: the wanted time (or the profile's default), cut by policy and by the end of the SVID that
 * asked. A wish of nothing, less than nothing or more than the profile allows is refused, not cut: whoever asks for too
 * much should learn it.
 */
export function boundLifetime(bounds: LifetimeBounds): Lifetime {
  const wantedMs = bounds.wantedMs ?? bounds.profileDefaultMs;
  if (!(wantedMs >= 1_000 && wantedMs <= bounds.profileMaxMs)) return { kind: 'out_of_range', maxMs: bounds.profileMaxMs };
  const caps = [
    { by: 'policy', expiresAt: bounds.now + bounds.policyMaxMs },
    { by: 'svid', expiresAt: bounds.svidExpiresAt },
  ];
  const wantedAt = bounds.now + wantedMs;
  const expiresAt = Math.min(wantedAt, ...caps.map((cap) => cap.expiresAt));
  return { kind: 'granted', expiresAt, clampedBy: caps.filter((cap) => cap.expiresAt < wantedAt).map((cap) => cap.by) };
}
