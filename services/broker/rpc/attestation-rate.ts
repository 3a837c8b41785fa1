import { isIPv6 } from 'node:net';
import { ServiceError } from '@stint/common/errors.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';

/** So many at once, and one more each so many milliseconds. */
type Rate = { readonly burst: number; readonly intervalMs: number };

/**
 * Attestations from one address: as many workloads as start together on one machine, then five a second. IPv6 counts by
 * networks of 64 bits, because whoever has one address has all of its network.
 */
export const attestationsPerAddress: Rate = { burst: 100, intervalMs: 200 };

/** Attestations from everywhere: as many as a site starts together, then fifty a second. */
export const attestationsInTotal: Rate = { burst: 500, intervalMs: 20 };

/** The name under which what everybody does is counted; no address is called so. */
const everybody = 'everybody';

/** Addresses remembered before those are dropped that could do all they may again. */
const sweepAt = 1_024;

/**
 * Bounds how often somebody without an identity may try a proof: a flood costs signatures, log lines and disk, and is
 * refused before any of them. One number stands for each address: when it would have no more to wait for (GCRA, as in
 * ITU-T I.371). Memory is bounded by the total: an address that was let in counts for its burst's time, 20 s.
 */
export class AttestationRate {
  readonly #clock: Clock;
  readonly #freeAt = new Map<string, UnixMs>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes an attempt of that address. @throws ServiceError RATE_LIMITED, saying when there is room again. */
  take(address: string): void {
    const now = this.#clock.now();
    const source = sourceOf(address);
    const [own, total] = [
      this.#next(source, attestationsPerAddress, now),
      this.#next(everybody, attestationsInTotal, now),
    ];
    // Whoever is refused for his own haste takes nothing from the others.
    require(own, attestationsPerAddress, { now, who: 'this address' });
    require(total, attestationsInTotal, { now, who: 'all addresses together' });
    this.#freeAt.set(source, own);
    this.#freeAt.set(everybody, total);
    if (this.#freeAt.size > sweepAt) this.#forgetIdle(now);
  }

  #next(source: string, { intervalMs }: Rate, now: UnixMs): UnixMs {
    return Math.max(now, this.#freeAt.get(source) ?? now) + intervalMs;
  }

  #forgetIdle(now: UnixMs): void {
    for (const [source, freeAt] of this.#freeAt) if (freeAt <= now) this.#freeAt.delete(source);
  }
}

function require(
  next: UnixMs,
  { burst, intervalMs }: Rate,
  { now, who }: { now: UnixMs; who: string },
): void {
  const earlyMs = next - now - burst * intervalMs;
  if (earlyMs <= 0) return;
  throw new ServiceError(
    'RATE_LIMITED',
    `attestation: ${who} may try ${burst} times at once and ${1_000 / intervalMs} times a second`,
    { metadata: { burst: String(burst), interval_ms: String(intervalMs) }, retryAfterMs: earlyMs },
  );
}

function sourceOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  return isIPv6(plain) ? network64(plain) : plain;
}

/** The first four groups of an IPv6 address as Node writes it: shortened, in lower case. */
function network64(address: string): string {
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before.slice(0, 4).join(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}
