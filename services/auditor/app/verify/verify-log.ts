import { asBuffer } from '@stint/common/as-buffer.ts';
import { leafHash } from '@stint/common/merkle.ts';
import { type NoteVerifier, openNote, parseCheckpoint } from '@stint/common/signed-note.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { type EventFacts, type EventPlace, readEvent } from '../../domain/event-facts.ts';
import { type FindingClass, Findings } from '../../domain/findings.ts';
import { GrantHistory } from '../../domain/grant-history.ts';
import { appendLeaf, emptyFrontier, type Frontier, frontierRoot } from '../../domain/tree-hashes.ts';
import type { LogReader, RawRecord } from '../ports.ts';
import { BatchCheck, type DeclaredSkip } from './verify-batches.ts';
import { verifyGrants } from './verify-grants.ts';

/** A checkpoint to hold the log against: whose it is, for the verdict, and its note. */
export type GivenCheckpoint = { readonly what: string; readonly note: string };

export type VerifyOptions = {
  readonly reader: LogReader;
  readonly verifier: NoteVerifier;
  /** The public checkpoint; absent when there is none. */
  readonly newest: string | undefined;
  /** Checkpoints that somebody kept from earlier. */
  readonly older: readonly GivenCheckpoint[];
  /** Roots of the trust domain, DER; absent: those that the auditor recorded with each epoch. */
  readonly rootsDer?: readonly Uint8Array[];
  /** Records that declare a hole of which the reader knows: they are no finding. */
  readonly knownSkips?: ReadonlySet<number>;
};

/** What a verification found. */
export type Verdict = {
  readonly size: number;
  readonly root: Buffer;
  readonly findings: Findings;
  /** Every hole that an operator declared, known to the reader or not. */
  readonly skips: readonly DeclaredSkip[];
  /** Of the known skips, in order, those whose record declares no hole: the reader means another record, or another log. */
  readonly unfoundSkips: readonly number[];
};

/**
 * Verifies a whole log from its raw rows, trusting nothing but the verifier's key (and the trust roots, if given):
 *
 * 1. each record: its place, one byte form, the columns that searches use, its hashes in the tree;
 * 2. each batch: what its broker signed, chained to the one before, gapless in sequence; each epoch's key, by its SVID;
 * 3. the tree's root against every checkpoint: the store's, the public one, and older ones kept elsewhere. A log that
 *    has the root of an old checkpoint at its size is consistent with it: nothing before was changed;
 * 4. event ids, each once; that each step of a grant's life says whose it is; the life of each grant, as far as no
 *    declared hole lies in it.
 *
 * A log without records is told as such: nothing in it can show that there never were any.
 *
 * Rows are read one by one; memory does not grow with the log.
 */
export function verifyLog(options: VerifyOptions): Verdict {
  const { reader } = options;
  const findings = new Findings();
  const expected = new ExpectedRoots(options, findings);
  const { frontier, skips, heardAt } = walkRecords(options, expected, findings);
  for (const { event_id, idx } of reader.repeatedEvents())
    findings.add('event id', `event id "${event_id}" stands in the log more than once`, { index: idx });
  verifyGrants({ reader, skips, heardAt }, findings);
  for (const skip of skips)
    if (options.knownSkips?.has(skip.index) !== true)
      findings.add('skipped', describeSkip(skip), { index: skip.index });
  if (frontier.size === 0 && reader.size() === 0)
    findings.add(
      'empty',
      'the log has no records: an old checkpoint, with --checkpoint, would show whether it had any',
    );
  const declared = new Set(skips.map(({ index }) => index));
  const unfoundSkips = [...(options.knownSkips ?? [])].filter((index) => !declared.has(index));
  return { size: frontier.size, root: frontierRoot(frontier), findings, skips, unfoundSkips };
}

function describeSkip({ broker, missingFrom, resumeAt, reason, operator }: DeclaredSkip): string {
  return `events ${missingFrom} to ${resumeAt - 1} of ${broker} were skipped, it says by ${operator}: ${reason}`;
}

function walkRecords(
  options: VerifyOptions,
  expected: ExpectedRoots,
  findings: Findings,
): {
  readonly frontier: Frontier;
  readonly skips: readonly DeclaredSkip[];
  readonly heardAt: ReadonlyMap<number, UnixMs>;
} {
  const { reader, rootsDer } = options;
  const batches = new BatchCheck(reader, rootsDer, findings);
  const heardAt = new Map<number, UnixMs>();
  let frontier = emptyFrontier;
  for (const record of reader.records()) {
    if (record.idx !== frontier.size) {
      findings.add('record', `${record.idx - frontier.size} records are missing`, { index: frontier.size });
      return { frontier, skips: batches.skips, heardAt }; // nothing after a hole can be compared with anything that was signed
    }
    const leaf = asBuffer(record.leaf);
    const hash = leafHash(leaf);
    const appended = appendLeaf(frontier, hash);
    checkHashes(record, appended.hashes, findings);
    frontier = appended.frontier;
    const place = batches.next(record, hash);
    const reading = readEvent(leaf, place);
    if (reading.kind === 'malformed')
      findings.add('record', `the record is no event: ${reading.fault}`, { index: record.idx, ...place });
    else {
      checkColumns(record, reading.facts, findings);
      checkNames(record, reading.facts, { place, findings });
      batches.event(record, reading.facts);
      heardAt.set(record.source_id, reading.facts.time);
    }
    expected.reached(frontier);
  }
  batches.end(frontier.size);
  expected.end(frontier);
  return { frontier, skips: batches.skips, heardAt };
}

function checkHashes(record: RawRecord, hashes: readonly Buffer[], findings: Findings): void {
  if (Buffer.concat(hashes).equals(record.hashes)) return;
  const isLeaf = hashes[0]?.equals(record.hashes.subarray(0, 32)) === true;
  if (isLeaf)
    findings.add(
      'tree',
      'the hashes stored with the record are not those of the tree: proofs made from them fail',
      { index: record.idx },
    );
  else
    findings.add('record', 'the record was changed: its bytes have not the hash that was stored with them', {
      index: record.idx,
    });
}

function checkColumns(record: RawRecord, facts: EventFacts, findings: Findings): void {
  const pairs = [
    [record.event_id, facts.id],
    [record.type, facts.type],
    [record.grant_id, facts.grantId ?? null],
    [record.spiffe_id, facts.spiffeId ?? null],
  ] as const;
  if (pairs.some(([column, fact]) => column !== fact)) {
    findings.add(
      'index',
      'a column that searches use says something else than the record: searches lie, the record itself is whole',
      { index: record.idx },
    );
  }
}

/** A step in a grant's life that does not say whose it is stands in no life that is judged: it would hide a lease. */
function checkNames(
  { idx: index }: RawRecord,
  { type, grantId, leaseId }: EventFacts,
  { place, findings }: { readonly place: EventPlace; readonly findings: Findings },
): void {
  if (!GrantHistory.concerns(type)) return;
  const lacking = [grantId === undefined ? 'grant_id' : [], leaseId === undefined ? 'lease_id' : []].flat();
  if (lacking.length === 0) return;
  findings.add(
    'grant',
    `${type} without a well-formed ${lacking.join(' and ')}, which no sound broker writes: it may hide a lease. Look at what the record names, at the target too, and stop the broker`,
    { index, ...place },
  );
}

type ExpectedRoot = {
  readonly what: string;
  readonly class: FindingClass;
  readonly size: number;
  readonly root: Buffer;
};

/** The roots that the log must have had, each at its size; compared as the tree grows past them. */
class ExpectedRoots {
  readonly #findings: Findings;
  readonly #given: ExpectedRoot[];
  readonly #stored: Iterator<ExpectedRoot>;
  #nextStored: ExpectedRoot | undefined;

  constructor({ reader, verifier, newest, older }: VerifyOptions, findings: Findings) {
    this.#findings = findings;
    const opening = { verifier, findings };
    const what = 'the public checkpoint';
    if (newest === undefined)
      findings.add('checkpoint', `${what} is missing: put the file "checkpoint" back beside the records`);
    const opened = [
      newest === undefined
        ? undefined
        : openCheckpoint({ what, note: newest }, { ...opening, class: 'checkpoint' }),
      ...older.map((given) => openCheckpoint(given, { ...opening, class: 'consistency' })),
    ];
    this.#given = opened.filter((found) => found !== undefined).sort((a, b) => a.size - b.size);
    this.#stored = storedRoots(reader, verifier, findings);
    this.#nextStored = this.#stored.next().value;
  }

  reached(frontier: Frontier): void {
    while (this.#nextStored !== undefined && this.#nextStored.size <= frontier.size) {
      this.#compare(this.#nextStored, frontier);
      this.#nextStored = this.#stored.next().value;
    }
    while (this.#given[0] !== undefined && this.#given[0].size <= frontier.size)
      this.#compare(this.#given.shift() as ExpectedRoot, frontier);
  }

  end(frontier: Frontier): void {
    this.reached(frontier);
    const beyond = [...this.#given, ...(this.#nextStored === undefined ? [] : [this.#nextStored])];
    for (const { what, size } of beyond) {
      this.#findings.add(
        'truncated',
        `${what} covers ${size} records, and the log has ${frontier.size}: its end was taken away`,
        { index: frontier.size },
      );
    }
  }

  #compare(expected: ExpectedRoot, frontier: Frontier): void {
    const reached = expected.size === 0 ? emptyFrontier : frontier;
    if (expected.size === reached.size && frontierRoot(reached).equals(expected.root)) return;
    this.#findings.add(
      expected.class,
      `${expected.what} has another root than the first ${expected.size} records: history was changed after it was signed`,
      { index: Math.max(0, expected.size - 1) },
    );
  }
}

function openCheckpoint(
  given: GivenCheckpoint,
  by: { verifier: NoteVerifier; findings: Findings; class: FindingClass },
): ExpectedRoot | undefined {
  const opened = parseCheckpoint(openNote(given.note, by.verifier) ?? '');
  if (opened?.origin === by.verifier.name)
    return { what: given.what, class: by.class, size: opened.size, root: opened.root };
  by.findings.add(
    by.class,
    `${given.what} is not signed by the verifier key "${by.verifier.name}": it was changed, or one of the two is another log's`,
  );
  return undefined;
}

function* storedRoots(
  reader: LogReader,
  verifier: NoteVerifier,
  findings: Findings,
): Iterator<ExpectedRoot, undefined> {
  for (const row of reader.checkpoints()) {
    const what = `the stored checkpoint of size ${row.size}`;
    const opened = openCheckpoint({ what, note: row.note }, { verifier, findings, class: 'checkpoint' });
    if (opened === undefined) continue;
    if (opened.size !== row.size || !opened.root.equals(row.root))
      findings.add('checkpoint', `${what} does not match its columns`);
    yield opened;
  }
  return undefined;
}
