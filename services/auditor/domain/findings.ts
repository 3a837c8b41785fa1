/**
 * Kinds of damage, each with the exit code of `verify` and what it means. When several are found, the code is that of
 * the first in this order, which is the order of how deep it goes.
 */
export const findingClasses = {
  truncated: { exitCode: 10, meaning: 'records that were signed are gone from the end of the log' },
  record: { exitCode: 11, meaning: 'a record was changed, or taken out of the middle' },
  checkpoint: {
    exitCode: 12,
    meaning: 'a checkpoint of this log is missing, not signed by its key, or not of this history',
  },
  consistency: {
    exitCode: 13,
    meaning: 'the log is not a continuation of an older checkpoint that was given',
  },
  batch: { exitCode: 14, meaning: 'records are not those that a broker signed' },
  epoch: { exitCode: 15, meaning: 'the key of a broker is not vouched for by its SVID' },
  sequence: { exitCode: 16, meaning: "a broker's events have a gap, or one number twice" },
  'event id': { exitCode: 17, meaning: 'one event stands in the log twice' },
  tree: {
    exitCode: 18,
    meaning: 'the stored tree is damaged; the records are whole, and it can be made anew from them',
  },
  grant: { exitCode: 19, meaning: 'the events of a grant tell a life that no broker could have led' },
  index: { exitCode: 20, meaning: 'searches may answer wrongly; the records are whole' },
  skipped: {
    exitCode: 21,
    meaning:
      'events of a broker are missing, and an operator has declared it in a record of the log: `--known-skip` once you know why',
  },
  empty: {
    exitCode: 22,
    meaning:
      'there is nothing to verify: a log that had records before would look the same without an old checkpoint',
  },
  unreadable: {
    exitCode: 23,
    meaning: 'the file of the records is there, and cannot be read as a log to its end',
  },
} as const;

export type FindingClass = keyof typeof findingClasses;

/** Something wrong with a log, and where. */
export type Finding = {
  readonly class: FindingClass;
  readonly message: string;
  readonly index?: number;
  readonly broker?: string;
  readonly seq?: number;
};

/** Findings of one class that are kept in words; the others are counted. */
export const findingsKeptMax = 20;

/** What was found, counted in full and kept in part: one changed row can make many others look wrong. */
export class Findings {
  readonly #kept: Finding[] = [];
  readonly #counts = new Map<FindingClass, number>();

  add(kind: FindingClass, message: string, at: { index?: number; broker?: string; seq?: number } = {}): void {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const { index, broker, seq } = at;
    if (count > findingsKeptMax) return;
    this.#kept.push({
      class: kind,
      message,
      ...(index === undefined ? {} : { index }),
      ...(broker === undefined ? {} : { broker }),
      ...(seq === undefined ? {} : { seq }),
    });
  }

  /** Adds everything that was found elsewhere. */
  addAll({ kept, counts }: Pick<Findings, 'kept' | 'counts'>): void {
    for (const { class: kind, message, ...at } of kept) this.add(kind, message, at);
    for (const [kind, count] of counts) {
      const uncounted = count - Math.min(count, findingsKeptMax);
      this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + uncounted);
    }
  }

  get kept(): readonly Finding[] {
    return this.#kept;
  }

  get counts(): ReadonlyMap<FindingClass, number> {
    return this.#counts;
  }

  /** 0 when nothing was found. */
  get exitCode(): number {
    return (
      Object.entries(findingClasses).find(([kind]) => this.#counts.has(kind as FindingClass))?.[1].exitCode ??
      0
    );
  }
}
