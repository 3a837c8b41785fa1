import type { Lease } from '../../domain/lease.ts';

/** A lease that ended before its time, as its verifiers are told of it. */
export type EndedLease = Pick<Lease, 'id' | 'grantId' | 'expiresAt'> & { readonly reason: string };

/**
 * Tells every open session, in the same turn, that leases ended before their time, and through them every verifier. Holds
 * nothing for those who come later.
 */
export class EndedLeaseFeed {
  readonly #listeners = new Set<(leases: readonly EndedLease[]) => void>();

  publish(leases: readonly EndedLease[]): void {
    for (const listener of this.#listeners) listener(leases);
  }

  /** Returns the way to stop listening. */
  subscribe(listener: (leases: readonly EndedLease[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.size;
  }
}
