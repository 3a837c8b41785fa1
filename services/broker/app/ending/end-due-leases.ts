import type { LeaseId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import type { GrantAndLease } from '../../domain/grant.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import type { ProviderSet } from '../ports/provider.ts';
import type { LeaseEnding } from './end-lease.ts';
import { PutOffLeases } from './put-off-leases.ts';
import { WorkLimit } from './work-limit.ts';

export type DueLeasesParts = {
  readonly providers: ProviderSet;
  readonly store: GrantStore;
  readonly ending: LeaseEnding;
  readonly clock: Clock;
  readonly log: Log;
};

/** Leases taken at once. */
const claimMax = 200;

/** How long a claim holds, in milliseconds: longer than a lease's contain and remove together may take. */
const claimMs = 45_000;

/**
 * How long a lease of a provider that this broker has not got must be due until it is taken all the same, in milliseconds: long
 * enough for every broker that has the provider to have come for it. It then becomes stuck, loudly.
 */
const overdueMs = 600_000;

/** Leases of one provider driven at the same time; each provider bounds its own connections below this. */
const drivenMax = 16;

/** Leases of one provider that wait for their turn in memory. More are left to their rows, which come back after the claim. */
const waitingMax = 5_000;

/** Longest sleep between two looks, in milliseconds: rows that other replicas write are seen within it. */
const sleepMsMax = 1_000;

/**
 * The worker that ends what is due: expired and undelivered leases, intents that a crash left behind, and revocations that
 * must be tried again. It keeps nothing in memory but which rows it is at: after a restart it goes on from the rows. Each
 * provider has a limit of its own, so that a target that does not answer keeps nobody else's leases alive. In a shared store
 * it leaves the leases of providers that it has not got to brokers that have them.
 */
export class EndDueLeases {
  readonly #parts: DueLeasesParts;
  readonly #putOff: PutOffLeases;
  readonly #limits = new Map<string, WorkLimit>();
  /** Taken and not yet driven as far as they go. A row whose claim runs out meanwhile is not taken twice. */
  readonly #inHand = new Map<LeaseId, Promise<void>>();
  #stopping = false;
  #wake: (() => void) | undefined;

  constructor(parts: DueLeasesParts) {
    this.#parts = parts;
    this.#putOff = new PutOffLeases({ ...parts, claimMs });
  }

  /** Runs until {@link stop}. A look that fails is logged and tried again: this loop must outlive every fault. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      try {
        const taken = await this.#take();
        if (taken.length < claimMax) await this.#sleep(await this.#msUntilDue());
      } catch (thrown) {
        this.#parts.log.error({ error: thrown }, 'looking for due leases failed and will be tried again');
        await this.#sleep(sleepMsMax);
      }
    }
    await Promise.all(this.#inHand.values());
  }

  /** What is being driven goes on to its end; what waits is left to its row. */
  stop(): void {
    this.#stopping = true;
    this.#wake?.();
  }

  /** One pass: takes what is due and ends it as far as its targets allow. Returns how many it took. */
  async endDue(): Promise<number> {
    const taken = await this.#take();
    await Promise.all(taken);
    return taken.length;
  }

  /** Claims what is due and ends each lease when its provider has room. Returns their ends, which never reject. */
  async #take(): Promise<Promise<void>[]> {
    const now = this.#parts.clock.now();
    await this.#putOff.bringBack(now);
    const due = await this.#parts.store.claimDueLeases({
      now,
      providers: [...this.#parts.providers.keys()],
      othersDueBy: now - overdueMs,
      holdMs: claimMs,
      limit: claimMax,
    });
    return due.map((held) => {
      const { lease } = held;
      const limit = this.#limitOf(lease.provider);
      const known = this.#inHand.get(lease.id);
      if (known !== undefined || limit.waiting >= waitingMax) return known ?? Promise.resolve();
      const ending = limit
        .run(() => (this.#stopping ? Promise.resolve() : this.#end(held)))
        .finally(() => this.#inHand.delete(lease.id));
      this.#inHand.set(lease.id, ending);
      return ending;
    });
  }

  #limitOf(provider: string): WorkLimit {
    const limit = this.#limits.get(provider) ?? new WorkLimit(drivenMax);
    this.#limits.set(provider, limit);
    return limit;
  }

  async #end(held: GrantAndLease): Promise<void> {
    try {
      const begun = await this.#begin(held);
      if (begun.lease.state !== 'active' && begun.lease.state !== 'revoked')
        await this.#parts.ending.drive(begun, { isLastResort: true });
    } catch (thrown) {
      this.#parts.log.error(
        { error: thrown, lease_id: held.lease.id },
        'ending a lease failed and will be tried again',
      );
    }
  }

  #begin(held: GrantAndLease): Promise<GrantAndLease> {
    const { lease } = held;
    switch (lease.state) {
      case 'active': {
        const isOver = lease.expiresAt <= this.#parts.clock.now();
        if (!isOver && lease.deliveredAt !== undefined) return this.#parts.ending.lookAgainAtEnd(held);
        const reason = isOver ? 'expired' : 'undelivered';
        return this.#parts.ending.begin(held, { reason, actor: { kind: 'broker' } });
      }
      case 'intent':
        return this.#parts.ending.outcomeUnknown(held, 'interrupted');
      default:
        return Promise.resolve(held);
    }
  }

  async #msUntilDue(): Promise<number> {
    const now = this.#parts.clock.now();
    const nextAt = await this.#parts.store.nextDueAt([...this.#parts.providers.keys()], now + sleepMsMax);
    return nextAt === undefined ? sleepMsMax : nextAt - this.#parts.clock.now();
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(sleepMsMax, Math.max(1, ms)));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
