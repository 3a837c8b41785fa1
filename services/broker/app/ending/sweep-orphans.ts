import { isServiceError } from '@stint/common/errors.ts';
import type { EventData } from '@stint/common/event-table.ts';
import type { Log } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import { targetCallMs } from '../../domain/lease.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import type { Ledger, LedgerEntry } from '../ports/ledger.ts';
import {
  type EndProof,
  type LeaseAtTarget,
  ProviderFailure,
  type ProviderSet,
  type TargetEntity,
  type TargetProvider,
} from '../ports/provider.ts';
import { OrphanMemory } from './orphan-memory.ts';

export type SweepOrphansParts = {
  readonly providers: ProviderSet;
  readonly store: GrantStore;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
};

/** Names asked of the store at once. */
const namesMax = 500;

/** Orphans tried at one target in one pass; more than a few mean that something else is wrong, and are said in the log. */
const triesMax = 200;

/** Orphans of one target that fail in a row as a target does that is away, until its pass ends. */
const awayMax = 3;

/** Longest text of a target's own that is kept. */
const targetTextMax = 256;

/**
 * Finds what stands at a target under this broker's names without an open lease, and removes it: what a store that was
 * put back from a backup has forgotten, or what a target made after it had said that there was nothing. Every name belongs
 * to an open row from before its creation until after its removal, so a name without one is nobody's; it must be seen so
 * in two passes all the same before it is touched.
 *
 * 1. Contain each at the target · 2. commit `target.orphan_contained` for it · 3. remove each that is contained ·
 * 4. commit `target.orphan_removed`. A crash after 1 or 2: the next process finds it again and does all four; containment
 * may be recorded twice. A crash after 3: it is gone, and the record of its containment is the last that the log has of it.
 *
 * Each orphan stands by itself: one that fails is tried after the others, with pauses that grow to an hour.
 */
export class SweepOrphans {
  readonly #parts: SweepOrphansParts;
  readonly #memories = new Map<string, OrphanMemory>();

  #stopping = false;

  constructor(parts: SweepOrphansParts) {
    this.#parts = parts;
  }

  /** Ends the pass under way before its next orphan; what is left is found again by the next process. */
  stop(): void {
    this.#stopping = true;
  }

  /** One pass over every target, all at once: one that hangs keeps no other waiting. Returns how many were removed. */
  async sweep(): Promise<number> {
    const targets = [...this.#parts.providers.values()].filter((provider) => provider.mode === 'creates');
    const removed = await Promise.all(targets.map((target) => this.#trySweep(target)));
    return removed.reduce((sum, count) => sum + count, 0);
  }

  /** A target that fails is logged, and looked at again in the next pass. */
  async #trySweep(provider: TargetProvider): Promise<number> {
    try {
      return await this.#sweepTarget(provider);
    } catch (thrown) {
      this.#parts.log.warn(
        { error: thrown, provider: provider.name, code: codeOf(thrown) },
        'a target could not be swept; the next pass tries again',
      );
      return 0;
    }
  }

  async #sweepTarget(provider: TargetProvider): Promise<number> {
    const memory = this.#memoryOf(provider);
    if (memory.unrecorded !== undefined) await this.#parts.ledger.commit(memory.unrecorded);
    memory.unrecorded = undefined;
    const found = await this.#withoutLease(provider);
    const { chosen, waiting } = memory.choose(found, this.#parts.clock.now(), triesMax);
    if (waiting > triesMax)
      this.#parts.log.error(
        { provider: provider.name, orphans: waiting },
        'many orphans at a target: they are removed in several passes',
      );
    const contained = await this.#each(provider, chosen, (orphan) => this.#contain(provider, orphan));
    const removed = await this.#each(provider, contained, (orphan) => this.#remove(provider, orphan));
    return removed.length;
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
      const ours = page.filter(({ entityName }) => !open.has(entityName));
      nobodys.push(...ours.map((entity) => ({ ...entity, resource: keptText(entity.resource) })));
    }
    return nobodys;
  }

  /**
   * Does the same to every orphan. One that fails stops none of the others; a target that is away, or a ledger that fails,
   * ends the pass. Returns those with which it was done.
   */
  async #each(
    provider: TargetProvider,
    orphans: readonly TargetEntity[],
    act: (orphan: TargetEntity) => Promise<void>,
  ): Promise<TargetEntity[]> {
    const done: TargetEntity[] = [];
    let awayInARow = 0;
    for (const orphan of orphans) {
      if (this.#stopping) break;
      try {
        await act(orphan);
        done.push(orphan);
        awayInARow = 0;
      } catch (thrown) {
        if (isServiceError(thrown)) throw thrown;
        this.#noteFailure(provider, orphan, thrown);
        awayInARow = mayPass(thrown) ? awayInARow + 1 : 0;
        if (awayInARow === awayMax) throw thrown;
      }
    }
    return done;
  }

  /** Steps 1 and 2. The record is written once by this process, however often the removal is tried. */
  async #contain(provider: TargetProvider, orphan: TargetEntity): Promise<void> {
    const memory = this.#memoryOf(provider);
    const { entityName: entity_name } = orphan;
    const proof = await provider.contain(atTarget(orphan), AbortSignal.timeout(targetCallMs));
    if (memory.isContained(entity_name)) return;
    await this.#parts.ledger.commit(record('target.orphan_contained', { provider, orphan, proof }));
    memory.noteContained(entity_name);
    this.#parts.log.warn(
      { provider: provider.name, entity_name },
      'something without a lease stands at a target: nobody can use it any more, and it will be removed',
    );
  }

  /** Steps 3 and 4. */
  async #remove(provider: TargetProvider, orphan: TargetEntity): Promise<void> {
    const memory = this.#memoryOf(provider);
    const { entityName: entity_name } = orphan;
    const proof = await provider.remove(atTarget(orphan), AbortSignal.timeout(targetCallMs));
    memory.noteRemoved(entity_name);
    memory.unrecorded = record('target.orphan_removed', { provider, orphan, proof });
    await this.#parts.ledger.commit(memory.unrecorded);
    memory.unrecorded = undefined;
    this.#parts.log.warn(
      { provider: provider.name, entity_name },
      'something without a lease stood at a target and is removed',
    );
  }

  /** What waiting alone will not mend is said once as an error, with what to do; everything else as a warning. */
  #noteFailure(provider: TargetProvider, { entityName, resource }: TargetEntity, thrown: unknown): void {
    const about = { now: this.#parts.clock.now(), mayPass: mayPass(thrown) };
    const { isNews, ...progress } = this.#memoryOf(provider).noteFailure(entityName, about);
    const code = codeOf(thrown);
    const facts = { provider: provider.name, entity_name: entityName, resource, code, ...progress };
    if (!isNews) {
      this.#parts.log.warn(facts, 'something without a lease could not be removed yet; it is tried again');
      return;
    }
    const todo = `mend at the target what "${code}" says, or remove "${entityName}" there by hand; until then it is tried again, with pauses of up to an hour`;
    const remedy = thrown instanceof ProviderFailure ? thrown.remedy : undefined;
    this.#parts.log.error(
      { error: thrown, ...facts, todo, remedy },
      'something without a lease stands at a target and cannot be removed',
    );
  }

  #memoryOf({ name }: TargetProvider): OrphanMemory {
    const memory = this.#memories.get(name) ?? new OrphanMemory();
    this.#memories.set(name, memory);
    return memory;
  }
}

/** What the provider needs to end it. It stands, so that its creation is over, however old it is. */
function atTarget({ leaseId: id, entityName }: TargetEntity): LeaseAtTarget {
  return { id, entityName, createdAt: 0, handle: {} };
}

/** Text that stands at a target is anybody's: what does not fit a record is left out, so that it stops none. */
function keptText(text: string): string {
  return text.length <= targetTextMax && text.isWellFormed() ? text : '';
}

function record(
  type: 'target.orphan_contained' | 'target.orphan_removed',
  about: { readonly provider: TargetProvider; readonly orphan: TargetEntity; readonly proof: EndProof },
): LedgerEntry {
  const { provider, orphan, proof } = about;
  const { entityName: entity_name, resource } = orphan;
  const data = { entity_name, provider: provider.name, resource, proof } satisfies EventData<typeof type>;
  return { events: [{ type, actor: { kind: 'broker' }, data }] };
}

/** Whether the failure may pass by waiting: the target cannot be asked, or nobody knows what it did. */
function mayPass(thrown: unknown): boolean {
  return thrown instanceof ProviderFailure && (thrown.kind === 'unreachable' || thrown.kind === 'ambiguous');
}

function codeOf(thrown: unknown): string {
  return thrown instanceof ProviderFailure ? thrown.code : 'unexpected';
}
