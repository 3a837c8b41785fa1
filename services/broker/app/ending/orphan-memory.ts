import type { UnixMs } from '@stint/common/time.ts';
import type { LedgerEntry } from '../ports/ledger.ts';
import type { TargetEntity } from '../ports/provider.ts';

/** Names remembered of one target: so many suspects, and so many that were tried. What is beyond them comes in later passes. */
export const rememberedMax = 10_000;

/** Pause after an orphan's second failure, in milliseconds; it doubles with each further one. The first is tried again in the next pass. */
const pauseMs = 120_000;

/** Longest pause of an orphan that fails, in milliseconds. */
const pauseMsMax = 3_600_000;

/** From which failure on an orphan that only waiting seemed to lack counts as one that waiting does not mend. */
const waitingFailuresMax = 5;

/** An orphan that was tried and still stands. */
type Tried = {
  /** Failures so far. */
  readonly attempts: number;
  /** When it is tried again. */
  readonly nextAt: UnixMs;
  /** Whether an operator has been told. */
  readonly isTold: boolean;
  /** Whether it is on record that nobody can use it. */
  readonly isContained: boolean;
};

const untried: Tried = { attempts: 0, nextAt: 0, isTold: false, isContained: false };

/** What the sweep remembers of one target between two passes, within {@link rememberedMax}. A restart forgets it: nothing in it is needed. */
export class OrphanMemory {
  /** A removal whose record failed. There is one at most: a pass ends when the ledger fails. */
  unrecorded: LedgerEntry | undefined;
  #suspects: ReadonlySet<string> = new Set();
  readonly #tried = new Map<string, Tried>();
  /** The last new orphan chosen. The next pass begins behind it, so that no crowd in front keeps the others from their turn. */
  #lastChosen = '';

  /**
   * What to try in this pass of all that stands without a lease: at most `limit`, those seen in the pass before and not yet
   * tried first, then those that failed and whose pause is over, the longest due first. `waiting`: how many new ones there were.
   */
  choose(
    found: readonly TargetEntity[],
    now: UnixMs,
    limit: number,
  ): { readonly chosen: readonly TargetEntity[]; readonly waiting: number } {
    const names = new Set(found.map(({ entityName }) => entityName));
    for (const name of this.#tried.keys()) if (!names.has(name)) this.#tried.delete(name);
    const others = inTurn(found, this.#lastChosen).filter(({ entityName }) => !this.#tried.has(entityName));
    const fresh = others.filter(({ entityName }) => this.#suspects.has(entityName));
    this.#suspects = new Set(others.slice(0, rememberedMax).map(({ entityName }) => entityName));
    const nextAt = ({ entityName }: TargetEntity) => this.#tried.get(entityName)?.nextAt ?? Infinity;
    // Further off than the longest pause: the clock was set back.
    const isDue = (at: UnixMs) => at <= now || (at > now + pauseMsMax && at !== Infinity);
    const again = found.filter((orphan) => isDue(nextAt(orphan))).sort((a, b) => nextAt(a) - nextAt(b));
    this.#lastChosen = fresh.slice(0, limit).at(-1)?.entityName ?? this.#lastChosen;
    return { chosen: [...fresh, ...again].slice(0, limit), waiting: fresh.length };
  }

  isContained(name: string): boolean {
    return this.#tried.get(name)?.isContained === true;
  }

  noteContained(name: string): void {
    this.#note(name, { ...(this.#tried.get(name) ?? untried), isContained: true });
  }

  noteRemoved(name: string): void {
    this.#tried.delete(name);
  }

  /** Schedules the next try. `isNews`: waiting does not mend it, and it is the first time that this is said. */
  noteFailure(
    name: string,
    { now, mayPass }: { readonly now: UnixMs; readonly mayPass: boolean },
  ): { readonly attempts: number; readonly isContained: boolean; readonly isNews: boolean } {
    const before = this.#tried.get(name) ?? untried;
    const attempts = before.attempts + 1;
    const { isContained } = before;
    const isHopeless = !mayPass || attempts >= waitingFailuresMax;
    const next = { attempts, isContained, nextAt: now + pauseAfter(attempts) };
    const isKept = this.#note(name, { ...next, isTold: isHopeless || before.isTold });
    return { attempts, isContained, isNews: isKept && isHopeless && !before.isTold };
  }

  #note(name: string, tried: Tried): boolean {
    if (!this.#tried.has(name) && this.#tried.size >= rememberedMax) return false;
    this.#tried.set(name, tried);
    return true;
  }
}

/** By name, beginning behind the last one chosen. */
function inTurn(entities: readonly TargetEntity[], lastChosen: string): TargetEntity[] {
  const sorted = entities.toSorted((a, b) => (a.entityName < b.entityName ? -1 : 1));
  const isBehind = ({ entityName }: TargetEntity) => entityName > lastChosen;
  return [...sorted.filter(isBehind), ...sorted.filter((entity) => !isBehind(entity))];
}

function pauseAfter(attempts: number): number {
  return attempts < 2 ? 0 : Math.min(pauseMsMax, pauseMs * 2 ** (attempts - 2));
}
