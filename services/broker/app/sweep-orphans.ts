import { newId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import { intentMs, type Lease } from '../domain/lease.ts';
import {
  type GrantStore,
  type Ledger,
  ProviderFailure,
  type ProviderSet,
  type TargetEntity,
  type TargetProvider,
} from './ports.ts';

export type SweepOrphansParts = {
  readonly providers: ProviderSet;
  readonly store: GrantStore;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
};

/** Names asked of the store at once. */
const namesMax = 500;

/** Orphans removed from one target in one pass; more than a few mean that something else is wrong, and are said in the log. */
const removalsMax = 200;

/** Longest that one call to a target may take, in milliseconds. */
const targetCallMs = intentMs / 2;

/**
 * Finds what stands at a target under this broker's names without an open lease, and removes it: what a store that was
 * put back from a backup has forgotten, or what a target made after it had said that there was nothing. Every name belongs
 * to an open row from before its creation until after its removal, so a name without one is nobody's; it must be seen so
 * in two passes all the same before it is touched.
 *
 * For each: 1. contain at the target · 2. commit the record · 3. remove at the target. A crash after 1 or 2: the next
 * process finds it again and does all three; it may be recorded twice, never removed unrecorded.
 */
export class SweepOrphans {
  readonly #parts: SweepOrphansParts;
  /** Names without an open lease in the pass before, by provider. */
  readonly #suspects = new Map<string, ReadonlySet<string>>();

  #stopping = false;

  constructor(parts: SweepOrphansParts) {
    this.#parts = parts;
  }

  /** Ends the pass under way before its next orphan; what is left is found again by the next process. */
  stop(): void {
    this.#stopping = true;
  }

  /** One pass over every target. A target that fails is logged, and looked at again in the next. Returns how many were removed. */
  async sweep(): Promise<number> {
    let removed = 0;
    for (const provider of this.#parts.providers.values()) {
      if (this.#stopping || provider.mode !== 'creates') continue;
      try {
        removed += await this.#sweepTarget(provider);
      } catch (thrown) {
        const code = thrown instanceof ProviderFailure ? thrown.code : 'unexpected';
        this.#parts.log.warn(
          { err: thrown, provider: provider.name, code },
          'a target could not be swept; the next pass tries again',
        );
      }
    }
    return removed;
  }

  async #sweepTarget(provider: TargetProvider): Promise<number> {
    const before = this.#suspects.get(provider.name) ?? new Set();
    const found = await this.#withoutLease(provider);
    this.#suspects.set(provider.name, new Set(found.map(({ entityName }) => entityName)));
    const orphans = found.filter(({ entityName }) => before.has(entityName));
    if (orphans.length > removalsMax)
      this.#parts.log.error(
        { provider: provider.name, orphans: orphans.length },
        'many orphans at a target: they are removed in several passes',
      );
    let removed = 0;
    for (const orphan of orphans.slice(0, removalsMax)) {
      if (this.#stopping) break;
      await this.#remove(provider, orphan);
      removed++;
    }
    return removed;
  }

  async #withoutLease(provider: TargetProvider): Promise<TargetEntity[]> {
    const all = await provider.listEntities(AbortSignal.timeout(targetCallMs));
    const nobodys: TargetEntity[] = [];
    for (let start = 0; start < all.length; start += namesMax) {
      const page = all.slice(start, start + namesMax);
      const open = await this.#parts.store.openEntities(
        provider.name,
        page.map(({ entityName }) => entityName),
      );
      nobodys.push(...page.filter(({ entityName }) => !open.has(entityName)));
    }
    return nobodys;
  }

  async #remove(provider: TargetProvider, orphan: TargetEntity): Promise<void> {
    const lease = this.#standIn(provider, orphan);
    const proof = await provider.contain(lease, AbortSignal.timeout(targetCallMs));
    const { entityName: entity_name, resource } = orphan;
    const data = { entity_name, provider: provider.name, resource, proof };
    await this.#parts.ledger.commit({
      events: [{ type: 'target.orphan_removed', actor: { kind: 'broker' }, data }],
    });
    this.#parts.log.warn(
      { provider: provider.name, entity_name: orphan.entityName },
      'something without a lease stood at a target and is removed',
    );
    await provider.remove(lease, AbortSignal.timeout(targetCallMs));
  }

  /** A lease that never was, for the provider to end: only what it is called means anything. */
  #standIn(provider: TargetProvider, { entityName, leaseId, resource }: TargetEntity): Lease {
    const now = this.#parts.clock.now();
    return {
      id: leaseId,
      grantId: newId('grant', now),
      spiffeId: parseSpiffeId('spiffe://orphan/of/nobody'),
      provider: provider.name,
      resource,
      entityName,
      state: 'revoking',
      createdAt: 0,
      expiresAt: 1,
      hardExpiresAt: 1,
      renewable: false,
      handle: {},
      attempts: 0,
    };
  }
}
