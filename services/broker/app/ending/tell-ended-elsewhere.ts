import type { LeaseId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import { type EndedEarlyParts, endedEarly, toEndedLease } from './ended-early.ts';
import type { EndedLeaseFeed } from './ended-lease-feed.ts';
import { WorkLimit } from './work-limit.ts';

export type EndedElsewhereParts = EndedEarlyParts & {
  readonly store: Pick<GrantStore, 'findLease'>;
  readonly feed: EndedLeaseFeed;
  readonly log: Log;
};

/** Leases looked at together. */
const looksAtOnce = 8;

/** Leases that wait to be looked at, each once; when there are more, all that ended early is told anew instead. */
const waitingMax = 10_000;

/**
 * Wait before all is told anew because more came than can wait, in milliseconds. Counted from the end of what is told
 * meanwhile, so that who floods the bus with lies makes at most one pass over the store in this time.
 */
const overflowMs = 5_000;

/** Waits after failures, in milliseconds: doubled with each pass in which something fails again. */
const retryMs = { first: 1_000, max: 30_000 } as const;

/**
 * Tells the sessions of this broker what other brokers on its store ended before its time, so that no sidecar serves or
 * accepts it. What it hears only says where to look: the row decides, so that nobody who says too much can end anything.
 * What it may have missed it finds in the store, as a new session does.
 *
 * What it was told to look at, and could not, is told by a pass over the store that begins afterwards: a failure and an
 * overflow are owed such a pass until one has ended well. A crash loses what is owed with the sessions it is owed to.
 */
export class TellEndedElsewhere {
  readonly #parts: EndedElsewhereParts;
  readonly #looks = new WorkLimit(looksAtOnce);
  readonly #waiting = new Set<LeaseId>();
  #catchingUp: Promise<void> | undefined;
  /** Another pass is asked for, to begin when the running one has ended. */
  #isDue = false;
  /** Another pass is asked for, to begin so many milliseconds after the running one has ended. */
  #owedMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Failures of the row that a pass without any ends. */
  #failures = 0;
  #retryMs: number = retryMs.first;
  #isStopped = false;

  constructor(parts: EndedElsewhereParts) {
    this.#parts = parts;
  }

  /**
   * One lease is said to have ended. Settles when the look that this makes is over; at once when it makes none, because
   * nobody listens, the lease waits already, or too many do: then it is told with all. Never rejects.
   */
  async hear(leaseId: LeaseId): Promise<void> {
    if (this.#isStopped || this.#parts.feed.size === 0 || this.#waiting.has(leaseId)) return;
    if (this.#waiting.size >= waitingMax) {
      this.#catchUpIn(overflowMs);
      return;
    }
    this.#waiting.add(leaseId);
    await this.#looks.run(() => {
      // Before the row is read: who speaks of it from now on may speak of something newer.
      this.#waiting.delete(leaseId);
      return this.#attempt(() => this.#look(leaseId));
    });
  }

  /**
   * Tells everything that ended early before this call and could still be used, a page at a time. One pass at a time: asked
   * during one, it makes one more, because what ended meanwhile may stand before the page that is read. Settles when no
   * pass runs; what fails is tried again later. Never rejects.
   */
  catchUp(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#isDue = true;
    this.#catchingUp ??= this.#runPasses();
    return this.#catchingUp;
  }

  /** Looks at nothing more and tries nothing again. Settles when no pass runs. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#catchingUp;
  }

  async #runPasses(): Promise<void> {
    while (this.#isDue && !this.#isStopped) {
      this.#forgetAsked();
      const failuresBefore = this.#failures;
      await this.#attempt(() => this.#tellAll());
      this.#setRetry(this.#failures > failuresBefore);
    }
    // In the turn of the last look at what is due, so that nobody's asking falls in between.
    this.#catchingUp = undefined;
    if (this.#owedMs !== undefined) this.#catchUpIn(this.#owedMs);
  }

  /** The pass that begins now covers everything asked for until now. */
  #forgetAsked(): void {
    this.#isDue = false;
    this.#owedMs = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #setRetry(hasFailed: boolean): void {
    if (!hasFailed) this.#failures = 0;
    this.#retryMs = hasFailed ? Math.min(retryMs.max, this.#retryMs * 2) : retryMs.first;
  }

  /** Asks for a pass after a wait that begins when none runs. A wait that has begun already is not changed. */
  #catchUpIn(ms: number): void {
    if (this.#isStopped) return;
    this.#owedMs = Math.max(this.#owedMs ?? 0, ms);
    if (this.#catchingUp === undefined)
      this.#timer ??= setTimeout(() => void this.catchUp(), this.#owedMs).unref();
  }

  async #look(leaseId: LeaseId): Promise<void> {
    if (this.#isStopped) return;
    const found = await this.#parts.store.findLease(leaseId);
    if (found === undefined) return; // of another store
    const { lease } = found;
    const isEarly = lease.endReason !== undefined && lease.endReason !== 'expired';
    if (isEarly && lease.expiresAt > this.#parts.clock.now()) this.#parts.feed.publish([toEndedLease(lease)]);
  }

  async #tellAll(): Promise<void> {
    const { feed } = this.#parts;
    // Without anybody who listens there is nothing to read: whoever comes is told all by itself.
    const isHeard = () => !this.#isStopped && feed.size > 0;
    if (!isHeard()) return;
    for await (const leases of endedEarly(this.#parts)) {
      feed.publish(leases);
      if (!isHeard()) return;
    }
  }

  /** The store may be away: whatever could not be read is owed a pass. */
  async #attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (this.#isStopped) return;
      // The first of a row is told; the rest are the same story.
      if (this.#failures++ === 0)
        this.#parts.log.warn(
          { error },
          'what another broker ended could not be looked at; it is tried again',
        );
      this.#catchUpIn(this.#retryMs);
    }
  }
}
