import type { UnixMs } from '@stint/common/time.ts';

/** The moments of a lease that decide when it is given out and when it is renewed. */
export type LeaseSpan = {
  /** When the credential, or its last renewal, was asked for. */
  readonly issuedAt: UnixMs;
  readonly expiresAt: UnixMs;
  /** The grant's end: no renewal goes beyond it. */
  readonly hardExpiresAt: UnixMs;
  readonly renewable: boolean;
  /** The lifetime that was asked for, in milliseconds; undefined: the profile's default. */
  readonly wantedMs: number | undefined;
};

/** Shortest wait between two tries to renew, in milliseconds. */
const retryMsMin = 1_000;

/**
 * Whether a lease in memory is good enough for somebody who wants `wantedMs`: it lives at least that long, or it was
 * asked for with no smaller wish and has a third of its life left, so that a new one would hardly be better. Without a
 * wish, a third is enough; a sixth where the lease is about to be renewed, so that a renewal under way is waited for
 * instead of asking for another lease. An expired lease never fits.
 */
export function fits(lease: LeaseSpan, wantedMs: number | undefined, now: UnixMs): boolean {
  const leftMs = lease.expiresAt - now;
  if (leftMs <= 0) return false;
  if (wantedMs !== undefined && leftMs >= wantedMs) return true;
  const part = canBeRenewed(lease) ? 6 : 3;
  if (leftMs * part < lease.expiresAt - lease.issuedAt) return false;
  return wantedMs === undefined || (lease.wantedMs !== undefined && lease.wantedMs >= wantedMs);
}

/** When to renew: at two thirds of the life. Undefined when renewing cannot move the end. */
export function renewAt(lease: LeaseSpan): UnixMs | undefined {
  if (!canBeRenewed(lease)) return undefined;
  return lease.issuedAt + Math.floor(((lease.expiresAt - lease.issuedAt) * 2) / 3);
}

/**
 * When to try again after the n-th failure in a row: waits double from a second, but never past half of what is left,
 * so that there is always another try before the end. Undefined once that end is less than a second away.
 */
export function retryRenewalAt(lease: LeaseSpan, failures: number, now: UnixMs): UnixMs | undefined {
  const leftMs = lease.expiresAt - now;
  if (leftMs <= retryMsMin) return undefined;
  return now + Math.max(retryMsMin, Math.min(retryMsMin * 2 ** Math.min(failures - 1, 10), leftMs / 2));
}

function canBeRenewed(lease: LeaseSpan): boolean {
  return lease.renewable && lease.expiresAt < lease.hardExpiresAt;
}
