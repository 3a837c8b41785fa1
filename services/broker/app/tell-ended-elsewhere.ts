import type { LeaseId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import type { Lease } from '../domain/lease.ts';
import type { SessionFeed } from './ended-lease-feed.ts';
import type { GrantStore, ProviderSet } from './ports.ts';
import { TargetLane } from './target-lane.ts';

export type EndedElsewhereParts = {
  readonly store: Pick<GrantStore, 'findLease' | 'listEndedEarly'>;
  readonly feed: SessionFeed;
  readonly providers: ProviderSet;
  readonly clock: Clock;
  readonly log: Log;
};

/** Leases looked at together. */
const looksAtOnce = 8;

/** Leases that wait to be looked at; when there are more, all that ended early is told anew instead. */
const waitingMax = 10_000;

/** Leases told at once when all are told anew: a frame of a session. */
const pageMax = 256;

/**
 * Tells the sessions of this broker what other brokers on its store ended before its time, so that no sidecar serves or
 * accepts it. What it hears only says where to look: the row decides, so that nobody who says too much can end anything.
 * What it may have missed it finds in the store, as a new session does.
 */
export class TellEndedElsewhere {
  readonly #parts: EndedElsewhereParts;
  readonly #looks = new TargetLane(looksAtOnce);
  #catchingUp: Promise<void> | undefined;

  constructor(parts: EndedElsewhereParts) {
    this.#parts = parts;
  }

  /** One lease is said to have ended. Settles when it is told, or there is nothing to tell; never rejects. */
  hear(leaseId: LeaseId): Promise<void> {
    if (this.#parts.feed.size === 0) return Promise.resolve();
    if (this.#looks.length >= waitingMax) return this.catchUp();
    return this.#looks.run(() => this.#logged(() => this.#look(leaseId)));
  }

  /** Tells everything that ended early and could still be used, a page at a time. Never rejects; one at a time. */
  catchUp(): Promise<void> {
    this.#catchingUp ??= this.#logged(() => this.#tellAll()).finally(() => {
      this.#catchingUp = undefined;
    });
    return this.#catchingUp;
  }

  async #look(leaseId: LeaseId): Promise<void> {
    const found = await this.#parts.store.findLease(leaseId);
    if (found === undefined) return; // of another store
    const { lease } = found;
    const isEarly = lease.endReason !== undefined && lease.endReason !== 'expired';
    if (isEarly && lease.expiresAt > this.#parts.clock.now()) this.#tell([lease]);
  }

  async #tellAll(): Promise<void> {
    const { store, feed, providers, clock } = this.#parts;
    const names = [...providers.keys()];
    const now = clock.now();
    let page: readonly Lease[] = [];
    do {
      if (feed.size === 0) return; // whoever comes is told all by itself
      page = await store.listEndedEarly(names, now, page.at(-1)?.id, pageMax);
      if (page.length > 0) this.#tell(page);
    } while (page.length === pageMax);
  }

  #tell(leases: readonly Lease[]): void {
    this.#parts.feed.publish(
      leases.map(({ id, grantId, expiresAt, endReason }) => {
        return { id, grantId, expiresAt, reason: endReason ?? 'revoked' };
      }),
    );
  }

  /** The store may be away: sessions are told at the next connection of the bus, or of their own. */
  async #logged(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (err) {
      this.#parts.log.warn({ err }, 'what another broker ended could not be looked at');
    }
  }
}
