import type { Log } from '@stint/common/log.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import type { Grant } from '../domain/grant.ts';
import type { Lease } from '../domain/lease.ts';
import type { LeaseEnding } from './end-lease.ts';
import type { GrantStore } from './ports.ts';

export type DueLeasesParts = {
  readonly store: GrantStore;
  readonly ending: LeaseEnding;
  readonly clock: Clock;
  readonly log: Log;
};

/** Leases taken at once. */
const claimMax = 200;

/** How long a claim holds, in milliseconds: longer than a lease's contain and remove together may take. */
const claimMs = 45_000;

/** Leases driven at the same time; each provider bounds its own connections below this. */
const drivenMax = 16;

/** Longest sleep between two looks, in milliseconds: rows that other replicas write are seen within it. */
const sleepMsMax = 1_000;

/**
 * The worker that ends what is due: expired and undelivered leases, intents that a crash left behind, and revocations that
 * must be tried again. It keeps nothing in memory but which rows it is at: after a restart it goes on from the rows.
 */
export class EndDueLeases {
  readonly #parts: DueLeasesParts;
  #stopping = false;
  #wake: (() => void) | undefined;

  constructor(parts: DueLeasesParts) {
    this.#parts = parts;
  }

  /** Runs until {@link stop}. A pass that fails is logged and tried again: this loop must outlive every fault. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      let ended = 0;
      try {
        ended = await this.endDue();
      } catch (thrown) {
        this.#parts.log.error({ err: thrown }, 'ending due leases failed and will be tried again');
      }
      if (ended < claimMax) await this.#sleep();
    }
  }

  stop(): void {
    this.#stopping = true;
    this.#wake?.();
  }

  /** One pass: takes what is due and ends it as far as its targets allow. Returns how many it took. */
  async endDue(): Promise<number> {
    const due = await this.#parts.store.claimDueLeases(this.#parts.clock.now(), claimMs, claimMax);
    const waiting = [...due];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        await this.#end(next.grant, next.lease);
    };
    await Promise.all(Array.from({ length: Math.min(drivenMax, waiting.length) }, worker));
    return due.length;
  }

  async #end(grant: Grant, lease: Lease): Promise<void> {
    try {
      const ending = await this.#begin(grant, lease);
      if (ending.state !== 'active' && ending.state !== 'revoked')
        await this.#parts.ending.drive(grant, ending);
    } catch (thrown) {
      this.#parts.log.error(
        { err: thrown, lease_id: lease.id },
        'ending a lease failed and will be tried again',
      );
    }
  }

  #begin(grant: Grant, lease: Lease): Promise<Lease> {
    switch (lease.state) {
      case 'active':
        return this.#parts.ending.begin(grant, lease, {
          reason: lease.expiresAt <= this.#parts.clock.now() ? 'expired' : 'undelivered',
          actor: { kind: 'broker' },
        });
      case 'intent':
        return this.#parts.ending.outcomeUnknown(grant, lease, 'interrupted');
      default:
        return Promise.resolve(lease);
    }
  }

  async #sleep(): Promise<void> {
    const nextAt: UnixMs | undefined = await this.#parts.store.nextDueAt().catch(() => undefined);
    const ms = Math.min(
      sleepMsMax,
      Math.max(1, (nextAt ?? Number.MAX_SAFE_INTEGER) - this.#parts.clock.now()),
    );
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
