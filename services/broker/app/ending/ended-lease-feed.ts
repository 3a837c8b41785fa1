import type { EndedLeaseFeed } from '../ports/ended-lease-feed.ts';

/** Leases as their verifiers are told of them. */
export type EndedLeases = Parameters<EndedLeaseFeed['publish']>[0];

/** Tells every open session, in the same turn, that leases ended before their time. Holds nothing for those who come later. */
export class SessionFeed implements EndedLeaseFeed {
  readonly #listeners = new Set<(leases: EndedLeases) => void>();

  publish(leases: EndedLeases): void {
    for (const listener of this.#listeners) listener(leases);
  }

  /** Returns the way to stop listening. */
  subscribe(listener: (leases: EndedLeases) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get size(): number {
    return this.#listeners.size;
  }
}
