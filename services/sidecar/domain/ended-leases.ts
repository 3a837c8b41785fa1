import type { UnixMs } from '@stint/common/time.ts';

/**
 * Most ended leases that a verifier remembers, about 30 MB. The broker tells every sidecar of every lease in the trust
 * domain that ended early, so this bounds what a busy domain costs beside a small workload.
 */
export const endedLeasesMax = 200_000;

/** Leases that ended before their time: their tokens verify by signature and must be refused all the same. */
export class EndedLeases {
  readonly #until = new Map<string, UnixMs>();
  readonly #max: number;
  #forgotten = 0;

  constructor(max: number = endedLeasesMax) {
    this.#max = max;
  }

  get size(): number {
    return this.#until.size;
  }

  /** How many were forgotten before their credential expired because the list was full. Not 0: tell the operator. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Remembers a lease until its credential has expired by itself, plus the leeway that verification allows. */
  add(leaseId: string, until: UnixMs, now: UnixMs): void {
    if (until <= now) return;
    const known = this.#until.get(leaseId);
    if (known !== undefined && known >= until) return;
    this.#until.set(leaseId, until);
    if (this.#until.size > this.#max) this.#makeRoom(now);
  }

  has(leaseId: string): boolean {
    return this.#until.has(leaseId);
  }

  /** Forgets those whose credential has expired by itself. */
  sweep(now: UnixMs): void {
    for (const [leaseId, until] of this.#until) if (until <= now) this.#until.delete(leaseId);
  }

  // Oldest first: of leases with like lifetimes, those expire soonest, so what is forgotten is exposed the least.
  // A tenth at once, so that a full list does not sweep at every addition.
  #makeRoom(now: UnixMs): void {
    this.sweep(now);
    let surplus = this.#until.size <= this.#max ? 0 : Math.ceil(this.#max / 10);
    for (const leaseId of this.#until.keys()) {
      if (surplus-- <= 0) return;
      this.#until.delete(leaseId);
      this.#forgotten += 1;
    }
  }
}
